"""Views that are asked for: planned, then painted; and what of a wish is still to come.

Legend: B views, G numbers of a wish, C classes, H W image.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genie_gym.genie2.painter import Painter
from genie_gym.genie2.planner import Planner
from genie_gym.genie2.plans import fine, known_cells
from genie_gym.genie2.rgbd import unpack
from genie_gym.geometry.camera import Camera
from genie_gym.geometry.reproject import Seen

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
    plan = planner.plan(*known_cells(seen), wish, seed, counter)
    colours, inverse_depth = unpack(painter.paint(fine(plan, seen.covered.shape[1:])))
    return (
        torch.where(seen.covered[:, None], seen.colours, colours),
        torch.where(seen.covered, seen.inverse_depth, inverse_depth),
    )


def first_views(
    planner: Planner, painter: Painter, camera: Camera, wish: Float[Tensor, "B G"], seed: Int[Tensor, " B"]
) -> tuple[Float[Tensor, "B 3 H W"], Float[Tensor, "B H W"]]:
    """Level views of which nothing is seen yet; one by one, so that no row changes another."""
    nothing = torch.zeros(1, camera.height, camera.width, device=wish.device)
    seen = Seen(nothing[:, None].expand(-1, 3, -1, -1), nothing, nothing > 0)
    rows = zip(wish.split(1), seed.split(1), torch.zeros_like(seed).split(1), strict=True)
    views = [asked_view(planner, painter, seen, *row) for row in rows]
    return torch.cat([colours for colours, _ in views]), torch.cat([depth for _, depth in views])


def is_asked(wish: Float[Tensor, "B G"], seen: Seen, classes: int) -> bool:
    """Whether a coming view is one to be asked for: where a row still waits for a thing, or wishes for a place of some kind,
    of which little is seen yet. All else is better imagined after what is around it."""
    elsewhere = 1 - seen.covered.float().mean((1, 2)) > ELSEWHERE
    return wishes_for_things(wish, classes) or bool((wish.any(1) & elsewhere).any())


def wishes_for_things(wish: Float[Tensor, "B G"], classes: int) -> bool:
    """Whether any row still waits for a thing to come into view."""
    return bool(wish[:, -classes:].any())


def still_wished(wish: Float[Tensor, "B G"], semantic: Int[Tensor, "B H W"], classes: int) -> Float[Tensor, "B G"]:
    """What is still to come: a thing that shows in a view is not wished for any longer."""
    if not wishes_for_things(wish, classes):
        return wish
    shown = semantic.flatten(1)
    counts = torch.zeros_like(wish[:, -classes:]).scatter_add(1, shown, torch.ones_like(shown, dtype=wish.dtype))
    return torch.cat([wish[:, :-classes], wish[:, -classes:] * (counts < MET * shown.shape[1])], 1)
