"""Light by weather and hour, told apart from what it falls on: pictures are albedo × gain(normal), seen through fog.

A pixel that is seen under two conditions (twins), and a piece of a shape that is seen in many episodes, have one albedo;
gains, fog and albedos are fitted in turns by least squares. Windows that shine, snow that lies on things, rain in the air
and people who passed are left out by weights that fall with the residual.

Legend: n samples (pixels), K conditions, W weathers, H hours (24).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from genie_gym.genie3.mining.config import MiningConfig
from genie_gym.genie3.mining.views import Condition, Views, look, sightings

HOURS, BASIS = 24, 9
BRIGHTEST = 1.2  # gains are clipped here
FAINTEST = 0.12  # share of a colour that fog must leave for its albedo to be read
ROUNDS = 14
CLEARLY_SEEN, SNOWLESS = 0.75, 12.0  # of a colour that fog leaves; and of 255, by which snow changes a colour at most
UPRIGHT = 0.4  # height of a normal up to which no snow lies
CELL = 0.25  # metres: of what counts as one piece of a shape


def harmonics(normal: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 9"]:
    """The first nine real spherical harmonics of world normals, without their constants."""
    x, y, z = normal.T
    return np.stack([np.ones_like(x), x, y, z, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y], 1)


def between_hours(hour: float) -> tuple[int, int, float]:
    """The two hours of the table that an hour lies between, and how far it is on its way to the second."""
    first = int(hour % HOURS)
    return first, (first + 1) % HOURS, float(hour % 1)


@dataclass(eq=False)
class Light:
    """What was fitted: `gain` float64 [W, 24, 9, 3], by harmonic of the world's normal; `fog_colour` [W, 24, 3] in [0, 255];
    `fog_density` [W] a metre of depth; `roofed`: how much lighter places with a roof are."""

    gain: Float[np.ndarray, "W H 9 3"]
    fog_colour: Float[np.ndarray, "W H 3"]
    fog_density: Float[np.ndarray, " W"]
    roofed: float = 1.0

    def gains(
        self, condition: Condition, normals: Float[np.ndarray, "n 3"], roofed: bool = False
    ) -> Float[np.ndarray, "n 3"]:
        """What light a condition throws on surfaces."""
        a, b, t = between_hours(condition.hour)
        table = self.gain[condition.weather, a] * (1 - t) + self.gain[condition.weather, b] * t
        return np.clip(harmonics(normals) @ table * (self.roofed if roofed else 1.0), 0.03, BRIGHTEST)

    def fog(self, condition: Condition) -> Float[np.ndarray, " 3"]:
        a, b, t = between_hours(condition.hour)
        return np.asarray(self.fog_colour[condition.weather, a] * (1 - t) + self.fog_colour[condition.weather, b] * t)

    def clear(self, condition: Condition, depth: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The share of a colour that fog leaves at a depth."""
        return np.exp(-self.fog_density[condition.weather] * depth)

    def albedo(
        self,
        condition: Condition,
        colours: Float[np.ndarray, "n 3"],
        normals: Float[np.ndarray, "n 3"],
        depth: Float[np.ndarray, " n"],
        roofed: bool = False,
    ) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, " n"]]:
        """Colours freed of fog and light, and how far each can be trusted: the square of what light and fog left of it.
        `depth` is 0 where there is no fog before it."""
        left = self.clear(condition, depth)[:, None]
        gain = self.gains(condition, normals, roofed)
        bare = (colours - self.fog(condition) * (1 - left)) / np.maximum(left, FAINTEST)
        return bare / gain, (left[:, 0] * gain.mean(1)) ** 2 * (left[:, 0] > FAINTEST)


@dataclass(eq=False)
class Samples:
    """Pixels that the light is fitted on. `piece` says which are of one piece of a shape; `seen` holds, by picture of the
    episode, condition numbers [n] and colours [n, 3]."""

    normal: Float[np.ndarray, "n 3"]
    depth: Float[np.ndarray, " n"]
    piece: Int[np.ndarray, " n"]
    roofed: np.ndarray
    seen: list[tuple[Int[np.ndarray, " n"], Float[np.ndarray, "n 3"]]]
    conditions: list[Condition]
    horizon: Float[np.ndarray, "K 3"]  # the sky's colour just above the horizon


