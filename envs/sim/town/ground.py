"""The ground: one painted map with roads and shadows, and its mesh."""

from __future__ import annotations

import functools

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from genie_gym.envs.sim.town.atlas import paint_atlas, square
from genie_gym.envs.sim.town.atmosphere import Atmosphere
from genie_gym.envs.sim.town.layout import Entity, Layout, Patch
from genie_gym.envs.sim.town.plane import HALF, Point
from genie_gym.envs.sim.town.shapes import turned
from genie_gym.envs.sim.town.terrain import HEIGHT_GRID

SIDE = 1024
PIXELS_PER_METRE = SIDE / (2 * HALF)
DIRT_BLUR = 4  # pixels, the standard deviation at the edges of dirt roads
LANE_START, LANE_LENGTH, LANE_PERIOD, LANE_PIXELS = 0.5, 2.0, 4.0, 3  # metres, of the dashes in the middle; their width
# look: atlas cell, colour it is pulled towards, how far, how much snow stays on it
LOOKS: dict[str, tuple[str, tuple[int, int, int], float, float]] = {
    "grass": ("grass", (104, 150, 70), 0.35, 1.0),
    "forest_floor": ("leaves", (96, 92, 52), 0.72, 1.0),
    "sand": ("sand", (226, 192, 132), 0.4, 0.9),
    "packed_sand": ("sand", (206, 172, 116), 0.6, 0.9),
    "snow": ("snow", (236, 241, 248), 0.5, 0.3),
    "ice": ("snow", (176, 212, 232), 0.85, 0.2),
    "concrete": ("concrete", (164, 164, 160), 0.3, 0.8),
    "pavement": ("tiles", (172, 166, 156), 0.6, 0.7),
    "asphalt": ("asphalt", (84, 86, 92), 0.2, 0.6),
    "cobble": ("cobble", (150, 142, 130), 0.25, 0.75),
    "dirt": ("rock", (150, 118, 80), 0.75, 0.85),
    "crops": ("thatch", (150, 160, 70), 0.5, 0.85),
    "planks": ("planks", (160, 118, 76), 0.3, 0.8),
    "parquet": ("parquet", (176, 124, 74), 0.1, 0.0),
    "tiles": ("tiles", (214, 212, 206), 0.1, 0.0),
}


