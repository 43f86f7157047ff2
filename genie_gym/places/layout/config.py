"""What a layout model knows by name, and how large it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genie_gym.errors import GenieGymError, check_name

# In which order things come to a place: what is parted from something large, then what is largest, beings at last.
GROUPS = ("frame", "landmark", "spawn", "structure", "large", "small", "being")
SPAWN = "spawn"  # stands for where one enters, as a class
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


@dataclass(frozen=True)
class Scene:
    """What recorded places of a scene have in common: (base, beyond, half) as often as they occur; whether it can be turned
    by quarters; whether beings live there by themselves."""

    name: str
    grounds: tuple[tuple[str, str, float], ...]
    turnable: bool = False
    inhabited: bool = True


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
            made["scenes"] = tuple(Scene(**_tuples(scene)) for scene in values["scenes"])
            made["looks"] = tuple(Look(**_tuples(look)) for look in values.get("looks", ()))
            return cls(**made)
        except (TypeError, KeyError) as error:
            raise GenieGymError(f"this is not the configuration of a layout model: {error!s:.200}.") from None


def _tuples(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _tuples(one) for key, one in value.items()}
    return tuple(_tuples(one) for one in value) if isinstance(value, list | tuple) else value
