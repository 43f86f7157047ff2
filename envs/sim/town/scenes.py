"""The ten scenes: for each, how its roads, buildings, trees, terrain and people are laid out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from genie_gym.envs.sim.town.buildings import FOOTPRINTS
from genie_gym.envs.sim.town.layout import HALF, Layout, Patch
from genie_gym.envs.sim.town.navigation import NavigationGrid
from genie_gym.envs.sim.town.props import FURNITURE
from genie_gym.envs.sim.town.shapes import Collider, Shape
from genie_gym.text.spec import OBJECTS, WorldSpec

DOOR = 1.8  # width of indoor doorways
ROOMS_REACHED = 900  # cells of the navigation grid (225 m²) that an indoor world lets one reach


def make_layout(spec: WorldSpec, seed: int) -> Layout:
    """The world of a spec and a seed; always the same one for the same pair."""
    layout = Layout(spec, seed)
    _SCENES[spec.scene](layout)
    return layout


def _landmarks(
    w: Layout, defaults: tuple[str, ...], share: float = 0.6, near: dict[str, tuple[float, float]] | None = None
) -> None:
    """What the spec asks for, then what such a place tends to have."""
    wanted = sorted(w.spec.landmarks, key=lambda kind: -max(FOOTPRINTS[kind]))
    extra = [k for k in defaults if k not in wanted and k not in w.spec.without and w.rng.random() < share]
    for kind in wanted + extra:
        w.place_landmark(kind, (near or {}).get(kind))


def _people(w: Layout, kinds: tuple[str, ...], low: int, high: int) -> None:
    """Passers-by, unless the spec names its characters or excludes them."""
    if w.spec.characters:
        return
    for _ in range(int(w.rng.integers(low, high + 1))):
        kind = str(w.rng.choice(kinds))
        found = w.spot((0.5, 0.5), on_road=True)
        if kind not in w.spec.without and found:
            w.add_character(kind, str(w.rng.choice(["stand", "wander", "wander", "patrol"])), found[0], found[1])


def _bent(w: Layout, start: np.ndarray, end: np.ndarray, bend: float) -> np.ndarray:
    """A road of three pieces that swerves a little."""
    normal = np.array([-(end - start)[1], (end - start)[0]]) / np.hypot(*(end - start))
    inner = [start + t * (end - start) + w.rng.uniform(-bend, bend) * normal for t in (0.36, 0.7)]
    return np.array([start, *inner, end])


def _spokes(w: Layout, count: int, centre: np.ndarray, radius: float, width: float, look: str, bend: float) -> None:
    """Roads from a square to the edge of the world."""
    first = w.rng.uniform(0, 2 * np.pi)
    for k in range(count):
        angle = first + 2 * np.pi * (k + w.rng.uniform(-0.18, 0.18)) / count
        out = np.array([np.cos(angle), np.sin(angle)])
        end = out * (HALF / np.abs(out).max())
        w.road(_bent(w, centre + out * radius * 0.5, end, bend), width, look)


def _face(w: Layout, at: tuple[float, float] | np.ndarray) -> float:
    """The heading from a point towards the world's centre."""
    return float(np.arctan2(-at[1], -at[0]) + w.rng.uniform(-0.4, 0.4))


def _medieval_town(w: Layout) -> None:
    w.base, w.boundary, w.backdrop = "grass", "wall", "moss"
    centre = w.rng.uniform(-7, 7, 2)
    centre_xy = (float(centre[0]), float(centre[1]))
    radius = w.rng.uniform(7, 9.5)
    w.patches.append(Patch("cobble", *centre_xy, (radius, radius), round=True))
    _spokes(w, int(w.rng.integers(3, 6)), centre, radius, w.rng.uniform(3.6, 4.6), "cobble", 5)
    window, inside = w.cells_of(*centre_xy, (radius * 0.72, radius * 0.72), 0.0)
    w.on_road[window] &= ~inside  # the square itself may hold a market, a well, a fountain
    _landmarks(
        w,
        ("well", "church", "tower", "market", "fountain"),
        0.45,
        {"well": centre_xy, "market": centre_xy, "fountain": centre_xy},
    )
    w.on_road[window] |= inside
    w.choose_spawn(centre + w.rng.uniform(-radius, radius, 2) * 0.8, float(w.rng.uniform(-np.pi, np.pi)))
    w.add_asked()
    for road in w.roads:
        w.line_with_houses(road, "medieval", 0.5, (0.1, 1.2))
    w.scatter("barrel", 6)
    w.scatter("crate", 5)
    w.scatter("cart", 2)
    w.scatter("lamp", 5)
    w.scatter("tree", 12)
    w.scatter("haystack", 2)
    w.scatter("barrel", 3, near=centre_xy, reach=radius, on_road=True)
    _people(w, ("villager", "merchant", "guard", "child", "dog", "knight"), 3, 6)


