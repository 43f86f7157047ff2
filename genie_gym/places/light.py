"""Light as a table: how bright each side of a thing is, what fog adds, and what the sky shows, by weather and hour.

Every quantity is kept for each weather at some hours and interpolated between them, round the clock. Colours are those of
the screen: what is seen is the albedo times the gain, clipped.

Legend: B rows, W weathers, K hours, Q hours of the sky, U V the panorama's rows and columns, n any sizes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genie_gym.errors import GenieGymError
from genie_gym.places.deflate import Deflated
from genie_gym.state import State

SKY_BOTTOM, SKY_TOP = -10.0, 90.0  # degrees: of the panorama's last and first row's outer edges
THINGS, GROUND = 0, 1  # which gain

COSINE_LOBE = 0.488603 * 2 * math.pi / 3  # of a light from one side of strength 1: the harmonics of degree 1
SHADOW, DARKEST = 1.2, 0.45  # of the sun's share of the ground's light, what shadows take away, and at most
USUAL: dict[str, dict[str, tuple[float, ...]]] = {
    "rainy": {"fall": (0.75, 0.0, 0.83, 0.82, 0.79, 0.21), "ground": (0.1, 0.16, 0.43, 0.49, 0.55)},
    "snowy": {"fall": (0.65, 1.0, 1.0, 1.0, 1.0, 0.43), "ground": (0.045, 0.0, 0.47, 0.53, 0.6)},
}
"""What falls, and what lies on the ground, in weathers of these names."""


@dataclass(frozen=True)
class LightConfig:
    """At which hours the table stands (ascending, in [0, 24)), and how large the panoramas are."""

    hours: tuple[float, ...] = (0.0, 4.0, 5.0, 6.5, 8.0, 10.0, 12.0, 14.0, 16.0, 17.5, 18.5, 19.5, 20.5, 22.0)
    sky_hours: tuple[float, ...] = (0.0, 5.0, 6.5, 8.0, 10.0, 12.0, 14.0, 16.0, 17.5, 18.5, 20.0, 22.0)
    sky_rows: int = 64
    sky_columns: int = 256

    def __post_init__(self) -> None:
        for hours in (self.hours, self.sky_hours):
            if not hours or list(hours) != sorted(set(hours)) or not 0 <= hours[0] <= hours[-1] < 24:
                raise GenieGymError(f"the hours of a table of light ascend within [0, 24); got {hours}.")
        if min(self.sky_rows, self.sky_columns) < 2:
            raise GenieGymError("a panorama has two rows and two columns at least.")


@dataclass(kw_only=True)
class Condition(State):
    """Weather, as an index of the library's, and hour of the day, of each row."""

    weather: Int[Tensor, " B"]
    hour: Float[Tensor, " B"]


@dataclass(kw_only=True)
class Light(State):
    """What the table says for each row.

    Args:
        gain: what albedo is multiplied with: spherical harmonics (9, see `harmonics`) of the normal; for things, ground.
        fog: its colour (0 to 1) and how much a metre of it hides: what is left of a colour at a depth d is exp(-fog d).
        sun: unit vector towards what casts shadows, the sun or the moon.
        shadow: how much of the ground's light things take away where they touch it, and where their shadow falls.
        glow: how much of their glow things shine with; none where the table is below 0, so that lamps may be lit at once.
        ground: how much lighter or darker blotches of the ground are (a share), how much of the ground is puddles (0 to 1),
            and their colour (0 to 1).
        fall: how many drops (or flakes) fall, per 1,000, whether they are flakes (1), the colour they are drawn in (0 to 1)
            and how opaque.
        roofed: what gains are multiplied with in places with a roof.
        sky: where its panorama lies: weather, earlier and later hour's index, and how far it is from the one to the other.
    """

    gain: Float[Tensor, "B 2 9 3"]
    fog: Float[Tensor, "B 4"]
    sun: Float[Tensor, "B 3"]
    shadow: Float[Tensor, "B 2"]
    glow: Float[Tensor, " B"]
    ground: Float[Tensor, "B 5"]
    fall: Float[Tensor, "B 6"]
    roofed: Float[Tensor, " B"]
    sky: Float[Tensor, "B 4"]


