"""Walls stop: how far a body can go among surfaces that were seen.

Legend: B bodies, P points a body.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

SKIN = 0.1  # the share of a body's radius by which it may be touched
HEAD_ON = 0.4  # the sine of the angle from straight at a wall (24°) below which one does not slide along it, but stops


@dataclass(frozen=True)
class Body:
    """An upright cylinder that carries a camera. Metres."""

    eye: float = 1.6
    """The camera's height above the feet."""
    radius: float = 0.3
    step: float = 0.35
    """What is lower than this above the feet is walked over."""
    head: float = 0.15
    """How far it reaches above the camera."""
    witnesses: int = 3
    """So many points must be in the way: single ones are errors of depth."""


def blocked(
    points: Float[Tensor, "B P 3"], known: Bool[Tensor, "B P"], walk: Float[Tensor, "B 2"], body: Body
) -> tuple[Float[Tensor, " B"], Float[Tensor, "B 2"]]:
    """How much of a walk is free, from 0 to 1, and the way out (of length 1) of what ends it.

    Args:
        points: relative to the camera, x right, y down, z forward, level. known: which of them count.
        walk: metres to the right and forward.
    """
    across, down = points[..., 0::2], points[..., 1]
    solid = known & (down < body.eye - body.step) & (down > -body.head)
    distance = across.square().sum(-1)
    towards = (across * walk[:, None]).sum(-1)
    length = walk.square().sum(-1, keepdim=True).clamp(min=1e-12)
    # |t·walk - point| = radius; what touches it already stops what goes nearer.
    root = towards.square() - length * (distance - body.radius**2)
    reached = torch.where(distance > body.radius**2, (towards - root.clamp(min=0).sqrt()) / length, 0.0)
    hits = solid & (towards > 0) & ((root > 0) | (distance <= body.radius**2))
    reached = torch.where(hits, reached, torch.inf)
    count = min(body.witnesses, reached.shape[1])
    share = reached.kthvalue(count, 1)[0].clamp(0, 1)
    offset = share[:, None, None] * walk[:, None] - across
    touch = torch.where(solid, (1 + SKIN) * body.radius - offset.norm(dim=-1), 0.0).clamp(min=0)
    away = (touch[..., None] * offset).sum(1)  # of all points that are touched there: single ones lie to this side or that
    return share, away / away.norm(dim=-1, keepdim=True).clamp(min=1e-6)


def free_walk(
    points: Float[Tensor, "B P 3"], known: Bool[Tensor, "B P"], walk: Float[Tensor, "B 2"], body: Body
) -> Float[Tensor, "B 2"]:
    """The part of a walk that obstacles leave: up to the first, then along it, up to the next. On the way along, a body is
    thinner by `SKIN`: a wall of points is not smooth. Nor is it known within some degrees how it stands: who goes
    almost straight at it stops (`HEAD_ON`)."""
    share, away = blocked(points, known, walk, body)
    first = share[:, None] * walk
    rest = walk - first
    along = rest - (rest * away).sum(-1, keepdim=True).clamp(max=0) * away
    slides = (share < 1) & (along.norm(dim=-1) > HEAD_ON * rest.norm(dim=-1))
    along = torch.where(slides[:, None], along, 0.0)
    moved = torch.cat([first[:, :1], torch.zeros_like(first[:, :1]), first[:, 1:]], -1)
    again, _ = blocked(points - moved[:, None], known, along, replace(body, radius=(1 - SKIN) * body.radius))
    return first + again[:, None] * along
