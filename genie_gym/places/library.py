"""The library of assets: what things are drawn with, how the ground looks, and how light falls. All of it is buffers.

Legend: S surfels of all assets and levels, A assets, L levels of detail, E scenes, M materials, W weathers, R texels along a
side of a tile, T texels of a pyramid, C channels, U V rows and columns of the atlas, K patterns.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, Int8, UInt8
from torch import Tensor

from genie_gym.errors import GenieGymError, check_name
from genie_gym.places.deflate import Deflated
from genie_gym.places.light import LightConfig, LightTable
from genie_gym.places.occupancy import occupancy_of
from genie_gym.places.surfels import CUT_ANGLES, CUT_STEPS, GRID, RADII, UNCUT, Asset, first_of_levels, pack_levels

NEARLY = 0.3  # how much worse (sum of absolute logarithms of proportions) an asset may fit than the best one
WELL = 0.9  # the same, of what fits well enough to be preferred for its scene or its colours
HALVINGS = 4  # levels of the atlas' pyramid; its sides are multiples of what a texel of the last one covers
# So that no file makes more of a library than there is room for: of surfels and patterns, each; along a side of the atlas,
# where numbers are int16; of assets; and of texels.
MOST, MOST_ALONG, MOST_ASSETS, MOST_TEXELS = 1 << 26, 1 << 14, 1 << 14, 1 << 30
SELDOM = 0.02  # how often, at least, an asset counts as recorded in a scene: of the scene's most frequent of the class


@dataclass(frozen=True)
class LibraryConfig:
    """What a library holds, by name, and how much of it: enough to make one that loads another's buffers.

    Args:
        classes: names of classes; labels are their indices. `sky`, `ground` and `water` are among them.
        names, kinds: of each asset, its class and finer name.
        surfels: of all assets and levels. patterns: pictures that square surfels show; each is a window of the `atlas`,
            whose rows and columns are multiples of 8.
        tile: texels along a side of a material's tile, a power of two.
    """

    classes: tuple[str, ...]
    scenes: tuple[str, ...]
    weathers: tuple[str, ...]
    materials: tuple[str, ...]
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    surfels: int
    levels: int = 5
    patterns: int = 1
    atlas: tuple[int, int] = (16, 16)
    tile: int = 64
    sky: str = "sky"
    ground: str = "ground"
    water: str = "water"
    light: LightConfig = field(default_factory=LightConfig)

    def __post_init__(self) -> None:
        if self.tile < 1 or self.tile & (self.tile - 1):
            raise GenieGymError(f"a tile has a power of two of texels along a side; got {self.tile}.")
        if len(self.names) != len(self.kinds) or not self.materials or not self.weathers or self.levels < 1:
            raise GenieGymError("a library has a kind for each asset, a material, a weather and a level at least.")
        if len(self.materials) > 255:
            raise GenieGymError(f"a library has at most 255 materials; got {len(self.materials)}.")
        counts = self.surfels, self.levels, self.patterns, self.tile
        if not all(isinstance(count, int) and 0 <= count <= MOST for count in counts):
            raise GenieGymError(f"a library has whole numbers of surfels, patterns and so on, up to {MOST:,}; got {counts}.")
        step = 1 << HALVINGS - 1
        if len(self.atlas) != 2 or not all(
            isinstance(side, int) and 2 * step <= side <= MOST_ALONG and not side % step for side in self.atlas
        ):
            raise GenieGymError(
                f"an atlas has multiples of {step} as sides, from {2 * step} to {MOST_ALONG:,}; got {self.atlas}."
            )
        skies = len(self.light.sky_hours) * self.light.sky_rows * self.light.sky_columns
        texels = len(self.weathers) * (len(self.materials) * self.texels + skies) + self.atlas[0] * self.atlas[1]
        if texels > MOST_TEXELS or len(self.names) > MOST_ASSETS:
            raise GenieGymError(
                f"a library has at most {MOST_TEXELS:,} texels of tiles, skies and patterns, and {MOST_ASSETS:,} assets; "
                f"got {texels:,} and {len(self.names):,}."
            )
        for name in (self.sky, self.ground, self.water, *self.names):
            check_name("class", name, self.classes)

    @property
    def texels(self) -> int:
        """Of a tile and its halves, quarters and so on, down to one texel."""
        return sum(4**k for k in range(self.tile.bit_length()))

    @cached_property
    def finer_names(self) -> tuple[str, ...]:
        """All kinds, each once; "" is the first."""
        return ("", *sorted(set(self.kinds) - {""}))

    @cached_property
    def ground_labels(self) -> tuple[int, int, int]:
        """The labels of sky, ground and water."""
        sky, ground, water = (self.classes.index(name) for name in (self.sky, self.ground, self.water))
        return sky, ground, water


@dataclass(frozen=True, eq=False)
class Material:
    """How a kind of ground looks: `tiles` [W, R, R, 3], the albedo in each weather, repeat every `period` metres; rows go
    north, columns east, from where x and y are multiples of the period."""

    name: str
    tiles: UInt8[np.ndarray, "W R R 3"]
    period: float = 4.0


class AssetLibrary(Deflated):
    """Assets, materials and light.

    Surfels of all assets lie one asset after the other, its finest level first: `position` in 1 / `STEPS` of the asset's
    size, `normal` in 1/127, `radius` as a code of `RADII`. `pattern` is -1, or which of the `windows` of the `atlas` a
    square surfel shows: (first row, first column, texels along a side). Rows of the atlas go up, columns along the level
    axis of the surfel's plane. What its texels differ by from their mean is added to the surfel's albedo; their last channel
    is the share of its glow they have. Two lines may cut a pattern off (`cuts`): each with the angle that it faces, in
    1 / `CUT_ANGLES` of a round, and how far it lies from the middle, in 1 / `CUT_STEPS` of half a side.
    """

    deflated = (
        "position", "normal", "albedo", "snowy", "glow", "radius", "pattern", "atlas", "windows", "cuts", "occupancy",
        "tiles",
    )  # fmt: skip

    position: Tensor
    normal: Tensor
    albedo: Tensor
    snowy: Tensor
    glow: Tensor
    radius: Tensor
    pattern: Tensor
    atlas: Tensor
    windows: Tensor
    cuts: Tensor
    first: Tensor
    spacing: Tensor
    size: Tensor
    label: Tensor
    frequency: Tensor
    coverage: Tensor
    occupancy: Tensor
    phase_count: Tensor
    tiles: Tensor
    period: Tensor

    def __init__(self, config: LibraryConfig):
        super().__init__()
        self.config = config
        surfels, assets, levels = config.surfels, len(config.names), config.levels
        label = torch.tensor([config.classes.index(name) for name in config.names], dtype=torch.int64)
        for name, dtype in (("position", torch.int16), ("normal", torch.int8), ("albedo", torch.uint8)):
            self.register_buffer(name, torch.zeros(surfels, 3, dtype=dtype))
        for name in ("snowy", "glow"):
            self.register_buffer(name, torch.zeros(surfels, 3, dtype=torch.uint8))
        self.register_buffer("radius", torch.zeros(surfels, dtype=torch.uint8))
        self.register_buffer("pattern", torch.full((surfels,), -1, dtype=torch.int32))
        self.register_buffer("atlas", torch.full((*config.atlas, 4), 128, dtype=torch.uint8))
        self.register_buffer("windows", torch.tensor([[0, 0, 1]], dtype=torch.int16).repeat(config.patterns, 1))
        self.register_buffer("cuts", torch.full((config.patterns, 4), UNCUT, dtype=torch.int8))
        self.register_buffer("first", torch.zeros(assets, levels + 1, dtype=torch.int64))
        self.register_buffer("spacing", torch.ones(assets, levels))  # metres between surfels at the asset's own size
        self.register_buffer("size", torch.ones(assets, 3))  # metres
        self.register_buffer("label", label)
        self.register_buffer("frequency", torch.zeros(assets, max(len(config.scenes), 1)))
        self.register_buffer("coverage", torch.ones(assets))
        self.register_buffer("occupancy", torch.zeros(assets, GRID, GRID, dtype=torch.uint8))
        self.register_buffer("phase_count", torch.ones(assets, dtype=torch.int64))
        shape = (len(config.materials), len(config.weathers), config.texels, 3)
        self.register_buffer("tiles", torch.full(shape, 128, dtype=torch.uint8))  # each the finest first
        self.register_buffer("period", torch.full((len(config.materials),), 4.0))  # metres
        self.light = LightTable(len(config.weathers), config.light)
        self.light.complete(config.weathers)

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *about: Any) -> None:
        """Loads buffers, and refuses such as point beyond each other: drawing reads what they point at without asking."""
        super()._load_from_state_dict(state_dict, prefix, *about)
        errors: list[str] = about[-1]
        if not errors and (wrong := self._astray()):
            errors.append(f"{prefix}{wrong} points beyond what the library holds.")

    def _astray(self) -> str | None:
        """The name of a buffer whose numbers are none of this library's; None where all are right."""
        config, first = self.config, self.first
        good = {
            "first": (first >= 0).all() and (first <= config.surfels).all() and (first.diff(dim=1) >= 0).all(),
            "pattern": ((self.pattern >= -1) & (self.pattern < config.patterns)).all(),
            "windows": self._within(),
            "label": ((self.label >= 0) & (self.label < len(config.classes))).all(),
            "phase_count": ((self.phase_count >= 0) & (self.phase_count <= len(config.names))).all(),
            "period": (self.period > 0).all() and self.period.isfinite().all(),
        }
        return next((name for name, right in good.items() if not right), None)

    def _within(self) -> bool:
        """Whether all windows lie in the atlas."""
        corner, span = self.windows[:, :2].long(), self.windows[:, 2:].long()
        inside = (corner >= 0) & (span > 0) & (corner + span <= torch.tensor(self.config.atlas, device=corner.device))
        return bool(inside.all())

    @classmethod
    def build(
        cls,
        assets: Sequence[Asset],
        materials: Sequence[Material],
        classes: Iterable[str],
        scenes: Iterable[str] = (),
        weathers: Iterable[str] = ("sunny", "rainy", "snowy", "foggy"),
        levels: int = 5,
        light: LightTable | None = None,
        atlas: UInt8[np.ndarray, "U V 4"] | None = None,
        windows: Int[np.ndarray, "K 3"] | None = None,
        cuts: Int8[np.ndarray, "K 4"] | None = None,
        named: tuple[str, str, str] = ("sky", "ground", "water"),
    ) -> AssetLibrary:
        """Out of arrays; coarser levels and, where it is not given, occupancy are computed. `named` are the classes of sky,
        ground and water.

        Raises:
            GenieGymError: classes, scenes or sizes do not fit together.
        """
        packed = [pack_levels(asset, levels) for asset in assets]
        counts = np.array([[len(level.radius) for level in one] for one in packed]).reshape(-1, levels)
        sides = {material.tiles.shape[1:] for material in materials}
        config = LibraryConfig(
            classes=tuple(classes), scenes=tuple(scenes), weathers=tuple(weathers),
            materials=tuple(material.name for material in materials), names=tuple(asset.name for asset in assets),
            kinds=tuple(asset.kind for asset in assets), surfels=int(counts.sum()), levels=levels,
            tile=materials[0].tiles.shape[1] if materials else 1, light=LightConfig() if light is None else light.config,
            patterns=1 if windows is None else len(windows),
            atlas=(16, 16) if atlas is None else (atlas.shape[0], atlas.shape[1]),
            sky=named[0], ground=named[1], water=named[2],
        )  # fmt: skip
        if sides != {(config.tile, config.tile, 3)} or {len(m.tiles) for m in materials} != {len(config.weathers)}:
            raise GenieGymError("tiles of materials are [weathers, side, side, 3], all of one size.")
        library = cls(config)
        if light is not None:
            library.light.load_state_dict(light.state_dict())
            library.light.complete(config.weathers)
        if atlas is not None and windows is not None:
            library.atlas.copy_(torch.from_numpy(atlas))
            library.windows.copy_(torch.from_numpy(windows.astype(np.int16)))
        if cuts is not None:
            library.cuts.copy_(torch.from_numpy(cuts))
        for name in ("position", "normal", "albedo", "snowy", "glow", "radius", "pattern"):
            rows = [getattr(level, name) for one in packed for level in one]
            if rows:
                getattr(library, name).copy_(torch.from_numpy(np.concatenate(rows)))
        library.first.copy_(torch.from_numpy(first_of_levels(counts)))
        for a, (asset, one) in enumerate(zip(assets, packed, strict=True)):
            library.spacing[a] = torch.tensor([level.spacing for level in one])
            library.size[a], library.coverage[a] = torch.tensor(asset.size), asset.coverage
            library.phase_count[a] = asset.phases
            for scene, often in asset.frequency.items():
                check_name("scene", scene, config.scenes)
                library.frequency[a, config.scenes.index(scene)] = often
            library.occupancy[a] = torch.from_numpy(occupancy_of(asset))
        for m, material in enumerate(materials):
            library.period[m] = material.period
            library.tiles[m] = torch.from_numpy(_pyramid(material.tiles))
        return library

    def find(
        self, name: str, kind: str, size: tuple[float, float, float], scene: str, rng: np.random.Generator,
        like: int | None = None,
    ) -> int:  # fmt: skip
        """An asset for a thing: of its class (and of its kind, where there is one), of those that recordings of the scene
        showed if any fits, of the nearest proportions, and among those that fit nearly as well by chance, by how often they
        were recorded there and how whole they are; or the one of those that fit in the colours of the asset `like`. -1 where
        there is none of its class."""
        facts = self._facts
        chosen = facts.by_name.get((name, kind))
        if chosen is None:
            chosen = facts.by_name.get((name, None))
        if chosen is None:
            return -1
        wanted = np.log(np.asarray(size, np.float64))
        misfit = np.abs(facts.size[chosen] - wanted).sum(1)
        fits = misfit <= misfit.min() + WELL
        often = (
            facts.frequency[chosen, self.config.scenes.index(scene)]
            if scene in self.config.scenes
            else np.zeros(len(chosen))
        )
        if (fits & (often > 0)).any():
            chosen, misfit, fits, often = (values[often > 0] for values in (chosen, misfit, fits, often))
        if like is not None and like >= 0:
            apart = np.abs(facts.colour[chosen] - facts.colour[like]).sum(1)
            return int(chosen[np.where(fits, apart, np.inf).argmin()])
        weight = np.where(misfit <= misfit.min() + NEARLY, (facts.coverage[chosen] + 1e-3) * (often + SELDOM), 0)
        # The cumulative sum ends a little below 1 at times.
        at = np.searchsorted(np.cumsum(weight / weight.sum()), rng.random(), side="right")
        return int(chosen[min(int(at), int(np.flatnonzero(weight)[-1]))])

    @property
    def patterns(self) -> Patterns:
        """What square surfels show; made anew where buffers changed since."""
        made_of = (self.atlas, self.windows, self.cuts)
        key = tuple((part.device, part.data_ptr(), part._version) for part in made_of)
        held: tuple[Any, Patterns] | None = self.__dict__.get("_patterns")
        if held is None or held[0] != key:
            held = self.__dict__["_patterns"] = (key, Patterns.of(*made_of))
        return held[1]

    @property
    def _facts(self) -> _Facts:
        """What `find` reads, as arrays; made anew where buffers changed since."""
        made_of = self.size, self.frequency, self.coverage, self.phase_count, self.albedo, self.radius
        versions = tuple(x._version for x in made_of)
        held: tuple[tuple[int, ...], _Facts] | None = self.__dict__.get("_held")
        if held is None or held[0] != versions:
            held = self.__dict__["_held"] = (versions, _Facts.of(self))
        return held[1]


