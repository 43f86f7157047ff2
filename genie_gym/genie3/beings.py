"""How beings go about: they stand, wander, patrol or follow, round what is in their way, and never into the player.

Where one heads follows from the row's seed, its line in the table and the time: nothing is kept of it.

Legend: B rows, N things, K beings of a row (the most of any row), J ways that are tried, C cells along a side.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from genie_gym.genie3.config import BeingsConfig
from genie_gym.genie3.walkable import is_free
from genie_gym.models.row_random import hash64, uniform
from genie_gym.places.ground import Ground
from genie_gym.places.table import Things
from genie_gym.text.spec import BEHAVIOURS

STREAM = 21  # of the rows' random numbers, and the one after it
WANDER, PATROL, FOLLOW = (BEHAVIOURS.index(name) for name in ("wander", "patrol", "follow"))
TRIES = (0.0, 0.5, -0.5, 1.0, -1.0, 1.6, -1.6, 2.3, -2.3, math.pi)
"""Radians from where one wants to go: the first way that is free is taken."""
FACING = 0.8  # radians: who has to turn by more turns first


def go_about(
    things: Things,
    ground: Ground,
    free: Bool[Tensor, "B C C"],
    player: Float[Tensor, "B 2"],
    seed: Int[Tensor, " B"],
    position: Int[Tensor, " B"],
    speeds: Float[Tensor, " classes"],
    config: BeingsConfig,
    fps: float,
) -> None:
    """Moves all beings by a step, in `things`, in place. `speeds` are those of each class, in metres a second."""
    lines, there = _lines(things)
    if not lines.shape[1]:
        return
    take = lambda values: values.gather(1, lines)  # noqa: E731
    at = torch.stack([take(things.centre[..., k]) for k in (0, 1)], -1)
    yaw, behaviour, speed = take(things.yaw), take(things.behaviour), speeds[take(things.label).clamp(min=0)]
    heading, rests, side = _intent(lines, behaviour, at, player, seed, position, config, fps)
    tries = heading[..., None] + side[..., None] * heading.new_tensor(TRIES)  # [B, K, J]
    ways = torch.stack([tries.cos(), tries.sin()], -1)
    open_ = torch.ones_like(tries, dtype=torch.bool)
    for share in (0.5, 1.0):
        ahead = at[:, :, None] + config.ahead * share * ways
        open_ &= is_free(free, ground.half, ahead)
        open_ &= _keeps_away(ahead, at[:, :, None], player[:, None, None], config.apart)
    chosen = open_.long().argmax(-1, keepdim=True)  # the first
    stuck = ~open_.any(-1)
    turn = _wrapped(tries.gather(-1, chosen)[..., 0] - yaw)
    rests = rests | stuck | ~there
    most = config.turn / fps
    yaw = torch.where(rests, yaw, _wrapped(yaw + turn.clamp(-most, most)))
    pace = torch.where(rests | (turn.abs() > FACING), 0.0, speed / fps)
    there_next = at + pace[..., None] * torch.stack([yaw.cos(), yaw.sin()], -1)
    may = is_free(free, ground.half, there_next) | ~is_free(free, ground.half, at)  # who stands in a wall may leave
    may &= _keeps_away(there_next, at, player[:, None], config.apart) & _keep_apart(there_next, at, there, config.apart)
    moves = may & (pace > 0)
    there_next = torch.where(moves[..., None], there_next, at)
    size = take(things.size[..., 2])
    height = torch.where(moves, ground.height(there_next) + size / 2, take(things.centre[..., 2]))
    gone = there_next - at
    phase = take(things.phase) + _length(gone) / config.round
    velocity = torch.cat([gone * fps, torch.zeros_like(gone[..., :1])], -1)
    _put(things, lines, there, torch.cat([there_next, height[..., None]], -1), yaw, phase, velocity)


def _lines(things: Things) -> tuple[Int[Tensor, "B K"], Bool[Tensor, "B K"]]:
    """The lines of each row's beings, and which of them count."""
    beings = things.there & (things.behaviour >= 0)
    most = int(beings.sum(1).max()) if len(beings) else 0
    lines = torch.sort((~beings).long(), dim=1, stable=True).indices[:, :most]
    return lines, beings.gather(1, lines)


