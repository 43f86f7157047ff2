"""A small grammar: tokens become a `Draft`, clause by clause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from genie_gym.text.amounts import Asked
from genie_gym.text.draft import Draft, Item
from genie_gym.text.lexicon import LEXICON, SCENE_NAMES, Concept
from genie_gym.text.spec import MAX_COUNT, WORLD_HALF, Position
from genie_gym.text.strangers import THINGS, strangers
from genie_gym.text.tokens import Report, Token, tokens


@dataclass
class _Clause:
    """What later words of the same clause may belong to."""

    negated: bool = False
    negation_used: bool = False  # something was left out: "in" or "at" now ends the negation
    verb: str = ""  # what happens to the things that come next
    ending: bool = False  # "stop": the weather that comes next ends
    clear: Token | None = None  # "clear the snow", or "clear"
    asked: Asked = field(default_factory=Asked)
    item: Item | None = None  # the last one that may be placed
    items: list[Item] = field(default_factory=list)
    weathers: list[str] = field(default_factory=list)
    clouds: bool = False
    definite: bool = False
    every: bool = False
    behaviour: Token | None = None  # named before its character
    position: Position = None  # named before its thing
    relation: Token | None = None  # "near", "left of", "at": waits for what it refers to
    nobody: Token | None = None  # "nobody around", or "nobody needs …"
    named: Item | None = None  # the thing just named: 「井旁边」 puts the next one there


def read(text: str, report: Report, event: bool = False) -> Draft:
    """`event`: the text changes a world, in which things stand already."""
    said = tokens(text)
    reader = _Reader(report, event)
    reader.draft.strangers = strangers(said)
    for token in said:
        reader.take(token)
    return reader.draft


class _Reader:
    """Gives verbs, counts, negations, behaviours and places to what they belong to."""

    def __init__(self, report: Report, event: bool):
        self.draft, self.report, self.clause, self.event = Draft(), report, _Clause(), event

    def take(self, token: Token) -> None:
        category, clause = token.concept.category, self.clause
        if category in STRUCTURE:
            named = clause.named
            STRUCTURE[category](self, token)
            if clause.named is named and category not in ("possessive", "after", "place", "near", "filler"):
                clause.named = None
        elif category in CONTENT:
            if clause.clear is not None and category not in _CLEARED:
                self._clear_sky(clause.clear)
            if category not in _COUNTED and clause.asked.quantity is None:
                self._drop_amount()
            if category not in THINGS:
                clause.named = None
            CONTENT[category](self, token)
            if token.concept.note and category != "physics" and not clause.negated:
                self.report.assumed.append(f"{token.text}: {token.concept.note}")
            clause.negation_used = clause.negated
            clause.definite = clause.every = False
            clause.relation = None

    def _understood(self, text: str, meaning: str) -> None:
        self.report.understood.append(f"{text}: {meaning}")

    def _ignored(self, text: str, why: str) -> None:
        self.report.ignored.append(f"{text} ({why})")

    # --- the structure of a text ---

    def take_stop(self, _: Token) -> None:
        clause = self.clause
        if clause.clear is not None:
            self._clear_sky(clause.clear)
        if clause.clouds:
            self._ignored("clouds", "the weather is sunny, rainy, snowy or foggy")
        if not self._settle_amount() and clause.asked.quantity:
            self._ignored(clause.asked.quantity, "without a value: say low, high, or a number")
        self._drop_amount()
        if clause.negated and not clause.negation_used:
            self._deny_before()
        relation = clause.relation.concept if clause.relation else None
        if relation and relation.category == "near":
            self._ignored("near", "near what? a landmark was expected")
        elif relation and relation.category == "side" and relation.value:
            self._put(relation.value)
        if clause.behaviour is not None:
            self._ignored(clause.behaviour.text, "of nobody")
        self.clause = _Clause()

    def _deny_before(self) -> None:
        """A negation at the end is of what was said before it: 「雨别下了」."""
        clause = self.clause
        if clause.nobody is not None:
            kind, text = clause.nobody.concept.value, clause.nobody.text
            self.draft.items.append(Item("crowd", kind, text, plural=True, negated=True))
        elif clause.weathers:
            self._end(clause.weathers)
        else:
            for item in clause.items:
                item.negated |= not item.verb and not item.anchor

    def take_comma(self, token: Token) -> None:
        item, position = self.clause.item, self.clause.position
        self.take_stop(token)
        self.clause.item, self.clause.position = item, position  # "a dog, following me": still about the dog

    def take_and(self, _: Token) -> None:
        self._settle_amount()

    def take_break(self, _: Token) -> None:
        self._settle_amount()
        self.clause.negated = False

    def take_attribute(self, token: Token) -> None:
        self.clause.negated &= not self.clause.negation_used
        self.clause.relation = self.clause.relation or token

    def take_possessive(self, _: Token) -> None:
        self.clause.negated &= not self.clause.negation_used

    def take_not(self, _: Token) -> None:
        self.clause.negated, self.clause.negation_used = True, False

    def take_nobody(self, token: Token) -> None:
        self.take_not(token)
        self.clause.nobody = token

    def take_away(self, token: Token) -> None:
        """ "Get the cars off the street": what is named before it goes."""
        if self.event and any(not item.verb and not item.anchor for item in self.clause.items):
            self.take_verb(Token(token.text, LEXICON["remove"]))
        self.take_attribute(token)
        self.clause.relation = token

    def take_determiner(self, token: Token) -> None:
        self.clause.definite |= bool(token.concept.value)

    def take_all(self, _: Token) -> None:
        self.clause.every = True

    def take_unknown(self, token: Token) -> None:
        self.report.ignored.append(token.text)

    def take_filler(self, _: Token) -> None:
        """Says nothing."""

    # --- verbs: before what they apply to, or after it ---

    def take_verb(self, token: Token) -> None:
        """Something is added, removed, or goes."""
        clause, verb = self.clause, _VERBS[token.concept.category]
        self.draft.verbs.add(verb)
        weak = ("", "move") if verb != "move" else ("",)  # "take the cart away"
        before = [item for item in clause.items if item.verb in weak and not item.anchor and not item.negated]
        if verb == "remove" and clause.weathers:
            self._end_weather(token)
        elif before:
            denied = self._denied(token)
            for item in before:
                item.verb = "nothing" if denied else "remove" if verb == "depart" else verb
        elif clause.negated and verb == "add" and not self.event:
            return  # "don't add trees" to a world: it has none
        else:
            clause.verb = "nothing" if self._denied(token) else clause.verb if clause.verb and verb == "move" else verb

    def take_ending(self, token: Token) -> None:
        """Weather stops."""
        clause = self.clause
        self.draft.verbs.add("stop")
        if clause.clouds:
            self._clear_sky(token)
        elif clause.weathers:
            self._end_weather(token)
        elif clause.items and self.event:
            self._refuse("things do not stop; they can be removed")
        elif self._denied(token):
            clause.verb = "nothing"
        else:
            clause.ending = True

    def take_clear(self, token: Token) -> None:
        clause = self.clause
        self.draft.verbs.add("stop")
        if clause.clouds:
            self._clear_sky(token)
        elif clause.weathers:
            self._end_weather(token)
        else:
            clause.clear = token

    def _denied(self, token: Token) -> bool:
        """ "Don't stop the rain", "the rain never stops": what the verb says is not to happen."""
        denied = self.clause.negated
        if denied:
            self.clause.negated = False
            if self.event:
                self._refuse(f"what is not to happen ({token.text!r}) is no event")
        return denied and self.event

    def _end_weather(self, token: Token) -> None:
        clause = self.clause
        if clause.negated:
            self._denied(token)
        else:
            self._end(clause.weathers)
        clause.weathers = []

    def _end(self, weathers: list[str]) -> None:
        if "sunny" in weathers:
            self._refuse("say which weather comes instead of the sun")
        self.draft.ended += weathers
        if self.draft.weather in weathers:
            self.draft.weather = None

    def _clear_sky(self, token: Token) -> None:
        self.clause.clear, self.clause.clouds = None, False
        if self.draft.weather is None:
            self.draft.weather = "sunny"
            self._understood(token.text, "weather sunny")

    def _refuse(self, why: str) -> None:
        self.draft.refusals.append(why)

    # --- amounts: of quantities, or of things ---

    def take_number(self, token: Token) -> None:
        asked = self.clause.asked
        if asked.quantity and asked.number:
            self._settle_amount()
        elif asked.number and asked.number.concept.value != 1:
            self._ignored(asked.number.text, "a number of nothing known")
        self._ask(token, number=token)

    def take_factor(self, token: Token) -> None:
        if self.clause.asked.quantity and self.clause.asked.factor is not None:
            self._settle_amount()
        self._ask(token, factor=float(token.concept.value))

    def take_percent(self, token: Token) -> None:
        self._ask(token, percent=float(token.concept.value))

    def take_times(self, token: Token) -> None:
        number = self.clause.asked.number
        if number is not None:
            self._ask(token, factor=float(number.concept.value), number=None, times=token.chinese)

    def take_more(self, token: Token) -> None:
        clause, category = self.clause, token.concept.category
        before = [item for item in clause.items if not item.verb and not item.anchor]
        if category == "more" and clause.negated:
            return  # "no more fog"
        if clause.weathers and clause.asked.quantity is None:
            self._one_strength(token.text, clause.weathers[-1])
        elif before and clause.asked.quantity is None:
            for item in before:
                self._vary(item, token)
        else:
            self._ask(token, more=token, small=clause.asked.small or token.text.endswith("点"))

    def take_up(self, token: Token) -> None:
        if self.clause.asked.quantity is not None:
            self.take_more(Token(token.text, Concept(token.concept.value)))

    def take_bit(self, _: Token) -> None:
        self.clause.asked.small = True

    def take_to(self, _: Token) -> None:
        self.clause.asked.to |= self.clause.asked.quantity is not None

    def take_normal(self, token: Token) -> None:
        self._ask(token, normal=True)

    def take_off(self, token: Token) -> None:
        clause = self.clause
        if clause.asked.quantity is None and clause.weathers:
            self._end_weather(token)
        elif clause.asked.quantity is None and clause.items:
            self._refuse("things can be added and removed, and not switched")
        elif clause.asked.quantity is not None or not self.draft.ended:
            self._ask(token, off=True)

    def take_quantity(self, token: Token) -> None:
        asked = self.clause.asked
        if asked.quantity not in (None, token.concept.value):
            self._settle_amount()
        self._drop_article()
        self._ask(token, quantity=token.concept.value, negated=self.clause.negated)

    def take_physics(self, token: Token) -> None:
        asked, (name, value) = self.clause.asked, token.concept.value
        if asked.base is not None or asked.quantity not in (None, name):
            self._settle_amount()
        self._drop_article()
        self._ask(token, quantity=name, base=value, note=token.concept.note, negated=self.clause.negated)

    def _ask(self, token: Token, **values: Any) -> None:
        asked = self.clause.asked
        self.clause.asked = replace(asked, words=[*asked.words, token.text], **values)

    def _settle_amount(self) -> bool:
        """What was asked of a quantity goes into the draft, if it has a value."""
        asked = self.clause.asked
        if asked.quantity is None or not asked.valued:
            return False
        self.clause.asked = Asked()
        words, amount, before = " ".join(asked.words), asked.amount(), self.draft.amounts.get(asked.quantity)
        if before is None:
            self.draft.amounts[asked.quantity] = words, amount
        elif before[1].agrees(amount, asked.quantity):
            self.draft.amounts[asked.quantity] = f"{before[0]}, {words}", amount if before[1].vague else before[1]
        else:
            self._ignored(words, f"the {asked.quantity} is given already: {before[0]}")
        return True

    def _drop_article(self) -> None:
        """ "An icy road", "a gravity of 5": no number."""
        asked = self.clause.asked
        if asked.quantity is None and asked.number is not None and asked.number.text in ("a", "an", "一", "some", "一些"):
            self.clause.asked = replace(asked, number=None, words=asked.words[:-1])

    def _drop_amount(self) -> None:
        """An amount of nothing that has one."""
        asked, self.clause.asked = self.clause.asked, Asked()
        one = asked.number is not None and (asked.number.concept.value == 1 or asked.number.text in ("some", "一些"))
        if asked.words and not (one and len(asked.words) == 1):
            self._ignored(" ".join(asked.words), "a number of nothing known" if asked.number else "of what?")

    def _vary(self, item: Item, token: Token) -> None:
        """More or fewer of a thing. What is bigger is not known."""
        category = token.concept.category
        if category in ("stronger", "weaker"):
            self.take_unknown(token)
            self.draft.strangers.append(token.text)
        elif category == "more":
            item.verb, item.plural = item.verb or "add", item.plural or item.number is None
        else:
            item.verb, item.half = "remove", item.number is None
            if item.half:
                self.report.assumed.append(f"{token.text} {item.text}: half of them")

    # --- places ---

    def take_near(self, token: Token) -> None:
        if not self.clause.asked.valued or token.text != "by":  # "increase gravity by 2"
            self._relate(token)

    def take_side(self, token: Token) -> None:
        self.clause.relation = token

    def take_after(self, token: Token) -> None:
        if self.clause.named is not None:
            self._relate(token)

    def take_place(self, token: Token) -> None:
        where = token.concept.value
        self.clause.relation = None
        if self.clause.named is not None and token.chinese:
            self._relate(token)
        elif not isinstance(where, str) and max(map(abs, where)) > WORLD_HALF:
            self._ignored(token.text, f"outside the world: x and y lie within {WORLD_HALF:g} m")
        else:
            self._put(where)
            self._understood(token.text, f"place {where}")

    def _relate(self, token: Token) -> None:
        """「塔旁边」 says it after what it refers to, "near the tower" before."""
        reference, self.clause.named = self.clause.named, None
        if reference is None or not token.chinese:
            self.clause.relation = token
            return
        if self.clause.item is reference:
            before = [item for item in self.clause.items if item is not reference and item.category != "landmark"]
            self.clause.item = before[-1] if before else None
        self._refer(token, reference)

    def _refer(self, relation: Token, reference: Item) -> None:
        """Puts a thing beside a landmark. A side of it, or what is no landmark, cannot be honoured: that is reported."""
        category, kind, item = relation.concept.category, reference.kind, self.clause.item
        if reference.category != "landmark":
            if category in ("near", "side", "place") or (self.event and item):
                self._ignored(relation.text, f"a {kind} is no landmark")
                reference.anchor = self.event
        elif category in ("attribute", "away", "after") and (item.position if item else not self.event):
            return  # nothing to place
        else:
            reference.anchor = True
            if category in ("side", "place"):
                self._ignored(relation.text, f"things stand beside a {kind}, on any side of it")
            elif category != "near":
                self.report.assumed.append(f"{relation.text} {reference.text}: beside it")
            self._put(kind)

    def _put(self, where: Position) -> None:
        """Places the last thing, or else the next one."""
        item = self.clause.item
        if item and item.position is None:
            item.position = where
        else:
            self.clause.position = where

    # --- what a text names ---

    def take_scene(self, token: Token) -> None:
        scene, clause = token.concept.value, self.clause
        if clause.relation is not None and clause.relation.concept.category == "away":
            return  # where something goes away from
        if clause.negated or clause.verb in ("remove", "depart", "nothing"):
            self._ignored(f"no {token.text}", f"say which scene instead of {SCENE_NAMES[scene]}")
            self._refuse(f"say where to go instead of {token.text}, for example 'go to the desert'")
        else:
            self.draft.scenes.append(scene)
            self._understood(token.text, f"scene {SCENE_NAMES[scene]}")

    def take_weather(self, token: Token) -> None:
        text, weather, clause = token.text, token.concept.value, self.clause
        ends = (
            clause.negated or clause.ending or clause.verb == "remove" or (clause.clear is not None and weather != "sunny")
        )
        if clause.asked.off and clause.asked.quantity is None:
            ends, clause.asked = True, Asked()
        clause.clear, clause.ending = None, False
        if clause.asked.quantity is None and clause.asked.more is not None:
            self._one_strength(" ".join(clause.asked.words), weather)
            clause.asked = Asked()
        if clause.verb == "nothing":
            self._ignored(text, "not to happen")
        elif ends and weather == "sunny":
            self._ignored(f"no {text}", "say which weather instead")
        elif ends:
            self._understood(f"no {text}", f"not {weather}")
            self._end([weather])
        elif self.draft.weather not in (None, weather):
            self._ignored(text, f"the weather is {self.draft.weather} already")
        else:
            self.draft.weather = weather
            clause.weathers.append(weather)
            self._understood(text, f"weather {weather}")

    def _one_strength(self, text: str, weather: str) -> None:
        self._ignored(text, f"{weather} weather has one strength")
        self._refuse(f"{weather} weather has one strength")

    def take_clouds(self, token: Token) -> None:
        clause = self.clause
        if clause.clear is not None or clause.ending or clause.negated or clause.verb == "remove":
            clause.ending = False
            self._clear_sky(token)
        else:
            clause.clouds = True

    def take_time(self, token: Token) -> None:
        text, hour = token.text, token.concept.value
        if hour is None:
            self._ignored(text, "no time of day")
        elif self.clause.negated:
            self._ignored(f"no {text}", "say which time instead")
        elif self.draft.hour not in (None, hour):
            self._ignored(text, f"the time is {self.draft.hour:g} h already")
        else:
            self.draft.hour = hour
            self._understood(text, f"time {hour:g} h")

    def take_shift(self, token: Token) -> None:
        if self.draft.shift is not None or self.clause.negated:
            self._ignored(token.text, "one change of the time")
        else:
            self.draft.shift = token.concept.value

    def take_duration(self, token: Token) -> None:
        self._ignored(token.text, "later or earlier?")

    def take_light(self, token: Token) -> None:
        if self.clause.negated:
            self._ignored(f"not {token.text}", "say which time instead")
        else:
            self.draft.light = token.concept.value

    def take_thing(self, token: Token) -> None:
        """A landmark, object, character, or group of them."""
        clause, kind = self.clause, token.concept.value
        if clause.named is not None and clause.named.kind == kind:  # "oak trees" are trees once
            clause.named.plural |= token.plural
            clause.named.text += f" {token.text}"
            return
        item = Item(token.concept.category, kind, token.text, plural=token.plural or clause.every, definite=clause.definite)
        item.verb, item.negated, item.anchor = clause.verb, clause.negated, token.modifier and self.event
        if clause.clear is not None and (item.definite or item.plural):
            item.verb, clause.clear = "remove", None
        elif clause.clear is not None:
            self._clear_sky(clause.clear)
        if clause.ending and self.event:
            self._refuse("things do not stop; they can be removed")
        known = self._count(item)
        if clause.relation is not None:
            self._refer(clause.relation, item)
        clause.named = item
        if not known:
            return
        self.draft.items.append(item)
        clause.items.append(item)
        if item.category != "landmark" and not item.anchor:
            item.position, clause.item = clause.position, item
        if item.category == "character" and clause.behaviour is not None:
            self._behave(item, clause.behaviour)
            clause.behaviour = None

    def _count(self, item: Item) -> bool:
        """How many: what was said before the thing. False for a number that cannot be."""
        if self.clause.asked.quantity is not None:
            self._settle_amount()
        asked, self.clause.asked = self.clause.asked, Asked()
        words = " ".join([*asked.words, item.text])
        if asked.more is not None and asked.more.concept.category in ("more", "less"):
            self._vary(item, asked.more)
        elif asked.more is not None or asked.normal or asked.off or asked.percent is not None:
            self._ignored(" ".join(asked.words), f"of a {item.kind}?")
            if asked.off:
                self._refuse("things can be added and removed, and not switched")
        if asked.factor is not None:
            item.half = asked.factor == 0.5 and item.verb != "add"
            item.verb = item.verb or "remove" if item.half and self.event else item.verb
            if not item.half or not self.event:
                self._ignored(words, "say how many")
                self._refuse(f"say how many, instead of {words!r}")
        value = asked.number.concept.value if asked.number is not None else None
        if value is None:
            return True
        if item.category == "landmark":
            if value != 1:
                self._ignored(words, "a landmark stands once")
        elif value == 0 and not self.event:
            item.negated = True
        elif value == int(value) and 1 <= value <= MAX_COUNT:
            item.number = int(value)
        else:
            self._ignored(words, f"a count from 1 to {MAX_COUNT}")
            self._refuse(f"a count is a whole number from 1 to {MAX_COUNT}; got {words!r}")
            item.number = MAX_COUNT
            return bool(value > MAX_COUNT)
        return True

    def take_behaviour(self, token: Token) -> None:
        item = self.clause.item
        if item and item.category == "character" and item.behaviour is None:
            self._behave(item, token)
        else:
            self.clause.behaviour = token

    def _behave(self, item: Item, token: Token) -> None:
        item.behaviour = token.concept.value
        self._understood(token.text, f"behaviour {item.behaviour}")


# What becomes of a token, by its category: of those that shape the text, and of those that say something.
Take = Callable[[_Reader, Token], None]
STRUCTURE: dict[str, Take] = {
    "stop": _Reader.take_stop,
    "comma": _Reader.take_comma,
    "and": _Reader.take_and,
    "break": _Reader.take_break,
    "attribute": _Reader.take_attribute,
    "possessive": _Reader.take_possessive,
    "away": _Reader.take_away,
    "not": _Reader.take_not,
    "nobody": _Reader.take_nobody,
    "determiner": _Reader.take_determiner,
    "all": _Reader.take_all,
    "unknown": _Reader.take_unknown,
    **dict.fromkeys(("filler", "of", "list"), _Reader.take_filler),
    **dict.fromkeys(("add", "remove", "depart", "go"), _Reader.take_verb),
    "ending": _Reader.take_ending,
    "clear": _Reader.take_clear,
    "number": _Reader.take_number,
    "factor": _Reader.take_factor,
    "percent": _Reader.take_percent,
    "times": _Reader.take_times,
    **dict.fromkeys(("more", "less", "stronger", "weaker"), _Reader.take_more),
    "up": _Reader.take_up,
    "bit": _Reader.take_bit,
    "to": _Reader.take_to,
    "normal": _Reader.take_normal,
    "off": _Reader.take_off,
    "near": _Reader.take_near,
    "side": _Reader.take_side,
    "after": _Reader.take_after,
    "place": _Reader.take_place,
    "behaviour": _Reader.take_behaviour,
}
CONTENT: dict[str, Take] = {
    "scene": _Reader.take_scene,
    "weather": _Reader.take_weather,
    "clouds": _Reader.take_clouds,
    "time": _Reader.take_time,
    "shift": _Reader.take_shift,
    "duration": _Reader.take_duration,
    "light": _Reader.take_light,
    "quantity": _Reader.take_quantity,
    "physics": _Reader.take_physics,
    **dict.fromkeys(THINGS, _Reader.take_thing),
}
_VERBS = {"add": "add", "remove": "remove", "depart": "depart", "go": "move"}
_CLEARED = ("weather", "clouds", *THINGS)  # what can be cleared away
_COUNTED = (*_CLEARED, "quantity", "physics")  # what takes a number
