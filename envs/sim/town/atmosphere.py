"""What weather and hour do to light: sun, ambient, sky, fog, and what falls from the sky."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from genie_gym.text.spec import time_name

SKY_SIDE = 128
GRIP = {"sunny": 1.0, "rainy": 0.65, "snowy": 0.4, "foggy": 0.95}  # what the weather does to every friction


@dataclass(frozen=True)
class Atmosphere:
    """Colours are in [0, 1]. `sun` points to the sun (or moon); `fog` is a density per metre; `shadow` in [0, 1]."""

    sun: tuple[float, float, float]
    diffuse: np.ndarray
    ambient: np.ndarray
    zenith: np.ndarray
    horizon: np.ndarray
    fog: float
    fog_colour: np.ndarray
    emission: float
    shadow: float
    clouds: float
    stars: float
    disc: np.ndarray


# hour: zenith, horizon, sunlight, ambient
_KEYS: dict[float, tuple[tuple[float, ...], ...]] = {
    0.0: ((0.02, 0.03, 0.09), (0.06, 0.08, 0.18), (0.13, 0.16, 0.30), (0.22, 0.25, 0.42)),
    4.8: ((0.03, 0.04, 0.12), (0.10, 0.10, 0.22), (0.13, 0.16, 0.30), (0.22, 0.25, 0.42)),
    6.5: ((0.42, 0.50, 0.72), (1.00, 0.76, 0.58), (0.70, 0.54, 0.42), (0.56, 0.49, 0.52)),
    8.5: ((0.26, 0.52, 0.86), (0.78, 0.88, 0.96), (0.66, 0.62, 0.54), (0.50, 0.50, 0.52)),
    12.0: ((0.18, 0.46, 0.88), (0.70, 0.86, 0.98), (0.72, 0.70, 0.64), (0.50, 0.51, 0.54)),
    16.0: ((0.22, 0.48, 0.84), (0.78, 0.86, 0.92), (0.70, 0.64, 0.54), (0.50, 0.49, 0.51)),
    18.5: ((0.26, 0.22, 0.46), (1.00, 0.46, 0.20), (0.80, 0.38, 0.16), (0.56, 0.39, 0.40)),
    20.0: ((0.07, 0.07, 0.20), (0.30, 0.16, 0.26), (0.16, 0.13, 0.24), (0.28, 0.26, 0.40)),
    21.5: ((0.02, 0.03, 0.10), (0.06, 0.08, 0.19), (0.13, 0.16, 0.30), (0.22, 0.25, 0.42)),
    24.0: ((0.02, 0.03, 0.09), (0.06, 0.08, 0.18), (0.13, 0.16, 0.30), (0.22, 0.25, 0.42)),
}
# weather: overcast share, its grey, brightness, sunlight left, fog per metre, share of the hour's colour that is left
_WEATHER = {
    "sunny": (0.0, (0.6, 0.6, 0.6), 1.0, 1.0, 0.0016, 1.0),
    "rainy": (0.88, (0.50, 0.54, 0.60), 0.72, 0.22, 0.012, 1.0),
    "snowy": (0.90, (0.80, 0.83, 0.88), 1.12, 0.28, 0.013, 0.2),  # white ground shows every tint: red light made it mud
    "foggy": (0.97, (0.76, 0.77, 0.78), 0.90, 0.14, 0.075, 1.0),
}
_SNOWLIGHT = np.array((0.95, 1.0, 1.10))  # what clouds and snow throw to and fro


def make_atmosphere(weather: str, hour: float) -> Atmosphere:
    hours = sorted(_KEYS)
    keys = np.array([_KEYS[h] for h in hours])
    zenith, horizon, sunlight, ambient = np.array(
        [[np.interp(hour, hours, keys[:, i, c]) for c in range(3)] for i in range(4)]
    )
    overcast, grey, brightness, sun_left, fog, coloured = _WEATHER[weather]
    daylight = float(np.clip(horizon.mean() * 1.25, 0.16, 1))
    if coloured < 1:
        sunlight, ambient, horizon = (_paled(colour, coloured) for colour in (sunlight, ambient, horizon))
    cover = np.array(grey) * max(daylight, 0.26)  # even at night clouds and fog throw some light back
    # Clouds keep a little of the hour's colour, so that a foggy dusk is no foggy day.
    cover = cover * (0.68 + 0.32 * horizon / max(horizon.max(), 1e-6)) * 1.1
    zenith = zenith * (1 - overcast) + cover * overcast
    horizon = horizon * (1 - overcast) + cover * overcast * 1.05
    elevation = np.radians(62) * np.sin((hour - 6) / 12 * np.pi)
    azimuth = np.pi * (hour - 6) / 12 - 0.35  # rises in the east, sets in the west, passes the south
    night = time_name(hour) == "night"
    if night or elevation <= 0.06:
        elevation = np.radians(40) if night else 0.12
    sun = (float(np.cos(elevation) * np.cos(azimuth)), float(-np.cos(elevation) * np.sin(azimuth)), float(np.sin(elevation)))
    darkness, dim = float(np.clip(1 - daylight, 0, 1)), weather in ("foggy", "rainy")
    return Atmosphere(
        sun=sun,
        diffuse=sunlight * sun_left,
        ambient=np.clip(ambient * (brightness + 0.55 * (1 - sun_left)), 0, 1),  # clouds scatter what they take from the sun
        zenith=np.clip(zenith, 0, 1),
        horizon=np.clip(horizon, 0, 1),
        fog=fog,
        fog_colour=np.clip(horizon * (1.0 if weather != "sunny" else 0.97), 0, 1) * 255,
        emission=float(np.clip(0.18 + 1.1 * darkness * (darkness > 0.25) + 0.2 * dim, 0, 1)),
        shadow=(0.42 if not night else 0.2) * sun_left,
        clouds=0.0 if night else 1.0 - overcast,
        stars=1.0 if night and weather == "sunny" else 0.0,
        disc=np.array([0.95, 0.95, 0.88] if night else [1.0, 0.93, 0.72]) if sun_left > 0.9 else np.zeros(3),
    )


def _paled(colour: np.ndarray, kept: float) -> np.ndarray:
    """A colour [3] of which the hue is mostly lost, as bright as before."""
    return kept * colour + (1 - kept) * colour.mean() * _SNOWLIGHT


def paint_sky(atmosphere: Atmosphere) -> np.ndarray:
    """uint8 [6 * side, side, 3]: the cube map that MuJoCo expects, its faces one below the other."""
    return np.concatenate([_sky_colours(atmosphere, face) for face in _face_directions()])


def _face_directions() -> list[np.ndarray]:
    """Unit vectors [side, side, 3] of each texel, world axes, in MuJoCo's order: right, left, up, down, front, back."""
    t = (np.arange(SKY_SIDE) + 0.5) / SKY_SIDE * 2 - 1
    u, v = np.meshgrid(t, t)  # u to the right, v downwards
    one = np.ones_like(u)
    # OpenGL's cube axes (X, Y up, Z) are MuJoCo's (x, z, -y).
    faces = [(one, -v, -u), (-one, -v, u), (u, one, v), (u, -one, -v), (u, -v, one), (-u, -v, -one)]
    worlds = [np.stack([x, -z, y], -1) for x, y, z in faces]
    return [world / np.linalg.norm(world, axis=-1, keepdims=True) for world in worlds]