def _intent(
    lines: Int[Tensor, "B K"],
    behaviour: Int[Tensor, "B K"],
    at: Float[Tensor, "B K 2"],
    player: Float[Tensor, "B 2"],
    seed: Int[Tensor, " B"],
    position: Int[Tensor, " B"],
    config: BeingsConfig,
    fps: float,
) -> tuple[Float[Tensor, "B K"], Bool[Tensor, "B K"], Float[Tensor, "B K"]]:
    """Where each wants to head, whether it rests, and to which side it turns first (1 or -1)."""
    own = hash64(seed[:, None] + hash64(lines)).flatten()
    zero = torch.zeros_like(own)
    always = uniform(own, zero, STREAM, 3)
    low, high = config.legs
    leg = ((low + (high - low) * always[:, 0]) * fps).long().clamp(min=1)
    number = (position[:, None].expand_as(lines).flatten() + (always[:, 1] * leg).long()) // leg
    now = uniform(own, number, STREAM + 1, 3)
    wanders = 2 * math.pi * now[:, 0]
    patrols = 2 * math.pi * always[:, 2] + math.pi * (number % 2)
    to_player = player[:, None] - at
    follows = torch.atan2(to_player[..., 1].double(), to_player[..., 0].double()).float().flatten()
    kind = behaviour.flatten()
    heading = torch.where(kind == WANDER, wanders, torch.where(kind == PATROL, patrols, follows))
    rests = (kind == WANDER) & (now[:, 1] < config.rests)
    rests |= (kind == FOLLOW) & (_length(to_player).flatten() < config.follows)
    rests |= ~((kind == WANDER) | (kind == PATROL) | (kind == FOLLOW))
    side = torch.where(now[:, 2] < 0.5, -1.0, 1.0)
    return heading.view_as(at[..., 0]), rests.view(lines.shape), side.view(lines.shape)


def _keeps_away(points: Tensor, at: Tensor, player: Tensor, apart: float) -> Tensor:
    """Whether points [..., 2] are far enough from the player, or no nearer than where one is now."""
    distance = _length(points - player)
    return (distance >= apart) | (distance >= _length(at - player))


def _keep_apart(
    points: Float[Tensor, "B K 2"], at: Float[Tensor, "B K 2"], there: Bool[Tensor, "B K"], apart: float
) -> Bool[Tensor, "B K"]:
    """Whether where each goes is far enough from where all others are, or no nearer than it is now."""
    others = there[:, None] & ~torch.eye(at.shape[1], dtype=torch.bool, device=at.device)
    then = torch.where(others, _length(points[:, :, None] - at[:, None]), torch.inf).amin(2)
    now = torch.where(others, _length(at[:, :, None] - at[:, None]), torch.inf).amin(2)
    return (then >= apart) | (then >= now)


def _length(vector: Tensor) -> Tensor:
    """Of [..., 2], element by element: sums along an axis may be rounded otherwise for other numbers of rows."""
    x, y = vector.unbind(-1)
    return (x * x + y * y).sqrt()


def _wrapped(angle: Tensor) -> Tensor:
    return torch.remainder(angle + math.pi, 2 * math.pi) - math.pi


def _put(things: Things, lines: Tensor, there: Tensor, centre: Tensor, yaw: Tensor, phase: Tensor, velocity: Tensor) -> None:
    """Writes what beings do now; lines that are no beings stay."""
    for name, values in (("yaw", yaw), ("phase", phase)):
        target = getattr(things, name)
        target.scatter_(1, lines, torch.where(there, values, target.gather(1, lines)))
    for name, values in (("centre", centre), ("velocity", velocity)):
        target = getattr(things, name)
        index = lines[..., None].expand(-1, -1, 3)
        target.scatter_(1, index, torch.where(there[..., None], values, target.gather(1, index)))
