"""Rules of games that are made up while one plays: what comes of touching things, as relations in the table.

Legend: B rows, R rules a row, C classes, N things a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from genie_gym.errors import GenieGymError
from genie_gym.genie3.walker import Walker
from genie_gym.places.collision import BodyConfig
from genie_gym.places.ground import Ground
from genie_gym.places.table import Things
from genie_gym.state import State
from genie_gym.text.spec import WATER, Rule

MOST = 16  # rules a row
ARM = 0.35  # metres around a body within which it touches
WET = 0.1  # metres of feet above water, up to which they touch it


class Touched(NamedTuple):
    """What came of a step: rewards, and whose episode ends."""

    rewards: Float[Tensor, " B"]
    ends: Bool[Tensor, " B"]


@dataclass(kw_only=True)
class Rules(State):
    """The rules that hold in each row, in the order in which they came.

    Args:
        touches: whether a rule is about things of a class; `water`: about water. removes, reward, ends: as of `Rule`.
        count: how many there are. touching, wading: what was touched in the last step: rules are about beginning to.
    """

    touches: Bool[Tensor, "B R C"]
    water: Bool[Tensor, "B R"]
    removes: Bool[Tensor, "B R"]
    reward: Float[Tensor, "B R"]
    ends: Bool[Tensor, "B R"]
    count: Int[Tensor, " B"]
    touching: Bool[Tensor, "B N"]
    wading: Bool[Tensor, " B"]

    @classmethod
    def none(cls, rows: int, classes: int, capacity: int, device: torch.device | str = "cpu") -> Rules:
        def no(*shape: int) -> Tensor:
            return torch.zeros(rows, *shape, dtype=torch.bool, device=device)

        return cls(
            touches=no(MOST, classes), water=no(MOST), removes=no(MOST), reward=torch.zeros(rows, MOST, device=device),
            ends=no(MOST), count=torch.zeros(rows, dtype=torch.int64, device=device), touching=no(capacity), wading=no(),
        )  # fmt: skip

    def add(self, row: int, rule: Rule, labels: Sequence[int]) -> None:
        """One more rule in a row, about things of these classes, in place.

        Raises:
            GenieGymError: there is no room for more.
        """
        number = int(self.count[row])
        if number >= MOST:
            raise GenieGymError(f"a row has at most {MOST} rules.")
        self.touches[row, number, list(labels)] = True
        self.water[row, number], self.removes[row, number] = rule.touches == WATER, rule.removes
        self.reward[row, number], self.ends[row, number] = rule.reward, rule.ends
        self.count[row] += 1

    def check(self, things: Things, ground: Ground, walker: Walker, body: BodyConfig) -> Touched:
        """What comes of where walkers are now. What goes is taken out of the table, in place."""
        if not bool(self.count.any()):
            return Touched(torch.zeros_like(walker.yaw), torch.zeros_like(walker.stands))
        touching = _touching(things, walker, body)
        wading = ground.in_water(walker.feet, ARM, WET).any(1)  # at the edge too, of such as stops one
        newly, wet = touching & ~self.touching, wading & ~self.wading
        about = self.touches.gather(2, things.label.clamp(min=0)[:, None].expand(-1, MOST, -1)) & newly[:, None]
        times = about.sum(2) + (self.water & wet[:, None])
        gone = (about & self.removes[..., None]).any(1)
        if bool(gone.any()):
            things.remove(gone)
        self.touching, self.wading = touching & ~gone, wading
        return Touched((times * self.reward).sum(1), ((times > 0) & self.ends).any(1))


def _touching(things: Things, walker: Walker, body: BodyConfig) -> Bool[Tensor, "B N"]:
    """Which boxes a walker's body and arms reach."""
    offset = walker.feet[:, None] - things.centre
    cos, sin = things.yaw.cos(), things.yaw.sin()
    across = (offset[..., 0] * cos + offset[..., 1] * sin).abs() - things.size[..., 0] / 2
    along = (offset[..., 1] * cos - offset[..., 0] * sin).abs() - things.size[..., 1] / 2
    apart = (across.clamp(min=0).square() + along.clamp(min=0).square()).sqrt()
    above = offset[..., 2] - things.size[..., 2] / 2
    below = -offset[..., 2] - things.size[..., 2] / 2 - body.height
    return things.there & (apart < body.radius + ARM) & (above < ARM) & (below < ARM)
