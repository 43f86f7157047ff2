"""What a text names, before it is known to be a world or an event."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from genie_gym.text.amounts import Amount
from genie_gym.text.lexicon import PLURAL
from genie_gym.text.spec import Position
from genie_gym.text.tokens import Token

GENERIC = frozenset(["people", "person", "persons", "human", "humans", "人", "人们"])  # words that mean people of every kind
ONE_OR_MANY = frozenset(["sheep", "people"])


@dataclass(eq=False)
class Item:
    """An object, character, landmark or group that a text names.

    `verb` is what happens to it: "add", "remove", nothing said (""), or something that cannot be. An `anchor` is named only
    to tell where another one is.
    """

    category: str
    kind: str
    text: str
    group: str = ""  # what can be removed by this name: the kind, or a group of kinds
    said: str = ""  # with what was said of how many
    number: int | None = None
    plural: bool = False
    definite: bool = False  # "the crate", "that crate"
    half: bool = False
    verb: str = ""
    negated: bool = False
    position: Position = None
    behaviour: str | None = None
    anchor: bool = False

    def __post_init__(self) -> None:
        self.said = self.said or self.text

    @property
    def removed(self) -> bool:
        return not self.anchor and (self.negated or self.verb == "remove")

    @property
    def added(self) -> bool:
        return not self.anchor and not self.negated and self.verb in ("", "add")

    @property
    def count(self) -> int:
        return self.number or (PLURAL if self.plural else 1)

    @property
    def values(self) -> dict[str, Any]:
        """The arguments of its `ObjectSpec` or `CharacterSpec`."""
        behaviour = {"behaviour": self.behaviour or "wander"} if self.category == "character" else {}
        return {"kind": self.kind, "count": self.count, "position": self.position, **behaviour}

    @property
    def removal(self) -> dict[str, Any]:
        """The arguments of its `ObjectRemove`."""
        some = self.plural or self.negated or self.text in ONE_OR_MANY or not (self.text.isascii() or self.definite)
        count = self.number or ("half" if self.half else "all" if some else 1)
        return {"kind": self.group, "count": count, "position": self.position}


@dataclass
class Draft:
    """`ended` are weathers that stop or are not to be, `rivals` others than `weather` that are asked for as well; `season`
    is the word that `weather` comes from, where it is a season's; `unshown` says why another season is not shown; `shift` is
    in hours later; `strangers` are unknown words that are more than adjectives, `refusals` reasons why it is no event."""

    scenes: list[str] = field(default_factory=list)
    weather: str | None = None
    season: str = ""
    unshown: str = ""
    rivals: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    hour: float | None = None
    shift: float | None = None
    slowly: str = ""  # the word that says so
    light: str | None = None  # "darker" or "brighter"
    later: str = ""  # the words that say either
    items: list[Item] = field(default_factory=list)
    amounts: dict[str, tuple[str, Amount]] = field(default_factory=dict)  # gravity, friction, or both: words and meaning
    strangers: list[str] = field(default_factory=list)
    verbs: set[str] = field(default_factory=set)
    refusals: list[str] = field(default_factory=list)
    said: list[Token] = field(default_factory=list)  # all words
