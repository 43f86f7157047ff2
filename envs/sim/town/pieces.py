"""Parts of what is as large as the world: its edge, stands, rooms, piers. Drawn as one; each has a box."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from genie_gym.envs.sim.town.shapes import Shape, turned


@dataclass(frozen=True, eq=False)
class Piece:
    """A part, in the axes of what it is part of. `yaw` is the heading of its own frame, in which its box is tight; `kind`
    says what it is."""

    kind: str
    shape: Shape
    yaw: float = 0.0

    def box(self) -> tuple[np.ndarray, np.ndarray]:
        """The middle [3] of the piece's box, and its size [3] before turning."""
        points = self.shape.points()
        own = np.c_[turned(points[:, :2], -self.yaw), points[:, 2]]
        low, high = own.min(0), own.max(0)
        middle = (low + high) / 2
        return np.r_[turned(middle[None, :2], self.yaw)[0], middle[2]], high - low


def merged(pieces: Iterable[Piece]) -> Shape:
    """All pieces as one shape, in their order, vertex by vertex as they are."""
    whole = Shape()
    for piece in pieces:
        for mine, theirs in ((whole.solid, piece.shape.solid), (whole.glow, piece.shape.glow)):
            for points, coordinates, faces in zip(theirs.points, theirs.coordinates, theirs.faces, strict=True):
                mine.add(points, coordinates, faces - faces.min())
        whole.colliders += piece.shape.colliders
    return whole
