"""Light, told apart from what it falls on.

A pixel that is seen under two conditions (twins), and a piece of a shape that is seen in many episodes, have one albedo;
gains, fog and albedos are fitted in turns by least squares. Windows that shine, snow that lies on things, rain in the air
and people who passed are left out by weights that fall with the residual.

Legend: n samples (pixels), m of them, K conditions, W weathers, H hours (24).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from genie_gym.genie3.mining.conditions import Condition, Weathers
from genie_gym.genie3.mining.light import BASIS, FAINTEST, HOURS, Light, between_hours, harmonics
from genie_gym.genie3.mining.light_samples import Samples

ROUNDS = 14
CLEARLY_SEEN, SNOWLESS = 0.75, 12.0  # of a colour that fog leaves; and of 255, by which snow changes a colour at most
UPRIGHT = 0.4  # height of a normal up to which no snow lies
SNOW_TRUST = 0.02  # weight of what is seen under snow, in albedos
TIE = 0.15  # weight of its piece's mean, in a sample's albedo
DENSITIES = np.array([0.35, 0.6, 0.8, 1.0, 1.25, 1.6, 2.4])  # of fog that are tried, against the one so far
AROUND = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
PRIOR = np.array([1.0] * 4 + [2.0] * 5)  # how much each harmonic is smoothed


def fit_light(samples: Samples, weathers: Weathers) -> Light:
    """Fits gains, fog and albedos in turns. What looks up at noon is in light 1 in the first weather that was recorded."""
    seen = sorted({condition.weather for condition in samples.conditions})
    fit = _Fit(samples, _first_guess(samples, len(weathers)), weathers.snow, seen)
    for turn in range(ROUNDS):
        fit.scale = max(10.0, 60 * 0.75**turn)
        fit.albedo = fit.albedos(robust=turn > 0)
        fit.light.gain = fit.gains()
        fit.normalise()
        if turn < ROUNDS - 2:
            rows = fit.fog_rows()
            fit.fit_density(rows)
            fit.light.fog_colour = fit.fog_colours(rows)
    light = fit.light
    for weather in set(range(len(weathers))) - set(seen):  # what no recording shows is as the mean of what some do
        for values in (light.gain, light.fog_colour, light.fog_density):
            values[weather] = values[seen].mean(0)
    light.roofed = fit.roofed()
    return light


def _first_guess(samples: Samples, weathers: int) -> Light:
    """Even light, and fog as the horizon's colour, by how near hours are."""
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


@dataclass(frozen=True, eq=False)
class _Picture:
    """The samples `at` which one picture shows something: its colours, what light falls there, how much of it fog leaves,
    and the fog's colour."""

    condition: Condition
    at: Int[np.ndarray, " m"]
    colours: Float[np.ndarray, "m 3"]
    gain: Float[np.ndarray, "m 3"]
    left: Float[np.ndarray, "m 1"]
    fog: Float[np.ndarray, " 3"]

    def keep(self, which: np.ndarray) -> _Picture:
        at, colours, gain, left = (part[which] for part in (self.at, self.colours, self.gain, self.left))
        return _Picture(self.condition, at, colours, gain, left, self.fog)

    def off(self, albedo: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "m 3"]:
        """What albedos leave of the colours, without the fog before them."""
        return self.colours - albedo[self.at] * (self.gain * self.left) - self.fog * (1 - self.left)


