"""Settings by their path: one way to change any field of a nested configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from genie_gym.errors import GenieGymError, did_you_mean

Config = TypeVar("Config")


def with_settings(config: Config, settings: Mapping[str, Any]) -> Config:
    """A copy of a frozen dataclass with the fields that dotted paths name set to other values.

    Raises:
        GenieGymError: a path that leads nowhere; says the nearest name.
    """
    for path, value in settings.items():
        config = _set(config, path.split("."), value)
    return config


def _set(config: Any, path: list[str], value: Any) -> Any:
    names = [f.name for f in fields(config)] if is_dataclass(config) else []
    if path[0] not in names:
        raise GenieGymError(f"{type(config).__name__} has no setting {path[0]!r}." + did_you_mean(path[0], names))
    current = getattr(config, path[0])
    if len(path) > 1:
        value = _set(current, path[1:], value)
    elif is_dataclass(current):
        raise GenieGymError(f"{path[0]!r} is a group of settings; name one of {', '.join(f.name for f in fields(current))}.")
    elif isinstance(current, int | float) and not isinstance(value, int | float):
        raise GenieGymError(f"{path[0]!r} is a number, {current} by default; got {value!r}.")
    return replace(config, **{path[0]: value})
