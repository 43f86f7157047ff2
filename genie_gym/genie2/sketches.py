"""What stands where, roughly, in views that were recorded: the class of each square of a view, and how far away it is. A
planner keeps some thousands of such sketches, without colours or light, and plans new views after them: the composition of
a place is recalled, everything that is seen of it is imagined (retrieval for generative models: Blattmann et al. 2022,
arXiv:2204.11824).

Legend: B views, N sketches, N2 as many mirrored besides, P wishes for things, n numbers, G numbers of a wish, C classes,
H W image, or cells of it, h w squares of cells.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, Shaped, UInt8
from torch import Tensor, nn

from genie_gym.genie2.plans import CELL, SIDE
from genie_gym.models.row_random import uniform

STREAM = 101  # of the rows' random numbers
UNSAID = 255  # the class of a square of which nothing is said
MUCH = 0.1  # the share of a view from which on all of what is hidden is said
SIZES_AT_FIRST = (1, 4)  # squares: there, and good enough in a first view, where scene and weather are to show too
SIZES = (1, 4, 8, 16)  # in one that comes
NO_SCENE = 255  # of sketches that are kept for the things in them
FOR_THINGS = 0.25  # the share of these
TELLING = 0.3  # so large a part of a scene's views is drawn from: those that tell it most clearly
MOST = 0.3  # of a view: of a thing that fills more one sees no more than a wall
THINGS_WEIGH = 2  # so much more than a pixel of an area does a pixel of a thing count for what a square shows


@dataclass
class Sketch:
    """The class of each square, `UNSAID` where nothing is said, and its log depth, as `rgbd.pack` has it."""

    classes: UInt8[Tensor, "B h w"]
    depth: Float[Tensor, "B h w"]

    @classmethod
    def nothing(cls, like: Shaped[Tensor, "B h w"]) -> Sketch:
        return cls(torch.full(like.shape, UNSAID, dtype=torch.uint8, device=like.device), torch.zeros_like(like).float())

    def only(self, where: Bool[Tensor, "B h w"]) -> Sketch:
        """What it says of some squares."""
        return Sketch(torch.where(where, self.classes, UNSAID), torch.where(where, self.depth, 0.0))

    def over(self, other: Sketch) -> Sketch:
        """What it says, and elsewhere what `other` does."""
        said = self.classes != UNSAID
        return Sketch(torch.where(said, self.classes, other.classes), torch.where(said, self.depth, other.depth))

    def mirrored(self) -> Sketch:
        return Sketch(self.classes.flip(2), self.depth.flip(2))


class Sketches(nn.Module):
    """Those that a planner keeps. Each counts twice: as it is, and mirrored."""

    classes: Tensor
    depth: Tensor
    scene: Tensor

    def __init__(self, count: int, size: tuple[int, int], num_scenes: int):
        super().__init__()
        self.num_scenes = num_scenes
        self.register_buffer("classes", torch.full((count, *size), UNSAID, dtype=torch.uint8))
        self.register_buffer("depth", torch.zeros(count, *size, dtype=torch.uint8))
        self.register_buffer("scene", torch.zeros(count, dtype=torch.uint8))

    def fill(
        self,
        classes: UInt8[Tensor, "B h w"],
        depth: Float[Tensor, "B h w"],
        scene: Int[Tensor, " B"],
        things: Bool[Tensor, " C"],
    ) -> None:
        """Keeps as many as there is room for: evenly out of those that tell their scene most clearly, or these again and
        again; and for each class of `things` some in which it is large."""
        large = _largest(classes, things, round(FOR_THINGS * len(self.scene)))
        telling = _clearest(clarity(classes, scene), scene)
        even = _evenly(telling, len(self.scene) - len(large))
        kept = torch.cat([even, large])
        self.classes.copy_(classes[kept])
        self.depth.copy_((depth[kept] * 255).round().to(torch.uint8))
        self.scene.copy_(scene[kept].to(torch.uint8))
        self.scene[len(even) :] = NO_SCENE

    def draw(
        self,
        wish: Float[Tensor, "B G"],
        num_classes: int,
        hidden: Bool[Tensor, "B h w"],
        seed: Int[Tensor, " B"],
        counter: Int[Tensor, " B"],
    ) -> Sketch:
        """One for each row, as its seed says, of those that fit its wish best: of the scene that is wished for, with as many
        as there are of the things, large enough to be seen. What such a one does not show is put in from others. Of a view
        that is known in part it says what is `hidden`; of one that is nearly known, only things that are wished for."""
        chance = uniform(seed, counter, STREAM, 1 + num_classes)
        scenes, things = wish[:, : self.num_scenes], wish[:, -num_classes:] != 0
        asked, known = torch.where(scenes.any(1, keepdim=True), scenes, 1.0), self.scene != NO_SCENE
        fits = torch.where(known, asked[:, self.scene.long() * known], 0.0).repeat(1, 2)
        row, thing = things.nonzero(as_tuple=True)  # [P]: what each row wishes for
        shown = self._shown(thing, hidden[row])
        much = hidden.float().mean((1, 2)) > MUCH
        score = 2 * fits + torch.zeros_like(fits).index_add_(0, row, shown) / things.sum(1, keepdim=True).clamp(min=1)
        number = _one_of(score, chance[:, 0])
        sketch = self._numbered(number).only(hidden & much[:, None, None])
        missing = shown.any(1) & ~(much[row] & (shown.gather(1, number[row, None])[:, 0] > 0))
        others = self._numbered(_one_of(shown * (1 + fits[row]), chance[row, 1 + thing]))
        others = others.only((others.classes == thing[:, None, None]) & hidden[row] & missing[:, None, None])
        turn = (things.cumsum(1) - 1)[row, thing]
        for k in range(int(things.sum(1).max())):  # of each row the first thing, then the second before it, …
            now, put = turn == k, Sketch.nothing(hidden)
            put.classes[row[now]], put.depth[row[now]] = others.classes[now], others.depth[now]
            sketch = put.over(sketch)
        return sketch

    def _shown(self, thing: Int[Tensor, " P"], hidden: Bool[Tensor, "P h w"]) -> Float[Tensor, "P N2"]:
        """How large each sketch, and each mirrored one, shows a thing in squares that are hidden: the share of the sizes
        that it reaches."""
        there = self.classes == thing[:, None, None, None]
        sides = [_count(there & side[:, None]) for side in (hidden, hidden.flip(2))]
        size = torch.cat(sides, 1)
        at_first, later = ((size[..., None] >= size.new_tensor(sizes)).float().mean(2) for sizes in (SIZES_AT_FIRST, SIZES))
        return torch.where(hidden.flatten(1).all(1, keepdim=True), at_first, later)

    def _numbered(self, number: Int[Tensor, " B"]) -> Sketch:
        """Some of them; the second half are mirrored."""
        at = number % len(self.scene)
        sketch = Sketch(self.classes[at], self.depth[at].float() / 255)
        mirrored, is_second = sketch.mirrored(), (number >= len(self.scene))[:, None, None]
        return Sketch(
            torch.where(is_second, mirrored.classes, sketch.classes), torch.where(is_second, mirrored.depth, sketch.depth)
        )


def clarity(classes: UInt8[Tensor, "B h w"], scene: Int[Tensor, " B"]) -> Float[Tensor, " B"]:
    """How clearly sketches show what is to be expected of their scene: by what classes occur, the log odds by which naive
    Bayes takes them for it. A view out of a window shows another one."""
    shown = torch.zeros(len(scene), 256).scatter_(1, classes.flatten(1).long(), 1.0)
    shown = shown[:, shown.any(0)]
    chances = torch.full((int(scene.max()) + 1, len(scene)), -torch.inf)
    for number in scene.unique().tolist():
        mine = shown[scene == number]
        often = (mine.sum(0) + 1) / (len(mine) + 2)
        chances[number] = shown @ often.log() + (1 - shown) @ (1 - often).log()
    own = chances.gather(0, scene[None])[0]
    return own - chances.scatter(0, scene[None], -torch.inf).amax(0).clamp(min=-1e4)


def _clearest(clear: Float[Tensor, " B"], scene: Int[Tensor, " B"]) -> Int[Tensor, " n"]:
    """The numbers of those that tell their scene best, in order: so large a part of each scene's as `TELLING` says."""
    kept = []
    for number in scene.unique().tolist():
        mine = torch.nonzero(scene == number)[:, 0]
        kept.append(mine[clear[mine].topk(math.ceil(TELLING * len(mine))).indices])
    return torch.cat(kept).sort()[0]


