"""What a dataset says about itself (`metadata.json`, in Minari's keys): spaces, environment, authors, requirements."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec
from minari.serialization import serialize_space

from genie_gym.envs.registration import find_spec, is_world
from genie_gym.errors import GenieGymError

STORED = (gym.spaces.Box, gym.spaces.Discrete, gym.spaces.MultiDiscrete, gym.spaces.MultiBinary)


@dataclass(frozen=True)
class Credits:
    """What only the user knows of a dataset; what is left out is left out of the metadata too.

    Attributes:
        author, author_email: names and addresses of those who made it.
        code_permalink: where the code that made it can be read.
        license: of the dataset, as the hub names it ("cc-by-4.0").
        reference_scores: returns of a random and of an expert policy, for `minari.get_normalized_score`.
    """

    author: tuple[str, ...] = ()
    author_email: tuple[str, ...] = ()
    code_permalink: str | None = None
    reference_scores: tuple[float, float] | None = None
    license: str | None = None


def dataset_metadata(
    envs: gym.vector.VectorEnv,
    env_id: str,
    env_kwargs: Mapping[str, Any],
    policy: str,
    description: str,
    about: Credits,
    observation_space: gym.Space,
) -> dict[str, Any]:
    """All that is known before the first episode is played; counts and the id come with the data. `observation_space` is of
    what is kept.

    Raises:
        GenieGymError: Minari stores no such observations or actions.
    """
    check_stored("observations", observation_space)
    check_stored("actions", envs.single_action_space)
    metadata: dict[str, Any] = {
        "data_format": "hdf5",
        "jpeg_encoding": False,  # a missing key counts as true, and JPEG is lossy
        "observation_space": serialize_space(observation_space),
        "action_space": serialize_space(envs.single_action_space),
        "minari_version": version("minari"),
        "algorithm_name": Path(policy).stem if policy.endswith(".zip") else policy,
        "description": description,
    }
    spec = env_spec(envs, env_id, env_kwargs)
    metadata["requirements"] = requirements(spec)
    try:
        metadata["env_spec"] = spec.to_json()
    except (TypeError, ValueError) as error:
        warnings.warn(f"the dataset will not bring {env_id} back, since it cannot be written: {error}", stacklevel=2)
    if envs.metadata.get("action_meanings"):
        metadata["action_meanings"] = list(envs.metadata["action_meanings"])
    metadata["render_fps"] = float(envs.metadata.get("render_fps") or 15)
    if about.author:
        metadata["author"] = list(about.author)  # a list: Minari would take a string for a set of letters
    if about.author_email:
        metadata["author_email"] = list(about.author_email)
    if about.code_permalink:
        metadata["code_permalink"] = about.code_permalink
    if about.license:
        metadata["license"] = about.license
    if about.reference_scores is not None:
        if not all(map(math.isfinite, about.reference_scores)):
            raise GenieGymError(f"reference scores are numbers; got {about.reference_scores}.")
        metadata["ref_min_score"], metadata["ref_max_score"] = about.reference_scores
    return metadata


def check_stored(what: str, space: gym.Space) -> None:
    """Raises `GenieGymError` for a space whose values are not written: only arrays are, and dictionaries of observations."""
    if what == "observations" and isinstance(space, gym.spaces.Dict):
        for name, part in space.items():
            check_stored(what if isinstance(part, gym.spaces.Dict) else f"the observation {name!r}", part)
    elif not isinstance(space, STORED):
        raise GenieGymError(
            f"{what} of the kind {type(space).__name__} cannot be generated; wrap the environment so that it has "
            f"{', '.join(kind.__name__ for kind in STORED)}, or a Dict of such observations."
        )


def env_spec(envs: gym.vector.VectorEnv, env_id: str, env_kwargs: Mapping[str, Any]) -> EnvSpec:
    """The environment that was played, as `gym.make` makes a single one again: with the options that were given and the
    length at which episodes were really cut.

    Of a learned world, a folder is named by its full path, and the device on which it ran is left out.
    """
    if not is_world(env_id):
        assert isinstance(envs, gym.vector.SyncVectorEnv)
        spec = copy.deepcopy(envs.envs[0].spec)
        assert spec is not None
    else:
        spec = copy.deepcopy(find_spec(env_id))
        spec.kwargs |= {k: v for k, v in env_kwargs.items() if k not in ("device", "max_episode_steps")}
        unwrapped: Any = envs.unwrapped
        spec.max_episode_steps = unwrapped.max_episode_steps
        if Path(spec.kwargs["world"]).is_dir():
            spec.kwargs["world"] = str(Path(spec.kwargs["world"]).resolve())
    for name in ("entry_point", "vector_entry_point"):
        setattr(spec, name, _as_text(getattr(spec, name)))
    return spec


def requirements(spec: EnvSpec) -> list[str]:
    """The installed package that the environment comes from, as pip would be told: at least this version."""
    module = _module(spec.entry_point)
    packages = packages_distributions().get(module.partition(".")[0], [])
    return sorted({f"{package}>={version(package)}" for package in packages})


def _module(entry_point: Any) -> str:
    return entry_point.partition(":")[0] if isinstance(entry_point, str) else str(getattr(entry_point, "__module__", ""))


def _as_text(entry_point: Any) -> Any:
    """A class or function as "module:name", where it can be imported by it: JSON holds no other."""
    name = getattr(entry_point, "__qualname__", "<")
    if isinstance(entry_point, str) or "<" in name or "." in name or _module(entry_point) == "__main__":
        return entry_point
    return f"{_module(entry_point)}:{name}"
