"""One clause of a text as it is read, and the verbs in it: what is added, removed, stopped, or not to happen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from genie_gym.text.amounts import Asked
from genie_gym.text.draft import Draft, Item
from genie_gym.text.spec import Position
from genie_gym.text.tokens import Report, Token
from genie_gym.text.vocabulary import Vocabulary

_VERBS = {"add": "add", "remove": "remove", "depart": "depart", "go": "move", "turn": "move", "drop": "add"}


@dataclass
class Clause:
    """What later words of the same clause may belong to."""

    negated: bool = False
    negation_used: bool = False  # something was left out: "in" or "at" now ends the negation
    described: bool = False  # "not foggy": the negation ends before what is described so
    joined: bool = False  # "no trees and": an article or number now ends the negation
    with_article: bool = False  # "without a well": "and a tower" goes on with it
    content: bool = False  # it names something
    earlier: Clause | None = None  # the last clause before this one that named something
    states: dict[str, list[tuple[str, Any]]] = field(default_factory=dict)  # scenes, weathers, times: words and values
    turning: bool = False  # "turn", "from": "into" may come
    becomes: bool = False  # "into" came
    sources: dict[str, list[tuple[str, Any]]] = field(default_factory=dict)  # the `states` named before "into"
    verb: str = ""  # what happens to the things that come next
    verb_word: Token | None = None  # that said so
    ending: Token | None = None  # "stop": the weather that comes next ends
    clear: Token | None = None  # "clear the snow", or "clear"
    up: Token | None = None  # "turn down": of a quantity that comes next
    asked: Asked = field(default_factory=Asked)
    item: Item | None = None  # the last one that may be placed
    items: list[Item] = field(default_factory=list)
    weathers: list[str] = field(default_factory=list)
    clouds: Token | None = None
    definite: bool = False
    every: bool = False
    behaviour: Token | None = None  # named before its character
    position: Position = None  # named before its thing
    relation: Token | None = None  # "near", "left of", "at": waits for what it refers to
    nobody: Token | None = None  # "nobody around", or "nobody needs …"
    named: Item | None = None  # the thing just named: 「井旁边」 puts the next one there


class VerbReader:
    """Gives verbs to what they belong to, before or after them."""

    def __init__(self, vocabulary: Vocabulary, report: Report, event: bool):
        self.vocabulary, self.fair = vocabulary, vocabulary.weathers[0]
        self.draft, self.report, self.clause, self.event = Draft(), report, Clause(), event

    def take_verb(self, token: Token) -> None:
        """Something is added, removed, or goes."""
        clause, verb = self.clause, _VERBS[token.concept.category]
        self.draft.verbs.add(verb)
        weak = ("", "move") if verb != "move" else ("",)  # "take the cart away"
        before = [item for item in clause.items if item.verb in weak and not item.anchor and not item.negated]
        if verb == "remove" and clause.weathers:
            self._end_weather(token)
        elif before:
            token.told = verb != "move"
            denied = self._denied(token)
            for item in before:
                item.verb = "nothing" if denied else "remove" if verb == "depart" else verb
        elif clause.negated and verb == "add" and not self.event:
            token.told = True  # "don't add trees" to a world: it has none
        else:
            clause.verb_word = token
            clause.verb = "nothing" if self._denied(token) else clause.verb if clause.verb and verb == "move" else verb

    def take_ending(self, token: Token) -> None:
        """Weather stops."""
        clause = self.clause
        if self._ended(token):
            return
        if clause.items and self.event:
            self._refuse("things do not stop; they can be removed")
        elif self._denied(token):
            clause.verb = "nothing"
        else:
            clause.ending = token

    def take_clear(self, token: Token) -> None:
        if not self._ended(token):
            self.clause.clear = token

    def _ended(self, token: Token) -> bool:
        """Whether something stops that the clause has named already: clouds, or weather."""
        self.draft.verbs.add("stop")
        if self.clause.clouds:
            self._clear_sky(token)
        elif self.clause.weathers:
            self._end_weather(token)
        else:
            return False
        return True

    def _denied(self, token: Token) -> bool:
        """ "Don't stop the rain", "the rain never stops": what the verb says is not to happen."""
        denied = self.clause.negated
        if denied:
            self.clause.negated = False
            if self.event:
                self._refuse(f"what is not to happen ({token.text!r}) is no event")
        return denied and self.event

    def _end_weather(self, token: Token) -> None:
        clause, token.told = self.clause, True
        if clause.negated:
            self._denied(token)
        else:
            self._end(clause.weathers)
        clause.weathers = []

    def _end_earlier(self) -> None:
        """ "Rain, go away", 「雾，散去吧」: an ending with no name of its own is of what was named before."""
        clause, earlier = self.clause, self.clause.earlier
        ends = clause.ending or clause.clear is not None or clause.verb in ("remove", "depart")
        if not self.event or earlier is None or clause.content or not ends:
            return
        items = [item for item in earlier.items if not item.verb and not item.anchor]
        if earlier.weathers:
            self._end(earlier.weathers)
        elif items and clause.verb:
            for item in items:
                item.verb = "remove"
        elif items:
            self._refuse("things do not stop; they can be removed")
        clause.clear = None if earlier.weathers else clause.clear

    def _end(self, weathers: list[str]) -> None:
        if self.fair in weathers:
            self._refuse(f"say which weather comes instead of {self.fair} weather")
        self.draft.ended += weathers
        self.draft.rivals = [weather for weather in self.draft.rivals if weather not in weathers]
        if self.draft.weather in weathers:
            self.draft.weather, self.draft.season = None, ""

    def _clear_sky(self, token: Token) -> None:
        clause, draft = self.clause, self.draft
        said = list(dict.fromkeys(word.text for word in (clause.clear, clause.clouds, token) if word is not None))
        clause.clear = clause.clouds = None
        if draft.weather in (None, self.fair):
            draft.weather = self.fair
            self._understood(" ".join(said), f"weather {self.fair}")
        else:
            self._ignored(" ".join(said), f"the weather is {draft.weather} already")

    def _refuse(self, why: str) -> None:
        self.draft.refusals.append(why)

    def _understood(self, text: str, meaning: str) -> None:
        self.report.understood.append(f"{text}: {meaning}")

    def _ignored(self, text: str, why: str) -> None:
        self.report.ignored.append(f"{text} ({why})")
