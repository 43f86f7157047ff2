"""Rules of games that are made up while one plays: what comes of touching things, as relations in the table.

Legend: B rows, R rules a row, N things a row, C classes, K cells along a side of the square.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from genie_gym.errors import GenieGymError
from genie_gym.genie3.walkable import is_free
from genie_gym.genie3.walker import Walker
from genie_gym.places.collision import BodyConfig
from genie_gym.places.ground import Ground
from genie_gym.places.table import Things
from genie_gym.state import State
from genie_gym.text.spec import WATER, Rule

MOST = 16  # rules a row
ARM = 0.35  # metres around a body within which it touches
WET = 0.1  # metres of feet above water, up to which they touch it


NOWHERE = -1  # in place of a scene


class Touched(NamedTuple):
    """What came of a step: rewards, whose episode ends, and the scene in which one goes on, or `NOWHERE` else."""

    rewards: Float[Tensor, " B"]
    ends: Bool[Tensor, " B"]
    scene: Int[Tensor, " B"]


@dataclass(kw_only=True)
class Rules(State):
    """The rules that hold in each row, in the order in which they came.

    Args:
        touches: whether a rule is about things of a class; `water`: about water. removes, reward, ends: as of `Rule`.
        leads: a scene of the library, or `NOWHERE`.
        count: how many there are. touching, within, wading: what was touched, in which things' boxes one was, and whether in
            water, in the last step: rules are about beginning to.
    """

    touches: Bool[Tensor, "B R C"]
    water: Bool[Tensor, "B R"]
    removes: Bool[Tensor, "B R"]
    reward: Float[Tensor, "B R"]
    ends: Bool[Tensor, "B R"]
    leads: Int[Tensor, "B R"]
    count: Int[Tensor, " B"]
    touching: Bool[Tensor, "B N"]
    within: Bool[Tensor, "B N"]
    wading: Bool[Tensor, " B"]

    @classmethod
    def none(cls, rows: int, classes: int, capacity: int, device: torch.device | str = "cpu") -> Rules:
        def no(*shape: int) -> Tensor:
            return torch.zeros(rows, *shape, dtype=torch.bool, device=device)

        return cls(
            touches=no(MOST, classes), water=no(MOST), removes=no(MOST), reward=torch.zeros(rows, MOST, device=device),
            ends=no(MOST), leads=torch.full((rows, MOST), NOWHERE, device=device),
            count=torch.zeros(rows, dtype=torch.int64, device=device), touching=no(capacity), within=no(capacity),
            wading=no(),
        )  # fmt: skip

    def add(self, row: int, rule: Rule, labels: Sequence[int], scene: int = NOWHERE) -> None:
        """One more rule in a row, about things of these classes, in place. `scene` is where it leads.

        Raises:
            GenieGymError: there is no room for more.
        """
        number = int(self.count[row])
        if number >= MOST:
            raise GenieGymError(f"a row has at most {MOST} rules.")
        self.touches[row, number, list(labels)] = True
        self.water[row, number], self.removes[row, number] = rule.touches == WATER, rule.removes
        self.reward[row, number], self.ends[row, number], self.leads[row, number] = rule.reward, rule.ends, scene
        self.count[row] += 1

    def arrive(self, row: int) -> None:
        """A row's walker is in another place now: what it touches there it does not begin to touch, in place."""
        self.touching[row], self.within[row], self.wading[row] = True, True, True

    def check(
        self, things: Things, ground: Ground, free: Bool[Tensor, "B K K"], walker: Walker, body: BodyConfig
    ) -> Touched:
        """What comes of where walkers are now. What goes is taken out of the table, in place. `free` are the cells where one
        can walk."""
        nowhere = torch.full_like(self.count, NOWHERE)
        if not bool(self.count.any()):
            return Touched(torch.zeros_like(walker.yaw), torch.zeros_like(walker.stands), nowhere)
        touching, within = _touching(things, walker, body)
        wading = ground.in_water(walker.feet, ARM, WET).any(1)  # at the edge too, of such as stops one
        newly, wet = touching & ~self.touching, wading & ~self.wading
        leading = (self.leads != NOWHERE)[..., None]
        if bool(leading.any()):
            is_gate = is_free(free, ground.half, things.centre[..., :2])
            through = torch.where(is_gate, within & ~self.within, newly)
            begun = torch.where(leading, through[:, None], newly[:, None])
        else:
            begun = newly[:, None]
        about = self.touches.gather(2, things.label.clamp(min=0)[:, None].expand(-1, MOST, -1)) & begun
        times = about.sum(2) + (self.water & wet[:, None])
        gone = (about & self.removes[..., None]).any(1)
        if bool(gone.any()):
            things.remove(gone)
        self.touching, self.within, self.wading = touching & ~gone, within & ~gone, wading
        happens = times > 0
        scene = torch.where(happens, self.leads, NOWHERE).amax(1)
        return Touched((times * self.reward).sum(1), (happens & self.ends).any(1), scene)


def _touching(things: Things, walker: Walker, body: BodyConfig) -> tuple[Bool[Tensor, "B N"], Bool[Tensor, "B N"]]:
    """Which boxes a walker's body and arms reach, and in which ones it is."""
    offset = walker.feet[:, None] - things.centre
    cos, sin = things.yaw.cos(), things.yaw.sin()
    across = (offset[..., 0] * cos + offset[..., 1] * sin).abs() - things.size[..., 0] / 2
    along = (offset[..., 1] * cos - offset[..., 0] * sin).abs() - things.size[..., 1] / 2
    apart = (across.clamp(min=0).square() + along.clamp(min=0).square()).sqrt()
    above = offset[..., 2] - things.size[..., 2] / 2
    below = -offset[..., 2] - things.size[..., 2] / 2 - body.height
    level = things.there & (above < ARM) & (below < ARM)
    return level & (apart < body.radius + ARM), level & (apart == 0)
