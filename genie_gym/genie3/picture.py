"""What a picture showed, drawn where it was seen: its pixels lie over the drawing of the place that begins in it.

A keyframe with depth is reprojected (`geometry.reproject`). What can move belongs to it until it does, and is drawn as all
things are from then on. Around it the place is drawn in the picture's colours, and the seam is hidden: a narrow band there
shows the picture folded over its edge.

Legend: B rows, R some of them, N things a row, H W image.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Float16, Int, Int16, UInt8
from torch import Tensor

from genie_gym.geometry.camera import Camera
from genie_gym.geometry.reproject import Seen as Reprojected
from genie_gym.geometry.reproject import Views, reproject
from genie_gym.geometry.surroundings import mirror, spread
from genie_gym.models.tokenizer import as_float, as_uint8
from genie_gym.places.draw import Seen
from genie_gym.places.seen import FAR
from genie_gym.places.table import Things
from genie_gym.state import State

FRONT = 0.97  # what moves is drawn where it is no farther away than the picture's surface over this
THINGS, GROUND, SKY = range(3)
BRIGHTER, COLOURED = 1.4, 1.15  # by how much, at most, drawn colours are made as bright as a picture's, and as coloured
STILL = 0.25  # metres: what went no farther than that is where the picture shows it
BESIDE = 0.4  # metres from a thing's box within which surfaces are its
SEAM = 0.1  # of the width
CRACK = 2  # pixels to either side of the middle of a crack
FEWEST = 30  # pixels from which colours are compared


@dataclass(kw_only=True)
class Picture(State):
    """The picture that each row began in.

    Args:
        colours: as given. inverse_depth: 1/m, 0 where nothing of it is kept. pose: of its camera, to world.
        line: of what can move, which line of the table of things a pixel shows; -1: of none.
        origin: where these things stood then, x and y; infinite for what the picture does not show.
        tone: what the colours of drawn things, ground and sky are multiplied with to be the picture's.
        known: whether there is one.
    """

    colours: UInt8[Tensor, "B 3 H W"]
    inverse_depth: Float16[Tensor, "B H W"]
    pose: Float[Tensor, "B 4 4"]
    line: Int16[Tensor, "B H W"]
    origin: Float[Tensor, "B N 2"]
    tone: Float[Tensor, "B 3 3"]
    known: Bool[Tensor, " B"]

    @classmethod
    def none(cls, rows: int, capacity: int, camera: Camera, device: torch.device) -> Picture:
        """Rows that began in no picture."""
        size = (camera.height, camera.width)
        return cls(
            colours=torch.zeros(rows, 3, *size, dtype=torch.uint8, device=device),
            inverse_depth=torch.zeros(rows, *size, dtype=torch.float16, device=device),
            pose=torch.eye(4, device=device).repeat(rows, 1, 1),
            line=torch.full((rows, *size), -1, dtype=torch.int16, device=device),
            origin=torch.full((rows, capacity, 2), torch.inf, device=device),
            tone=torch.ones(rows, 3, 3, device=device),
            known=torch.zeros(rows, dtype=torch.bool, device=device),
        )

    def over(self, seen: Seen, things: Things, poses: Float[Tensor, "B 4 4"], camera: Camera) -> Seen:
        """What cameras see of places, with what the pictures showed of them. Classes and instances stay the place's."""
        rows = self.known.nonzero()[:, 0]
        if not len(rows):
            return seen
        mine, line = self.select(rows), seen.line[rows]
        toned = _toned(seen.colours[rows], _groups(line >= 0, seen.depth[rows]), mine.tone)
        here = things.centre[rows, :, :2]
        moved = ((here - mine.origin) ** 2).sum(-1) > STILL**2
        gone = _of_pixels(moved, mine.line.long())
        given = as_float(mine.colours.movedim(1, -1))[:, None]
        inverse_depth = torch.where(gone, 0.0, mine.inverse_depth.float())[:, None]
        equal = torch.zeros(len(rows), 1, device=rows.device)
        shown = reproject(Views(given, inverse_depth, mine.pose[:, None], equal), poses[rows], camera)
        shown, band = _whole(shown), _band(shown.covered, camera)
        moves = moved & (things.movable[rows] | (things.behaviour[rows] >= 0))
        before = _of_pixels(moves, line) & (1 / seen.depth[rows] >= FRONT * shown.inverse_depth)
        packed = torch.cat([shown.colours, shown.inverse_depth[:, None]], 1)
        folded, found = mirror(packed, shown.inverse_depth, shown.covered, torch.ones(len(rows), device=rows.device))
        around = torch.lerp(as_float(toned), folded[:, :3], (band * found)[:, None])
        drawn = torch.where(shown.covered[:, None], shown.colours, around)
        colours, depth = seen.colours.clone(), seen.depth.clone()
        colours[rows] = torch.where(before[..., None], toned, as_uint8(drawn))
        near = (1 / shown.inverse_depth.clamp(min=1 / FAR)).clamp(max=FAR)
        depth[rows] = torch.where(shown.covered & ~before, near, seen.depth[rows])
        return replace(seen, colours=colours, depth=depth)