@dataclass(eq=False)
class Collector:
    """Gathers samples episode by episode."""

    farthest: float
    config: MiningConfig
    parts: list[tuple[np.ndarray, ...]] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
    horizon: list[np.ndarray] = field(default_factory=list)

    def add(self, views: Views, shapes: Sequence[int]) -> None:
        """`shapes`: the shape of each thing of the place; -1 where it is of its own kind."""
        rng = np.random.default_rng([self.config.seed, views.index])
        first = len(self.conditions)
        self.conditions += views.conditions
        low: list[list[np.ndarray]] = [[] for _ in views.conditions]
        step = max(1, len(views) // self.config.light_frames)
        for frame in range(0, len(views), step):
            seen = look(views, frame, self.farthest)
            up = (views.pose[frame][2, :3] @ _rays(views)) if seen.sky.any() else None
            if up is not None:
                near = seen.sky.ravel() & (up > 0) & (up < 0.03)
                for k, pictures in enumerate(views.pictures):
                    low[k].append(pictures[frame].reshape(-1, 3)[near])
            found = sightings(views, frame, seen)
            if not found:
                continue
            pixels = np.concatenate([one.pixels for one in found])
            points = np.concatenate([one.points for one in found])
            own = np.concatenate([one.normals for one in found])
            thing = np.concatenate([np.full(len(one.pixels), one.thing) for one in found])
            beings = np.array([one.behaviour is not None or one.movable for one in views.place.things])
            good = (seen.facing.ravel()[pixels] > 0.2) & ~(beings[thing] & (len(views.moved) == 0) & False)
            depth = views.depth[frame].ravel()[pixels]
            good &= depth < 250
            chosen = np.flatnonzero(good)
            if len(chosen) > self.config.light_pixels:
                weight = 1 / (4 + depth[chosen])  # near ones first, but some far ones for the fog
                keys = rng.random(len(chosen)) ** (1 / weight)
                chosen = chosen[np.argpartition(-keys, self.config.light_pixels)[: self.config.light_pixels]]
            pixels, points, own, thing = pixels[chosen], points[chosen], own[chosen], thing[chosen]
            piece = _piece(views.index, np.asarray(shapes)[thing], thing, points, own)
            colours = [pictures[frame].reshape(-1, 3)[pixels] for pictures in views.pictures]
            colours += [np.zeros_like(colours[0])] * (2 - len(colours))
            count = np.full(len(pixels), first), np.full(len(pixels), first + 1 if len(views.pictures) > 1 else -1)
            roofed = np.full(len(pixels), views.place.roof is not None)
            normal = seen.normals.reshape(-1, 3)[pixels]
            self.parts.append((normal, views.depth[frame].ravel()[pixels], piece, roofed, *count, *colours))
        for k in range(len(views.conditions)):
            sky = np.concatenate(low[k]) if low[k] else np.zeros((0, 3))
            self.horizon.append(np.median(sky, 0) if len(sky) > 50 else np.full(3, np.nan))

    def samples(self) -> Samples:
        parts = [np.concatenate(part) for part in zip(*self.parts, strict=True)]
        normal, depth, piece, roofed, a, b, colour_a, colour_b = parts
        _, piece = np.unique(piece, return_inverse=True)
        seen = [(a, colour_a.astype(np.float32)), (b, colour_b.astype(np.float32))]
        return Samples(normal, depth, piece, roofed, seen, self.conditions, np.array(self.horizon))


def _rays(views: Views) -> np.ndarray:
    camera = views.camera
    y, x = np.mgrid[0 : camera.height, 0 : camera.width].astype(np.float32)
    rays = np.stack([(x + 0.5 - camera.width / 2) / camera.focal, (y + 0.5 - camera.height / 2) / camera.focal,
                     np.ones_like(x)]).reshape(3, -1)  # fmt: skip
    return np.asarray(rays / np.linalg.norm(rays, axis=0))


def _piece(episode: int, shape: np.ndarray, thing: np.ndarray, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """A number for all that lies in one cell of one shape (or of one thing of an episode) and faces one of six ways."""
    cell = np.floor(points / CELL).astype(np.int64) + 2048
    way = np.abs(normals).argmax(1)
    way = 2 * way + (np.take_along_axis(normals, way[:, None], 1)[:, 0] > 0)
    owner = np.where(shape >= 0, shape, 4096 + episode * 1024 + thing).astype(np.int64)
    return np.asarray((((owner * 8 + way) * 4096 + cell[:, 0]) * 4096 + cell[:, 1]) * 4096 + cell[:, 2])


def fit_light(
    samples: Samples,
    weathers: int,
    snowy: int | None = None,
    clear: int = 0,
    rounds: int = ROUNDS,
    start: Light | None = None,
) -> Light:
    """Fits gains, fog and albedos in turns.

    Args:
        weathers: how many there are. snowy: the one under which some surfaces have another albedo.
        clear: the one whose noon shows upward surfaces in light 1. start: the first guess.
    """
    outside = ~samples.roofed
    light = start or _first_guess(samples, weathers)
    albedo = np.zeros((len(samples.depth), 3))
    for turn in range(rounds):
        scale = max(10.0, 60 * 0.75**turn)
        albedo = _albedos(samples, light, snowy, scale, albedo if turn else None)
        light = _gains(samples, light, albedo, outside, scale, snowy, clear)
        _normalise(light, clear)
        if turn < rounds - 2:
            _fog(samples, light, albedo, outside, scale, snowy)
    _normalise(light, clear)
    _unseen(samples, light)
    light.roofed = _roofed(samples, light, snowy)
    return light


def _first_guess(samples: Samples, weathers: int) -> Light:
    gain = np.zeros((weathers, HOURS, BASIS, 3))
    gain[:, :, 0] = 0.8
    colour, total = np.full((weathers, HOURS, 3), 128e-9), np.full((weathers, HOURS, 1), 1e-9)
    for condition, horizon in zip(samples.conditions, samples.horizon, strict=True):
        if np.isfinite(horizon).all():
            for hour in range(HOURS):
                away = abs((condition.hour - hour + 12) % 24 - 12)
                weight = np.exp(-((away / 0.7) ** 2)) + 1e-6 * np.exp(-away)
                colour[condition.weather, hour] += weight * horizon
                total[condition.weather, hour] += weight
    return Light(gain, colour / total, np.full(weathers, 0.012))


def _observed(samples: Samples, light: Light) -> list[tuple[np.ndarray, int, Condition, np.ndarray, np.ndarray, np.ndarray]]:
    """By picture and condition: which samples, what light and how much of it fog leaves."""
    rows = []
    for picture, (which, _) in enumerate(samples.seen):
        order = np.argsort(which, kind="stable")
        numbers, first = np.unique(which[order], return_index=True)
        for number, begin, end in zip(numbers, first, [*first[1:], len(order)], strict=True):
            if number < 0:
                continue
            mine, condition = order[begin:end], samples.conditions[number]
            left = np.where(samples.roofed[mine], 1.0, light.clear(condition, samples.depth[mine]))[:, None]
            rows.append((mine, picture, condition, light.gains(condition, samples.normal[mine]), left, light.fog(condition)))
    return rows


def _albedos(
    samples: Samples, light: Light, snowy: int | None, scale: float, before: np.ndarray | None
) -> Float[np.ndarray, "n 3"]:
    """Of each sample: from its own pictures, drawn towards the mean of its piece."""
    count = len(samples.depth)
    above, below = np.zeros((count, 3)), np.full((count, 3), 1e-9)
    for mine, picture, condition, gain, left, fog in _observed(samples, light):
        trust = 0.02 if condition.weather == snowy else 1.0
        roof = np.where(samples.roofed[mine], 0.0, 1.0)[:, None]
        colours = samples.seen[picture][1][mine]
        strength = gain * left
        weight = roof * trust * (left > FAINTEST)
        if before is not None:
            weight = weight * _calm(colours - before[mine] * strength - fog * (1 - left), scale)
        above[mine] += weight * strength * (colours - fog * (1 - left))
        below[mine] += weight * strength**2
    pieces = int(samples.piece.max()) + 1
    known = below.mean(1) > 1e-6
    mean = np.zeros((pieces, 3))
    for c in range(3):
        total = np.bincount(samples.piece, below[:, c] * known, pieces)
        mean[:, c] = np.bincount(samples.piece, above[:, c] * known, pieces) / np.maximum(total, 1e-9)
    tie = 0.15
    return np.clip((above + tie * mean[samples.piece]) / (below + tie), 1, 300)


def _calm(residual: np.ndarray, scale: float) -> np.ndarray:
    """Weights [n, 1] that fall with the residual (Cauchy's)."""
    return np.asarray(1 / (1 + ((residual / scale) ** 2).mean(1, keepdims=True)))


def _gains(
    samples: Samples, light: Light, albedo: np.ndarray, outside: np.ndarray, scale: float, snowy: int | None, clear: int
) -> Light:
    """Harmonics by weather and hour, from colours over albedos; hours lean on their neighbours. Under snow only upright
    surfaces tell of light, for snow lies on others: how these compare is as under the other dull weathers."""
    weathers = len(light.gain)
    size = HOURS * BASIS
    left_side = np.zeros((weathers, 3, HOURS, BASIS, HOURS, BASIS))
    right_side = np.zeros((weathers, 3, HOURS, BASIS))
    for mine, picture, condition, gain, left, fog in _observed(samples, light):
        keep = outside[mine]
        mine, gain, left = mine[keep], gain[keep], left[keep]
        if not len(mine):
            continue
        colours = samples.seen[picture][1][mine] - fog * (1 - left)
        strength = albedo[mine] * left
        weight = _calm(colours - strength * gain, scale) * (left > FAINTEST) / 255**2
        if condition.weather == snowy:
            weight = weight * (np.abs(samples.normal[mine][:, 2:]) < UPRIGHT)
        basis = harmonics(samples.normal[mine].astype(np.float64))
        a, b, t = between_hours(condition.hour)
        for c in range(3):
            w = weight[:, 0] * strength[:, c]
            block = (basis * (w * strength[:, c])[:, None]).T @ basis
            side = basis.T @ (w * colours[:, c])
            for one, share in ((a, 1 - t), (b, t)):
                right_side[condition.weather, c, one] += share * side
                for other, also in ((a, 1 - t), (b, t)):
                    left_side[condition.weather, c, one, :, other] += share * also * block
    second = np.zeros((HOURS, HOURS))
    for hour in range(HOURS):
        bend = np.zeros(HOURS)
        bend[[(hour - 1) % HOURS, hour, (hour + 1) % HOURS]] = 1, -2, 1
        second += np.outer(bend, bend)
    fitted = np.empty_like(light.gain)
    mass = max(float(right_side[..., 0].mean()), 1e-9)
    prior = np.array([1.0] + [1.0] * 3 + [2.0] * 5)
    dull = [weather for weather in range(weathers) if weather not in (snowy, clear)]
    for weather in sorted(range(weathers), key=lambda weather: weather == snowy):
        smooth = 0.02 * mass * np.einsum("ij,kl->ikjl", second, np.diag(prior)).reshape(size, size)
        ridge = 1e-3 * mass * np.kron(np.eye(HOURS), np.diag(prior * [0.1] + 0.05 * (prior > 0)))
        before = light.gain[weather]
        if weather == snowy and dull:
            alike = fitted[dull].mean(0)
            around = harmonics(np.array([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])).mean(0)
            ratio = np.einsum("k,hkc->hc", around, before) / np.maximum(np.einsum("k,hkc->hc", around, alike), 1e-3)
            before, ridge = alike * np.clip(ratio, 0.2, 4)[:, None], 60 * ridge
        for c in range(3):
            system = left_side[weather, c].reshape(size, size) + smooth + ridge
            towards = right_side[weather, c].reshape(size) + ridge @ before[:, :, c].reshape(size)
            fitted[weather, :, :, c] = np.linalg.solve(system, towards).reshape(HOURS, BASIS)
    return Light(fitted, light.fog_colour, light.fog_density, light.roofed)


def _unseen(samples: Samples, light: Light) -> None:
    """Weathers that no recording shows are as the mean of those that some do."""
    seen = sorted({condition.weather for condition in samples.conditions})
    for weather in set(range(len(light.gain))) - set(seen):
        for values in (light.gain, light.fog_colour, light.fog_density):
            values[weather] = values[seen].mean(0)


def _normalise(light: Light, clear: int) -> None:
    """At noon under a clear sky what looks up is seen in light 1."""
    up = harmonics(np.array([[0.0, 0.0, 1.0]]))[0]
    light.gain /= np.maximum(up @ light.gain[clear, 12], 1e-3)


def _fog(samples: Samples, light: Light, albedo: np.ndarray, outside: np.ndarray, scale: float, snowy: int | None) -> None:
    """Density by weather: the best of a range around the one so far, where each may have its own brightness and colour of
    fog in each condition. Then colour by weather and hour."""
    weathers = len(light.gain)
    tries = light.fog_density[:, None] * np.array([0.35, 0.6, 0.8, 1.0, 1.25, 1.6, 2.4])
    loss = np.zeros(tries.shape)
    rows = []
    bare_of_snow = _bare_of_snow(samples, light, albedo, snowy)
    for mine, picture, condition, gain, _, fog in _observed(samples, light):
        keep = outside[mine]
        if condition.weather == snowy:
            keep &= bare_of_snow[mine]
        mine = mine[keep]
        if len(mine) < 30:
            continue
        rows.append((condition, samples.seen[picture][1][mine], albedo[mine] * gain[keep], samples.depth[mine], fog))
    for condition, colours, bare, depth, fog in rows:
        for k, density in enumerate(tries[condition.weather]):
            share = np.exp(-density * depth)[:, None]
            off = colours - _mixed(colours, bare, share, fog, scale)[0]
            loss[condition.weather, k] += np.log1p((off / scale) ** 2).mean(1).sum()
    known = loss.any(1)
    light.fog_density[known] = np.clip(tries[np.arange(weathers), loss.argmin(1)], 2e-4, 0.5)[known]
    above, below = np.zeros((weathers, HOURS, 3)), np.zeros((weathers, HOURS, 1))
    for condition, colours, bare, depth, fog in rows:
        share = light.clear(condition, depth)[:, None]
        found, sure = _mixed(colours, bare, share, fog, scale)[1:]
        a, b, t = between_hours(condition.hour)
        for hour, part in ((a, 1 - t), (b, t)):
            above[condition.weather, hour] += part * sure * found
            below[condition.weather, hour] += part * sure
    prior = 0.05 * np.maximum(below.mean(1, keepdims=True), 1)  # hours that nobody saw keep what the horizon said
    light.fog_colour = np.clip((above + prior * light.fog_colour) / (below + prior), 0, 255)


def _bare_of_snow(samples: Samples, light: Light, albedo: np.ndarray, snowy: int | None) -> np.ndarray:
    """Which samples are upright, and of pieces that look under snow, from near, as they look without."""
    pieces = int(samples.piece.max()) + 1
    off, count = np.zeros(pieces), np.zeros(pieces)
    for mine, picture, condition, gain, left, fog in _observed(samples, light):
        if condition.weather == snowy:
            near = left[:, 0] > CLEARLY_SEEN
            wrong = np.abs(samples.seen[picture][1][mine] - albedo[mine] * gain * left - fog * (1 - left)).mean(1)
            off += np.bincount(samples.piece[mine[near]], wrong[near], pieces)
            count += np.bincount(samples.piece[mine[near]], minlength=pieces)
    alike = (count > 0) & (off < SNOWLESS * count)
    return alike[samples.piece] & (np.abs(samples.normal[:, 2]) < UPRIGHT)


def _mixed(
    colours: np.ndarray, bare: np.ndarray, share: np.ndarray, fog: np.ndarray, scale: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """Colours as s · bare · share + colour · (1 - share), with s and the colour [3] as fits best; that fog colour; and how
    sure it is. It leans on `fog`: where there is little, what the horizon says is better."""
    x, y = bare * share, np.broadcast_to(1 - share, bare.shape)
    weight = _calm(colours - x - fog * y, 2 * scale)
    lean = 0.1 * weight.sum()
    xx, xy, yy = (weight * x * x).sum(0) + 1e-6, (weight * x * y).sum(0), (weight * y * y).sum(0) + lean
    xc, yc = (weight * x * colours).sum(0), (weight * y * colours).sum(0) + lean * fog
    whole = xx * yy - xy * xy
    brightness, colour = (yy * xc - xy * yc) / whole, np.clip((xx * yc - xy * xc) / whole, 0, 255)
    return brightness * x + colour * y, colour, float((weight * y * y).sum() + 0.1 * lean)


def _roofed(samples: Samples, light: Light, snowy: int | None) -> float:
    """How much lighter places with a roof are: pieces that were seen outside too have one albedo."""
    if not samples.roofed.any() or samples.roofed.all():
        return 1.0
    albedo = _albedos(samples, light, snowy, 10.0, None)
    known = np.bincount(samples.piece, ~samples.roofed, int(samples.piece.max()) + 1)[samples.piece] > 3
    ratios = []
    for mine, picture, _, gain, _, _ in _observed(samples, light):
        keep = samples.roofed[mine] & known[mine]
        if keep.any():
            ratios.append((samples.seen[picture][1][mine][keep] / np.maximum(albedo[mine] * gain, 8)[keep]).mean(1))
    return float(np.clip(np.median(np.concatenate(ratios)), 1.0, 2.0)) if ratios else 1.0
