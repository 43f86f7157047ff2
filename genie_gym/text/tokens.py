"""Text becomes tokens: known phrases, longest first, with their meaning in the lexicon, typos mended."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from rapidfuzz.distance import OSA
from spellchecker import SpellChecker, WordFrequency

from genie_gym.errors import GenieGymError
from genie_gym.text import numbers
from genie_gym.text.clock import moments
from genie_gym.text.languages import check_language, plain
from genie_gym.text.lexicon import PLURALS, Concept, Lexicon
from genie_gym.text.vocabulary import Vocabulary

MAX_CHARACTERS = 2000
ORDINARY = 400  # times in the 1.6 billion words that the list of English words was counted in
MAX_PHRASE_WORDS = 5
MAX_PHRASE_CHARACTERS = 8  # of a Chinese phrase
_COORDINATE = r"(-?\d{1,3}(?:\.\d{1,4})?)"
# What a text is cut into; where two patterns match, the first one counts.
_PATTERNS = {
    "tag": r"<[^<>]{0,200}>",
    "coordinates": rf"\(\s*{_COORDINATE}\s*,\s*{_COORDINATE}\s*\)",
    "percent": r"\d+(?:\.\d+)?\s*(?:%|percent\b)",
    "number": r"(?<!\d)-?\d+(?:\.\d+)?",
    "unit": r"(?<=[\d ])m/s(?:²|\^?2)?",
    "english": r"[a-z]+(?:'[a-z]+)?(?:[ \t-]+[a-z]+(?:'[a-z]+)?)*",
    "chinese": r"[\u4e00-\u9fff]+",
    "stop": r"[.;:!?\n。]+",
    "comma": r"[,、]+",
    "space": r"\s+",
    "foreign": r"[^\W\d_a-z\u4e00-\u9fff]+",
    "other": r".",
}
_PIECE = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _PATTERNS.items()), re.DOTALL)
_GONE = "走掉光"  # the ends of Chinese verbs after which a thing is there no longer
_CHINESE_NUMBER = re.compile(r"[零一二两三四五六七八九十百]{2,}")


@dataclass
class Report:
    """What became of a text: phrases with their meaning, phrases without one, and what was filled in.

    `left_open` are the fields of the `WorldSpec` that a prompt says nothing of (scene, weather, hour), each with the line of
    `assumed` that says what was filled in.
    """

    understood: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)
    left_open: dict[str, str] = field(default_factory=dict)

    def filled_in(self, how: str) -> Report:
        """The same of a world that fills in what was left open in a way of its own."""
        left_open = {field: f"{line.partition(':')[0]}: {how}" for field, line in self.left_open.items()}
        kept = [line for line in self.assumed if line not in self.left_open.values()]
        return replace(self, assumed=[*kept, *left_open.values()], left_open=left_open)


@dataclass
class Token:
    """A phrase and its meaning. Beside the lexicon's categories there are "stop", "comma", "list", "shift", "duration",
    "percent" and "unknown"."""

    text: str
    concept: Concept
    plural: bool = False
    modifier: bool = False  # of something unknown: "the roof of the castle"
    told: bool = False  # it counts, though the report does not name it: "create", "there"

    @property
    def chinese(self) -> bool:
        return not self.text.isascii()


def tokens(text: str, vocabulary: Vocabulary) -> list[Token]:
    """Cuts `text` into tokens, with a "stop" at the end.

    Raises:
        GenieGymError: where the text is empty, too long, or in a language that is not read.
    """
    if not isinstance(text, str):
        raise GenieGymError(f"worlds and events are described in text; got {text!r:.80}.")
    if not text.strip():
        raise GenieGymError(f"the text is empty; describe a world, for example {vocabulary.example!r}.")
    if len(text) > MAX_CHARACTERS:
        raise GenieGymError(f"the text has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read.")
    check_language(text, vocabulary.lexicon.words)
    text = plain(text).replace("\u2019", "'").replace("\u2212", "-")
    text = re.sub(r"\b([a-z]+)-free\b", r"free of \1 but", text)
    text = re.sub(rf"百分之({numbers.CHINESE})", lambda match: f" {numbers.number(match[1]):g}% ", text)
    blanked, found = moments(text)
    begin, cut, lexicon = 0, list[Token](), vocabulary.lexicon
    for moment in found:
        cut += [
            *_pieces(blanked[begin : moment.begin], lexicon),
            Token(text[moment.begin : moment.end], Concept(moment.kind, moment.hours)),
        ]
        begin = moment.end
    cut += [*_pieces(blanked[begin:], lexicon), Token("", Concept("stop"))]
    said = list(_signed(cut))
    for k, token in enumerate(said):
        if token.text == "fall" and _is_autumn(said[k - 1] if k else said[-1], said[k + 1]):
            token.concept = lexicon.phrases["autumn"]
    return said


def _is_autumn(before: Token, after: Token) -> bool:
    """Whether "fall" between these two is the season: "in the fall", "a fall evening", and not "let night fall"."""
    if after.concept.category in ("scene", "time", "landmark") or before.text in ("is", "it's", "be", "like"):
        return True
    return before.concept.category in ("stop", "comma", "attribute", "determiner", "number", "unknown")


def _signed(cut: list[Token]) -> Iterator[Token]:
    """ "Minus three" is one number."""
    sign = ""
    for token, following in zip(cut, [*cut[1:], cut[-1]], strict=True):
        if token.concept.category == "minus":
            sign = token.text if following.concept.category == "number" else ""
            if not sign:
                yield Token(token.text, Concept("not"))
        elif sign:
            yield Token(f"{sign}{'' if token.chinese else ' '}{token.text}", Concept("number", -token.concept.value))
            sign = ""
        else:
            yield token


def _pieces(text: str, lexicon: Lexicon) -> Iterator[Token]:
    for match in _PIECE.finditer(text):
        pattern, piece = match.lastgroup, match.group().strip()
        if pattern == "english":
            yield from _english(re.split(r"[ \t-]+", piece), lexicon)
        elif pattern == "chinese":
            yield from _chinese(piece, lexicon.phrases)
        elif pattern == "coordinates":
            x, y = re.findall(_COORDINATE, piece)
            yield Token(piece, Concept("place", (float(x), float(y))))
        elif pattern == "percent":
            yield Token(piece, Concept("percent", float(re.findall(r"\d+(?:\.\d+)?", piece)[0][:12])))
        elif pattern == "number":
            yield Token(piece, Concept("number", float(piece[:12])))
        elif pattern in ("stop", "comma"):
            yield Token(piece, Concept("list" if piece == "、" else pattern))
        elif pattern not in ("space", "unit"):
            yield Token(piece, Concept("unknown"))


def _english(words: list[str], lexicon: Lexicon) -> Iterator[Token]:
    start, meanings = 0, lexicon.phrases
    while start < len(words):
        ends = range(min(start + MAX_PHRASE_WORDS, len(words)), start, -1)
        phrases = [" ".join(words[start:end]) for end in ends]
        known = ((phrase, form) for phrase in phrases for form in _singulars(phrase) if form in meanings)
        phrase, form = next(known, (words[start], None))
        pair = " ".join(words[start : start + 2])
        if re.fullmatch(numbers.ENGLISH, pair) and len(pair) > len(phrase):
            phrase, form = pair, None
        start += phrase.count(" ") + 1
        if form is not None:
            yield Token(phrase, meanings[form], form != phrase or phrase in PLURALS)
        elif re.fullmatch(numbers.ENGLISH, phrase):
            yield Token(phrase, Concept("number", numbers.number(phrase)))
        elif phrase.endswith("less") and phrase[:-4] in lexicon.names:
            yield from (
                Token(phrase, Concept("not")),
                Token(phrase[:-4], meanings[phrase[:-4]]),
                Token("", Concept("break")),
            )
        else:
            meant = _mended(phrase, lexicon)
            concept = meanings[meant] if meant is not None else Concept("unknown")
            yield Token(f"{phrase} (read as {meant})" if meant is not None else phrase, concept)


def _singulars(phrase: str) -> Iterator[str]:
    """The phrase itself, and what it may be the plural of."""
    yield phrase
    if phrase.endswith("ies"):
        yield phrase[:-3] + "y"
    if phrase.endswith("es"):
        yield phrase[:-2]
    if phrase.endswith("s"):
        yield phrase[:-1]


def _mended(word: str, lexicon: Lexicon) -> str | None:
    """The known name that `word` misspells, if only one concept comes near."""
    if len(word) < 4:
        return None
    max_errors = 1 if len(word) < 7 else 2
    near: dict[Concept, str] = {}
    for form in _singulars(word):
        for known in lexicon.names:
            if _misspells(form, known, max_errors):
                near.setdefault(lexicon.phrases[known], known)
    return next(iter(near.values())) if len(near) == 1 and not _is_ordinary(word) else None


def _is_ordinary(word: str) -> bool:
    """Whether people write it often: then it is no typo, however near a known name it comes ("small" and "stall")."""
    return bool(_english_words()[word] >= ORDINARY)


@cache
def _english_words() -> WordFrequency:
    return SpellChecker().word_frequency


def _misspells(word: str, known: str, max_errors: int) -> bool:
    if len(known) < 4 or word[0] != known[0]:
        return False
    if 4 in (len(word), len(known)) and sorted(word) != sorted(known):
        return False  # many words of four letters differ by one: only two swapped letters are a typo
    return OSA.distance(word, known, score_cutoff=max_errors) <= max_errors


def _chinese(text: str, meanings: Mapping[str, Concept]) -> Iterator[Token]:
    start, unknown = 0, ""
    while start < len(text):
        ends = range(start + MAX_PHRASE_CHARACTERS, start, -1)
        phrase = next((text[start:end] for end in ends if text[start:end] in meanings), None)
        number = _CHINESE_NUMBER.match(text, start)
        if number and len(number.group()) > len(phrase or ""):
            phrase = number.group()
        if unknown and text[start] in _GONE and len(phrase or "") < 2:  # 「牵走」, 「搬光」: whatever the verb, it is gone
            yield Token(unknown + text[start], Concept("remove"))
            unknown, start = "", start + 1
            continue
        if phrase is None:
            unknown += text[start]
            start += 1
            continue
        if unknown:
            yield Token(unknown, Concept("unknown"))
            unknown = ""
        start += len(phrase)
        if phrase in meanings:
            yield Token(phrase, meanings[phrase], phrase in PLURALS or text.startswith("们", start))
        else:
            yield Token(phrase, Concept("number", numbers.number(phrase)))
    if unknown:
        yield Token(unknown, Concept("unknown"))
