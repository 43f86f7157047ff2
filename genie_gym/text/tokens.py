"""Text becomes tokens: known phrases, longest first, with their meaning in the lexicon, typos mended."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

from rapidfuzz.distance import OSA

from genie_gym.errors import GenieGymError
from genie_gym.text.lexicon import LEXICON, NOT_TYPOS, PLURALS, STOP_CHARACTERS, STOP_WORDS, Concept

MAX_CHARACTERS = 2000
MAX_PHRASE_WORDS = 4
MAX_PHRASE_CHARACTERS = 8  # of a Chinese phrase
_COORDINATE = r"(-?\d{1,3}(?:\.\d{1,4})?)"
# What a text is cut into; where two patterns match, the first one counts.
_PATTERNS = {
    "tag": r"<[^<>]{0,200}>",
    "coordinates": rf"\(\s*{_COORDINATE}\s*,\s*{_COORDINATE}\s*\)",
    "clock": r"\d{1,2}:\d{2}|\d{1,2}\s*(?:am|pm|o'clock)\b|(?:上午|早上|凌晨|中午|下午|晚上)?\s*\d{1,2}\s*[点时]",
    "number": r"\d+(?:\.\d+)?",
    "english": r"[a-z]+(?:'[a-z]+)?(?:[ \t-]+[a-z]+(?:'[a-z]+)?)*",
    "chinese": r"[\u4e00-\u9fff]+",
    "stop": r"[.;!?\n。]+",
    "comma": r"[,、]+",
    "space": r"\s+",
    "other": r".",
}
_PIECE = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _PATTERNS.items()), re.DOTALL)
# "No cars in my city", 「没有人的城市」: after such a word the city is not negated.
_STRUCTURE = {
    **dict.fromkeys(("in", "on", "at", "的"), Concept("attribute")),
    **dict.fromkeys(("but", "with", "then"), Concept("break")),
}


@dataclass
class Report:
    """What became of a text: phrases with their meaning, phrases without one, and what was filled in."""

    understood: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)


@dataclass
class Token:
    """A phrase and its meaning. Beside the lexicon's categories there are "stop", "comma", "list", "break", "attribute"
    and "unknown"."""

    text: str
    concept: Concept
    plural: bool = False


def tokens(text: str, report: Report) -> Iterator[Token]:
    """Cuts `text` into tokens, with a "stop" at the end; what has no meaning goes into the report.

    Raises:
        GenieGymError: where the text is empty or too long.
    """
    if not isinstance(text, str) or not text.strip():
        raise GenieGymError("the text is empty; describe a world, for example 'a snowy village with a church'.")
    if len(text) > MAX_CHARACTERS:
        raise GenieGymError(f"the text has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read.")
    text = unicodedata.normalize("NFKC", text).lower().replace("\u2019", "'")
    for match in _PIECE.finditer(text):
        pattern, piece = match.lastgroup, match.group().strip()
        if pattern == "english":
            yield from _english(re.split(r"[ \t-]+", piece), report)
        elif pattern == "chinese":
            yield from _chinese(piece, report)
        elif pattern == "coordinates":
            x, y = re.findall(_COORDINATE, piece)
            yield Token(piece, Concept("place", (float(x), float(y))))
        elif pattern == "clock":
            yield Token(piece, Concept("time", _hour(piece)))
        elif pattern == "number":
            yield Token(piece, Concept("number", float(piece[:12])))
        elif pattern in ("stop", "comma"):
            yield Token(piece, Concept("list" if piece == "、" else pattern))
        elif pattern != "space":
            report.ignored.append(piece)
    yield Token("", Concept("stop"))


def _hour(clock: str) -> float | None:
    """The hour that "7:30", "5 pm" or 「下午3点」 says; None where there is no such hour."""
    hour_digits, _, minute_digits = re.sub(r"[^\d:]", "", clock).partition(":")
    minute = int(minute_digits or 0)
    hour = int(hour_digits) + minute / 60
    if hour < 12 and any(word in clock for word in ("pm", "下午", "晚上")):
        hour += 12
    elif 12 <= hour < 13 and any(word in clock for word in ("am", "凌晨")):
        hour -= 12
    return hour if hour <= 24 and minute < 60 else None


def _english(words: list[str], report: Report) -> Iterator[Token]:
    start = 0
    while start < len(words):
        ends = range(min(start + MAX_PHRASE_WORDS, len(words)), start, -1)
        phrases = [" ".join(words[start:end]) for end in ends]
        known = ((phrase, form) for phrase in phrases for form in _singulars(phrase) if form in LEXICON)
        phrase, form = next(known, (words[start], None))
        start += phrase.count(" ") + 1
        if form is not None:
            yield Token(phrase, LEXICON[form], form != phrase or phrase in PLURALS)
        elif phrase in _STRUCTURE:
            yield Token(phrase, _STRUCTURE[phrase])
        elif phrase not in STOP_WORDS:
            meant = _mended(phrase)
            if meant is not None:
                yield Token(f"{phrase} (read as {meant})", LEXICON[meant])
            else:
                report.ignored.append(phrase)
                yield Token(phrase, Concept("unknown"))


def _singulars(phrase: str) -> Iterator[str]:
    """The phrase itself, and what it may be the plural of."""
    yield phrase
    if phrase.endswith("ies"):
        yield phrase[:-3] + "y"
    if phrase.endswith("es"):
        yield phrase[:-2]
    if phrase.endswith("s"):
        yield phrase[:-1]


def _mended(word: str) -> str | None:
    """The known word that `word` misspells, if only one concept comes near."""
    if len(word) < 4 or word in NOT_TYPOS:
        return None
    max_errors = 1 if len(word) < 7 else 2
    near: dict[Concept, str] = {}
    for form in _singulars(word):
        for known, concept in LEXICON.items():
            if _misspells(form, known, max_errors):
                near.setdefault(concept, known)
    return next(iter(near.values())) if len(near) == 1 else None


def _misspells(word: str, known: str, max_errors: int) -> bool:
    if len(known) < 4 or word[0] != known[0]:
        return False
    if 4 in (len(word), len(known)) and sorted(word) != sorted(known):
        return False  # many words of four letters differ by one: only two swapped letters are a typo
    return OSA.distance(word, known, score_cutoff=max_errors) <= max_errors


def _chinese(text: str, report: Report) -> Iterator[Token]:
    start, unknown = 0, ""
    while start < len(text):
        ends = range(start + MAX_PHRASE_CHARACTERS, start, -1)
        phrase = next((text[start:end] for end in ends if text[start:end] in LEXICON), None)
        character = text[start]
        start += len(phrase or character)
        if phrase is None and character not in STOP_CHARACTERS:
            unknown += character
            continue
        if unknown:
            report.ignored.append(unknown)
            unknown = ""
        if phrase is not None:
            yield Token(phrase, LEXICON[phrase], phrase in PLURALS or text.startswith("们", start))
        elif character in _STRUCTURE:
            yield Token(character, _STRUCTURE[character])
    if unknown:
        report.ignored.append(unknown)
