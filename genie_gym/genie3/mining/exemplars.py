"""The atlas: blocks of walls that were seen from near, and for each patch of all walls the place in it that looks like it.

What many recordings showed from far is drawn with what a few showed from near, as in image analogies (Hertzmann et al.
2001). A patch begins with the place that is most alike; then neighbours that go on where the other ends are preferred, and
better places are looked for near by (PatchMatch, Barnes et al. 2009). So windows and doors are copied as a whole, and
courses of bricks go on.

Legend: n patches, b blocks, d features, U V rows and columns of the atlas, L levels of blur, K centres.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from scipy.ndimage import uniform_filter

from genie_gym.genie3.mining.build import Atlas, Piece
from genie_gym.genie3.mining.cells import DRY, SHINE
from genie_gym.genie3.mining.detail import COARSEST, FINER, Detail
from genie_gym.genie3.mining.match import BLOCK, MARGIN, improve
from genie_gym.genie3.mining.patches import SHINES, SHINING, SIDE, shining
from genie_gym.genie3.mining.planes import Side
from genie_gym.progress import progress

STRIDE = BLOCK // 2  # between blocks that are chosen from
SURFACE = 0.6  # of a block that must be there
SEEN, FROM_FAR = 0.5, 4  # share that was seen from near; so many blocks at most of a side of which none was
LEVELS = 3  # of blur: patches that were seen at 1, 2 and 4 or more texels
SHINE_WEIGHT = 0.4  # of what shines, against colours
MEAN_WEIGHT = 0.3  # of mean colours, against how texels differ from them
AXES = 40  # in which patches differ most, and are compared
CENTRES, ROUNDS, TRAINED = 1500, 8, 30_000  # of patches that blocks are chosen by
UNSEEN = 1.0  # of how patches vary: what a block costs that nobody saw from near
ABREAST = 16  # blocks along a row of the atlas
FAR_SHARE = 0.12  # of the blocks that are for what is only seen from far, at most


@dataclass(frozen=True, eq=False)
class _Walls:
    """Patches of sides whose pictures are all as fine, `finer` times their texels. `number` [n]: of each patch among all;
    `low` [n, 8, 8, 4]: its texels (colours, 255 times the share of the glow), `dark` [n]: whether it was seen in the dark;
    `blur` [n]; `neighbours` [n, 4]: left, right, below and above, -1 for none, `steps` [n, 4, 2]: fine texels from there."""

    finer: int
    number: Int[np.ndarray, " n"]
    low: Float[np.ndarray, "n 8 8 4"]
    dark: np.ndarray
    blur: Int[np.ndarray, " n"]
    neighbours: Int[np.ndarray, "n 4"]
    steps: Int[np.ndarray, "n 4 2"]


@dataclass(frozen=True, eq=False)
class _Blocks:
    """Blocks: `texels` [b, 96, 96, 7] (colours, 255 times the share of the glow, colour of the glow), `seen` [b]: the share
    that was seen from near."""

    texels: Float[np.ndarray, "b 96 96 7"]
    seen: Float[np.ndarray, " b"]

    def __len__(self) -> int:
        return len(self.seen)


def make_atlas(pieces: Sequence[Piece], details: Sequence[Sequence[Detail | None]], blocks: int, seed: int) -> Atlas:
    """An atlas of at most so many blocks, for all pieces."""
    total = sum(len(piece.patches) for piece in pieces)
    windows, glow = np.tile(np.array([0, 0, 1]), (total, 1)), np.zeros((total, 3))
    chosen: list[np.ndarray] = []
    used = 0
    for far in (True, False):
        room = max(int(FAR_SHARE * blocks), 1) if far else blocks - used
        walls = _walls(pieces, far)
        if walls is None:
            continue
        found = _all_blocks(pieces, details, far)
        best = _choose(walls, found, room, seed)
        mine = found.texels[best]
        rows, columns, shone = _matched(walls, mine)
        at = used + rows // BLOCK  # blocks of this kind lie one below the other while they are matched
        windows[walls.number] = np.stack(
            [at // ABREAST * BLOCK + rows % BLOCK, at % ABREAST * BLOCK + columns, np.full(len(rows), SIDE * walls.finer)], 1
        )
        glow[walls.number] = shone
        chosen.append(mine[..., :4])
        used += len(mine)
    height = -(-max(used, 1) // ABREAST) * BLOCK
    texels = np.zeros((height // BLOCK * ABREAST, BLOCK, BLOCK, 4), np.uint8)
    if chosen:
        texels[:used] = np.clip(np.rint(np.concatenate(chosen)), 0, 255)
    whole = texels.reshape(-1, ABREAST, BLOCK, BLOCK, 4).swapaxes(1, 2).reshape(height, ABREAST * BLOCK, 4)
    return Atlas(np.ascontiguousarray(whole), windows, glow)


def _is_far(piece: Piece) -> bool:
    return piece.source.cell >= COARSEST


def _walls(pieces: Sequence[Piece], far: bool) -> _Walls | None:
    finer = 1 if far else FINER
    numbers, low, dark, blur, neighbours, steps = [], [], [], [], [], []
    begin = done = 0
    for piece in pieces:
        count = len(piece.patches)
        if count and _is_far(piece) == far:
            pictures = [_coarse(side) for side in piece.sides]
            for side, row, column in piece.patches.at.tolist():
                part = slice(row, row + SIDE), slice(column, column + SIDE)
                low.append(pictures[side][part])
                blur.append(np.median(piece.sides[side].blur[part]))
            dark.append(piece.patches.known[:, SHINE])
            near, away = _neighbours(piece.patches.at)
            neighbours.append(np.where(near < 0, -1, near + done))
            steps.append(away * finer)
            numbers.append(np.arange(begin, begin + count))
            done += count
        begin += count
    if not numbers:
        return None
    return _Walls(
        finer, np.concatenate(numbers), np.array(low, np.float32), np.concatenate(dark),
        np.minimum(np.array(blur), LEVELS - 1).astype(int), np.concatenate(neighbours), np.concatenate(steps),
    )  # fmt: skip


def _coarse(side: Side) -> Float[np.ndarray, "V U 4"]:
    """A side's texels as patches compare them."""
    shines = 255.0 * shining(side.colours, side.known)
    return np.concatenate([side.colours[:, :, DRY], shines[..., None]], -1).astype(np.float32)


