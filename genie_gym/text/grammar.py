"""How prompts are read: text becomes tokens by the lexicon, tokens become things by a small grammar, clause by clause."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rapidfuzz.distance import OSA

from genie_gym.errors import GenieGymError
from genie_gym.text.lexicon import LEXICON, NAMES, NOT_TYPOS, PLURAL, PLURALS, STOP_CHARACTERS, STOP_WORDS, Concept
from genie_gym.text.spec import FRICTION_RANGE, GRAVITY_RANGE, MAX_COUNT, WORLD_HALF, Position

MAX_CHARACTERS = 2000
MAX_PHRASE_WORDS = 4
# "No trees" means no pines either, and "no people" nobody at all.
EVERY_KIND = {"tree": ("tree", "pine"), "villager": ("villager", "guard", "knight", "merchant", "child")}
_TOKEN = re.compile(
    r"(?P<tag><[^<>]{0,200}>)"
    r"|\(\s*(?P<x>-?\d{1,3}(?:\.\d{1,4})?)\s*,\s*(?P<y>-?\d{1,3}(?:\.\d{1,4})?)\s*\)"
    r"|(?P<clock>\d{1,2}:\d{2})|(?P<pm>\d{1,2}\s*(?:am|pm|o'clock)\b)"
    r"|(?P<zh_clock>(?:上午|早上|凌晨|中午|下午|晚上)?\s*\d{1,2}\s*[点时])"
    r"|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<words>[a-z]+(?:'[a-z]+)?(?:[ \t-]+[a-z]+(?:'[a-z]+)?)*)"
    r"|(?P<han>[\u4e00-\u9fff]+)"
    r"|(?P<stop>[.;!?\n。]+)|(?P<comma>[,、]+)|(?P<space>\s+)|(?P<other>.)",
    re.DOTALL,
)


@dataclass
class Report:
    """What became of a text: phrases with their meaning, phrases without one, and what was filled in."""

    understood: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)


@dataclass
class Item:
    """An object or character under construction."""

    category: str
    kind: str
    count: int
    position: Position = None
    behaviour: str | None = None


@dataclass
class Draft:
    """All that a text names, before it is known to be a world or an event."""

    scenes: list[str] = field(default_factory=list)
    weather: str | None = None
    hour: float | None = None
    landmarks: list[str] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    without: list[str] = field(default_factory=list)
    gravity: float | None = None
    friction: float | None = None


def name_of(category: str, value: object) -> str:
    """What a value is called in reports."""
    return NAMES.get((category, value), str(value))


# --- from text to tokens ---


@dataclass
class _Token:
    """A phrase and what it means. `concept.category` is also "stop", "comma", "list", "value", "coordinates", "break",
    "attribute" or "unknown"."""

    text: str
    concept: Concept
    plural: bool = False


def _tokens(text: str, report: Report) -> Iterator[_Token]:
    if not isinstance(text, str) or not text.strip():
        raise GenieGymError("the text is empty; describe a world, for example 'a snowy village with a church'.")
    if len(text) > MAX_CHARACTERS:
        raise GenieGymError(f"the text has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read.")
    text = unicodedata.normalize("NFKC", text).lower().replace("\u2019", "'")
    for match in _TOKEN.finditer(text):
        kind, piece = match.lastgroup, match.group().strip()
        if kind == "words":
            yield from _word_tokens(re.split(r"[ \t-]+", piece), report)
        elif kind == "han":
            yield from _han_tokens(piece, report)
        elif kind == "y":
            x, y = float(match["x"]), float(match["y"])
            yield _Token(piece, Concept("coordinates", (x, y)))
        elif kind in ("clock", "pm", "zh_clock"):
            yield _Token(piece, Concept("time", _clock(piece)))
        elif kind == "number":
            yield _Token(piece, Concept("value", float(piece[:12])))
        elif kind in ("stop", "comma"):
            yield _Token(piece, Concept("list" if piece == "、" else kind, None))
        elif kind in ("tag", "other"):
            report.ignored.append(piece)
    yield _Token("", Concept("stop", None))


def _clock(piece: str) -> float | None:
    hour, _, minute = re.sub(r"[^\d:]", "", piece).partition(":")
    value = int(hour) + int(minute or 0) / 60
    afternoon = "pm" in piece or "下午" in piece or "晚上" in piece
    if value < 12 and afternoon:
        value += 12
    elif 12 <= value < 13 and ("am" in piece or "凌晨" in piece):
        value -= 12
    return value if value <= 24 and int(minute or 0) < 60 else None


def _singular(phrase: str) -> Iterator[str]:
    yield phrase
    if phrase.endswith("ies"):
        yield phrase[:-3] + "y"
    if phrase.endswith("es"):
        yield phrase[:-2]
    if phrase.endswith("s"):
        yield phrase[:-1]


def _word_tokens(words: list[str], report: Report) -> Iterator[_Token]:
    at = 0
    while at < len(words):
        for size in range(min(MAX_PHRASE_WORDS, len(words) - at), 0, -1):
            phrase = " ".join(words[at : at + size])
            known = next((form for form in _singular(phrase) if form in LEXICON), None)
            if known is not None:
                yield _Token(phrase, LEXICON[known], known != phrase or phrase in PLURALS)
                at += size
                break
        else:
            word = words[at]
            at += 1
            if word in ("but", "with", "then"):
                yield _Token(word, Concept("break", None))
            elif word in ("in", "on", "at"):  # "no cars in my city": the city is not negated
                yield _Token(word, Concept("attribute", None))
            elif word not in STOP_WORDS:
                meant = _typo(word)
                if meant is None:
                    report.ignored.append(word)
                    yield _Token(word, Concept("unknown", None))
                else:
                    yield _Token(f"{word} (read as {meant})", LEXICON[meant])


def _typo(word: str) -> str | None:
    """The known word that `word` misspells, if there is exactly one concept: by one letter, by two in long words, by two
    swapped letters in words of four."""
    if len(word) < 4 or word in NOT_TYPOS:
        return None
    allowed = 1 if len(word) < 7 else 2
    near: dict[Concept, str] = {}
    for form in _singular(word):
        for known, concept in LEXICON.items():
            if (
                known[0] != form[0]
                or len(known) < 4
                or ((len(known) == 4 or len(form) == 4) and sorted(known) != sorted(form))
            ):
                continue
            if OSA.distance(form, known, score_cutoff=allowed) <= allowed:
                near.setdefault(concept, known)
    return next(iter(near.values())) if len(near) == 1 else None


def _han_tokens(text: str, report: Report) -> Iterator[_Token]:
    at, unknown = 0, ""
    longest = 8
    while at < len(text):
        phrase = next((text[at : at + n] for n in range(longest, 0, -1) if text[at : at + n] in LEXICON), None)
        if phrase is None and text[at] not in STOP_CHARACTERS:
            unknown += text[at]
        elif unknown:
            report.ignored.append(unknown)
            unknown = ""
        if phrase is not None:
            plural = phrase in PLURALS or text[at + len(phrase) : at + len(phrase) + 1] == "们"
            yield _Token(phrase, LEXICON[phrase], plural)
        elif text[at] == "的":  # 「没有人的城市」: the city is not negated
            yield _Token("的", Concept("attribute", None))
        at += len(phrase) if phrase else 1
    if unknown:
        report.ignored.append(unknown)


# --- from tokens to things ---


def read(text: str, report: Report) -> Draft:
    reader = _Reader(report)
    for token in _tokens(text, report):
        reader.take(token)
    return reader.draft


class _Reader:
    """Gives counts, negations, behaviours and places to the things that they belong to, clause by clause."""

    def __init__(self, report: Report):
        self.draft, self.report = Draft(), report
        self._start_clause()

    def _start_clause(self) -> None:
        self.negated = self.negation_used = False
        self.number: float | None = None
        self.number_text = ""
        self.last: Item | None = None
        self.behaviour: str | None = None
        self.position: Position = None
        self.near_for: Item | str | None = None  # waits for the landmark that something is near to
        self.landmark: str | None = None  # named just now: 「井旁边」 puts the next thing there
        self.awaiting: str | None = None  # "gravity" or "friction", waiting for its value

    def take(self, token: _Token) -> None:
        category, value = token.concept.category, token.concept.value
        landmark, self.landmark = self.landmark, None
        if category in ("stop", "comma"):
            self._end_clause(category == "stop")
        elif category == "break" or (category == "attribute" and self.negation_used):
            self.negated = False
        elif category == "not":
            self.negated, self.negation_used = True, False
        elif category in ("number", "value"):
            self._number(token.text, float(value))  # type: ignore[arg-type]
        elif category == "near":
            self._near(token.text, landmark)
        elif category in ("gravity", "friction"):
            self.awaiting = category
            if self.number is not None:
                self._number(self.number_text, self.number)
        elif category in ("object", "character"):
            self._thing(category, token.text, str(value), token.plural)
            self.negation_used = self.negated
        elif category not in ("unknown", "list", "attribute"):
            getattr(self, "_" + category)(token.text, value)
            self.negation_used = self.negated

    def _understood(self, text: str, meaning: str) -> None:
        self.report.understood.append(f"{text}: {meaning}")

    def _ignored(self, text: str, why: str) -> None:
        self.report.ignored.append(f"{text} ({why})")

    def _end_clause(self, full_stop: bool) -> None:
        if self.awaiting:
            self._ignored(self.awaiting, "without a value: say low, high, or a number")
        if self.near_for:
            self._ignored("near", "near what? a landmark was expected")
        if self.number is not None and self.number > 1:
            self._ignored(self.number_text, "a number of nothing known")
        last, position = self.last, self.position
        self._start_clause()
        if not full_stop:  # "a dog, following me": still about the dog
            self.last, self.position = last, position

    def _number(self, text: str, value: float) -> None:
        if self.awaiting is None:
            self.number, self.number_text = value, text
            return
        low, high = GRAVITY_RANGE if self.awaiting == "gravity" else FRICTION_RANGE
        if low <= value <= high:
            setattr(self.draft, self.awaiting, value)
            self._understood(text, f"{self.awaiting} {value:g}")
        else:
            self._ignored(f"{self.awaiting} {text}", f"must lie between {low:g} and {high:g}")
        self.awaiting = self.number = None

    def _near(self, text: str, landmark: str | None) -> None:
        if landmark is None:
            self.near_for = self.last or text
        elif self.last is not None and self.last.position is None:
            self.last.position = landmark
        else:
            self.position = landmark

    def _scene(self, text: str, scene: str) -> None:
        if self.negated:
            what = name_of("scene", scene)
            self._ignored(f"no {text}", f"say which scene instead of {what}")
        else:
            self.draft.scenes.append(scene)
            self.number = None
            self._understood(text, f"scene {name_of('scene', scene)}")

    def _weather(self, text: str, weather: str) -> None:
        if self.negated and weather != "sunny":
            self._understood(f"no {text}", f"not {weather}")
            if self.draft.weather == weather:
                self.draft.weather = None
        elif self.negated:
            self._ignored(f"no {text}", "say which weather instead")
        elif self.draft.weather not in (None, weather):
            self._ignored(text, f"the weather is {self.draft.weather} already")
        else:
            self.draft.weather = weather
            self._understood(text, f"weather {weather}")

    def _time(self, text: str, hour: float | None) -> None:
        if hour is None:
            self._ignored(text, "no time of day")
        elif self.negated:
            self._ignored(f"no {text}", "say which time instead")
        elif self.draft.hour not in (None, hour):
            self._ignored(text, f"the time is {self.draft.hour:g} h already")
        else:
            self.draft.hour = hour
            self._understood(text, f"time {hour:g} h")

    def _physics(self, text: str, change: tuple[float | None, float | None]) -> None:
        if self.negated:
            self._ignored(f"no {text}", "say which instead")
            return
        for key, value in zip(("gravity", "friction"), change, strict=True):
            if value is not None:
                setattr(self.draft, key, value)
                self._understood(text, f"{key} {value:g}")
        self.awaiting = None

    def _landmark(self, text: str, landmark: str) -> None:
        if self._left_out(text, landmark):
            return
        if landmark not in self.draft.landmarks:
            self.draft.landmarks.append(landmark)
        self._understood(text, f"landmark {landmark}")
        if self.number is not None and self.number > 1:
            self._ignored(f"{self.number_text} {text}", "a landmark stands once")
        self.number = None
        self.landmark = landmark
        if isinstance(self.near_for, Item):
            self.near_for.position = landmark
        elif self.near_for:
            self.position = landmark
        self.near_for = None

    def _thing(self, category: str, text: str, kind: str, plural: bool) -> None:
        if self._left_out(text, kind):
            return
        if self.near_for:
            self._ignored("near", f"a {kind} is no landmark")
            self.near_for = None
        count, self.number = self.number, None
        if count is not None and not 1 <= count <= MAX_COUNT:
            self._ignored(f"{self.number_text} {text}", f"a count from 1 to {MAX_COUNT}")
        if count is None and plural:
            count = PLURAL
            self.report.assumed.append(f"{text}: {PLURAL} of them")
        number = int(min(max(count or 1, 1), MAX_COUNT))
        item = Item(category, kind, number, self.position)
        if category == "character":
            item.behaviour, self.behaviour = self.behaviour, None
        self.draft.items.append(item)
        self.last = item
        self._understood(text, f"{category} {number} x {kind}")

    def _left_out(self, text: str, kind: str) -> bool:
        """Whether this thing is negated; a thing both asked for and excluded stays as it was said first."""
        asked = kind in self.draft.landmarks or any(item.kind == kind for item in self.draft.items)
        if self.negated and asked:
            self._ignored(f"no {text}", "asked for before")
        elif self.negated:
            kinds = EVERY_KIND.get(kind, (kind,))
            self.draft.without += kinds
            self._understood(f"no {text}", f"without {', '.join(kinds)}")
        elif kind in self.draft.without:
            self._ignored(text, "excluded before")
            return True
        return self.negated

    def _behaviour(self, text: str, behaviour: str) -> None:
        if self.last is not None and self.last.category == "character" and self.last.behaviour is None:
            self.last.behaviour = behaviour
        else:
            self.behaviour = behaviour
        self._understood(text, f"behaviour {behaviour}")

    def _place(self, text: str, place: str) -> None:
        self._coordinates(text, place)

    def _coordinates(self, text: str, where: Any) -> None:
        if not isinstance(where, str) and max(abs(where[0]), abs(where[1])) > WORLD_HALF:
            self._ignored(text, f"outside the world: x and y lie within {WORLD_HALF:g} m")
            return
        if self.last is not None and self.last.position is None:
            self.last.position = where
        else:
            self.position = where
        self._understood(text, f"place {where}")
