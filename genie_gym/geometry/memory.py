"""Keyframe memory: the first RGB-D view of a place, later ones in a ring, and the choice of those that show most of a coming
view.

Legend: B rows, R some of them, M slots, K chosen views, P points a view, G cells of the coming view, H W image.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Float16, Int, UInt8
from torch import Tensor

from genie_gym.geometry.camera import Camera
from genie_gym.geometry.pose import invert
from genie_gym.geometry.reproject import NEAREST, Views, size_cost
from genie_gym.state import State

CELLS = (9, 16)  # lines and columns of the grid on which a coming view is judged; a view's points lie as far apart
WORTHLESS = 4.0  # the cost (`size_cost`) from which a surface seen from elsewhere says nothing


@dataclass(kw_only=True)
class KeyframeMemory(State):
    """Of each row the first keyframe, which was given and outlives what is imagined, in slot 0; and the last M - 1 others,
    in a ring. Constant in size: 72 kB a keyframe of 160×90.

    `inverse_depth` (1/m) is 0 where nothing is to be remembered, as of things that move; `penalty` is how much less a
    keyframe is trusted than others; `count` is how many were written.
    """

    colours: UInt8[Tensor, "B M 3 H W"]
    inverse_depth: Float16[Tensor, "B M H W"]
    poses: Float[Tensor, "B M 4 4"]
    penalty: Float[Tensor, "B M"]
    count: Int[Tensor, " B"]

    @classmethod
    def empty(cls, rows: int, slots: int, camera: Camera, device: torch.device) -> KeyframeMemory:
        size = (rows, slots, camera.height, camera.width)
        return cls(
            colours=torch.zeros((rows, slots, 3, *size[2:]), dtype=torch.uint8, device=device),
            inverse_depth=torch.zeros(size, dtype=torch.float16, device=device),
            poses=torch.eye(4, device=device).repeat(rows, slots, 1, 1),
            penalty=torch.zeros(rows, slots, device=device),
            count=torch.zeros(rows, dtype=torch.long, device=device),
        )

    def write(
        self,
        rows: Int[Tensor, " R"],
        colours: UInt8[Tensor, "R 3 H W"],
        inverse_depth: Float[Tensor, "R H W"],
        poses: Float[Tensor, "R 4 4"],
        penalty: float,
    ) -> None:
        """Adds a keyframe to each of some rows, in place; the oldest one but the first gives way."""
        count = self.count[rows]
        slot = torch.where(count > 0, 1 + (count - 1) % (self.colours.shape[1] - 1), 0)
        self.colours[rows, slot] = colours
        self.inverse_depth[rows, slot] = inverse_depth.half()
        self.poses[rows, slot] = poses
        self.penalty[rows, slot] = penalty
        self.count[rows] += 1

    def views(self, rows: Int[Tensor, " R"], chosen: Int[Tensor, "R K"]) -> Views:
        """These keyframes of each of some rows."""
        at = rows[:, None], chosen
        return Views(self.colours[at].float() / 255, self.inverse_depth[at].float(), self.poses[at], self.penalty[at])

    def recall(
        self, pose: Float[Tensor, "R 4 4"], camera: Camera, count: int, rows: Int[Tensor, " R"] | None = None
    ) -> Views:
        """The `count` keyframes that together show most of the view from `pose`, of some rows or of all: each is chosen for
        what it adds to those before it. No keyframe comes twice: where no more add anything, the rest show nothing."""
        rows = torch.arange(len(pose), device=pose.device) if rows is None else rows
        worth = self._worth(rows, pose, camera)
        have = torch.zeros_like(worth[:, 0])
        chosen: list[Tensor] = []
        for _ in range(count):
            best = (worth - have[:, None]).clamp(min=0).sum(-1).argmax(1)
            chosen.append(best)
            have = torch.maximum(have, worth.gather(1, best[:, None, None].expand(-1, 1, worth.shape[2]))[:, 0])
        picks = torch.stack(chosen, 1)
        again = (picks[:, :, None] == picks[:, None]).tril(-1).any(2)  # where none adds anything, the first is taken again
        views = self.views(rows, picks)
        return replace(views, inverse_depth=torch.where(again[..., None, None], 0.0, views.inverse_depth))

    def _worth(self, rows: Int[Tensor, " R"], pose: Float[Tensor, "R 4 4"], camera: Camera) -> Float[Tensor, "R M G"]:
        """What each keyframe knows of each cell of the view: 1 for a surface seen from as far, 0 for nothing. Points that
        something hides count too: it is a choice, not a picture."""
        lines, columns = _points(camera, pose.device)
        slots = torch.arange(self.poses.shape[1], device=pose.device)[:, None]
        inverse_depth = self.inverse_depth[rows[:, None, None], slots, lines, columns].float()  # [R, M, P]
        to_target = invert(pose)[:, None] @ self.poses[rows]
        rays = camera.rays(pose.device)[:, lines * camera.width + columns]
        depth = 1 / inverse_depth.clamp(min=1e-4)
        x, y, z = (to_target[..., :3, :3] @ rays * depth[:, :, None] + to_target[..., :3, 3:]).unbind(2)
        near = 1 / z.clamp(min=NEAREST)
        column = torch.floor((x * near * camera.focal / camera.width + 0.5) * CELLS[1])
        line = torch.floor((y * near * camera.focal / camera.height + 0.5) * CELLS[0])
        inside = (z > NEAREST) & (column >= 0) & (column < CELLS[1]) & (line >= 0) & (line < CELLS[0])
        inside &= inverse_depth > 0
        ratio = (near / inverse_depth.clamp(min=1e-4)).log2()  # above 0: it was seen from farther away
        cost = size_cost(ratio) + self.penalty[rows, :, None]
        worth = torch.where(inside, (1 - cost / WORTHLESS).clamp(min=0), 0.0)
        cells = CELLS[0] * CELLS[1]
        index = torch.where(inside, line * CELLS[1] + column, float(cells)).long()
        found = worth.new_zeros(*worth.shape[:2], cells + 1)
        return found.scatter_reduce_(2, index, worth, "amax")[..., :-1]


def _points(camera: Camera, device: torch.device) -> tuple[Int[Tensor, " P"], Int[Tensor, " P"]]:
    """Lines and columns of the points that stand for a view."""
    lines = ((torch.arange(CELLS[0], device=device) + 0.5) * camera.height / CELLS[0]).long()
    columns = ((torch.arange(CELLS[1], device=device) + 0.5) * camera.width / CELLS[1]).long()
    return lines.repeat_interleave(CELLS[1]), columns.repeat(CELLS[0])
