"""Views that are asked for: planned, then painted; and what of a wish is still to come.

Legend: B views, G numbers of a wish, C classes, H W image.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from genie_gym.genie2.painter import Painter
from genie_gym.genie2.planner import Planner
from genie_gym.genie2.plans import fine, known_cells
from genie_gym.genie2.rgbd import unpack
from genie_gym.geometry.camera import Camera
from genie_gym.geometry.reproject import Seen
from genie_gym.models.chunks import in_chunks

ELSEWHERE = 0.25  # the share of a view that is new, where one looks elsewhere
MET = 0.01  # the share of a view from which a thing that was asked for has been met: twice what counts as being in view


def asked_view(
    planner: Planner,
    painter: Painter,
    seen: Seen,
    wish: Float[Tensor, "B G"],
    seed: Int[Tensor, " B"],
    counter: Int[Tensor, " B"],
) -> tuple[Float[Tensor, "B 3 H W"], Float[Tensor, "B H W"]]:
    """Colours and inverse depth of whole views of which something is seen, or nothing. `counter` keeps several of a row
    apart."""

    def paint(*asked: Tensor) -> Tensor:
        return painter.paint(fine(planner.plan(*asked), seen.covered.shape[1:]))

    colours, inverse_depth = unpack(in_chunks(paint, *known_cells(seen), wish, seed, counter))
    return (
        torch.where(seen.covered[:, None], seen.colours, colours),
        torch.where(seen.covered, seen.inverse_depth, inverse_depth),
    )


def first_views(
    planner: Planner, painter: Painter, camera: Camera, wish: Float[Tensor, "B G"], seed: Int[Tensor, " B"]
) -> tuple[Float[Tensor, "B 3 H W"], Float[Tensor, "B H W"]]:
    """Level views of which nothing is seen yet."""
    nothing = torch.zeros(len(wish), camera.height, camera.width, device=wish.device)
    seen = Seen(nothing[:, None].expand(-1, 3, -1, -1), nothing, nothing > 0)
    return asked_view(planner, painter, seen, wish, seed, torch.zeros_like(seed))


def is_asked(wish: Float[Tensor, "B G"], seen: Seen, classes: int) -> Bool[Tensor, " B"]:
    """Which coming views are to be asked for: where a row still waits for a thing, or wishes for a place of some kind, of
    which little is seen yet. All else is better imagined after what is around it."""
    elsewhere = 1 - seen.covered.float().mean((1, 2)) > ELSEWHERE
    return waits_for_things(wish, classes) | (wish.any(1) & elsewhere)


def waits_for_things(wish: Float[Tensor, "B G"], classes: int) -> Bool[Tensor, " B"]:
    """Which rows still wait for a thing to come into view."""
    return wish[:, -classes:].any(1)


def still_wished(wish: Float[Tensor, "B G"], semantic: Int[Tensor, "B H W"], classes: int) -> Float[Tensor, "B G"]:
    """What is still to come: a thing that shows in a view is not wished for any longer."""
    shown = semantic.flatten(1)
    counts = torch.zeros_like(wish[:, -classes:]).scatter_add(1, shown, torch.ones_like(shown, dtype=wish.dtype))
    return torch.cat([wish[:, :-classes], wish[:, -classes:] * (counts < MET * shown.shape[1])], 1)
