"""The one texture that everything but the ground wears: 8 x 8 painted cells, four of which are palettes of plain colours.

One material for all meshes keeps drawing cheap; a face picks its look by the cell its texture coordinates lie in. Snow is
a second painting of the same cells.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter, zoom
from scipy.spatial import cKDTree

SIDE, GRID = 1024, 8
CELL = SIDE // GRID
INSET = 3 / CELL  # keeps filtering inside a cell

Colour = tuple[int, int, int]
COLOURS: dict[str, Colour] = {
    "white": (240, 240, 236), "light": (205, 205, 200), "grey": (140, 142, 145), "dark": (62, 64, 70),
    "black": (28, 28, 32), "red": (196, 52, 44), "orange": (232, 128, 36), "yellow": (240, 204, 60), "gold": (250, 196, 40),
    "green": (70, 150, 66), "lime": (150, 200, 70), "teal": (40, 150, 150), "blue": (48, 96, 190), "sky": (120, 180, 230),
    "navy": (34, 48, 96), "purple": (124, 70, 156), "pink": (236, 140, 170), "brown": (112, 74, 44), "tan": (196, 160, 112),
    "cream": (236, 222, 186), "skin": (226, 178, 142), "skin_dark": (142, 96, 68), "hair": (70, 46, 30),
    "steel": (160, 168, 180), "iron": (88, 92, 100), "copper": (176, 104, 64), "moss": (92, 112, 58),
    "cactus": (74, 128, 62), "wood": (142, 98, 58), "dark_wood": (84, 56, 36), "beacon": (255, 90, 220),
    "glow": (255, 226, 150), "dune": (222, 192, 136), "ice": (196, 224, 240), "maroon": (120, 34, 40),
    "olive": (120, 116, 50), "turquoise": (70, 200, 190), "coral": (240, 120, 96), "straw": (214, 182, 96),
}  # fmt: skip
_NAMES = list(COLOURS)
SNOWED = ("roof_tile", "slate", "thatch", "gravel", "shingle", "leaves", "needles", "rock", "grass", "hay", "cobble",
          "awning_red", "awning_blue", "awning_green", "sand")  # fmt: skip


def cell_uv(name: str, u: np.ndarray | float, v: np.ndarray | float) -> np.ndarray:
    """Texture coordinates for (u, v) in [0, 1] within a cell or a colour; v grows upwards."""
    if name in COLOURS:
        index = _NAMES.index(name)
        cell, swatch = CELLS.index("palette0") + index // 16, index % 16
        column, row = cell % GRID + (swatch % 4 + 0.5) / 4, cell // GRID + (swatch // 4 + 0.5) / 4
        u, v = np.zeros_like(np.asarray(u, float)), np.zeros_like(np.asarray(v, float))
    else:
        cell = CELLS.index(name)
        column, row = cell % GRID, cell // GRID
        u = INSET + np.asarray(u, float) * (1 - 2 * INSET)
        v = 1 - (INSET + np.asarray(v, float) * (1 - 2 * INSET))
    return np.stack([(column + u) / GRID, (row + v) / GRID], axis=-1)


@functools.cache
def paint_atlas(snow: bool = False, night: bool = False) -> np.ndarray:
    """uint8 [1024, 1024, 3], row 0 at texture coordinate v = 0. By night somebody is at home."""
    if not snow and not night:
        atlas = np.zeros((SIDE, SIDE, 3), np.uint8)
        for index, (name, paint) in enumerate(_PAINTERS.items()):
            atlas[square(name)] = np.clip(paint(np.random.default_rng(index)), 0, 255)
        return atlas
    atlas = paint_atlas().copy()
    for index, name in enumerate(CELLS):
        cell = atlas[square(name)].astype(np.float32)
        if snow and name in SNOWED:
            cover = np.clip(0.75 + 0.5 * noise(np.random.default_rng([1, index]), 24)[..., None], 0.35, 0.95)
            atlas[square(name)] = cell * (1 - cover) + np.array([238, 242, 248]) * cover
        elif night and name in ("window_lit", "arch_lit"):
            glass = cell[..., 2] > cell[..., 0]
            cell[glass] = (255, 206, 112)
            atlas[square(name)] = cell
    return atlas


def square(name: str) -> tuple[slice, slice]:
    """The pixels of a cell."""
    row, column = divmod(CELLS.index(name), GRID)
    return slice(row * CELL, (row + 1) * CELL), slice(column * CELL, (column + 1) * CELL)


def noise(rng: np.random.Generator, scale: int) -> np.ndarray:
    """Smooth noise [CELL, CELL] of about unit variance, with features `scale` pixels wide."""
    coarse = rng.standard_normal((CELL // scale + 3, CELL // scale + 3))
    return zoom(coarse, scale, order=1)[:CELL, :CELL].astype(np.float32)


_Y, _X = np.mgrid[0:CELL, 0:CELL].astype(np.float32)


def _palette(number: int, _: np.random.Generator) -> np.ndarray:
    """4 x 4 swatches of plain colours."""
    cell = np.zeros((CELL, CELL, 3), np.float32)
    for swatch, colour in enumerate(_NAMES[16 * number :][:16]):
        y, x = divmod(swatch, 4)
        cell[y * CELL // 4 : (y + 1) * CELL // 4, x * CELL // 4 : (x + 1) * CELL // 4] = COLOURS[colour]
    return cell


def _rough(rng: np.random.Generator, colour: Colour, fine: float = 6, coarse: float = 8) -> np.ndarray:
    shade = fine * gaussian_filter(rng.standard_normal((CELL, CELL)), 0.7) * 2 + coarse * noise(rng, 32)
    return np.array(colour, np.float32) + shade[..., None].astype(np.float32)


def _courses(
    rng: np.random.Generator, colour: Colour, joint: Colour, height: int, width: int, spread: float, gap: int = 2
) -> np.ndarray:
    """Bricks, blocks or tiles: rows offset by half, each stone of its own shade."""
    row = (_Y // height).astype(int)
    column = ((_X + (row % 2) * width / 2) // width).astype(int)
    shades = rng.standard_normal((64, 64)).astype(np.float32) * spread
    cell = np.array(colour, np.float32) + shades[row % 64, column % (CELL // width)][..., None]
    cell += 4 * rng.standard_normal((CELL, CELL, 1)).astype(np.float32)
    lines = (_Y % height < gap) | ((_X + (row % 2) * width / 2) % width < gap)
    cell[lines] = joint
    return cell


def _stripes(rng: np.random.Generator, colours: tuple, width: int) -> np.ndarray:
    which = (_X // width).astype(int) % len(colours)
    return np.array(colours, np.float32)[which] + 4 * rng.standard_normal((CELL, CELL, 1)).astype(np.float32)


def _boards(rng: np.random.Generator, colour: Colour, width: int, across: bool = False) -> np.ndarray:
    over = _Y if across else _X
    board = (over // width).astype(int)
    cell = np.array(colour, np.float32) + (rng.standard_normal(64).astype(np.float32) * 9)[board % 64][..., None]
    grain = gaussian_filter(rng.standard_normal((CELL, CELL)), (12, 0.6) if not across else (0.6, 12)) * 40
    cell = cell + grain[..., None].astype(np.float32)
    cell[over % width < 2] *= 0.6
    return cell


def _timber(rng: np.random.Generator) -> np.ndarray:
    cell = _rough(rng, (232, 216, 182))
    beam = (_X % 64 < 9) | (_Y < 10) | (_Y > CELL - 11) | (np.abs(_Y - _X * 1.0) < 6) & (_X < 64)
    cell[beam] = np.array([86, 58, 38]) + rng.standard_normal((int(beam.sum()), 1)) * 5
    return cell


def _glass(rng: np.random.Generator) -> np.ndarray:
    panes = rng.uniform(-18, 18, (8, 8)).astype(np.float32)[(_Y // 32).astype(int), (_X // 32).astype(int)]
    cell = np.array([96, 140, 172], np.float32) + panes[..., None] + (_Y % 32)[..., None] * 0.6
    cell[(_X % 32 < 3) | (_Y % 32 < 3)] = (52, 60, 70)
    return cell


def _shopfront(rng: np.random.Generator) -> np.ndarray:
    cell = np.full((CELL, CELL, 3), (70, 54, 44), np.float32)
    cell[40:118, 8:120] = (120, 160, 176)
    cell[40:118, 62:66] = (70, 54, 44)
    cell[8:32, 8:120] = rng.choice([(180, 50, 50), (50, 110, 70), (60, 80, 150)])
    for x in range(16, 112, 24):
        cell[90:118, x : x + 14] = rng.uniform(80, 230, 3)
    return cell


def _window(arch: bool) -> np.ndarray:
    cell = np.full((CELL, CELL, 3), (236, 228, 208), np.float32)
    cell[10:118, 10:118] = np.array([110, 146, 172]) + (118 - _Y[10:118, 10:118])[..., None] * 0.4
    cell[(np.abs(_X - 64) < 4) | (np.abs(_Y - 58) < 4)] = (236, 228, 208)
    if arch:
        cell[((_X - 64) ** 2 + (_Y - 64) ** 2 > 60**2) & (_Y < 64)] = (150, 146, 138)
    return cell


def _door(rng: np.random.Generator) -> np.ndarray:
    cell = _boards(rng, (118, 72, 42), 21)
    cell[:, :6] = cell[:, -6:] = cell[:6] = (72, 44, 28)
    cell[60:70, 100:110] = (220, 190, 90)
    return cell


def _crate(rng: np.random.Generator) -> np.ndarray:
    cell = _boards(rng, (186, 138, 82), 18, across=True)
    frame = (_X < 14) | (_X > 113) | (_Y < 14) | (_Y > 113) | (np.abs(_X - _Y) < 9)
    cell[frame] = np.array([150, 104, 58]) + rng.standard_normal((int(frame.sum()), 1)) * 5
    return cell


def _barrel(rng: np.random.Generator) -> np.ndarray:
    cell = _boards(rng, (150, 92, 50), 12)
    for y in (14, 46, 78, 110):
        cell[y : y + 8] = (84, 84, 92)
    return cell


def _books(rng: np.random.Generator) -> np.ndarray:
    cell = np.full((CELL, CELL, 3), (92, 62, 40), np.float32)
    for top in range(6, CELL - 20, 30):
        x = 6
        while x < CELL - 12:
            width = int(rng.integers(5, 11))
            cell[top + int(rng.integers(0, 8)) : top + 24, x : x + width - 1] = rng.uniform(50, 220, 3)
            x += width
    return cell


def _clock(rng: np.random.Generator) -> np.ndarray:
    cell = np.full((CELL, CELL, 3), (150, 146, 138), np.float32)
    radius = np.hypot(_X - 64, _Y - 64)
    cell[radius < 58] = (60, 48, 40)
    cell[radius < 50] = (244, 240, 226)
    cell[(np.abs(_X - 64) < 4) & (_Y < 66) & (_Y > 24)] = (30, 30, 30)
    cell[(np.abs(_Y - 64) < 4) & (_X > 62) & (_X < 98)] = (30, 30, 30)
    return cell


def _rings(colours: tuple[Colour, ...]) -> np.ndarray:
    ring = np.minimum(np.hypot(_X - 63.5, _Y - 63.5) // 16, len(colours) - 1).astype(int)
    return np.array(colours, np.float32)[ring]


def _foliage(rng: np.random.Generator, dark: Colour, bright: Colour) -> np.ndarray:
    blend = np.clip(0.5 + 0.3 * noise(rng, 8) + 0.25 * noise(rng, 3), 0, 1)[..., None]
    return np.array(dark, np.float32) * (1 - blend) + np.array(bright, np.float32) * blend


def _cobble(rng: np.random.Generator) -> np.ndarray:
    points = (np.mgrid[0:8, 0:8].reshape(2, -1).T + rng.uniform(0.1, 0.9, (64, 2))) * 16
    around = np.concatenate([points + (dy * CELL, dx * CELL) for dy in (-1, 0, 1) for dx in (-1, 0, 1)])
    distance, stone = cKDTree(around).query(np.stack([_Y, _X], -1), k=2)
    shade = rng.uniform(-16, 16, 64).astype(np.float32)[stone[..., 0] % 64]
    cell = np.array([136, 130, 122], np.float32) + shade[..., None]
    cell[distance[..., 1] - distance[..., 0] < 2.2] = (92, 88, 82)
    return cell


# The cells in their order; each is painted by its own generator.
_PAINTERS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "plaster": lambda r: _rough(r, (226, 206, 168)),
    "timber": _timber,
    "brick": lambda r: _courses(r, (164, 84, 64), (196, 184, 168), 16, 32, 11),
    "stone": lambda r: _courses(r, (176, 170, 160), (134, 128, 120), 22, 43, 10),
    "concrete": lambda r: _rough(r, (172, 172, 170)),
    "glass": _glass,
    "planks": lambda r: _boards(r, (152, 108, 68), 16),
    "adobe": lambda r: _rough(r, (208, 152, 98)),
    "whitewash": lambda r: _rough(r, (240, 236, 224), 4, 4),
    "logs": lambda r: _boards(r, (134, 92, 56), 16, across=True) * (0.72 + 0.28 * np.sin(_Y % 16 / 16 * np.pi))[..., None],
    "metal": lambda r: _stripes(r, ((150, 160, 168), (128, 138, 148)), 8),
    "sandstone": lambda r: _courses(r, (214, 182, 128), (172, 140, 94), 32, 64, 9, 3),
    "marble": lambda r: _rough(r, (228, 226, 220), 3, 9),
    "wallpaper": lambda r: _stripes(r, ((230, 216, 186), (216, 196, 160)), 16),
    "wallpaper_green": lambda r: _stripes(r, ((168, 196, 170), (150, 182, 156)), 16),
    "shopfront": _shopfront,
    "roof_tile": lambda r: _courses(r, (186, 84, 52), (130, 54, 36), 13, 16, 13),
    "slate": lambda r: _courses(r, (92, 100, 116), (66, 72, 86), 13, 21, 9),
    "thatch": lambda r: _boards(r, (196, 162, 88), 5),
    "gravel": lambda r: _rough(r, (128, 126, 124), 14, 5),
    "awning_red": lambda r: _stripes(r, ((204, 56, 48), (244, 238, 226)), 21),
    "awning_blue": lambda r: _stripes(r, ((56, 98, 178), (244, 238, 226)), 21),
    "awning_green": lambda r: _stripes(r, ((70, 140, 78), (246, 220, 120)), 21),
    "shingle": lambda r: _courses(r, (124, 92, 64), (84, 60, 42), 13, 13, 10),
    "leaves": lambda r: _foliage(r, (44, 92, 36), (118, 168, 66)),
    "needles": lambda r: _foliage(r, (22, 66, 44), (62, 116, 70)),
    "bark": lambda r: _boards(r, (104, 74, 50), 7),
    "rock": lambda r: _rough(r, (142, 138, 132), 8, 16),
    "grass": lambda r: _foliage(r, (82, 128, 56), (128, 168, 80)),
    "sand": lambda r: _rough(r, (224, 194, 138), 5, 5),
    "snow": lambda r: _rough(r, (238, 242, 248), 2, 3),
    "hay": lambda r: _boards(r, (216, 184, 92), 4, across=True),
    "door": _door,
    "window": lambda r: _window(False),
    "window_arch": lambda r: _window(True),
    "crate": _crate,
    "barrel": _barrel,
    "books": _books,
    "fabric_red": lambda r: _rough(r, (168, 56, 56)),
    "fabric_blue": lambda r: _rough(r, (66, 92, 148)),
    "parquet": lambda r: _boards(r, (176, 124, 74), 14),
    "tiles": lambda r: _courses(r, (216, 214, 208), (150, 148, 144), 32, 32, 4),
    "carpet": lambda r: _rings(((150, 50, 50), (196, 160, 90), (120, 36, 44), (60, 60, 100))),
    "hull": lambda r: _boards(r, (122, 74, 46), 14, across=True),
    "container": lambda r: np.full((CELL, CELL, 3), 214, np.float32) + (12 * np.sign(np.sin(_X * 0.8)))[..., None],
    "clock": _clock,
    "coin": lambda r: _rings(((255, 232, 120), (250, 196, 40), (222, 160, 24), (255, 210, 60))),
    "mark": lambda r: _rings(((240, 60, 50), (250, 246, 240), (240, 60, 50), (250, 246, 240))),
    **{f"palette{number}": functools.partial(_palette, number) for number in range(4)},
    "cobble": _cobble,
    "asphalt": lambda r: _rough(r, (84, 86, 90), 7, 3),
    "water": lambda r: _foliage(r, (40, 92, 128), (70, 130, 160)),
    "shutters": lambda r: _boards(r, (76, 110, 88), 9, across=True),
    "window_lit": lambda r: _window(False),
    "arch_lit": lambda r: _window(True),
}
CELLS = tuple(_PAINTERS)
assert not set(COLOURS) & set(CELLS)
