"""The ground: one painted map with roads and shadows, its mesh, and what stands at the end of the world."""

from __future__ import annotations

import functools

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from genie_gym.envs.sim.town.atlas import CELL, CELLS, GRID, paint_atlas
from genie_gym.envs.sim.town.atmosphere import Atmosphere
from genie_gym.envs.sim.town.layout import HALF, HEIGHT_GRID, Entity, Layout
from genie_gym.envs.sim.town.shapes import Collider, Shape, turned

SIDE = 1024
PIXELS_PER_METRE = SIDE / (2 * HALF)
# look: atlas cell, colour it is pulled towards, how far, how much snow stays on it
LOOKS: dict[str, tuple[str, tuple[int, int, int], float, float]] = {
    "grass": ("grass", (104, 150, 70), 0.35, 1.0),
    "forest_floor": ("leaves", (96, 92, 52), 0.72, 0.8),
    "sand": ("sand", (226, 192, 132), 0.4, 0.9),
    "packed_sand": ("sand", (206, 172, 116), 0.6, 0.9),
    "snow": ("snow", (236, 241, 248), 0.5, 0.3),
    "ice": ("snow", (176, 212, 232), 0.85, 0.2),
    "concrete": ("concrete", (164, 164, 160), 0.3, 0.8),
    "pavement": ("tiles", (172, 166, 156), 0.6, 0.7),
    "asphalt": ("asphalt", (84, 86, 92), 0.2, 0.45),
    "cobble": ("cobble", (150, 142, 130), 0.25, 0.6),
    "dirt": ("rock", (150, 118, 80), 0.75, 0.55),
    "crops": ("thatch", (150, 160, 70), 0.5, 0.7),
    "planks": ("planks", (160, 118, 76), 0.3, 0.5),
    "parquet": ("parquet", (176, 124, 74), 0.1, 0.0),
    "tiles": ("tiles", (214, 212, 206), 0.1, 0.0),
}
_SKIRT = {"grass": "moss", "forest_floor": "olive", "sand": "dune", "snow": "ice", "concrete": "grey", "pavement": "grey"}


