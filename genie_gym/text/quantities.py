"""Amounts in a clause: of quantities ("half the gravity"), or of things ("fewer trees")."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from genie_gym.text.amounts import Asked
from genie_gym.text.clause import VerbReader
from genie_gym.text.draft import Item
from genie_gym.text.lexicon import Concept
from genie_gym.text.tokens import Token


class AmountReader(VerbReader):
    """Collects what is said of an amount, until it is known of what."""

    def take_number(self, token: Token) -> None:
        asked = self.clause.asked
        if asked.quantity and asked.number:
            self._settle_amount()
        elif asked.number:  # of a thing that is not known: "a dragon over a castle"
            self._drop_number()
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
            token.told = True  # "no more fog"
            return
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
        else:
            self.clause.up = token
            token.told = not {"weather", "time"}.isdisjoint(self.clause.states)  # "night falls"

    def take_drop(self, token: Token) -> None:
        if self.clause.asked.quantity is None:
            self.take_verb(token)
        self.take_up(token)

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
        up, self.clause.up = self.clause.up, None
        if up is not None:  # "turn up the gravity"
            up.told = True
            self.take_up(up)

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

    def _drop_number(self) -> None:
        """A number of nothing known. An article is none."""
        asked = self.clause.asked
        if asked.number is not None:
            if asked.number.concept.value != 1:
                self._ignored(asked.number.text, "a number of nothing known")
            words = [word for word in asked.words if word != asked.number.text]
            self.clause.asked = replace(asked, number=None, words=words)

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
            self.report.ignored.append(token.text)
            self.draft.strangers.append(token.text)
        elif category == "more":
            item.verb, item.plural = item.verb or "add", item.plural or item.number is None
        else:
            item.verb, item.half = "remove", item.number is None
            if item.half:
                self.report.assumed.append(f"{token.text} {item.text}: half of them")

    def _one_strength(self, text: str, weather: str) -> None:
        self._ignored(text, f"{weather} weather has one strength")
        self._refuse(f"{weather} weather has one strength")