def _streets(w: Layout, look: str, width: float, marks: bool) -> None:
    """A grid of two or three streets, offset from world to world."""
    for axis in (0, 1):
        offsets = [w.rng.uniform(-5, 5)] if w.rng.random() < 0.45 else [w.rng.uniform(-17, -9), w.rng.uniform(9, 17)]
        for offset in offsets:
            ends = np.array([[-HALF, offset], [HALF, offset]])
            w.road(ends if axis == 0 else ends[:, ::-1], width, look, marks)


def _pavements(w: Layout, beyond: float) -> None:
    """Pavement on both sides of each street, kept free of buildings like the street itself."""
    for road in list(w.roads):
        w.road(road.points, road.width + 2 * beyond, "pavement")
    w.roads = w.roads[len(w.roads) // 2 :] + w.roads[: len(w.roads) // 2]  # streets are painted over their pavements


def _along_streets(w: Layout, kind: str, count: int, offset: float) -> None:
    """Props at the kerb."""
    if kind in w.spec.without:
        return
    for _ in range(count):
        road = w.roads[int(w.rng.integers(len(w.roads)))]
        a, b = road.points[0], road.points[-1]
        along = (b - a) / np.hypot(*(b - a))
        normal = np.array([-along[1], along[0]]) * w.rng.choice([-1, 1])
        x, y = a + (b - a) * w.rng.uniform(0.05, 0.95) + normal * offset
        half = (2.1, 1.0) if kind == "car" else (0.5, 0.5)
        yaw = float(np.arctan2(along[1], along[0]))
        if w.fits(float(x), float(y), half, yaw, on_road=True):
            w.add_prop(kind, float(x), float(y), yaw)


def _modern_street(w: Layout) -> None:
    w.base, w.boundary, w.backdrop = "concrete", "facade", "skyline"
    _streets(w, "asphalt", 7.0, True)
    _pavements(w, 2.2)
    _landmarks(w, ("fountain", "statue"), 0.3)
    road = w.roads[-1]
    middle = road.points.mean(0) + w.rng.uniform(-12, 12) * (road.points[1] - road.points[0]) / (2 * HALF)
    yaw = float(np.arctan2(*(road.points[1] - road.points[0])[::-1])) + np.pi * w.rng.integers(2)
    w.choose_spawn(middle, float(yaw))
    w.add_asked()
    for street in w.roads[len(w.roads) // 2 :]:
        w.line_with_houses(street, "modern", 2.4, (0.0, 0.8), skip=0.08)
    _along_streets(w, "car", 7, 2.4)
    _along_streets(w, "lamp", 12, 4.3)
    _along_streets(w, "bench", 3, 5.2)
    _along_streets(w, "tree", 8, 4.9)
    _along_streets(w, "cone", 5, 1.0)
    w.scatter("crate", 3, on_road=True)
    w.scatter("bush", 5)
    _people(w, ("villager", "villager", "child", "robot", "dog", "guard"), 4, 7)


def _village(w: Layout) -> None:
    w.base, w.boundary, w.backdrop = "grass", "hedge", "moss"
    w.roll(1.2, 16)
    ends = w.rng.uniform(-10, 10, 4)
    w.road(_bent(w, np.array([-HALF, ends[0]]), np.array([HALF, ends[1]]), 9), 3.2, "dirt")
    w.road(_bent(w, np.array([ends[2], -HALF]), np.array([ends[3], HALF]), 9), 2.6, "dirt")
    for _ in range(3):
        found = w.spot((5, 4), yaw=None)
        if found:
            w.patches.append(Patch("crops", found[0], found[1], (4.6, 3.6)))
            w.take(found[0], found[1], (4.6, 3.6))
    _landmarks(w, ("well", "windmill", "church", "bridge"), 0.4)
    start = w.roads[0].points[1]
    w.choose_spawn(start, _face(w, start))
    w.add_asked()
    for road in w.roads:
        w.line_with_houses(road, "cottage", 2.0, (3, 8), skip=0.35)
    for kind, count in (("tree", 22), ("bush", 14), ("haystack", 4), ("fence", 8), ("flower", 12), ("cart", 1)):
        w.scatter(kind, count)
    for kind, count in (("barrel", 3), ("log", 4), ("pot", 4), ("rock", 5)):
        w.scatter(kind, count)
    _people(w, ("villager", "sheep", "sheep", "horse", "dog", "child"), 4, 8)


def _forest(w: Layout) -> None:
    w.base, w.boundary, w.backdrop = "forest_floor", "trees", "moss"
    w.roll(2.2, 12)
    ends = w.rng.uniform(-18, 18, 2)
    w.road(_bent(w, np.array([-HALF, ends[0]]), np.array([HALF, ends[1]]), 14), 2.4, "dirt")
    _landmarks(w, ("tower", "bridge"), 0.15)
    start = w.roads[0].points[1]
    w.choose_spawn(start, _face(w, start))
    w.add_asked()
    if w.rng.random() < 0.5:
        found = w.spot((3.5, 3.5))
        if found:
            w.add_house("cabin", *found, 5.0, 4.4)
    for kind, count in (("pine", 75), ("tree", 60), ("bush", 30), ("rock", 16), ("log", 10), ("flower", 10)):
        w.scatter(kind, count)
    _people(w, ("villager", "dog", "horse"), 1, 3)


def _desert(w: Layout) -> None:
    w.base, w.boundary, w.backdrop = "sand", "mesa", "dune"
    w.roll(3.4, 9)
    _landmarks(w, ("pyramid", "well", "gate"), 0.3)
    w.choose_spawn(w.rng.uniform(-14, 14, 2), float(w.rng.uniform(-np.pi, np.pi)))
    w.add_asked()
    centre = w.rng.uniform(-16, 16, 2)
    for _ in range(int(w.rng.integers(2, 6))):
        found = w.spot((3.9, 3.4), near=(float(centre[0]), float(centre[1])), reach=13, yaw=None)
        if found:
            w.add_house("adobe", *found, float(w.rng.uniform(4, 7)), float(w.rng.uniform(4, 6)))
    for kind, count in (("cactus", 26), ("rock", 26), ("pot", 5), ("barrel", 3), ("tent", 3), ("crate", 3)):
        w.scatter(kind, count)
    _people(w, ("merchant", "villager", "horse", "robot"), 1, 4)


def _snowfield(w: Layout) -> None:
    w.base, w.boundary, w.backdrop = "snow", "snowbank", "ice"
    w.roll(2.4, 12)
    _landmarks(w, ("lighthouse", "church"), 0.15)
    w.choose_spawn(w.rng.uniform(-12, 12, 2), float(w.rng.uniform(-np.pi, np.pi)))
    w.add_asked()
    for _ in range(2):
        found = w.spot((5.5, 5.5), tries=20)
        if found:
            w.patches.append(Patch("ice", found[0], found[1], (5, 4), round=True))
            w.flatten(found[0], found[1], 4)
            w.take(found[0], found[1], (4, 3))
    for _ in range(int(w.rng.integers(1, 4))):
        found = w.spot((3.4, 3.0), yaw=None)
        if found:
            w.add_house("cabin", *found, float(w.rng.uniform(4.5, 6)), float(w.rng.uniform(4, 5)))
    for kind, count in (("pine", 55), ("rock", 14), ("snowman", 4), ("log", 6), ("crate", 3), ("barrel", 2)):
        w.scatter(kind, count)
    _people(w, ("villager", "dog", "child", "sheep"), 1, 4)


def _arena(w: Layout) -> None:
    w.base, w.boundary, w.backdrop = "sand", "wall", "dune"
    radius, sides = float(w.rng.uniform(21, 24)), 24
    stands = Shape()
    angles = 2 * np.pi * np.arange(sides) / sides + np.pi / sides
    gates = {0, sides // 2, sides // 4} if w.rng.random() < 0.5 else {0, sides // 2}
    for k in range(sides):
        a, b = angles[k], angles[(k + 1) % sides]
        middle = (a + (b - a) % (2 * np.pi) / 2) % (2 * np.pi)
        for tier in range(4):
            r0, r1 = radius + 1.7 * tier, radius + 1.7 * (tier + 1)
            z0, z1 = 2.6 + 1.2 * tier, 2.6 + 1.2 * (tier + 1)
            low = 0.0 if tier == 0 else z0
            ends = [(r * np.cos(t), r * np.sin(t)) for r, t in ((r0, b), (r0, a))]
            colour = "sandstone" if tier else ("sandstone", "marble")[k % 2]
            stands.quad(
                np.array([[*ends[0], low], [*ends[1], low], [*ends[1], z1], [*ends[0], z1]]),
                "door" if k in gates and not tier else colour,
            )
            seats = [(r * np.cos(t), r * np.sin(t), z1) for r, t in ((r0, a), (r1, a), (r1, b), (r0, b))]
            stands.quad(np.array(seats), ("stone", "marble", "fabric_red", "stone")[tier])
        reach = radius * np.cos(np.pi / sides) + 0.5
        stands.colliders.append(
            Collider(
                "box",
                (float(reach * np.cos(middle)), float(reach * np.sin(middle)), 3.0),
                (0.5, float(radius * np.pi / sides) + 0.3, 3.0),
                float(middle),
            )
        )
        if k % 3 == 1:
            r = radius + 7.2
            stands.box((float(r * np.cos(middle)), float(r * np.sin(middle)), 7.0), (0.9, 0.9, 4.0), "marble")
    rim = radius + 6.8
    for k in range(sides):  # seen from outside
        a, b = angles[k], angles[(k + 1) % sides]
        corner = np.array([[rim * np.cos(a), rim * np.sin(a)], [rim * np.cos(b), rim * np.sin(b)]])
        stands.quad(np.array([[*corner[0], 0], [*corner[1], 0], [*corner[1], 7.4], [*corner[0], 7.4]]), "sandstone", (1, 2))
    outside = np.hypot(w.centres[None, :], w.centres[:, None]) > radius - 0.8
    w.add("stands", "building", 0.0, 0.0, 0.0, stands, f"stands{w.seed}", covers=False)
    w.taken[:] = outside
    w.patches.append(Patch("packed_sand", 0, 0, (radius, radius), round=True))
    _landmarks(w, ("statue", "gate"), 0.35)
    angle = w.rng.uniform(0, 2 * np.pi)
    start = (float(15 * np.cos(angle)), float(15 * np.sin(angle)))
    w.choose_spawn(start, _face(w, start))
    w.add_asked()
    for kind, count in (("pillar", 7), ("crate", 4), ("barrel", 4), ("rock", 3), ("flag", 6)):
        w.scatter(kind, count)
    _people(w, ("knight", "guard", "horse", "villager"), 2, 5)


def _harbour(w: Layout) -> None:
    w.base, w.boundary, w.backdrop = "pavement", "facade", "moss"
    w.quay = float(w.rng.uniform(-14, -6))
    w.road([[-HALF, w.quay + 4], [HALF, w.quay + 4]], 6.0, "planks")
    w.road([[w.rng.uniform(-16, 16), w.quay + 4], [w.rng.uniform(-16, 16), HALF]], 5.0, "cobble")
    _landmarks(w, ("lighthouse", "market", "tower"), 0.55)
    w.choose_spawn((w.rng.uniform(-20, 20), w.quay + 5), float(-np.pi / 2 + w.rng.uniform(-1.2, 1.2)))
    w.add_asked()
    street = w.road([[-HALF, w.quay + 9.5], [HALF, w.quay + 9.5]], 1.0, "pavement")
    w.line_with_houses(street, "warehouse", 0.6, (0.4, 3.0), skip=0.1)
    w.line_with_houses(w.roads[1], "cottage", 0.8, (0.3, 2.5), skip=0.15)
    for kind, count in (("container", 4), ("crate", 9), ("barrel", 8), ("lamp", 5), ("log", 3), ("cart", 2), ("bench", 2)):
        w.scatter(kind, count, near=(0.0, w.quay + 8), reach=34, on_road=kind in ("crate", "barrel"))
    pier = Shape()
    for k in range(3):
        x = -20 + 20 * k + w.rng.uniform(-5, 5)
        length = w.rng.uniform(8, 14)
        pier.box((x, w.quay - length / 2, -0.25), (2.6, length, 0.25), "planks", tile=2.6)
        for y in np.arange(w.quay - length, w.quay, 2.6):
            for side in (-1.3, 1.3):
                pier.prism((x + side, float(y), -1.5), 0.14, 2.1, "dark_wood", 6)
        for side in (-1, 1):
            for y in (w.quay - length * 0.35, w.quay - length * 0.8):
                if w.rng.random() < 0.75 and "boat" not in w.spec.without:
                    w.add_prop("boat", float(x + side * 2.6), float(y), float(np.pi / 2 + np.pi * w.rng.integers(2)), z=-1.0)
    w.add("pier", "building", 0.0, 0.0, 0.0, pier, f"pier{w.seed}", z=0.0, covers=False)
    w.colliders.append(Collider("box", (0, w.quay - 0.5, 2), (HALF, 0.5, 3)))  # nobody falls into the sea
    _people(w, ("villager", "merchant", "guard", "dog"), 3, 6)


def _flooded_street(w: Layout) -> None:
    w.base, w.boundary, w.backdrop = "concrete", "facade", "skyline"
    w.water_level = 0.38
    _streets(w, "asphalt", 7.5, False)
    _landmarks(w, ("church", "statue"), 0.25)
    road = w.roads[-1]
    yaw = float(np.arctan2(*(road.points[1] - road.points[0])[::-1])) + np.pi * w.rng.integers(2)
    w.choose_spawn(road.points.mean(0), float(yaw))
    w.add_asked()
    for street in w.roads:
        w.line_with_houses(street, "medieval" if w.rng.random() < 0.3 else "modern", 1.2, (0.0, 1.0), skip=0.1)
    _along_streets(w, "lamp", 10, 4.2)
    _along_streets(w, "tree", 6, 4.6)
    _along_streets(w, "car", 6, 2.5)
    w.scatter("boat", 4, on_road=True)
    for kind, count in (("crate", 8), ("barrel", 7), ("log", 5), ("chair", 3), ("bucket", 3)):
        w.scatter(kind, count, on_road=True)
    _people(w, ("villager", "guard", "dog"), 2, 4)


def _indoor_rooms(w: Layout) -> None:
    """A house of 3 x 3 or 4 x 3 rooms with doors, windows and skylights, in a garden."""
    w.base, w.boundary, w.backdrop = "grass", "hedge", "moss"
    columns, rows = (4, 3) if w.rng.random() < 0.5 else (3, 3)
    xs = np.concatenate([[0], np.cumsum(w.rng.uniform(6.2, 8.6, columns))])
    ys = np.concatenate([[0], np.cumsum(w.rng.uniform(6.2, 8.6, rows))])
    xs, ys = xs - xs[-1] / 2, ys - ys[-1] / 2
    w.roof = (float(xs[0]), float(ys[0]), float(xs[-1]), float(ys[-1]))
    height = 3.0
    shell = Shape()
    windows: list[tuple[float, float, float]] = []  # x, y, heading outwards
    papers = ("wallpaper", "wallpaper_green", "whitewash", "brick", "plaster")
    for j, y in enumerate(ys):
        for i in range(columns):
            _room_wall(w, shell, (xs[i], y), (xs[i + 1], y), j in (0, rows), str(w.rng.choice(papers)), height, windows)
    for i, x in enumerate(xs):
        for j in range(rows):
            _room_wall(w, shell, (x, ys[j]), (x, ys[j + 1]), i in (0, columns), str(w.rng.choice(papers)), height, windows)
    for i in range(columns):
        for j in range(rows):
            x, y = (xs[i] + xs[i + 1]) / 2, (ys[j] + ys[j + 1]) / 2
            half = ((xs[i + 1] - xs[i]) / 2, (ys[j + 1] - ys[j]) / 2)
            w.patches.append(Patch(str(w.rng.choice(["parquet", "tiles", "planks"])), float(x), float(y), half))
            _ceiling(shell, float(x), float(y), half, height)
    w.add("rooms", "building", 0.0, 0.0, 0.0, shell, f"rooms{w.seed}", covers=False)
    w.taken[:] = False
    for c in shell.colliders:
        w.take(c.position[0], c.position[1], (c.size[0] + 0.1, c.size[1] + 0.1), c.yaw)
    inside = (np.abs(w.centres[None, :]) < xs[-1]) & (np.abs(w.centres[:, None]) < ys[-1])
    furniture_free = w.taken.copy()
    w.taken |= inside  # landmarks stand in the garden
    _landmarks(w, ("fountain", "statue"), 0.2)
    w.taken &= ~inside
    w.taken |= furniture_free
    x, y, outward = windows[int(w.rng.integers(len(windows)))]
    w.choose_spawn((x - 2.3 * np.cos(outward), y - 2.3 * np.sin(outward)), outward, choose_heading=False)
    w.add_asked()
    reach = float(min(xs[-1], ys[-1]) * 0.97)
    for kind, count in (
        ("bookshelf", 8),
        ("sofa", 6),
        ("bed", 5),
        ("table", 7),
        ("chair", 9),
        ("pot", 8),
        ("lamp", 3),
        ("ball", 2),
        ("crate", 4),
    ):
        w.scatter(kind, count, near=(0.0, 0.0), reach=reach)
    for kind, count in (("tree", 10), ("bush", 8), ("bench", 2), ("flower", 6)):
        w.taken |= inside
        w.scatter(kind, count)
    w.taken &= ~inside
    w.taken |= furniture_free
    _open_up(w)
    _people(w, ("villager", "child", "robot", "dog"), 2, 4)


def _open_up(w: Layout) -> None:
    """Takes furniture away, nearest to the agent first, until it can reach most of the rooms."""
    asked = {wanted.kind for wanted in w.spec.objects}
    spare = [e for e in w.entities if e.kind in (*FURNITURE, *OBJECTS) and e.kind not in asked]
    spare.sort(key=lambda e: -np.hypot(e.x - w.spawn[0], e.y - w.spawn[1]))
    while spare and np.isfinite(NavigationGrid.of(w).distances(*w.spawn[:2])).sum() < ROOMS_REACHED:
        for entity in spare[-2:]:
            w.entities.remove(entity)
        spare = spare[:-2]


def _room_wall(w: Layout, shell: Shape, a: tuple, b: tuple, outer: bool, cell: str, height: float, windows: list) -> None:
    """A wall from a to b with an opening: a door, or (in outer walls, mostly) a window."""
    a_, b_ = np.array(a, float), np.array(b, float)
    length = float(np.hypot(*(b_ - a_)))
    along = (b_ - a_) / length
    yaw = float(np.arctan2(along[1], along[0]))
    window = outer and (not windows or w.rng.random() < 0.78)
    centre = length * float(w.rng.uniform(0.35, 0.65))
    if window:
        x, y = a_ + along * centre
        across = np.array([along[1], -along[0]])
        outward = across if across @ (x, y) > 0 else -across
        windows.append((float(x), float(y), float(np.arctan2(outward[1], outward[0]))))
    else:  # nothing may stand in a doorway
        x, y = a_ + along * centre
        rows, inside = w.cells_of(float(x), float(y), (DOOR / 2, 1.5), yaw)
        w.on_road[rows] |= inside
    half = 1.5 if window else DOOR / 2
    sill, head = (0.9, 2.3) if window else (0.0, 2.3)
    cell = "whitewash" if outer else cell
    pieces = [
        (0.0, centre - half, 0.0, height),
        (centre + half, length, 0.0, height),
        (centre - half, centre + half, head, height),
    ]
    if window:
        pieces.append((centre - half, centre + half, 0.0, sill))
    for low, high, z0, z1 in pieces:
        middle = a_ + along * (low + high) / 2
        size = (high - low + (0.2 if low == 0 or high == length else 0), 0.2, z1 - z0)
        shell.box((float(middle[0]), float(middle[1]), z0), size, cell, yaw=yaw, tile=2.6, bottom=z0 > 0, solid=z0 < 2)


def _ceiling(shell: Shape, x: float, y: float, half: tuple[float, float], height: float) -> None:
    """White from below, a roof from above, with a skylight in the middle and a lamp beside it."""
    gap = 1.3
    rings = [
        (-half[0], -half[1], half[0], -gap),
        (-half[0], gap, half[0], half[1]),
        (-half[0], -gap, -gap, gap),
        (gap, -gap, half[0], gap),
    ]
    for x0, y0, x1, y1 in rings:
        flat = np.array(
            [[x + x0, y + y0, height], [x + x1, y + y0, height], [x + x1, y + y1, height], [x + x0, y + y1, height]]
        )
        shell.quad(flat[::-1], "light")
        shell.quad(flat + (0, 0, 0.15), "gravel")
    shell.prism((x + gap + 0.5, y, height - 0.16), 0.3, 0.16, "glow", 8, glow=True)
    lens = np.array([[np.cos(t), np.sin(t), 0] for t in np.arange(8) * np.pi / 4]) * 0.3 + (x + gap + 0.5, y, height - 0.165)
    for k in range(1, 7):
        shell.triangle(lens[[0, k + 1, k]], "glow", glow=True)


_SCENES: dict[str, Callable[[Layout], None]] = {
    "medieval_town": _medieval_town, "modern_street": _modern_street, "village": _village, "forest": _forest,
    "desert": _desert,
    "snowfield": _snowfield, "arena": _arena, "harbour": _harbour, "flooded_street": _flooded_street,
    "indoor_rooms": _indoor_rooms,
}  # fmt: skip
