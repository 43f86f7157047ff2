"""Where one can walk within a thing's box, read off its surfels: blocked cells, free ones, and decks one walks on.

Legend: n surfels, Z steps of height.
"""

from __future__ import annotations

import itertools
from collections import deque

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy.ndimage import find_objects, label

from genie_gym.places.surfels import GRID, Asset

BLOCKED, FREE = 255, 0  # of a cell; what lies between is a deck's height above the base
PER_METRE = 10  # steps of a deck's height
STEP, CLEAR = 3, 19  # steps of height: up to which one steps up, and which one's head is above the floor
HIGHEST_DECK = 20.0  # metres
OBLIQUE = 0.3  # of the cosine to a wall's normal, below which one sees neither its face nor its back
SPECK, SPECK_SHARE = 0.25, 0.1  # metres, and share of the cells of what blocks most: less is no post
UPWARD = 0.7  # of a normal's height: what one can stand on
DENSE, MOST_POINTS = 0.8, 24  # of a cell's shorter side: how far apart points of a surfel lie; along its diameter


def occupancy_of(asset: Asset) -> UInt8[np.ndarray, "32 32"]:
    """What the asset says, or else what its surfels say: rows go along its y, columns along its x.

    One walks in from outside, up and down steps of 0.3 m, wherever nothing is between 0.3 m and 1.9 m above the floor, but
    not on the ground within walls. Where one gets, the floor's height; everything else is blocked."""
    if asset.occupancy is not None:
        return asset.occupancy
    solid, upward, facing = _filled(asset)
    walked = _walked(solid, upward, _within(np.asarray(solid[:, :, STEP + 1 : CLEAR].any(2)), facing))
    return without_specks(walked, asset.size)


def without_specks(occupancy: UInt8[np.ndarray, "32 32"], size: tuple[float, float, float]) -> UInt8[np.ndarray, "32 32"]:
    """Frees blocked cells that lie apart from what blocks most, and reach less far than `SPECK`: stray surfels."""
    numbers, count = label(occupancy == BLOCKED, np.ones((3, 3)))
    if count < 2:
        return occupancy
    cells = np.bincount(numbers.ravel())[1:]
    cleaned = occupancy.copy()
    for number, (rows, columns) in enumerate(find_objects(numbers), 1):
        reach = max((rows.stop - rows.start) * size[1], (columns.stop - columns.start) * size[0]) / GRID
        if reach < SPECK and cells[number - 1] < SPECK_SHARE * cells.max():
            cleaned[numbers == number] = FREE
    return cleaned


def _filled(asset: Asset) -> tuple[Bool[np.ndarray, "32 32 Z"], Bool[np.ndarray, "32 32 Z"], Float[np.ndarray, "32 32 2"]]:
    """Which steps of height surfels fill in each cell, which of those one could stand on, and where those that stop a walker
    face on average (x, y)."""
    normal = asset.normal / np.maximum(np.linalg.norm(asset.normal, axis=1, keepdims=True), 1e-9)
    helper = np.where(np.abs(normal[:, 2:]) < 0.9, (0.0, 0.0, 1.0), (1.0, 0.0, 0.0))
    across = np.cross(normal, helper)
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    along, radius = np.cross(normal, across), np.asarray(asset.radius, np.float64)
    size = np.array(asset.size)
    count = np.clip(np.ceil(1.8 * radius / (DENSE * size[:2].min() / GRID)), 2, MOST_POINTS).astype(int)
    parts, owners = [], []
    for number in np.unique(count).tolist():
        mine = np.flatnonzero(count == number)
        offsets = 0.9 * _spread(number)[:, :, None, None] * radius[mine, None]  # [points, 2, surfels, 1]
        parts += [asset.position[mine] + a * across[mine] + b * along[mine] for a, b in offsets]
        owners += [mine] * len(offsets)
    points, owner = np.concatenate(parts), np.concatenate(owners)
    place = points[:, :2] / size[:2] + 0.5
    cell = np.clip(np.floor(place * GRID).astype(int), 0, GRID - 1)
    height = np.floor((points[:, 2] + size[2] / 2) * PER_METRE + 0.5).astype(int)
    steps = int(HIGHEST_DECK * PER_METRE)
    inside = (np.abs(place - 0.5) < 0.5 + 1 / GRID).all(1) & (height >= 0) & (height < steps)
    solid, upward = (np.zeros((GRID, GRID, steps), bool) for _ in range(2))
    flat = normal[owner, 2] > UPWARD
    for target, chosen in ((solid, inside), (upward, inside & flat)):
        target[cell[chosen, 1], cell[chosen, 0], height[chosen]] = True
    facing = np.zeros((GRID, GRID, 2))
    stops = inside & (height > STEP) & (height < CLEAR)
    np.add.at(facing, (cell[stops, 1], cell[stops, 0]), normal[owner[stops], :2])
    return solid, upward, facing / np.maximum(np.linalg.norm(facing, axis=2, keepdims=True), 1e-9)


