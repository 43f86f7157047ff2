"""Light by weather and hour: pictures are albedo × gain(normal), seen through fog.

Legend: n pixels, W weathers, H hours (24).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from genie_gym.genie3.mining.conditions import Condition

HOURS, BASIS = 24, 9
DIMMEST, BRIGHTEST = 0.03, 1.2  # gains are clipped here
FAINTEST = 0.12  # share of a colour that fog must leave for its albedo to be read


def harmonics(normal: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 9"]:
    """The first nine real spherical harmonics of world normals, without their constants."""
    x, y, z = normal.T
    return np.stack([np.ones_like(x), x, y, z, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y], 1)


def hours_apart(when: Float[np.ndarray, " n"], hour: float) -> Float[np.ndarray, " n"]:
    """How far hours of the day are from one, round the clock."""
    return np.asarray(np.abs((when - hour + 12) % 24 - 12))


def nearness(when: Float[np.ndarray, " n"], hour: float, reach: float) -> Float[np.ndarray, " n"]:
    """How much what was seen at hours of the day counts at another: 1 there, 1 / e `reach` hours away."""
    return np.asarray(np.exp(-((hours_apart(when, hour) / reach) ** 2)))


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
        return np.clip(harmonics(normals) @ table * (self.roofed if roofed else 1.0), DIMMEST, BRIGHTEST)

    def fog(self, condition: Condition) -> Float[np.ndarray, " 3"]:
        a, b, t = between_hours(condition.hour)
        return np.asarray(self.fog_colour[condition.weather, a] * (1 - t) + self.fog_colour[condition.weather, b] * t)

    def clear(self, condition: Condition, depth: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The share of a colour that fog leaves at a depth in metres."""
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