@functools.cache
def _tile(look: str, snow: bool) -> Image.Image:
    """The look over the whole ground, a cell every 4 m."""
    cell, colour, pull, keeps_snow = LOOKS[look]
    row, column = divmod(CELLS.index(cell), GRID)
    pixels: np.ndarray = paint_atlas()[row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL].astype(np.float32)
    pixels = pixels * (1 - pull) + np.array(colour, np.float32) * pull
    if snow:
        pixels = pixels * (1 - 0.85 * keeps_snow) + np.array([236, 240, 247]) * 0.85 * keeps_snow
    small = np.asarray(Image.fromarray(pixels.astype(np.uint8)).resize((64, 64), Image.Resampling.BOX))
    return Image.fromarray(np.tile(small, (SIDE // 64, SIDE // 64, 1)))


def _pixels(points: np.ndarray) -> list[tuple[float, float]]:
    return [((x + HALF) * PIXELS_PER_METRE, (HALF - y) * PIXELS_PER_METRE) for x, y in points]


def paint_ground(layout: Layout, weather: str, atmosphere: Atmosphere) -> np.ndarray:
    """uint8 [1024, 1024, 3], north up: roads and squares, blotches, puddles, and the shadows of fixed things."""
    snow = weather == "snowy"
    image = _tile(layout.base, snow).copy()
    for patch in layout.patches:
        _paint_patch(image, patch.look, snow and layout.roof is None, patch.x, patch.y, patch.half, patch.round)
    for road in layout.roads:
        mask = Image.new("L", (SIDE, SIDE), 0)
        draw = ImageDraw.Draw(mask)
        draw.line(_pixels(road.points), fill=255, width=int(road.width * PIXELS_PER_METRE), joint="curve")
        if road.look == "dirt":
            mask = mask.filter(ImageFilter.GaussianBlur(4))
        image.paste(_tile(road.look, snow), mask=mask)
    for road in layout.roads:
        if road.lane_marks and not snow:
            _paint_lanes(image, road.points)
    rng = np.random.default_rng(layout.seed)
    if layout.roof is None:
        image = _blotches(image, rng, snow, weather == "rainy")
    return np.asarray(_shadows(image, layout, atmosphere))


def _paint_patch(
    image: Image.Image, look: str, snow: bool, x: float, y: float, half: tuple[float, float], is_round: bool
) -> None:
    mask = Image.new("L", (SIDE, SIDE), 0)
    (x0, y1), (x1, y0) = _pixels(np.array([[x - half[0], y - half[1]], [x + half[0], y + half[1]]]))
    draw = ImageDraw.Draw(mask)
    (draw.ellipse if is_round else draw.rectangle)((x0, y0, x1, y1), fill=255)
    image.paste(_tile(look, snow), mask=mask)


def _paint_lanes(image: Image.Image, points: np.ndarray) -> None:
    draw = ImageDraw.Draw(image)
    a, b = points[0], points[-1]
    length = float(np.hypot(*(b - a)))
    for t in np.arange(0.5, length, 4.0):
        dash = np.array([a + (b - a) * t / length, a + (b - a) * min(t + 2.0, length) / length])
        draw.line(_pixels(dash), fill=(236, 234, 222), width=3)


def _blotches(image: Image.Image, rng: np.random.Generator, snow: bool, wet: bool) -> Image.Image:
    """Large patches of lighter and darker ground; puddles after rain."""
    coarse = (128 + (14 if not snow else 6) * rng.standard_normal((40, 40))).clip(0, 255).astype(np.uint8)
    shade = Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    image = ImageChops.add(image, Image.merge("RGB", [shade] * 3), scale=1.0, offset=-128)
    if wet:
        image = image.point(lambda v: int(v * 0.8))
        spots = (rng.standard_normal((28, 28)) > 1.1).astype(np.uint8) * 200
        puddles = (
            Image.fromarray(spots).resize((SIDE, SIDE), Image.Resampling.BICUBIC).point(lambda v: 210 if v > 110 else 0)
        )
        image.paste(Image.new("RGB", (SIDE, SIDE), (120, 136, 154)), mask=puddles)
    return image


def _shadows(image: Image.Image, layout: Layout, atmosphere: Atmosphere) -> Image.Image:
    """Fixed things stand in a soft dark ring, and throw a shadow away from the sun."""
    contact, cast = Image.new("L", (SIDE // 2, SIDE // 2), 0), Image.new("L", (SIDE // 2, SIDE // 2), 0)
    draw_contact, draw_cast = ImageDraw.Draw(contact), ImageDraw.Draw(cast)
    sun = np.array(atmosphere.sun)
    reach = -sun[:2] / max(sun[2], 0.14)
    for entity in layout.entities:
        if entity.shape is None or entity.mass > 0 or entity.kind in ("stands", "pier", "mark", "coin", "rooms", "forest"):
            continue
        outline = footprint(entity)
        draw_contact.polygon(
            [(x / 2, y / 2) for x, y in _pixels(entity_centre(entity) + (outline - entity_centre(entity)) * 1.1)], fill=255
        )
        height = float(entity.shape.bounds()[1][2])
        steps = 4
        for k in range(steps):  # short hops of the outline cover what the height sweeps
            lower, upper = outline + reach * height * 0.8 * k / steps, outline + reach * height * 0.8 * (k + 1) / steps
            draw_cast.polygon([(x / 2, y / 2) for x, y in _pixels(_hull(np.concatenate([lower, upper])))], fill=255)
    dark = contact.filter(ImageFilter.GaussianBlur(3)).point(lambda v: int(255 - v * 0.38))
    image = ImageChops.multiply(image, Image.merge("RGB", [dark.resize((SIDE, SIDE))] * 3))
    if atmosphere.shadow > 0.03 and layout.roof is None:
        shade = cast.filter(ImageFilter.GaussianBlur(1)).point(lambda v: int(255 - v * atmosphere.shadow))
        image = ImageChops.multiply(image, Image.merge("RGB", [shade.resize((SIDE, SIDE))] * 3))
    return image


def entity_centre(entity: Entity) -> np.ndarray:
    return np.array([entity.x, entity.y])


def footprint(entity: Entity) -> np.ndarray:
    """Corners [4, 2] of what an entity covers."""
    hx, hy = entity.half
    if entity.kind in ("tree", "pine"):
        hx = hy = 0.9
    elif entity.kind in ("castle", "church", "windmill", "lighthouse"):
        hx, hy = hx * 0.78, hy * 0.82
    corners = np.array([[-hx, -hy], [hx, -hy], [hx, hy], [-hx, hy]])
    return turned(corners, entity.yaw) + entity_centre(entity)


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
    count = HEIGHT_GRID if layout.heights.any() else 2
    south = -HALF if layout.quay is None else layout.quay
    x, y = np.meshgrid(np.linspace(-HALF, HALF, count), np.linspace(south, HALF, count))
    z = layout.heights if layout.heights.any() else np.zeros_like(x)
    points = np.stack([x, y, z], -1).reshape(-1, 3)
    coordinates = np.stack([(x + HALF) / (2 * HALF), (HALF - y) / (2 * HALF)], -1).reshape(-1, 2)
    first = (np.arange(count - 1)[:, None] * count + np.arange(count - 1)).reshape(-1, 1)
    faces = np.concatenate([first + (0, 1, count + 1), first + (0, count + 1, count)])
    return points, coordinates, faces


def surroundings(layout: Layout) -> tuple[Shape, Shape | None]:
    """The boundary with all that one sees beyond it, and the water."""
    shape, rng = Shape(), np.random.default_rng([layout.seed, 1])
    far, colour = 190.0, _SKIRT.get(layout.base, "moss")
    sides = [(-far, HALF, far, far), (-far, -HALF, -HALF, HALF), (HALF, -HALF, far, HALF), (-far, -far, far, -HALF)]
    for x0, y0, x1, y1 in sides[: 3 if layout.quay is not None else 4]:
        shape.quad(np.array([[x0, y0, -0.06], [x1, y0, -0.06], [x1, y1, -0.06], [x0, y1, -0.06]]), colour)
    _backdrop(shape, layout, rng)
    builder = {
        "wall": _town_wall,
        "facade": _facades,
        "hedge": _hedges,
        "trees": _tree_line,
        "mesa": _mesas,
        "snowbank": _mesas,
    }
    edges = [
        ((-HALF, HALF), (HALF, HALF)),
        ((-HALF, -HALF), (-HALF, HALF)),
        ((HALF, HALF), (HALF, -HALF)),
        ((HALF, -HALF), (-HALF, -HALF)),
    ]
    if layout.quay is not None:
        edges = [edges[0], ((-HALF, layout.quay), (-HALF, HALF)), ((HALF, HALF), (HALF, layout.quay))]
        q = layout.quay
        shape.quad(np.array([[-HALF, q, -2], [HALF, q, -2], [HALF, q, 0], [-HALF, q, 0]]), "stone", (16, 1))
        for x in np.arange(-HALF + 1.5, HALF, 4.0):
            shape.prism((float(x), q + 0.35, 0), 0.18, 0.6, "iron", 6)
    for a, b in edges:
        builder[layout.boundary](shape, np.array(a, float), np.array(b, float), rng, layout)
    for x, y, hx, hy in (
        (0, HALF + 0.5, HALF, 0.5),
        (0, -HALF - 0.5, HALF, 0.5),
        (HALF + 0.5, 0, 0.5, HALF),
        (-HALF - 0.5, 0, 0.5, HALF),
    ):
        shape.colliders.append(Collider("box", (x, y, 15), (hx, hy, 15)))
    return shape, _water(layout)


def _water(layout: Layout) -> Shape | None:
    water = Shape()
    if layout.water_level is not None:
        z, s = layout.water_level, HALF + 2
        water.quad(np.array([[-s, -s, z], [s, -s, z], [s, s, z], [-s, s, z]]), "water", (14, 14))
        return water
    if layout.quay is not None:
        z, far = -1.0, 190.0
        water.quad(
            np.array([[-HALF - 8, -HALF, z], [HALF + 8, -HALF, z], [HALF + 8, layout.quay, z], [-HALF - 8, layout.quay, z]]),
            "water",
            (18, 6),
        )
        water.quad(np.array([[-far, -far, z], [far, -far, z], [far, -HALF, z], [-far, -HALF, z]]), "water", (16, 8))
        for sign in (-1, 1):
            x0, x1 = sorted((sign * (HALF + 8), sign * far))
            water.quad(
                np.array([[x0, -HALF, z], [x1, -HALF, z], [x1, layout.quay, z], [x0, layout.quay, z]]), "water", (8, 2)
            )
        return water
    return None


def _backdrop(shape: Shape, layout: Layout, rng: np.random.Generator) -> None:
    """Hills, dunes or a skyline, far away."""
    count = 26
    for k in range(count):
        angle = 2 * np.pi * (k + rng.uniform(-0.3, 0.3)) / count
        if layout.quay is not None and np.sin(angle) < 0.1:
            continue
        distance = rng.uniform(75, 125)
        x, y = float(distance * np.cos(angle)), float(distance * np.sin(angle))
        if layout.backdrop == "skyline":
            size = (float(rng.uniform(9, 18)), float(rng.uniform(9, 18)), float(rng.uniform(14, 46)))
            shape.box((x, y, 0), size, str(rng.choice(["concrete", "glass", "grey", "brick"])), "grey", tile=9)
        else:
            radius, height = float(rng.uniform(18, 34)), float(rng.uniform(6, 20))
            shape.prism(
                (x, y, -1), radius, height, layout.backdrop, 7, top_radius=radius * 0.25, turn=float(rng.uniform(0, 1))
            )


def _along(a: np.ndarray, b: np.ndarray, step: float) -> list[tuple[np.ndarray, float]]:
    length = float(np.hypot(*(b - a)))
    count = max(1, round(length / step))
    return [(a + (b - a) * (k + 0.5) / count, length / count) for k in range(count)]


def _town_wall(shape: Shape, a: np.ndarray, b: np.ndarray, rng: np.random.Generator, layout: Layout) -> None:
    yaw = float(np.arctan2(*(b - a)[::-1]))
    for p, step in _along(a, b, 16):
        shape.box((*p, 0), (step, 1.0, 4.6), "stone", tile=3, yaw=yaw)
    for p, _ in _along(a, b, 1.8):
        shape.box((*p, 4.6), (0.9, 1.0, 0.7), "stone", yaw=yaw)
    for p in (a, b):
        shape.prism((*p, 0), 2.4, 7.5, "stone", 8, tile=3)
        shape.prism((*p, 7.5), 2.9, 3.6, "roof_tile", 8, top_radius=0)


def _facades(shape: Shape, a: np.ndarray, b: np.ndarray, rng: np.random.Generator, layout: Layout) -> None:
    yaw = float(np.arctan2(*(b - a)[::-1]))
    outward = np.array([-(b - a)[1], (b - a)[0]]) / np.hypot(*(b - a))
    for p, step in _along(a, b, 8):
        height = float(rng.uniform(8, 16))
        cell = str(rng.choice(["brick", "concrete", "glass", "plaster", "sandstone"]))
        centre = p + outward * 3
        shape.box((*centre, 0), (step, 6, height), cell, "gravel", tile=3, yaw=yaw)
        if cell == "glass":
            continue
        along = (b - a) / np.hypot(*(b - a))
        for z in np.arange(1.2, height - 1.6, 2.9):
            for t in (-0.3, 0.0, 0.3):
                q = p + along * t * step - outward * 0.03
                left, right = q - along * 0.55, q + along * 0.55
                lit = bool(rng.random() < 0.5)
                panel = np.array([[*left, z], [*right, z], [*right, z + 1.4], [*left, z + 1.4]])
                shape.quad(panel, "window_lit" if lit else "window", glow=lit)


def _hedges(shape: Shape, a: np.ndarray, b: np.ndarray, rng: np.random.Generator, layout: Layout) -> None:
    yaw = float(np.arctan2(*(b - a)[::-1]))
    for p, step in _along(a, b, 8):
        z = layout.height(*p)
        shape.box((*p, z - 0.5), (step, 1.2, 2.4), "leaves", tile=2.2, yaw=yaw)
    for p, _ in _along(a, b, 7):
        q = p * (1 + rng.uniform(0.04, 0.16))
        shape.prism((*q, 0), 0.3, 3, "bark", 5)
        r = float(rng.uniform(1.6, 2.4))
        shape.blob((*q, 4.0), (r, r, r), "leaves", rng, 0.15)


def _tree_line(shape: Shape, a: np.ndarray, b: np.ndarray, rng: np.random.Generator, layout: Layout) -> None:
    for depth in (0.6, 3.6):
        for p, _ in _along(a, b, 2.6):
            q = p * (1 + depth / HALF) + rng.uniform(-0.6, 0.6, 2)
            height = float(rng.uniform(5, 9))
            shape.prism(
                (*q, 0), float(rng.uniform(1.5, 2.2)), height, "needles", 5, top_radius=0, turn=float(rng.uniform(0, 1))
            )


def _mesas(shape: Shape, a: np.ndarray, b: np.ndarray, rng: np.random.Generator, layout: Layout) -> None:
    desert = layout.boundary == "mesa"
    for p, step in _along(a, b, 6):
        height = float(rng.uniform(3.5, 7)) if desert else float(rng.uniform(2.5, 4.5))
        q = p * 1.06
        cell, top = ("adobe", "sandstone") if desert else ("snow", "snow")
        shape.prism(
            (*q, layout.height(*p) - 1),
            step * 0.75,
            height + 1,
            cell,
            6,
            top_radius=step * 0.5,
            cap=top,
            tile=4,
            turn=float(rng.uniform(0, 1)),
        )