@dataclass(frozen=True, eq=False)
class Patterns:
    """The atlas for drawing: `texels` of it, then of its means over 2×2, 4×4 and 8×8 texels, each level row by row; and of
    each window, `mean` [K, 4] over its texels, and the lines that cut it off: `lines` [K, 2, 3], what (along u, along v, 1)
    times a line is not above 0 is there, in halves of a side from the middle."""

    texels: UInt8[Tensor, "T 4"]
    mean: Float[Tensor, "K 4"]
    lines: Float[Tensor, "K 2 3"]

    @classmethod
    def of(cls, atlas: UInt8[Tensor, "U V 4"], windows: Int[Tensor, "K 3"], cuts: Int8[Tensor, "K 4"]) -> Patterns:
        levels = [atlas.float()]
        while len(levels) < HALVINGS:
            fine = levels[-1]
            levels.append((fine[::2, ::2] + fine[1::2, ::2] + fine[::2, 1::2] + fine[1::2, 1::2]) / 4)
        texels = torch.cat([level.reshape(-1, 4) for level in levels]).round().to(torch.uint8)
        rows, columns = atlas.shape[:2]
        total = torch.zeros(rows + 1, columns + 1, 4, dtype=torch.float64, device=atlas.device)
        total[1:, 1:] = atlas.double().cumsum(0).cumsum(1)
        row, column, span = windows.long().unbind(1)
        below, above, right = row, row + span, column + span
        whole = total[above, right] - total[below, right] - total[above, column] + total[below, column]
        angle, offset = (cuts.reshape(-1, 2, 2)[..., k].double() for k in (0, 1))
        way = 2 * math.pi / CUT_ANGLES * angle
        away = torch.where(offset == UNCUT, -9.0, -offset / CUT_STEPS)
        lines = torch.stack([way.cos(), way.sin(), away], -1).float()
        return cls(texels, (whole / (span * span)[:, None]).float(), lines)


