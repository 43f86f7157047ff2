"""Recipes: how a dataset is made, by name. A recipe is a TOML file of the options of `genie-gym generate`."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from genie_gym.datasets.asked import read_prompts
from genie_gym.datasets.play_shards import GenerateConfig
from genie_gym.errors import GenieGymError, check_name

FOLDER = Path(__file__).parent / "recipes"
OTHERS = ("about", "option", "prompts", "events", "event_rate", "import", "num_envs", "jobs")
FIELDS = {field.name for field in dataclasses.fields(GenerateConfig)} - {"env_kwargs", "imports"}
NUM_ENVS, JOBS = 32, 1


def recipe_names() -> list[str]:
    """Of those that ship."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def read_recipe(name: str) -> dict[str, Any]:
    """A shipped recipe, or a .toml file of one's own.

    Raises:
        GenieGymError: there is none, it is no TOML, or names an option that there is not.
    """
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not name.endswith(".toml"):
        check_name("recipe", name, recipe_names())
    try:
        recipe = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise GenieGymError(f"cannot read the recipe {name}: {error}.") from error
    for key, value in recipe.items():
        check_name("option of a recipe", key, sorted({*FIELDS, *OTHERS}))
        if isinstance(value, dict) != (key == "option"):
            raise GenieGymError(f"{name}: only option is a table of its own; got {key} = {value!r:.60}.")
    return recipe


def config_from(recipe: Mapping[str, Any], given: Mapping[str, Any]) -> tuple[GenerateConfig, int, int]:
    """A recipe's settings with what is given in their place, the number of rows, and that of processes. How much is enough
    is one setting.

    Raises:
        GenieGymError: values that make no settings.
    """
    try:
        return _config_from(recipe, given)
    except (TypeError, ValueError) as error:
        raise GenieGymError(f"these settings are none: {error}.") from error


def _config_from(recipe: Mapping[str, Any], given: Mapping[str, Any]) -> tuple[GenerateConfig, int, int]:
    much = ("episodes", "steps", "hours", "successes")
    if any(name in given for name in much):
        recipe = {name: value for name, value in recipe.items() if name not in much}
    values = {**recipe, **given}
    options = {**recipe.get("option", {}), **given.get("option", {})}
    if "event_rate" in values:
        options["event_rate"] = values["event_rate"]
    if "events" in values:
        options["events"] = _events(values["events"])
    found = {name: values[name] for name in FIELDS if name in values}
    if "prompts" in values:
        listed = values["prompts"]
        found["prompts"] = tuple(listed) if isinstance(listed, list) else read_prompts(listed)
    if found.get("prompts") and found.get("sample_specs") is not None:
        raise GenieGymError("worlds are drawn or prompted: give --prompts or --sample-specs.")
    for name in ("sample_specs", "tasks", "store"):
        if found.get(name) is not None:
            found[name] = tuple(found[name])
    imports = (*recipe.get("import", ()), *given.get("imports", ()))
    for name in ("sample_specs", "tasks", "store"):
        if not all(isinstance(one, str) for one in found.get(name) or ()):
            raise GenieGymError(f"{name} are texts; got {found[name]!r:.60}.")
    config = GenerateConfig(**found, env_kwargs=options, imports=imports)
    return config, int(values.get("num_envs", NUM_ENVS)), int(values.get("jobs", JOBS))


def _events(pairs: Sequence[Any]) -> list[tuple[int, str]]:
    """Of STEP TEXT STEP TEXT …, or of pairs."""
    if pairs and isinstance(pairs[0], list | tuple):
        return [(int(step), str(text)) for step, text in pairs]
    if len(pairs) % 2 or not all(str(step).isdigit() for step in pairs[::2]):
        raise GenieGymError(f"events are STEP TEXT pairs; got {' '.join(map(str, pairs))!r:.80}.")
    return [(int(step), str(text)) for step, text in zip(pairs[::2], pairs[1::2], strict=True)]