def _cloud_map() -> np.ndarray:
    rng = np.random.default_rng(11)
    layers = []
    for side, weight in ((6, 1.0), (13, 0.6), (27, 0.35), (54, 0.2)):
        tile = rng.standard_normal((side, side)).astype(np.float32)
        wrapped = Image.fromarray(np.tile(tile, (3, 3)))  # so that the map repeats without a seam
        layers.append(weight * np.asarray(wrapped.resize((768, 768), Image.Resampling.BICUBIC))[256:512, 256:512])
    clouds = np.sum(layers, axis=0)
    return np.clip((clouds - 0.35) / 1.3, 0, 1)


_CLOUDS = _cloud_map()


def _sky_colours(a: Atmosphere, directions: np.ndarray) -> np.ndarray:
    up = directions[..., 2]
    blend = np.clip(up, 0, 1)[..., None] ** 0.45
    # The glow of a low sun stays on its side of the sky.
    sun = np.array(a.sun)
    towards = np.clip(directions @ sun, 0, 1)[..., None]
    colour = a.horizon * (1 - blend) + a.zenith * blend
    colour = colour * (1 - 0.35 * towards**3 * (a.disc.sum() > 0)) + 0.35 * towards**3 * a.horizon * (a.disc.sum() > 0)
    if a.clouds:
        scale = 1 / np.maximum(up, 0.08)
        x, y = (np.floor(directions[..., axis] * scale * 40).astype(int) % 256 for axis in (0, 1))
        cover = (_CLOUDS[y, x] * np.clip((up - 0.06) * 5, 0, 1) * 0.75 * a.clouds)[..., None]
        colour = colour * (1 - cover) + np.clip(a.horizon * 0.35 + 0.65 * (a.diffuse + a.ambient) / 1.15, 0, 1) * cover
    if a.stars:
        rng = np.random.default_rng(5)
        stars = rng.random(up.shape) < 0.004
        colour = np.where((stars & (up > 0.05))[..., None], 0.85, colour)
    if a.disc.any():
        disc = np.clip((directions @ sun - 0.9985) * 3000, 0, 1)[..., None]
        halo = np.clip((directions @ sun - 0.97) / 0.03, 0, 1)[..., None] ** 2 * 0.45
        colour = colour * (1 - halo) + a.disc * halo
        colour = colour * (1 - disc) + a.disc * disc
    return (np.clip(colour, 0, 1) * 255).astype(np.uint8)
