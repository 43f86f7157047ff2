"""A small grammar: tokens become a `Draft`, clause by clause."""

from __future__ import annotations

from collections.abc import Callable

from genie_gym.text.amounts import Asked
from genie_gym.text.clause import Clause
from genie_gym.text.draft import GENERIC, Draft, Item
from genie_gym.text.lexicon import Concept
from genie_gym.text.spec import MAX_COUNT
from genie_gym.text.states import StateReader
from genie_gym.text.strangers import THINGS, strangers
from genie_gym.text.tokens import Report, Token, tokens
from genie_gym.text.vocabulary import Vocabulary


def read(text: str, vocabulary: Vocabulary, report: Report, event: bool = False) -> Draft:
    """`event`: the text changes a world, in which things stand already."""
    said = tokens(text, vocabulary)
    reader = _Reader(vocabulary, report, event)
    reader.draft.strangers = strangers(said)
    for token in said:
        reader.take(token)
    reader.draft.said = said
    return reader.draft


class _Reader(StateReader):
    """Reads all tokens: those that shape a text, and those that name something."""

    def take(self, token: Token) -> None:
        category, clause = token.concept.category, self.clause
        self._end_negation(category)
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
            clause.content, clause.described = True, clause.negated and category in _DESCRIBING
            clause.definite = clause.every = False
            clause.relation = None

    def _end_negation(self, category: str) -> None:
        """ "No trees and a well": the well is there. "A not rainy village": the village is."""
        clause = self.clause
        if clause.joined and category in ("number", "determiner"):
            clause.negated &= clause.with_article  # "without a well and a tower" has neither
        if clause.described and category in ("scene", *THINGS):
            clause.negated = False
        clause.joined = False

    # --- the structure of a text ---

    def take_stop(self, _: Token) -> None:
        clause = self.clause
        self._end_earlier()
        self._finish_turn()
        if clause.clear is not None:
            self._clear_sky(clause.clear)
        if clause.clouds:
            self._ignored(clause.clouds.text, f"the weather is one of {', '.join(self.vocabulary.weathers)}")
        if not self._settle_amount() and clause.asked.quantity:
            self._ignored(clause.asked.quantity, "without a value: say low, high, or a number")
        self._drop_amount()
        if clause.negated and not clause.negation_used:
            self._deny_before()
        words, relation = (clause.relation.text, clause.relation.concept) if clause.relation else ("", None)
        if relation and relation.category == "near":
            self._ignored("near", "near what? a landmark was expected")
        elif relation and relation.category == "side" and relation.value and clause.item and not clause.item.position:
            clause.item.position = relation.value
            if clause.item.category != "crowd":
                self._understood(words, f"place {relation.value}")
        if clause.behaviour is not None:
            self._ignored(clause.behaviour.text, "of nobody")
        earlier, clause.earlier = clause if clause.content else clause.earlier, None
        self.clause = Clause(earlier=earlier)

    def _deny_before(self) -> None:
        """A negation at the end is of what was said before it: 「雨别下了」."""
        clause = self.clause
        if clause.nobody is not None:
            kind, text = clause.nobody.concept.value, clause.nobody.text
            self.draft.items.append(Item("crowd", kind, text, kind, plural=True, negated=True))
        elif clause.weathers:
            self._end(clause.weathers)
        else:
            for item in clause.items:
                item.negated |= not item.verb and not item.anchor

    def take_comma(self, token: Token) -> None:
        item, position = self.clause.item, self.clause.position
        self.take_stop(token)
        self.clause.item, self.clause.position = item, position  # "a dog, following me": still about the dog

    def take_and(self, token: Token) -> None:
        self._settle_amount()
        clause = self.clause
        clause.described, clause.joined = False, clause.negation_used and token.text not in ("or", "或")

    def take_list(self, _: Token) -> None:
        self.clause.described = False

    def take_break(self, token: Token) -> None:
        if not self._settle_amount() and self.clause.asked.quantity is None:
            self._drop_number()  # "a playground with children": not one child
        self.clause.negated = False
        if token.text == "with":  # "replace the rain with snow"
            self.take_into(token)

    def take_attribute(self, token: Token) -> None:
        self.clause.negated &= not self.clause.negation_used
        self.clause.relation = self.clause.relation or token
        self.clause.turning |= token.text == "from"

    def take_possessive(self, _: Token) -> None:
        self.clause.negated &= not self.clause.negation_used

    def take_not(self, _: Token) -> None:
        clause = self.clause
        clause.negated, clause.negation_used, clause.described, clause.with_article = True, False, False, False

    def take_nobody(self, token: Token) -> None:
        self.take_not(token)
        self.clause.nobody = token

    def take_away(self, token: Token) -> None:
        """ "Get the cars off the street": what is named before it goes."""
        if self.event and any(not item.verb and not item.anchor for item in self.clause.items):
            self.take_verb(Token(token.text, Concept("remove")))
        self.take_attribute(token)
        self.clause.relation = token

    def take_determiner(self, token: Token) -> None:
        self.clause.definite |= bool(token.concept.value)

    def take_all(self, _: Token) -> None:
        self.clause.every = True

    def take_unknown(self, token: Token) -> None:
        self.report.ignored.append(token.text)

    def take_filler(self, _: Token) -> None:
        """Says nothing of its own."""

    # --- what a text names ---

    def take_thing(self, token: Token) -> None:
        """A landmark, object, character, or group of them."""
        clause, kind = self.clause, token.concept.value
        if clause.named is not None and clause.named.kind == kind:  # "oak trees" are trees once
            clause.named.plural |= token.plural
            clause.named.text += f" {token.text}"
            clause.named.said += f" {token.text}"
            return
        category = token.concept.category
        many = token.plural or clause.every or category == "crowd"
        group = "people" if token.text in GENERIC and "people" in dict(self.vocabulary.groups) else kind
        item = Item(category, kind, token.text, group, plural=many, definite=clause.definite)
        item.verb, item.negated, item.anchor = clause.verb, clause.negated, token.modifier and self.event
        if clause.clear is not None and (item.definite or item.plural):
            item.verb, clause.clear = "remove", None
        elif clause.clear is not None:
            self._clear_sky(clause.clear)
        if clause.ending and self.event:
            self._refuse("things do not stop; they can be removed")
        number, words = clause.asked.number, clause.asked.words
        if clause.verb_word is not None:
            clause.verb_word.told |= clause.verb != "move"
        if item.negated:
            clause.with_article |= item.definite or (number is not None and number.text in ("a", "an"))
            if item.verb == "add" and self.event:
                self._refuse(f"to add no {item.text} changes nothing")
        known = self._count(item)
        item.said = " ".join([*words, item.text])
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
        if asked.number is None or value is None:
            return True
        asked.number.told = True  # in what is said of the thing
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
            if self.event and self.clause.relation is None and item.behaviour != "follow":
                self.clause.relation = Token(token.text, Concept("attribute"))  # "a knight patrols the castle"
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
    **dict.fromkeys(("filler", "of"), _Reader.take_filler),
    "list": _Reader.take_list,
    "turn": _Reader.take_turn,
    "into": _Reader.take_into,
    **dict.fromkeys(("add", "remove", "depart"), _Reader.take_verb),
    "go": _Reader.take_go,
    "ending": _Reader.take_ending,
    "clear": _Reader.take_clear,
    "slow": _Reader.take_slow,
    "number": _Reader.take_number,
    "factor": _Reader.take_factor,
    "percent": _Reader.take_percent,
    "times": _Reader.take_times,
    **dict.fromkeys(("more", "less", "stronger", "weaker"), _Reader.take_more),
    "up": _Reader.take_up,
    "drop": _Reader.take_drop,
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
    "season": _Reader.take_season,
    "clouds": _Reader.take_clouds,
    "time": _Reader.take_time,
    "shift": _Reader.take_shift,
    "duration": _Reader.take_duration,
    "light": _Reader.take_light,
    "quantity": _Reader.take_quantity,
    "physics": _Reader.take_physics,
    **dict.fromkeys(THINGS, _Reader.take_thing),
}
_CLEARED = ("weather", "clouds", *THINGS)  # what can be cleared away
_COUNTED = (*_CLEARED, "quantity", "physics")  # what takes a number
_DESCRIBING = ("weather", "season", "time", "light", "physics")  # adjectives, where a name follows
