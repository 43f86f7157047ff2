"""A house of 3 x 3 or 4 x 3 rooms with doors, windows and skylights, in a garden. w d: half a width and depth."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np

from genie_gym.envs.sim.town.builder import Builder
from genie_gym.envs.sim.town.navigation import NavigationGrid
from genie_gym.envs.sim.town.pieces import Piece
from genie_gym.envs.sim.town.plane import CENTRES, Extents, Place, as_point, heading_of
from genie_gym.envs.sim.town.props import FURNITURE
from genie_gym.envs.sim.town.scenes.common import add_landmarks, add_people
from genie_gym.envs.sim.town.shapes import Shape
from genie_gym.envs.sim.town.vocabulary import VOCABULARY

DOOR = 1.8  # metres, the width of doorways
HEIGHT = 3.0  # metres, of the rooms
ROOMS_REACHED = 900  # cells of the navigation grid (225 m²) that the agent can reach
FURNISHING = {"bookshelf": 8, "sofa": 6, "bed": 5, "table": 7, "chair": 9, "pot": 8, "lamp": 3, "ball": 2, "crate": 4}
GARDEN = {"tree": 10, "bush": 8, "bench": 2, "flower": 6}


def indoor_rooms(builder: Builder) -> None:
    layout, rng, room = builder.layout, builder.rng, builder.room
    columns, rows = (4, 3) if rng.random() < 0.5 else (3, 3)
    xs = np.concatenate([[0], np.cumsum(rng.uniform(6.2, 8.6, columns))])
    ys = np.concatenate([[0], np.cumsum(rng.uniform(6.2, 8.6, rows))])
    xs, ys = xs - xs[-1] / 2, ys - ys[-1] / 2
    layout.roof = (float(xs[0]), float(ys[0]), float(xs[-1]), float(ys[-1]))
    shell, windows = _shell(builder, xs, ys)
    builder.add("rooms", "building", 0.0, 0.0, 0.0, key=f"rooms{builder.seed}", covers=False, pieces=shell)
    room.occupied[:] = 0
    for wall in (wall for piece in shell for wall in piece.shape.colliders):
        room.occupy(wall.position[0], wall.position[1], (wall.size[0] + 0.1, wall.size[1] + 0.1), wall.yaw)
    inside = (np.abs(CENTRES[None, :]) < xs[-1]) & (np.abs(CENTRES[:, None]) < ys[-1])
    floor = inside & (room.occupied == 0)
    room.occupied[inside] += 1  # landmarks stand in the garden
    add_landmarks(builder, ("fountain", "statue"), 0.2)
    room.occupied[floor] = 0
    x, y, outwards = windows[int(rng.integers(len(windows)))]
    builder.choose_spawn((x - 2.3 * np.cos(outwards), y - 2.3 * np.sin(outwards)), outwards, choose_heading=False)
    builder.add_asked()
    builder.scatter(FURNISHING, near=(0.0, 0.0), reach=float(min(xs[-1], ys[-1]) * 0.97))
    room.occupied[inside] += 1
    builder.scatter(GARDEN)
    room.occupied[floor] = 0
    _open_up(builder)
    add_people(builder, ("villager", "child", "robot", "dog"), 2, 4)


def _shell(builder: Builder, xs: np.ndarray, ys: np.ndarray) -> tuple[list[Piece], list[Place]]:
    """Walls, floors and ceilings of rooms between the lines `xs` and `ys`; and each window's x, y and heading outwards."""
    rng = builder.rng
    shell: list[Piece] = []
    windows: list[Place] = []
    papers = ("wallpaper", "wallpaper_green", "whitewash", "brick", "plaster")
    walls = [((west, y), (east, y), y in (ys[0], ys[-1])) for y in ys for west, east in pairwise(xs)]
    walls += [((x, south), (x, north), x in (xs[0], xs[-1])) for x in xs for south, north in pairwise(ys)]
    for start, end, outer in walls:
        _add_wall(builder, shell, np.array(start), np.array(end), outer, str(rng.choice(papers)), windows)
    for (west, east), (south, north) in product(pairwise(xs), pairwise(ys)):
        x, y, half = float((west + east) / 2), float((south + north) / 2), ((east - west) / 2, (north - south) / 2)
        builder.add_patch(str(rng.choice(["parquet", "tiles", "planks"])), x, y, half)
        shell.append(_ceiling(x, y, half))
    return shell, windows