class _Fit:
    """A light and the albedos of all samples, while they are fitted. `scale` is that of residuals which still count; `seen`
    are the weathers of recordings, `snow` the one under which some surfaces have another albedo."""

    def __init__(self, samples: Samples, light: Light, snow: int | None, seen: list[int]):
        self.samples, self.light, self.snow, self.seen = samples, light, snow, seen
        self.albedo = np.zeros((len(samples.depth), 3))
        self.scale = 60.0

    def pictures(self) -> Iterator[_Picture]:
        samples, light = self.samples, self.light
        for which, colours in samples.seen:
            order = np.argsort(which, kind="stable")
            numbers, first = np.unique(which[order], return_index=True)
            for number, begin, end in zip(numbers, first, [*first[1:], len(order)], strict=True):
                if number >= 0:
                    at, condition = order[begin:end], samples.conditions[number]
                    left = np.where(samples.roofed[at], 1.0, light.clear(condition, samples.depth[at]))[:, None]
                    gain = light.gains(condition, samples.normal[at])
                    yield _Picture(condition, at, colours[at], gain, left, light.fog(condition))

    def albedos(self, robust: bool) -> Float[np.ndarray, "n 3"]:
        """Of each sample: from its own pictures, drawn towards the mean of its piece. With `robust`, pictures count less
        where they differ from the albedo so far."""
        samples, piece = self.samples, self.samples.piece
        above, below = np.zeros_like(self.albedo), np.full_like(self.albedo, 1e-9)
        for one in self.pictures():
            strength = one.gain * one.left
            outside = np.where(samples.roofed[one.at], 0.0, 1.0)[:, None]
            weight = outside * (SNOW_TRUST if one.condition.weather == self.snow else 1.0) * (one.left > FAINTEST)
            if robust:
                weight = weight * _calm(one.off(self.albedo), self.scale)
            above[one.at] += weight * strength * (one.colours - one.fog * (1 - one.left))
            below[one.at] += weight * strength**2
        known = below.mean(1) > 1e-6
        mean = np.zeros((samples.pieces, 3))
        for c in range(3):
            total = np.bincount(piece, below[:, c] * known, samples.pieces)
            mean[:, c] = np.bincount(piece, above[:, c] * known, samples.pieces) / np.maximum(total, 1e-9)
        return np.clip((above + TIE * mean[piece]) / (below + TIE), 1, 300)

    def gains(self) -> Float[np.ndarray, "W H 9 3"]:
        """Harmonics by weather and hour, from colours over albedos; hours lean on their neighbours. Under snow only upright
        surfaces tell of light, for snow lies on others: how these compare is as under the other dull weathers."""
        matrix, target = self._normal_equations()
        size = HOURS * BASIS
        mass = max(float(target[..., 0].mean()), 1e-9)
        smooth = 0.02 * mass * np.einsum("ij,kl->ikjl", _bending(), np.diag(PRIOR)).reshape(size, size)
        ridge = 1e-3 * mass * np.kron(np.eye(HOURS), np.diag(0.1 * PRIOR + 0.05))
        fitted = np.empty_like(self.light.gain)
        dull = [weather for weather in self.seen[1:] if weather != self.snow]
        for weather in sorted(range(len(fitted)), key=lambda weather: weather == self.snow):
            before, lean = self.light.gain[weather], ridge
            if weather == self.snow and dull:
                alike, around = fitted[dull].mean(0), harmonics(AROUND).mean(0)
                now, then = (np.einsum("k,hkc->hc", around, table) for table in (before, alike))
                before, lean = alike * np.clip(now / np.maximum(then, 1e-3), 0.2, 4)[:, None], 60 * ridge
            for c in range(3):
                system = matrix[weather, c].reshape(size, size) + smooth + lean
                towards = target[weather, c].reshape(size) + lean @ before[:, :, c].reshape(size)
                fitted[weather, :, :, c] = np.linalg.solve(system, towards).reshape(HOURS, BASIS)
        return fitted

    def _normal_equations(self) -> tuple[np.ndarray, np.ndarray]:
        """Of the least squares for gains, [W, 3, H, 9, H, 9] and [W, 3, H, 9]."""
        weathers = len(self.light.gain)
        matrix = np.zeros((weathers, 3, HOURS, BASIS, HOURS, BASIS))
        target = np.zeros((weathers, 3, HOURS, BASIS))
        for one in self.pictures():
            one = one.keep(~self.samples.roofed[one.at])
            if not len(one.at):
                continue
            normal, weather = self.samples.normal[one.at], one.condition.weather
            colours = one.colours - one.fog * (1 - one.left)
            strength = self.albedo[one.at] * one.left
            weight = _calm(colours - strength * one.gain, self.scale) * (one.left > FAINTEST) / 255**2
            if weather == self.snow:
                weight = weight * (np.abs(normal[:, 2:]) < UPRIGHT)
            basis = harmonics(normal.astype(np.float64))
            a, b, t = between_hours(one.condition.hour)
            for c in range(3):
                w = weight[:, 0] * strength[:, c]
                block = (basis * (w * strength[:, c])[:, None]).T @ basis
                side = basis.T @ (w * colours[:, c])
                for hour, share in ((a, 1 - t), (b, t)):
                    target[weather, c, hour] += share * side
                    for other, also in ((a, 1 - t), (b, t)):
                        matrix[weather, c, hour, :, other] += share * also * block
        return matrix, target

    def normalise(self) -> None:
        """At noon, in the first weather that was recorded, what looks up is seen in light 1."""
        up = harmonics(np.array([[0.0, 0.0, 1.0]]))[0]
        self.light.gain /= np.maximum(up @ self.light.gain[self.seen[0], 12], 1e-3)

    def fog_rows(self) -> list[tuple[_Picture, np.ndarray]]:
        """Pictures of what tells of fog, with how it would look in clear air."""
        rows = []
        bare_of_snow = self._bare_of_snow()
        for one in self.pictures():
            keep = ~self.samples.roofed[one.at]
            if one.condition.weather == self.snow:
                keep &= bare_of_snow[one.at]
            if keep.sum() >= 30:
                one = one.keep(keep)
                rows.append((one, self.albedo[one.at] * one.gain))
        return rows

    def _bare_of_snow(self) -> Bool[np.ndarray, " n"]:
        """Which samples are upright, and of pieces that look under snow, from near, as they look without."""
        samples = self.samples
        off, count = np.zeros(samples.pieces), np.zeros(samples.pieces)
        for one in self.pictures():
            if one.condition.weather == self.snow:
                near = one.left[:, 0] > CLEARLY_SEEN
                piece = samples.piece[one.at[near]]
                off += np.bincount(piece, np.abs(one.off(self.albedo)).mean(1)[near], samples.pieces)
                count += np.bincount(piece, minlength=samples.pieces)
        alike = (count > 0) & (off < SNOWLESS * count)
        return alike[samples.piece] & (np.abs(samples.normal[:, 2]) < UPRIGHT)

    def fit_density(self, rows: Sequence[tuple[_Picture, np.ndarray]]) -> None:
        """Of fog by weather: the best of a range around the one so far, where each may have its own brightness and colour of
        fog in each condition."""
        tries = self.light.fog_density[:, None] * DENSITIES
        loss = np.zeros(tries.shape)
        for one, clear in rows:
            for k, density in enumerate(tries[one.condition.weather]):
                left = np.exp(-density * self.samples.depth[one.at])[:, None]
                off = one.colours - _mixed(one, clear, left, self.scale)[0]
                loss[one.condition.weather, k] += np.log1p((off / self.scale) ** 2).mean(1).sum()
        known = loss.any(1)
        best = tries[np.arange(len(tries)), loss.argmin(1)]
        self.light.fog_density[known] = np.clip(best, 2e-4, 0.5)[known]

    def fog_colours(self, rows: Sequence[tuple[_Picture, np.ndarray]]) -> Float[np.ndarray, "W H 3"]:
        """By weather and hour; hours that nobody saw keep what the horizon said."""
        light = self.light
        above, below = np.zeros_like(light.fog_colour), np.zeros((*light.fog_colour.shape[:2], 1))
        for one, clear in rows:
            left = light.clear(one.condition, self.samples.depth[one.at])[:, None]
            _, colour, sure = _mixed(one, clear, left, self.scale)
            a, b, t = between_hours(one.condition.hour)
            for hour, part in ((a, 1 - t), (b, t)):
                above[one.condition.weather, hour] += part * sure * colour
                below[one.condition.weather, hour] += part * sure
        prior = 0.05 * np.maximum(below.mean(1, keepdims=True), 1)
        return np.clip((above + prior * light.fog_colour) / (below + prior), 0, 255)

    def roofed(self) -> float:
        """How much lighter places with a roof are: pieces that were seen outside too have one albedo."""
        samples = self.samples
        known = np.bincount(samples.piece, ~samples.roofed, samples.pieces)[samples.piece] > 3
        known &= samples.roofed
        if not known.any():
            return 1.0
        albedo, ratios = self.albedos(robust=False), []
        for one in self.pictures():
            one = one.keep(known[one.at])
            ratios.append((one.colours / np.maximum(albedo[one.at] * one.gain, 8)).mean(1))
        return float(np.clip(np.median(np.concatenate(ratios)), 1.0, 2.0))