@dataclass(frozen=True, eq=False)
class _Facts:
    by_name: dict[tuple[str, str | None], np.ndarray]
    size: np.ndarray  # [A, 3], logarithms
    frequency: np.ndarray  # [A, E], of each scene's most frequent of the class 1
    coverage: np.ndarray  # [A]
    colour: np.ndarray  # [A, 3], mean albedo, each surfel by its area

    @classmethod
    def of(cls, library: AssetLibrary) -> _Facts:
        by_name: dict[tuple[str, str | None], list[int]] = {}
        config, begins = library.config, library.phase_count.cpu().numpy() > 0
        for a, (name, kind) in enumerate(zip(config.names, config.kinds, strict=True)):
            if begins[a]:
                by_name.setdefault((name, kind), []).append(a)
                by_name.setdefault((name, None), []).append(a)
        frequency = library.frequency.cpu().numpy().copy()
        for (_, finer), chosen in by_name.items():
            if finer is None:
                frequency[chosen] /= np.maximum(frequency[chosen].max(0), 1e-9)
        size = np.log(library.size.cpu().numpy().astype(np.float64))
        by_name_and_kind = {key: np.array(a) for key, a in by_name.items()}
        return cls(by_name_and_kind, size, frequency, library.coverage.cpu().numpy(), _colours(library))