def _add_wall(
    builder: Builder, shell: list[Piece], start: np.ndarray, end: np.ndarray, outer: bool, cell: str,
    windows: list[Place],
) -> None:  # fmt: skip
    """A wall with an opening: a door, or (in outer walls, mostly) a window, which is added to `windows`."""
    length = float(np.hypot(*(end - start)))
    along = (end - start) / length
    yaw = heading_of(along)
    window = outer and (not windows or builder.rng.random() < 0.78)
    centre = length * builder.uniform(0.35, 0.65)
    x, y = as_point(start + along * centre)
    if window:
        across = np.array([along[1], -along[0]])
        windows.append((x, y, heading_of(across if across @ (x, y) > 0 else -across)))
    else:  # nothing may stand in a doorway
        builder.room.reserve(x, y, (DOOR / 2, 1.5), yaw)
    left, right = (centre - 1.5, centre + 1.5) if window else (centre - DOOR / 2, centre + DOOR / 2)
    pieces = [(0.0, left, 0.0, HEIGHT), (right, length, 0.0, HEIGHT), (left, right, 2.3, HEIGHT)]
    if window:
        pieces.append((left, right, 0.0, 0.9))
    for low, high, z0, z1 in pieces:
        piece = Shape()
        x, y = as_point(start + along * (low + high) / 2)
        size = (high - low + (0.2 if low == 0 or high == length else 0), 0.2, z1 - z0)
        paper = "whitewash" if outer else cell
        piece.box((x, y, z0), size, paper, yaw=yaw, tile=2.6, bottom=z0 > 0, solid=z0 < 2)
        shell.append(Piece("lintel" if z0 > 0 else "rooms_wall" if z1 == HEIGHT else "sill", piece, yaw))


def _ceiling(x: float, y: float, half: Extents) -> Piece:
    """White from below, a roof from above, with a skylight in the middle and a lamp beside it."""
    ceiling = Shape()
    gap, z = 1.3, HEIGHT
    w, d = half
    around_skylight = [(-w, -d, w, -gap), (-w, gap, w, d), (-w, -gap, -gap, gap), (gap, -gap, w, gap)]
    for x0, y0, x1, y1 in around_skylight:
        below = np.array([[x + x0, y + y1, z], [x + x1, y + y1, z], [x + x1, y + y0, z], [x + x0, y + y0, z]])
        ceiling.quad(below, "light")
        ceiling.floor(x + x0, y + y0, x + x1, y + y1, z + 0.15, "gravel")
    ceiling.prism((x + gap + 0.5, y, z - 0.16), 0.3, 0.16, "glow", 8, glow=True)
    lens = np.array([[np.cos(t), np.sin(t), 0] for t in np.arange(8) * np.pi / 4]) * 0.3 + (x + gap + 0.5, y, z - 0.165)
    for k in range(1, 7):
        ceiling.triangle(lens[[0, k + 1, k]], "glow", glow=True)
    return Piece("ceiling", ceiling)


def _open_up(builder: Builder) -> None:
    """Takes furniture away, nearest to the agent first, until it can reach most of the rooms."""
    layout = builder.layout
    x, y, _ = layout.spawn
    asked = {wanted.kind for wanted in builder.spec.objects}
    spare = [e for e in layout.entities if e.kind in (*FURNITURE, *VOCABULARY.objects) and e.kind not in asked]
    spare.sort(key=lambda e: -np.hypot(e.x - x, e.y - y))
    while spare and np.isfinite(NavigationGrid.of(layout).distances(x, y)).sum() < ROOMS_REACHED:
        for entity in spare[-2:]:
            layout.entities.remove(entity)
        spare = spare[:-2]
