"""The library of assets: what things are drawn with, how the ground looks, and how light falls. All of it is buffers.

Legend: S surfels of all assets and levels, A assets, L levels of detail, E scenes, M materials, W weathers, R texels along a
side of a tile, T texels of a tile's pyramid, C channels, K patterns, N books.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from genie_gym.errors import GenieGymError, check_name
from genie_gym.places.deflate import Deflated
from genie_gym.places.light import LightConfig, LightTable
from genie_gym.places.occupancy import occupancy_of
from genie_gym.places.surfels import GRID, Asset, first_of_levels, pack_levels

NEARLY = 0.3  # how much worse (sum of absolute logarithms of proportions) an asset may fit than the best one
TEXELS = 8  # along a side of a pattern
# So that no file makes more of a library than there is room for: of surfels and patterns, each; of a book, whose numbers are
# int16; of assets; and of texels.
MOST, MOST_ENTRIES, MOST_ASSETS, MOST_TEXELS = 1 << 26, 1 << 15, 1 << 14, 1 << 30
SELDOM = 0.02  # the weight of what recordings of a scene never showed


@dataclass(frozen=True)
class LibraryConfig:
    """What a library holds, by name, and how much of it: enough to make one that loads another's buffers.

    Args:
        classes: names of classes; labels are their indices. `sky`, `ground` and `water` are among them.
        names, kinds: of each asset, its class and finer name.
        surfels: of all assets and levels. patterns: pictures that square surfels show; each is the sum of one of each of
            `books`, which hold `entries` each.
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
    books: int = 1
    entries: int = 1
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
        counts = self.surfels, self.levels, self.patterns, self.books, self.entries, self.tile
        if not all(isinstance(count, int) and 0 <= count <= MOST for count in counts) or self.entries > MOST_ENTRIES:
            raise GenieGymError(f"a library has whole numbers of surfels, patterns and so on, up to {MOST:,}; got {counts}.")
        skies = len(self.light.sky_hours) * self.light.sky_rows * self.light.sky_columns
        texels = len(self.weathers) * (len(self.materials) * self.texels + skies) + self.books * self.entries * TEXELS**2
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
    size, `normal` in 1/127, `radius` as a code of `RADII`. `pattern` is -1, or which of the patterns a square surfel shows:
    what its 8×8 texels differ by from its albedo, 128 for nothing, and the share of its glow they have; rows go up, columns
    along the level axis of its plane. A pattern is kept as `codes`: the sum of one entry of each of the `books`, of which
    the first alone tells of glow. `book` is all patterns, summed up.
    """

    deflated = (
        "position", "normal", "albedo", "snowy", "glow", "radius", "pattern", "books", "codes", "occupancy", "tiles",
    )  # fmt: skip

    position: Tensor
    normal: Tensor
    albedo: Tensor
    snowy: Tensor
    glow: Tensor
    radius: Tensor
    pattern: Tensor
    books: Tensor
    codes: Tensor
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
        self.register_buffer("books", torch.full((config.books, config.entries, TEXELS**2, 4), 128, dtype=torch.uint8))
        self.register_buffer("codes", torch.zeros(config.patterns, config.books, dtype=torch.int16))
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
            "codes": ((self.codes >= 0) & (self.codes < config.entries)).all(),
            "label": ((self.label >= 0) & (self.label < len(config.classes))).all(),
            "phase_count": ((self.phase_count >= 0) & (self.phase_count <= len(config.names))).all(),
            "period": (self.period > 0).all() and self.period.isfinite().all(),
        }
        return next((name for name, right in good.items() if not right), None)

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
        book: UInt8[np.ndarray, "*many 8 8 4"] | None = None,
        codes: Int[np.ndarray, "K N"] | None = None,
        named: tuple[str, str, str] = ("sky", "ground", "water"),
    ) -> AssetLibrary:
        """Out of arrays; coarser levels and, where it is not given, occupancy are computed. `book` holds patterns [K, 8, 8,
        4] or, with `codes`, entries of N books [N, entries, 8, 8, 4]. `named` are the classes of sky,
        ground and water.

        Raises:
            GenieGymError: classes, scenes or sizes do not fit together.
        """
        packed = [pack_levels(asset, levels) for asset in assets]
        if book is not None and codes is None:
            book, codes = book[None], np.arange(len(book))[:, None]
        counts = np.array([[len(level.radius) for level in one] for one in packed]).reshape(-1, levels)
        sides = {material.tiles.shape[1:] for material in materials}
        config = LibraryConfig(
            classes=tuple(classes), scenes=tuple(scenes), weathers=tuple(weathers),
            materials=tuple(material.name for material in materials), names=tuple(asset.name for asset in assets),
            kinds=tuple(asset.kind for asset in assets), surfels=int(counts.sum()), levels=levels,
            tile=materials[0].tiles.shape[1] if materials else 1, light=LightConfig() if light is None else light.config,
            patterns=1 if codes is None else len(codes), books=1 if book is None else len(book),
            entries=1 if book is None else book.shape[1], sky=named[0], ground=named[1], water=named[2],
        )  # fmt: skip
        if sides != {(config.tile, config.tile, 3)} or {len(m.tiles) for m in materials} != {len(config.weathers)}:
            raise GenieGymError("tiles of materials are [weathers, side, side, 3], all of one size.")
        library = cls(config)
        if light is not None:
            library.light.load_state_dict(light.state_dict())
            library.light.complete(config.weathers)
        if book is not None and codes is not None:
            library.books.copy_(torch.from_numpy(book.reshape(*book.shape[:2], TEXELS**2, 4)))
            library.codes.copy_(torch.from_numpy(codes.astype(np.int16)))
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

    def find(self, name: str, kind: str, size: tuple[float, float, float], scene: str, rng: np.random.Generator) -> int:
        """An asset for a thing: of its class (and of its kind, where there is one), of the nearest proportions, and among
        those that fit nearly as well by chance, by how often recordings of the scene showed it and how whole it is. -1 where
        there is none of its class."""
        facts = self._facts
        chosen = facts.by_name.get((name, kind))
        if chosen is None:
            chosen = facts.by_name.get((name, None))
        if chosen is None:
            return -1
        wanted = np.log(np.asarray(size, np.float64))
        misfit = np.abs(facts.size[chosen] - wanted).sum(1)
        weight = np.where(misfit <= misfit.min() + NEARLY, facts.coverage[chosen] + 1e-3, 0)
        if scene in self.config.scenes:
            weight = weight * (facts.frequency[chosen, self.config.scenes.index(scene)] + SELDOM)
        # The cumulative sum ends a little below 1 at times.
        at = np.searchsorted(np.cumsum(weight / weight.sum()), rng.random(), side="right")
        return int(chosen[min(int(at), int(np.flatnonzero(weight)[-1]))])

    @property
    def book(self) -> UInt8[Tensor, "K 85 4"]:
        """All patterns: their 8×8 texels and then the means of these over 2×2, 4×4 and 8×8."""
        made_of = (self.books, self.codes)
        key = tuple((part.device, part.data_ptr(), part._version) for part in made_of)
        held: tuple[Any, Tensor] | None = self.__dict__.get("_book")
        if held is None or held[0] != key:
            codes, books = self.codes.long(), self.books.float()
            texels = books[0, codes[:, 0]]
            for more in range(1, len(books)):
                texels[..., :3] += books[more, codes[:, more], :, :3] - 128
            levels = [texels.clamp(0, 255).reshape(-1, TEXELS, TEXELS, 4)]
            while levels[-1].shape[1] > 1:
                fine = levels[-1]
                levels.append((fine[:, ::2, ::2] + fine[:, 1::2, ::2] + fine[:, ::2, 1::2] + fine[:, 1::2, 1::2]) / 4)
            whole = torch.cat([level.flatten(1, 2) for level in levels], 1).round().to(torch.uint8)
            held = self.__dict__["_book"] = (key, whole)
        return held[1]

    @property
    def _facts(self) -> _Facts:
        """What `find` reads, as arrays; made anew where buffers changed since."""
        versions = tuple(x._version for x in (self.size, self.frequency, self.coverage, self.phase_count))
        held: tuple[tuple[int, ...], _Facts] | None = self.__dict__.get("_held")
        if held is None or held[0] != versions:
            held = self.__dict__["_held"] = (versions, _Facts.of(self))
        return held[1]


@dataclass(frozen=True, eq=False)
class _Facts:
    by_name: dict[tuple[str, str | None], np.ndarray]
    size: np.ndarray  # [A, 3], logarithms
    frequency: np.ndarray  # [A, E], of each scene's most frequent of the class 1
    coverage: np.ndarray  # [A]

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
        return cls({key: np.array(a) for key, a in by_name.items()}, size, frequency, library.coverage.cpu().numpy())


def _pyramid(tiles: UInt8[np.ndarray, "W R R C"]) -> UInt8[np.ndarray, "W T C"]:
    """The tile, then its mean over 2×2 texels, over 4×4 and so on, each row by row."""
    levels, current = [], tiles.astype(np.float64)
    while True:
        levels.append(np.rint(current).astype(np.uint8).reshape(len(tiles), -1, tiles.shape[-1]))
        if current.shape[1] == 1:
            return np.concatenate(levels, 1)
        current = (current[:, ::2, ::2] + current[:, 1::2, ::2] + current[:, ::2, 1::2] + current[:, 1::2, 1::2]) / 4
