"""What there is to do, read off the table of things: near the beacon, the well in view, a coin reached, a crate on its mark.

Rewards are sparse, as recordings have them: 1 for the goal, which ends the episode; 1 for each coin, the last one ends it.

Legend: B rows, N things, G tasks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from genie_gym.genie3.config import Genie3Config
from genie_gym.genie3.walker import Walker
from genie_gym.geometry.goals import Goal
from genie_gym.places.table import Things

BEACON, NEAR, COINS, CRATE, FIND = "reach_beacon", "reach_beacon:near", "collect_coins", "push_crate", "find:"
REACH, COLLECT, PUSH = range(3)  # how a task is done
ANYWHERE = 4.0  # radians: more than any angle


class Tasks(nn.Module):
    """The tasks of a world: those whose things its library draws, and that can be told by the recording's rules.

    Attributes:
        names: as `Playable.tasks`. goals: the rule of each, where the recording says one.
    """

    def __init__(self, config: Genie3Config):
        super().__init__()
        self.config = config.tasks
        self.classes = config.library.classes
        drawn = set(config.library.names)
        said = {goal.task: goal for goal in config.goals if goal.kind in drawn}
        if BEACON in said:
            said[NEAR] = said[BEACON]
        found: dict[str, Goal | None] = dict(said)
        if config.tasks.coin in drawn:
            found[COINS] = None
        if {config.tasks.crate, config.tasks.mark} <= drawn:
            found[CRATE] = None
        self.names, self.goals = tuple(found), tuple(found.values())
        how = [{COINS: COLLECT, CRATE: PUSH}.get(name, REACH) for name in self.names]
        self.register_buffer("how", torch.tensor(how, dtype=torch.int64), persistent=False)
        rules = [_numbers(goal, self.classes) for goal in self.goals]
        self.register_buffer("rules", torch.tensor(rules).reshape(len(rules), 7), persistent=False)

    how: Tensor
    rules: Tensor

    def check(
        self, task: Int[Tensor, " B"], things: Things, walker: Walker
    ) -> tuple[Float[Tensor, " B"], Bool[Tensor, " B"]]:
        """What the last step brought, and which rows have done what they had to. Coins that are reached go out of the table,
        in place."""
        rewards = torch.zeros_like(walker.yaw)
        done = torch.zeros_like(walker.stands)
        if not self.names or bool((task < 0).all()):
            return rewards, done
        how = torch.where(task < 0, -1, self.how.to(task.device)[task.clamp(min=0)])
        if bool((how == REACH).any()):
            done |= (how == REACH) & self._reached(task, things, walker)
            rewards += done
        if bool((how == COLLECT).any()):
            coins = self._are(things, self.config.coin) & (how == COLLECT)[:, None]
            taken = coins & (_apart(things.centre, walker.feet[:, None]) < self.config.coin_reach)
            rewards += taken.sum(1)
            done |= coins.any(1) & ~(coins & ~taken).any(1)
            if bool(taken.any()):
                things.remove(taken)
        if bool((how == PUSH).any()):
            pushed = (how == PUSH) & self._pushed(things)
            done |= pushed
            rewards += pushed
        return rewards, done

    def _are(self, things: Things, name: str) -> Bool[Tensor, "B N"]:
        return things.label == (self.classes.index(name) if name in self.classes else -2)

    def _reached(self, task: Int[Tensor, " B"], things: Things, walker: Walker) -> Bool[Tensor, " B"]:
        """By the rules of `geometry.goals.Goal`: how far it is to the thing's footprint, and where one looks."""
        kind, reach, half_angle, mx, my, hx, hy = (
            x[:, None] for x in self.rules.to(task.device)[task.clamp(min=0)].unbind(1)
        )
        cos, sin = things.yaw.cos(), things.yaw.sin()
        east = walker.feet[:, None, 0] - things.centre[..., 0] + mx * cos - my * sin
        north = walker.feet[:, None, 1] - things.centre[..., 1] + mx * sin + my * cos
        beyond_x = ((east * cos + north * sin).abs() - hx).clamp(min=0)
        beyond_y = ((north * cos - east * sin).abs() - hy).clamp(min=0)
        near = (beyond_x * beyond_x + beyond_y * beyond_y).sqrt() < reach
        to_it = torch.atan2(-north.double(), -east.double()).float() - walker.yaw[:, None]
        facing = (torch.remainder(to_it + math.pi, 2 * math.pi) - math.pi).abs() < half_angle
        return (near & facing & (things.label == kind)).any(1)

    def _pushed(self, things: Things) -> Bool[Tensor, " B"]:
        """Whether some crate is on some mark."""
        crates, marks = self._are(things, self.config.crate), self._are(things, self.config.mark)
        most = [max(1, int(found.sum(1).max())) for found in (crates, marks)]
        first, second = (
            torch.sort((~found).long(), dim=1, stable=True).indices[:, :count]
            for found, count in zip((crates, marks), most, strict=True)
        )
        place = lambda lines: things.centre.gather(1, lines[..., None].expand(-1, -1, 3))  # noqa: E731
        apart = _apart(place(first)[:, :, None], place(second)[:, None])
        both = crates.gather(1, first)[:, :, None] & marks.gather(1, second)[:, None]
        return ((apart < self.config.mark_reach) & both).any(2).any(1)


def _apart(some: Tensor, others: Tensor) -> Tensor:
    """Metres between points [..., 3], seen from above."""
    east, north = some[..., 0] - others[..., 0], some[..., 1] - others[..., 1]
    return (east * east + north * north).sqrt()


def _numbers(goal: Goal | None, classes: Sequence[str]) -> list[float]:
    if goal is None:
        return [-2.0] + [0.0] * 6
    angle = ANYWHERE if goal.half_angle is None else goal.half_angle
    return [float(classes.index(goal.kind)), goal.reach, angle, *goal.middle, *goal.half]