@functools.cache
def _tile(look: str, snow: bool) -> Image.Image:
    """The look over the whole ground, a cell every 4 m."""
    cell, colour, pull, keeps_snow = LOOKS[look]
    pixels: np.ndarray = paint_atlas()[square(cell)].astype(np.float32)
    pixels = pixels * (1 - pull) + np.array(colour, np.float32) * pull
    if snow:
        pixels = pixels * (1 - 0.85 * keeps_snow) + np.array([236, 240, 247]) * 0.85 * keeps_snow
    small = np.asarray(Image.fromarray(pixels.astype(np.uint8)).resize((64, 64), Image.Resampling.BOX))
    return Image.fromarray(np.tile(small, (SIDE // 64, SIDE // 64, 1)))


def _pixels(points: np.ndarray, scale: float = 1.0) -> list[Point]:
    """Where points [n, 2] lie in the image (x, y), or in one of another scale."""
    scale *= PIXELS_PER_METRE
    return [((x + HALF) * scale, (HALF - y) * scale) for x, y in points]


def paint_ground(layout: Layout, weather: str, atmosphere: Atmosphere) -> np.ndarray:
    """uint8 [1024, 1024, 3], north up: roads and squares, blotches, puddles, and the shadows of fixed things."""
    snow = weather == "snowy"
    image = _tile(layout.base, snow).copy()
    for patch in layout.patches:
        _paint_patch(image, patch, snow and layout.roof is None)
    for road in layout.roads:
        mask = Image.new("L", (SIDE, SIDE), 0)
        draw = ImageDraw.Draw(mask)
        draw.line(_pixels(road.points), fill=255, width=int(road.width * PIXELS_PER_METRE), joint="curve")
        if road.look == "dirt":
            mask = mask.filter(ImageFilter.GaussianBlur(DIRT_BLUR))
        image.paste(_tile(road.look, snow), mask=mask)
    for road in layout.roads:
        if road.lane_marks and not snow:
            _paint_lanes(image, road.points)
    rng = np.random.default_rng(layout.seed)
    if layout.roof is None:
        image = _blotches(image, rng, snow, weather == "rainy")
    return np.asarray(_shadows(image, layout, atmosphere))


def _paint_patch(image: Image.Image, patch: Patch, snow: bool) -> None:
    mask = Image.new("L", (SIDE, SIDE), 0)
    middle, half = np.array([patch.x, patch.y]), np.array(patch.half)
    (x0, y1), (x1, y0) = _pixels(np.array([middle - half, middle + half]))
    draw = ImageDraw.Draw(mask)
    (draw.ellipse if patch.round else draw.rectangle)((x0, y0, x1, y1), fill=255)
    image.paste(_tile(patch.look, snow), mask=mask)


def _paint_lanes(image: Image.Image, points: np.ndarray) -> None:
    draw = ImageDraw.Draw(image)
    a, b = points[0], points[-1]
    length = float(np.hypot(*(b - a)))
    for t in np.arange(LANE_START, length, LANE_PERIOD):
        dash = np.array([a + (b - a) * t / length, a + (b - a) * min(t + LANE_LENGTH, length) / length])
        draw.line(_pixels(dash), fill=(236, 234, 222), width=LANE_PIXELS)


def _blotches(image: Image.Image, rng: np.random.Generator, snow: bool, wet: bool) -> Image.Image:
    """Large patches of lighter and darker ground; puddles after rain."""
    coarse = (128 + (14 if not snow else 6) * rng.standard_normal((40, 40))).clip(0, 255).astype(np.uint8)
    shade = Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    image = ImageChops.add(image, Image.merge("RGB", [shade] * 3), scale=1.0, offset=-128)
    if wet:
        image = image.point(lambda v: int(v * 0.8))
        spots = (rng.standard_normal((28, 28)) > 1.1).astype(np.uint8) * 200
        puddles = Image.fromarray(spots).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        mask = puddles.point(lambda v: 210 if v > 110 else 0)
        image.paste(Image.new("RGB", (SIDE, SIDE), (120, 136, 154)), mask=mask)
    return image


def _shadows(image: Image.Image, layout: Layout, atmosphere: Atmosphere) -> Image.Image:
    """Fixed things stand in a soft dark ring, and throw a shadow away from the sun."""
    contact, cast = Image.new("L", (SIDE // 2, SIDE // 2), 0), Image.new("L", (SIDE // 2, SIDE // 2), 0)
    draw_contact, draw_cast = ImageDraw.Draw(contact), ImageDraw.Draw(cast)
    sun = np.array(atmosphere.sun)
    reach = -sun[:2] / max(sun[2], 0.14)
    for _, entity in layout.standing():
        if entity.shape is None or entity.mass > 0 or entity.kind in ("stands", "pier", "mark", "coin", "rooms", "forest"):
            continue
        outline, middle = _outline(entity), np.array([entity.x, entity.y])
        draw_contact.polygon(_pixels(middle + (outline - middle) * 1.1, 0.5), fill=255)
        height = float(entity.shape.bounds()[1][2])
        steps = 4
        for k in range(steps):  # short hops of the outline cover what the height sweeps
            lower, upper = outline + reach * height * 0.8 * k / steps, outline + reach * height * 0.8 * (k + 1) / steps
            draw_cast.polygon(_pixels(_hull(np.concatenate([lower, upper])), 0.5), fill=255)
    dark = contact.filter(ImageFilter.GaussianBlur(3)).point(lambda v: int(255 - v * 0.38))
    image = ImageChops.multiply(image, Image.merge("RGB", [dark.resize((SIDE, SIDE))] * 3))
    if atmosphere.shadow > 0.03 and layout.roof is None:
        shade = cast.filter(ImageFilter.GaussianBlur(1)).point(lambda v: int(255 - v * atmosphere.shadow))
        image = ImageChops.multiply(image, Image.merge("RGB", [shade.resize((SIDE, SIDE))] * 3))
    return image


def _outline(entity: Entity) -> np.ndarray:
    """Corners [4, 2] of what throws an entity's shadow."""
    hx, hy = entity.half
    if entity.kind in ("tree", "pine"):
        hx = hy = 0.9
    elif entity.kind in ("castle", "church", "windmill", "lighthouse"):
        hx, hy = hx * 0.78, hy * 0.82
    corners = np.array([[-hx, -hy], [hx, -hy], [hx, hy], [-hx, hy]])
    return turned(corners, entity.yaw) + (entity.x, entity.y)


def _hull(points: np.ndarray) -> np.ndarray:
    """The convex hull [n, 2] (monotone chain: there are eight points)."""
    ordered = points[np.lexsort((points[:, 1], points[:, 0]))]

    def half_chain(sequence: np.ndarray) -> list[np.ndarray]:
        chain: list[np.ndarray] = []
        for p in sequence:
            while len(chain) > 1:
                (ax, ay), (bx, by) = chain[-1] - chain[-2], p - chain[-2]
                if ax * by - ay * bx > 0:
                    break
                chain.pop()
            chain.append(p)
        return chain[:-1]

    return np.array(half_chain(ordered) + half_chain(ordered[::-1]))


def ground_mesh(layout: Layout) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices [n, 3], texture coordinates [n, 2], faces [m, 3]: flat ground is two triangles, hills a grid."""
    count = HEIGHT_GRID if layout.terrain.hilly else 2
    south = -HALF if layout.quay is None else layout.quay
    x, y = np.meshgrid(np.linspace(-HALF, HALF, count), np.linspace(south, HALF, count))
    z = layout.terrain.heights if layout.terrain.hilly else np.zeros_like(x)
    points = np.stack([x, y, z], -1).reshape(-1, 3)
    coordinates = np.stack([(x + HALF) / (2 * HALF), (HALF - y) / (2 * HALF)], -1).reshape(-1, 2)
    first = (np.arange(count - 1)[:, None] * count + np.arange(count - 1)).reshape(-1, 1)
    faces = np.concatenate([first + (0, 1, count + 1), first + (0, count + 1, count)])
    return points, coordinates, faces
