"""Places in a clause: around the agent, at a point, or beside a landmark."""

from __future__ import annotations

from genie_gym.text.draft import Item
from genie_gym.text.quantities import AmountReader
from genie_gym.text.spec import WORLD_HALF, Position
from genie_gym.text.tokens import Token


class PlaceReader(AmountReader):
    """Gives places to the things that they belong to."""

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