def _calm(residual: Float[np.ndarray, "m 3"], scale: float) -> Float[np.ndarray, "m 1"]:
    """Weights that fall with the residual (Cauchy's)."""
    return np.asarray(1 / (1 + ((residual / scale) ** 2).mean(1, keepdims=True)))


def _bending() -> Float[np.ndarray, "H H"]:
    """The quadratic form of second differences round the clock."""
    rows = np.roll(np.eye(HOURS), -1, 1) - 2 * np.eye(HOURS) + np.roll(np.eye(HOURS), 1, 1)
    return rows.T @ rows


def _mixed(
    one: _Picture, clear: Float[np.ndarray, "m 3"], left: Float[np.ndarray, "m 1"], scale: float
) -> tuple[Float[np.ndarray, "m 3"], Float[np.ndarray, " 3"], float]:
    """Colours as s · clear · left + colour · (1 - left), with s and the colour as fits best; that fog colour; and how sure
    it is. It leans on the fog so far: where there is little, what the horizon says is better."""
    x, y = clear * left, np.broadcast_to(1 - left, clear.shape)
    weight = _calm(one.colours - x - one.fog * y, 2 * scale)
    lean = 0.1 * weight.sum()
    xx, xy, yy = (weight * x * x).sum(0) + 1e-6, (weight * x * y).sum(0), (weight * y * y).sum(0) + lean
    xc, yc = (weight * x * one.colours).sum(0), (weight * y * one.colours).sum(0) + lean * one.fog
    whole = xx * yy - xy * xy
    brightness, colour = (yy * xc - xy * yc) / whole, np.clip((xx * yc - xy * xc) / whole, 0, 255)
    return brightness * x + colour * y, colour, float((weight * y * y).sum() + 0.1 * lean)