class LightTable(Deflated):
    """The table. All are buffers; fit them, or leave them as they are: plain daylight without shadows."""

    deflated = ("sky",)

    gain: Tensor
    fog: Tensor
    sun: Tensor
    shadow: Tensor
    glow: Tensor
    ground: Tensor
    fall: Tensor
    roofed: Tensor
    sky: Tensor

    def __init__(self, weathers: int, config: LightConfig | None = None):
        super().__init__()
        self.config = config = config or LightConfig()
        hours, skies = len(config.hours), len(config.sky_hours)

        def table(name: str, *row: float, shape: tuple[int, ...] = ()) -> None:
            values = torch.tensor(row, dtype=torch.float32).reshape(shape or (len(row),))
            self.register_buffer(name, values.expand(weathers, hours, *values.shape).clone())

        gain = torch.zeros(2, 9, 3)
        gain[:, 0], gain[:, 2] = 0.8 / 0.282095, 0.15 / 0.488603  # from above it is a little brighter
        table("gain", *gain.flatten().tolist(), shape=(2, 9, 3))  # [W, K, 2, 9, 3]
        table("fog", 0.7, 0.8, 0.9, 0.0016)  # [W, K, 4]
        table("sun", 0.36, -0.48, 0.8)  # [W, K, 3]
        table("shadow", 0.38, 0.4)  # [W, K, 2]
        table("glow", 0.2, shape=(1,))  # [W, K, 1]
        table("ground", 0.1, 0.0, 0.47, 0.53, 0.6)  # [W, K, 5]
        table("fall", 0.0, 0.0, 0.8, 0.8, 0.8, 0.5)  # [W, K, 6]
        table("roofed", 1.0, shape=(1,))  # [W, K, 1]
        sky = torch.tensor([179, 219, 249]) * torch.linspace(0.6, 1.0, config.sky_rows)[:, None, None]
        sky = sky.expand(weathers, skies, config.sky_rows, config.sky_columns, 3)
        self.register_buffer("sky", sky.to(torch.uint8).clone())  # [W, Q, U, V, 3]: east first, counter-clockwise; top first

    def complete(self, weathers: Sequence[str]) -> None:
        """Gives what is still as by default the values that follow from the rest: the sun stands on the side where gains are
        larger, as high as at this hour, and shadows take away its share; by `USUAL` what weathers of these names bring."""
        plain = LightTable(len(weathers), self.config)
        unshaded = torch.equal(self.sun, plain.sun) and torch.equal(self.shadow, plain.shadow)
        if unshaded and not torch.equal(self.gain, plain.gain):
            slope = self.gain[:, :, THINGS, [3, 1]].mean(-1)  # of the harmonics x and y
            way = slope.sum(0)  # the sun stands where it does in any weather
            height = torch.tensor([_height_of_sun(hour) for hour in self.config.hours])[:, None]
            flat = (1 - height * height).sqrt()
            self.sun.copy_(torch.cat([way / way.norm(dim=-1, keepdim=True).clamp(min=1e-6) * flat, height], -1))
            up = torch.einsum("k,whkc->whc", harmonics(torch.tensor([0.0, 0.0, 1.0])), self.gain[:, :, GROUND]).mean(-1)
            strength = slope.norm(dim=-1) / COSINE_LOBE / flat[:, 0]
            self.shadow[..., 1] = (SHADOW * strength * height[:, 0].sqrt() / up.clamp(min=1e-6)).clamp(0, DARKEST)
        for w, name in enumerate(weathers):
            for part, values in USUAL.get(name, {}).items():
                table = getattr(self, part)
                if torch.equal(table[w], getattr(plain, part)[w]):
                    table[w] = torch.tensor(values)

    def at(self, condition: Condition) -> Light:
        """The light of each row; not to be changed in place: it is told again while the condition stays the same."""
        versions = tuple((x.data_ptr(), x._version) for x in self.buffers())
        held: tuple[object, Condition, Light] | None = self.__dict__.get("_held")
        if held is not None and held[0] == versions and _same(held[1], condition):
            return held[2]
        light = self._at(condition)
        self.__dict__["_held"] = versions, condition.clone(), light
        return light

    def _at(self, condition: Condition) -> Light:
        weather = condition.weather.to(self.gain.device)
        hour = condition.hour.to(self.gain.device, torch.float32) % 24
        earlier, later, share = _between(self.config.hours, hour)
        found = {
            name: _mixed(getattr(self, name)[weather, earlier], getattr(self, name)[weather, later], share)
            for name in ("gain", "fog", "sun", "shadow", "glow", "ground", "fall", "roofed")
        }
        found["glow"], found["roofed"] = found["glow"][:, 0].clamp(min=0), found["roofed"][:, 0]
        found["sun"] = found["sun"] / found["sun"].pow(2).sum(-1, keepdim=True).sqrt().clamp(min=1e-6)
        sky = torch.stack([weather.float(), *(x.float() for x in _between(self.config.sky_hours, hour))], -1)
        return Light(sky=sky, **found)


def _same(one: Condition, other: Condition) -> bool:
    if one.weather.shape != other.weather.shape or one.weather.device != other.weather.device:
        return False
    return torch.equal(one.weather, other.weather) and torch.equal(one.hour, other.hour)


def _height_of_sun(hour: float) -> float:
    """The sine of how high the sun usually stands, or the moon."""
    degrees = 60 * math.sin(math.pi * (hour - 6) / 12)
    if not 5 <= hour < 20:
        degrees = 40
    return math.sin(math.radians(max(degrees, 7)))


def harmonics(normal: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 9"]:
    """The nine real spherical harmonics up to degree 2 of unit vectors (x, y, z), in the usual order:
    1, y, z, x, xy, yz, 3z² - 1, xz, x² - y²."""
    x, y, z = normal.unbind(-1)
    one = torch.ones_like(x)
    return torch.stack(
        [
            0.282095 * one, 0.488603 * y, 0.488603 * z, 0.488603 * x, 1.092548 * x * y, 1.092548 * y * z,
            0.315392 * (3 * z * z - 1), 1.092548 * x * z, 0.546274 * (x * x - y * y),
        ],
        -1,
    )  # fmt: skip


def _between(hours: tuple[float, ...], hour: Float[Tensor, " B"]) -> tuple[Tensor, Tensor, Tensor]:
    """The indices of the hours before and after, and how far it is from the one to the other (0 to 1)."""
    known = torch.tensor(hours, dtype=torch.float32, device=hour.device)
    later = torch.searchsorted(known, hour.contiguous(), right=True)
    earlier, later = (later - 1) % len(hours), later % len(hours)
    gap = (known[later] - known[earlier]) % 24
    share = ((hour - known[earlier]) % 24) / torch.where(gap == 0, 24.0, gap)
    return earlier, later, share


def _mixed(first: Tensor, second: Tensor, share: Float[Tensor, " B"]) -> Tensor:
    share = share.reshape(-1, *(1,) * (first.dim() - 1))
    return first * (1 - share) + second * share