def _largest(classes: UInt8[Tensor, "B h w"], things: Bool[Tensor, " C"], count: int) -> Int[Tensor, " n"]:
    """The numbers of up to `count` sketches, as many for each class of things: evenly out of four times as many in which it
    is largest."""
    kinds = torch.nonzero(things)[:, 0].tolist()
    each = count // max(1, len(kinds))
    kept = [torch.zeros(0, dtype=torch.int64)]
    for kind in kinds:
        size = _count(classes == kind)
        largest = size.topk(min(4 * each, len(size))).indices
        largest = largest[size[largest] > 0]
        kept.append(_evenly(largest, min(each, len(largest))))
    return torch.cat(kept)


def squares(semantic: UInt8[Tensor, "B H W"], areas: Bool[Tensor, " C"]) -> UInt8[Tensor, "B h w"]:
    """What each square of a view shows most of; the view is padded to the right and below to whole squares. `areas` are the
    classes that count less."""
    side = CELL * SIDE
    height, width = semantic.shape[-2:]
    padded = F.pad(semantic.float()[:, None], (0, -width % side, 0, -height % side), mode="replicate")
    shown = F.pixel_unshuffle(padded, side).long()  # [B, side², h, w]
    weight = torch.cat([torch.where(areas, 1, THINGS_WEIGH), torch.zeros(256 - len(areas), dtype=torch.int64)])
    counts = torch.zeros(len(shown), 256, *shown.shape[2:], dtype=torch.int64)
    most, which = counts.scatter_add_(1, shown, weight[shown]).max(1)
    return torch.where(most > 0, which, UNSAID).to(torch.uint8)


def square_depth(plans: Float[Tensor, "B 4 H W"]) -> Float[Tensor, "B h w"]:
    """The log depth of each square of plans."""
    return F.avg_pool2d(plans[:, 3:], SIDE)[:, 0]


def _evenly(numbers: Int[Tensor, " N"], count: int) -> Int[Tensor, " n"]:
    """So many of them, from the first to the last; again and again, where there are fewer."""
    return numbers[torch.linspace(0, len(numbers) - 1, count).round().long()]


def _count(squares: Bool[Tensor, "*batch h w"]) -> Int[Tensor, "*batch"]:
    """How many there are; of a wall, none."""
    count = squares.flatten(-2).sum(-1)
    return torch.where(count > MOST * squares.shape[-2] * squares.shape[-1], 0, count)


def _one_of(score: Float[Tensor, "B n"], chance: Float[Tensor, " B"]) -> Int[Tensor, " B"]:
    """Of each row, a number among those of the highest score."""
    best = score == score.amax(1, keepdim=True)
    place = (chance * best.sum(1)).long()
    return (best.cumsum(1) > place[:, None]).int().argmax(1)