def _of_pixels(which: Bool[Tensor, "R N"], line: Int[Tensor, "R H W"]) -> Bool[Tensor, "R H W"]:
    """Whether each pixel shows one of these things."""
    return (line >= 0) & which.gather(1, line.flatten(1).clamp(min=0)).reshape(line.shape)


def _band(covered: Bool[Tensor, "R H W"], camera: Camera) -> Float[Tensor, "R H W"]:
    """How near the edge of what is covered a pixel outside lies: 1 at it, 0 from `SEAM` of the picture's width on."""
    reach = max(1, round(SEAM * camera.width))
    share = F.avg_pool2d(covered[:, None].float(), 2 * reach + 1, 1, reach, count_include_pad=False)[:, 0]
    return (2 * share).clamp(max=1)


def shown_lines(
    moves: Bool[Tensor, "B H W"], inverse_depth: Float[Tensor, "B H W"], pose: Float[Tensor, "B 4 4"], things: Things,
    camera: Camera,
) -> tuple[Int16[Tensor, "B H W"], Float[Tensor, "B N 2"]]:  # fmt: skip
    """`Picture.line` and `Picture.origin`: the things that can move in whose boxes, or beside them, these pixels' surfaces
    lie. All else that moves is no longer there when one looks again."""
    rays = camera.rays(pose.device)
    line = torch.full(moves.shape, -1, dtype=torch.int16, device=pose.device)
    origin = torch.full((*things.label.shape, 2), torch.inf, device=pose.device)
    for row in range(len(pose)):
        pixels = moves[row].flatten().nonzero()[:, 0]
        lines = (things.there[row] & (things.movable[row] | (things.behaviour[row] >= 0))).nonzero()[:, 0]
        if not len(pixels) or not len(lines):
            continue
        depth = 1 / inverse_depth[row].flatten()[pixels].clamp(min=1 / FAR)
        points = (pose[row, :3, :3] @ rays[:, pixels] * depth + pose[row, :3, 3:]).T
        apart = points[:, None] - things.centre[row, lines]
        cos, sin = things.yaw[row, lines].cos(), things.yaw[row, lines].sin()
        along = torch.stack([cos * apart[..., 0] + sin * apart[..., 1], cos * apart[..., 1] - sin * apart[..., 0]], -1)
        own = torch.cat([along, apart[..., 2:]], -1).abs()
        beyond, nearest = (own - things.size[row, lines] / 2).amax(-1).min(1)
        chosen = torch.where(beyond < BESIDE, lines[nearest], -1)
        line[row].view(-1)[pixels] = chosen.to(torch.int16)
        known = chosen[chosen >= 0].unique()
        origin[row, known] = things.centre[row, known, :2]
    return line, origin


def _whole(shown: Reprojected) -> Reprojected:
    """What is shown, without the cracks that come of going nearer: these are as what is around them."""
    covered = shown.covered[:, None].float()
    grown = F.max_pool2d(covered, 2 * CRACK + 1, 1, CRACK)
    closed = -F.max_pool2d(-F.pad(grown, (CRACK,) * 4, value=1.0), 2 * CRACK + 1, 1)[:, 0] > 0
    crack = closed & ~shown.covered
    filled = spread(torch.cat([shown.colours, shown.inverse_depth[:, None]], 1), shown.covered)
    return Reprojected(
        torch.where(crack[:, None], filled[:, :3], shown.colours),
        torch.where(crack, filled[:, 3], shown.inverse_depth),
        shown.covered | crack,
    )


def tones(
    frames: UInt8[Tensor, "B H W 3"], kept: Bool[Tensor, "B H W"], drawn: UInt8[Tensor, "B H W 3"],
    depth: Float[Tensor, "B H W"], instance: Int[Tensor, "B H W"],
) -> Float[Tensor, "B 3 3"]:  # fmt: skip
    """What colours of drawn things, ground and sky must be multiplied with to be as in pictures."""
    groups = _groups(instance > 0, depth)
    found = []
    for row in range(len(frames)):
        of_row = torch.ones(3, 3, device=frames.device)
        for group in range(3):
            here = (groups[row] == group) & kept[row]
            if int(here.sum()) >= FEWEST:
                real, mine = (colours[row][here].float().mean(0) + 1 for colours in (frames, drawn))
                bright = real.mean() / mine.mean()
                tint = (real / mine / bright).clamp(1 / COLOURED, COLOURED)
                of_row[group] = bright.clamp(1 / BRIGHTER, BRIGHTER) * tint
        found.append(of_row)
    return torch.stack(found)


def _groups(thing: Bool[Tensor, "R H W"], depth: Float[Tensor, "R H W"]) -> Int[Tensor, "R H W"]:
    """Which tone each pixel of a drawing takes."""
    return torch.where(thing, THINGS, torch.where(depth < FAR, GROUND, SKY))


def _toned(
    colours: UInt8[Tensor, "R H W 3"], groups: Int[Tensor, "R H W"], tone: Float[Tensor, "R 3 3"]
) -> UInt8[Tensor, "R H W 3"]:
    of_pixels = tone.gather(1, groups.flatten(1)[..., None].expand(-1, -1, 3)).reshape(colours.shape)
    return (colours * of_pixels).clamp(0, 255).round().to(torch.uint8)