def _spread(count: int) -> Float[np.ndarray, "n 2"]:
    """Points of a disc of radius 1, on a grid of so many along its diameter, and on its rim."""
    steps = np.linspace(-1, 1, count)
    grid = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
    turns = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    return np.concatenate([grid[(grid**2).sum(1) <= 1], np.stack([np.cos(turns), np.sin(turns)], 1), [[0.0, 0.0]]])


def _within(walls: Bool[np.ndarray, "32 32"], facing: Float[np.ndarray, "32 32 2"]) -> Bool[np.ndarray, "32 32"]:
    """Which cells lie behind walls: looking around, one sees more of their backs than of their faces. So what was seen from
    one side alone is as deep as its box, and a wall that is missing opens no house."""
    backs, faces = np.zeros(walls.shape, int), np.zeros(walls.shape, int)
    rows, columns = np.mgrid[0:GRID, 0:GRID]
    for east, north in itertools.product((-1, 0, 1), repeat=2):
        if not east and not north:
            continue
        way = np.array([east, north]) / np.hypot(east, north)
        looking = np.ones(walls.shape, bool)
        for step in range(1, GRID):
            r, c = rows + step * north, columns + step * east
            looking &= (r >= 0) & (r < GRID) & (c >= 0) & (c < GRID)
            r, c = np.where(looking, r, 0), np.where(looking, c, 0)
            met = looking & walls[r, c]
            along = facing[r, c] @ way
            backs += met & (along > OBLIQUE)
            faces += met & (along < -OBLIQUE)
            looking &= ~met
    return backs > faces


def _walked(
    solid: Bool[np.ndarray, "32 32 Z"], upward: Bool[np.ndarray, "32 32 Z"], within: Bool[np.ndarray, "32 32"]
) -> UInt8[np.ndarray, "32 32"]:
    """Floods the footprint from its edges; of several floors of a cell, the highest that can be reached."""
    steps = solid.shape[2]
    above = np.cumsum(np.pad(solid, ((0, 0), (0, 0), (1, 0))), 2)  # solid steps below each height

    floors = upward.copy()
    floors[:, :, 0] = ~within  # the ground
    low = np.minimum(np.arange(steps) + STEP + 1, steps)
    high = np.minimum(np.arange(steps) + CLEAR, steps)
    floors &= above[:, :, high] == above[:, :, low]
    reached: Int[np.ndarray, "32 32"] = np.full((GRID, GRID), -1)
    queue: deque[tuple[int, int]] = deque()

    def reach(row: int, column: int, from_height: int) -> None:
        lowest = max(0, from_height - STEP)
        found = np.flatnonzero(floors[row, column, lowest : from_height + STEP + 1])
        if len(found) and lowest + found[-1] > reached[row, column]:
            reached[row, column] = lowest + found[-1]
            queue.append((row, column))

    for k in range(GRID):
        for row, column in ((0, k), (GRID - 1, k), (k, 0), (k, GRID - 1)):
            reach(row, column, 0)
    while queue:
        row, column = queue.popleft()
        for r, c in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            if 0 <= r < GRID and 0 <= c < GRID:
                reach(r, c, int(reached[row, column]))
    return np.where(reached < 0, BLOCKED, np.minimum(reached, BLOCKED - 1)).astype(np.uint8)
