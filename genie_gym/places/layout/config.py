"""What a layout model knows by name, and how large it is."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genie_gym.errors import GenieGymError, check_name
from genie_gym.places.place import FARTHEST, LARGEST, MAX_NAME

# In which order things come to a place: what is parted from something large, then what is largest, beings at last.
GROUPS = ("frame", "landmark", "spawn", "structure", "large", "small", "being")
HEADS = 4  # of attention, in the network that draws roads
SPAWN = "spawn"  # stands for where one enters, as a class
MOST_NAMES = 2048  # half floats, in which mined numbers are held, tell no more apart
MOST_NUMBERS = 1 << 24  # that are mined
WIDEST = {"width": 2048, "class_width": 512, "scene_width": 512, "plan_width": 1024, "plan_layers": 16, "longest": 1024}
COUNTS = (*range(17), 20, 24, 28, 32, 38, 44, 52, 60, 70, 80, 95, 110, 130, 160, 200)  # where bins of counts begin


@dataclass(frozen=True)
class Look:
    """What a road, an area or water looks like.

    Args:
        sort: "road", "area" or "water". layers: what a road is painted of, from below: (material, how much wider than the
            first one in metres, softness, (material, width, length, period, start) of its marks or None); of an area or
            water its one material. widths: of the first layer, as recorded. round: of an area. level, shallow, bounds: of
            water; bounds beyond the square are as recorded.
    """

    sort: str
    layers: tuple[tuple[str, float, float, tuple[str, float, float, float, float] | None], ...]
    widths: tuple[float, ...] = ()
    round: bool = False
    level: float = 0.0
    shallow: bool = False
    bounds: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    @property
    def is_sound(self) -> bool:
        """Whether it says what a look is made of; whether roads and waters can be like this they say when they are made."""
        layers = 1 <= len(self.layers) <= 16 and all(_is_number(wider, -LARGEST, LARGEST) for _, wider, _, _ in self.layers)
        numbers = all(_is_number(width, 1e-6, LARGEST) for width in self.widths) and len(self.bounds) == 4
        return self.sort in ("road", "area", "water") and layers and numbers


@dataclass(frozen=True)
class Scene:
    """What recorded places of a scene have in common: up to eight (base, beyond, half), most frequent first; whether it can
    be turned by quarters."""

    name: str
    grounds: tuple[tuple[str, str, float], ...]
    turnable: bool = False

    @property
    def is_sound(self) -> bool:
        """Whether there are grounds, and all can be those of places."""
        return len(self.grounds) > 0 and all(_is_number(half, 1, FARTHEST) for _, _, half in self.grounds)


@dataclass(frozen=True)
class LayoutConfig:
    """Everything here is as recordings say, or as JSON holds it.

    Args:
        classes: of things that are placed one by one, and "spawn"; groups: the number in `GROUPS` of each; levels: whether
            the ground is level around it; areas: m² of its box, as usual.
        names, kinds, behaviours, materials: of all things, parted ones included.
        arrays: names and shapes of what was mined and is held as numbers.
        width, class_width, scene_width: of the network that chooses among poses.
        plan_width, plan_layers: of the network that draws roads. longest: tokens of a ground.
    """

    scenes: tuple[Scene, ...]
    classes: tuple[str, ...]
    groups: tuple[int, ...]
    levels: tuple[bool, ...]
    areas: tuple[float, ...]
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    behaviours: tuple[str, ...]
    materials: tuple[str, ...]
    looks: tuple[Look, ...] = ()
    arrays: tuple[tuple[str, tuple[int, ...]], ...] = ()
    width: int = 128
    class_width: int = 24
    scene_width: int = 12
    plan_width: int = 96
    plan_layers: int = 3
    longest: int = 128

    def __post_init__(self) -> None:
        """Raises `GenieGymError` for what no mined model has: configurations come out of files."""
        of_classes = self.classes, self.groups, self.levels, self.areas
        names = (*of_classes[:1], self.names, self.kinds, self.behaviours, self.materials, self.scene_names)
        known = len({len(part) for part in of_classes}) == 1 and SPAWN in self.classes
        _need(known, "groups, levels and areas of all classes, one of which is the spawn", self.groups)
        for part in names:
            texts = all(isinstance(name, str) and len(name) <= MAX_NAME for name in part)
            unlike = texts and len(set(part)) == len(part) <= MOST_NAMES
            _need(unlike, f"up to {MOST_NAMES:,} names, each once, of up to {MAX_NAME} characters", part)
        _need(
            all(_is_whole(group, 0, len(GROUPS) - 1) for group in self.groups),
            "a number in GROUPS of each class",
            self.groups,
        )
        _need(all(_is_number(area, 0, 1e9) for area in self.areas), "areas of classes in m²", self.areas)
        _need(len(self.scenes) > 0 and all(scene.is_sound for scene in self.scenes), "grounds of each scene", self.scenes)
        _need(all(look.is_sound for look in self.looks), "looks of roads, areas and waters", self.looks)
        sound = all(
            isinstance(name, str) and name.isidentifier() and all(_is_whole(size, 0, MOST_NUMBERS) for size in shape)
            for name, shape in self.arrays
        )
        few = sound and sum(math.prod(shape) for _, shape in self.arrays) <= MOST_NUMBERS
        _need(few, f"names and shapes of arrays of up to {MOST_NUMBERS:,} numbers", self.arrays)
        for what, most in WIDEST.items():
            size = getattr(self, what)
            _need(_is_whole(size, 1, most), f"{what} from 1 to {most:,}", size)
        _need(self.plan_width % (2 * HEADS) == 0, f"plan_width as a multiple of {2 * HEADS}", self.plan_width)

    @property
    def scene_names(self) -> tuple[str, ...]:
        return tuple(scene.name for scene in self.scenes)

    def scene(self, name: str) -> int:
        """Raises `GenieGymError` for a scene that no recording showed."""
        check_name("scene", name, self.scene_names)
        return self.scene_names.index(name)

    def label(self, name: str) -> int:
        """Raises `GenieGymError` for a class that no recording showed."""
        check_name("class of things", name, [known for known in self.classes if known != SPAWN])
        return self.classes.index(name)

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> LayoutConfig:
        """Of what `to_dict` gave, or a JSON file holds.

        Raises:
            GenieGymError: for what is no such configuration.
        """
        known = {part.name for part in dataclasses.fields(cls)}
        if not isinstance(values, Mapping) or not set(values) <= known:
            raise GenieGymError(f"a layout model's configuration is a JSON object of {', '.join(sorted(known))}.")
        try:
            made = {name: _tuples(value) for name, value in values.items()}
            scenes = [_tuples(scene) for scene in values["scenes"]]
            for scene in scenes:
                scene.pop("inhabited", None)  # older configurations have it
            made["scenes"] = tuple(Scene(**scene) for scene in scenes)
            made["looks"] = tuple(Look(**_tuples(look)) for look in values.get("looks", ()))
            return cls(**made)
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            if isinstance(error, GenieGymError):
                raise
            raise GenieGymError(f"this is not the configuration of a layout model: {error!s:.200}.") from None


def _need(sound: bool, what: str, given: Any) -> None:
    if not sound:
        raise GenieGymError(f"the configuration of a layout model has {what}; got {given!r:.100}.")


def _is_number(value: Any, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _is_whole(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and _is_number(value, low, high)


def _tuples(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _tuples(one) for key, one in value.items()}
    return tuple(_tuples(one) for one in value) if isinstance(value, list | tuple) else value