def _colours(library: AssetLibrary) -> Float[np.ndarray, "A 3"]:
    """The mean albedo of each asset's finest surfels, by their area."""
    begin, end = library.first[:, 0].cpu().numpy(), library.first[:, 1].cpu().numpy()
    area = RADII[library.radius.cpu().numpy()].astype(np.float64) ** 2
    weighted = np.concatenate([area[:, None], area[:, None] * library.albedo.cpu().numpy()], 1)
    total = np.concatenate([np.zeros((1, 4)), np.cumsum(weighted, 0)])
    of_asset = total[end] - total[begin]
    colours: Float[np.ndarray, "A 3"] = of_asset[:, 1:] / np.maximum(of_asset[:, :1], 1e-12)
    return colours


def _pyramid(tiles: UInt8[np.ndarray, "W R R C"]) -> UInt8[np.ndarray, "W T C"]:
    """The tile, then its mean over 2×2 texels, over 4×4 and so on, each row by row."""
    levels, current = [], tiles.astype(np.float64)
    while True:
        levels.append(np.rint(current).astype(np.uint8).reshape(len(tiles), -1, tiles.shape[-1]))
        if current.shape[1] == 1:
            return np.concatenate(levels, 1)
        current = (current[:, ::2, ::2] + current[:, 1::2, ::2] + current[:, ::2, 1::2] + current[:, 1::2, 1::2]) / 4