def _neighbours(at: Int[np.ndarray, "n 3"]) -> tuple[Int[np.ndarray, "n 4"], Int[np.ndarray, "n 4 2"]]:
    """Which patches lie left, right, below and above, and how many texels (rows, columns) it is from there to here."""
    where = {tuple(one): number for number, one in enumerate(at.tolist())}
    near, away = np.full((len(at), 4), -1), np.zeros((len(at), 4, 2), int)
    for number, (side, row, column) in enumerate(at.tolist()):
        for step in range(SIDE, SIDE // 2, -1):
            for k, (up, right) in enumerate(((0, -step), (0, step), (-step, 0), (step, 0))):
                other = where.get((side, row + up, column + right))
                if other is not None and near[number, k] < 0:
                    near[number, k], away[number, k] = other, (-up, -right)
    return near, away


def _all_blocks(pieces: Sequence[Piece], details: Sequence[Sequence[Detail | None]], far: bool) -> _Blocks:
    """Blocks of all sides, from near where that was seen."""
    texels, seen = [], []
    for piece, looks in zip(pieces, details, strict=True):
        if _is_far(piece) != far:
            continue
        for side, detail in zip(piece.sides, looks, strict=True):
            mine = list(_blocks_of(side, detail, 1 if far else FINER))
            near = [one for one in mine if one[1] >= SEEN]
            for block, share in near or mine[:: 1 + len(mine) // FROM_FAR]:
                texels.append(block.astype(np.float16))
                seen.append(share)
    return _Blocks(np.array(texels, np.float16).reshape(-1, BLOCK, BLOCK, 7), np.array(seen, np.float32))


def _blocks_of(side: Side, detail: Detail | None, finer: int) -> Iterator[tuple[np.ndarray, float]]:
    """Blocks of one side, and how much of each was seen from near."""
    picture, sure = _fine(side, detail, finer)
    mask = np.repeat(np.repeat(side.mask, finer, 0), finer, 1)
    lacking = [(0, max(0, BLOCK - length)) for length in mask.shape]
    picture = np.pad(picture, (*lacking, (0, 0)), mode="symmetric")
    sure, mask = np.pad(sure, lacking, mode="symmetric"), np.pad(mask, lacking, mode="symmetric")
    for row in _along(mask.shape[0]):
        for column in _along(mask.shape[1]):
            part = slice(row, row + BLOCK), slice(column, column + BLOCK)
            if mask[part].mean() >= SURFACE:
                yield picture[part], float(sure[part][mask[part]].mean())


def _along(length: int) -> list[int]:
    count = 1 + -(-(length - BLOCK) // STRIDE)
    return np.rint(np.linspace(0, length - BLOCK, count)).astype(int).tolist()


def _fine(side: Side, detail: Detail | None, finer: int) -> tuple[np.ndarray, np.ndarray]:
    """The picture of a side [V, U, 7] as blocks hold it, and which texels were seen from near: all where it is not finer."""
    glow = np.clip(side.colours[:, :, SHINE], 0, 255) * side.known[..., SHINE, None]
    share = 255.0 * shining(side.colours, side.known)
    picture = np.concatenate([side.colours[:, :, DRY], share[..., None], glow], -1)
    if finer == 1:
        return picture, np.ones(side.mask.shape, bool)
    coarse = torch.from_numpy(picture.astype(np.float32)).movedim(2, 0)[None]
    picture = F.interpolate(coarse, scale_factor=finer, mode="bilinear")[0].movedim(0, 2).numpy().copy()
    if detail is None:
        return picture, np.zeros(picture.shape[:2], bool)
    picture[detail.seen, :3] = np.clip(detail.albedo[detail.seen], 0, 255)
    dark = detail.shine_seen
    shine = np.clip(detail.shine, 0, 255)
    picture[dark, 3] = 255.0 * (shine.max(-1) > SHINES)[dark]
    picture[dark, 4:] = shine[dark]
    return picture, detail.seen


def _features(windows: Float[np.ndarray, "n 8 8 4"]) -> Float[np.ndarray, "n d"]:
    """What patches are compared by: how texels differ from their mean, and a little the mean."""
    mean = windows[..., :3].mean((1, 2))
    differ = windows[..., :3] - mean[:, None, None]
    parts = differ, SHINE_WEIGHT * windows[..., 3:], MEAN_WEIGHT * SIDE * mean
    return np.concatenate([part.reshape(len(windows), -1) for part in parts], 1).astype(np.float32)


def _blurred(pictures: Float[np.ndarray, "b U V 4"], size: int) -> Float[np.ndarray, "b U V 4"]:
    return np.asarray(uniform_filter(pictures, (1, size, size, 1), mode="nearest")) if size > 1 else pictures


def _windows(coarse: Float[np.ndarray, "b U V 4"], step: int) -> tuple[np.ndarray, np.ndarray]:
    """All windows of 8×8 texels, every `step` texels: [b, n, 8, 8, 4], and their first rows and columns [n, 2]."""
    height, width = coarse.shape[1:3]
    rows, columns = np.arange(0, height - SIDE + 1, step), np.arange(0, width - SIDE + 1, step)
    at = np.stack(np.meshgrid(rows, columns, indexing="ij"), -1).reshape(-1, 2)
    found = np.stack([coarse[:, r : r + SIDE, c : c + SIDE] for r, c in at.tolist()], 1)
    return found, at


def _as_coarse(texels: Float[np.ndarray, "b 96 96 7"], finer: int) -> Float[np.ndarray, "b U V 4"]:
    side = BLOCK // finer
    parts = texels[..., :4].astype(np.float32).reshape(len(texels), side, finer, side, finer, 4)
    return np.asarray(parts.mean((2, 4)))


def _choose(walls: _Walls, blocks: _Blocks, count: int, seed: int) -> Int[np.ndarray, " b"]:
    """The blocks by which patches are told best: one after the other that which betters most."""
    if len(blocks) <= count:
        return np.arange(len(blocks))
    sharp = np.flatnonzero(walls.blur == walls.blur.min())
    features = torch.from_numpy(_features(walls.low[sharp]))
    generator = torch.Generator().manual_seed(seed)
    features = features[torch.randperm(len(features), generator=generator)[:TRAINED]]
    axes = _axes(features)
    short = features @ axes
    centres, weight = _centres(short, min(CENTRES, len(short)), generator)
    usual = float((short - short.mean(0)).pow(2).sum(1).mean())
    costs = torch.empty(len(blocks), len(centres))
    step = 2 if walls.finer > 1 else 8
    for first in progress(range(0, len(blocks), 64), desc="compare blocks"):
        part = slice(first, first + 64)
        found, _ = _windows(_as_coarse(blocks.texels[part], walls.finer), step)
        many = torch.from_numpy(_features(found.reshape(-1, SIDE, SIDE, 4))) @ axes
        apart = torch.cdist(many, centres).pow(2).reshape(found.shape[0], found.shape[1], -1)
        costs[part] = apart.amin(1)
    costs += UNSEEN * usual * (1 - torch.from_numpy(blocks.seen))[:, None]
    best = torch.full((len(centres),), 4 * usual)
    chosen: list[int] = []
    for _ in range(count):
        gain = ((best - costs).clamp(min=0) * weight).sum(1)
        one = int(gain.argmax())
        if float(gain[one]) <= 0:
            break
        chosen.append(one)
        best = torch.minimum(best, costs[one])
    return np.array(chosen or [int(costs.mean(1).argmin())])


def _axes(features: Float[torch.Tensor, "n d"]) -> torch.Tensor:
    centred = (features - features.mean(0)).double()
    return torch.linalg.eigh(centred.T @ centred).eigenvectors[:, -AXES:].float()


def _centres(points: torch.Tensor, count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Centres that stand for points, and how many points each stands for."""
    centres = points[torch.randperm(len(points), generator=generator)[:count]].clone()
    weight = torch.ones(count)
    for _ in range(ROUNDS):
        owner = _nearest(points, centres)
        weight = torch.bincount(owner, minlength=count).float()
        sums = torch.zeros_like(centres).index_add_(0, owner, points)
        centres = torch.where(weight[:, None] > 0, sums / weight[:, None].clamp(min=1), centres)
    return centres, weight


def _nearest(points: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    """The nearest centre of each point; in parts that fit into caches."""
    best, owner = torch.full((len(points),), torch.inf), torch.zeros(len(points), dtype=torch.int64)
    for first in range(0, len(centres), 4096):
        some = centres[first : first + 4096]
        twice, size = (-2 * some).T.contiguous(), some.pow(2).sum(1)
        for begin in range(0, len(points), 512):
            rows = slice(begin, begin + 512)
            least, at = torch.addmm(size, points[rows], twice).min(1)
            nearer = least < best[rows]
            best[rows] = torch.where(nearer, least, best[rows])
            owner[rows] = torch.where(nearer, at + first, owner[rows])
    return owner


def _matched(walls: _Walls, texels: np.ndarray) -> tuple[np.ndarray, np.ndarray, Float[np.ndarray, "n 3"]]:
    """Of each patch the first row and column of its window, where blocks lie one below the other, and the glow there."""
    finer, span = walls.finer, SIDE * walls.finer
    fine = texels[..., :4].astype(np.float32)
    boxes = np.stack([_blurred(fine, finer * 2**level) for level in range(LEVELS)])
    origin = np.zeros((len(walls.number), 2), np.int64)
    for level in range(LEVELS):
        mine = np.flatnonzero(walls.blur == level)
        if not len(mine):
            continue
        features = torch.from_numpy(_features(walls.low[mine]))
        axes = _axes(features)
        coarse = boxes[level][:, finer // 2 :: finer, finer // 2 :: finer]
        found, at = _windows(coarse, 2)
        many = torch.from_numpy(_features(found.reshape(-1, SIDE, SIDE, 4))) @ axes
        nearest = _nearest(features @ axes, many).numpy()
        block, place = np.divmod(nearest, len(at))
        inside = np.clip(at[place] * finer, MARGIN, BLOCK - span - MARGIN)
        origin[mine] = inside + np.stack([block * BLOCK, np.zeros_like(block)], 1)
    column = boxes.reshape(LEVELS, -1, BLOCK, 4)
    flat = np.ascontiguousarray(fine.reshape(-1, BLOCK, 4))
    weight = np.where(walls.dark, SHINE_WEIGHT**2, 0.0).astype(np.float32)
    improve(
        walls.low, weight, walls.blur, walls.neighbours, walls.steps, column, flat, finer, MEAN_WEIGHT**2, origin,
    )  # fmt: skip
    shone = _glow_of(texels, origin, span)
    return origin[:, 0], origin[:, 1], shone


def _glow_of(texels: np.ndarray, origin: Int[np.ndarray, "n 2"], span: int) -> Float[np.ndarray, "n 3"]:
    """The mean glow of the texels that shine in each window; none where few do."""
    tall = texels[..., 3:].reshape(-1, BLOCK, 4).astype(np.float32)
    found = np.zeros((len(origin), 3))
    for number, (row, column) in enumerate(origin.tolist()):
        part = tall[row : row + span, column : column + span]
        shines = part[..., 0] > 127
        if shines.mean() > SHINING:
            found[number] = part[shines, 1:].mean(0)
    return found
