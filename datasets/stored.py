"""What of an episode is kept, which need not be what its policy sees.

Legend: T frames, H W image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np

from genie_gym.datasets.frames import as_frame, newest_image, observations_in
from genie_gym.datasets.minari_format import Trajectory
from genie_gym.datasets.play import Played
from genie_gym.errors import GenieGymError, did_you_mean
from genie_gym.text.described import in_words
from genie_gym.text.spec import WorldSpec
from genie_gym.text.vocabulary import Vocabulary

ALWAYS = ("actions", "reward", "events", "prompt")  # whatever else is kept; events where something happens
KEYBOARD, SCENE_GRAPH, STATE = "keyboard", "scene_graph", "state"
SPECIAL = (*ALWAYS, KEYBOARD, SCENE_GRAPH, STATE)


@dataclass
class Stored:
    """What is kept of the episodes of an environment.

    Args:
        sees: names of observations that the policy sees, where there are several; () is all. keeps: likewise, that are kept.
        infos: names of info that is kept. policy_space, space: of what is seen and kept. keys: names of actions, where keys
            are kept as text. has_state: whether the world's state at the beginning is kept. vocabulary: of the world.
    """

    policy_space: gym.Space
    space: gym.Space
    sees: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    has_state: bool = False
    vocabulary: Vocabulary | None = None
    states: dict[int, bytes] = field(default_factory=dict)
    """Of episodes under way, by number."""

    @classmethod
    def of(cls, store: Sequence[str], envs: gym.vector.VectorEnv, env_kwargs: Mapping[str, Any]) -> Stored:
        """What `store` names of what the environment tells.

        Raises:
            GenieGymError: it does not tell that.
        """
        space, unwrapped = envs.single_observation_space, envs.unwrapped
        world: Any = getattr(unwrapped, "world", None)
        vocabulary = getattr(world, "vocabulary", None)
        if not store:
            return cls(space, space, vocabulary=vocabulary)
        names = [name for name in store if name not in SPECIAL]
        observed = list(space) if isinstance(space, gym.spaces.Dict) else []
        sees = _names(env_kwargs.get("obs", ("rgb",))) if world is not None else tuple(observed)
        if world is not None:  # its observations are what is named, see `options`
            infos: list[str] = [SCENE_GRAPH] if SCENE_GRAPH in store else []
        else:
            infos, names = [name for name in names if name not in observed], [name for name in names if name in observed]
            if {SCENE_GRAPH, STATE} & {*store}:
                raise GenieGymError("scene graphs and states are kept of learned worlds.")
        names = list(dict.fromkeys(names)) or list(sees)
        keys: tuple[str, ...] = ()
        if KEYBOARD in store:
            keys = tuple(envs.metadata.get("action_meanings") or ())
            if not keys or not isinstance(envs.single_action_space, gym.spaces.Discrete):
                raise GenieGymError("keys are kept of what is played by keys: --option action_mode keyboard.")
        return cls(
            _part(space, sees), _part(space, names), sees, tuple(names), tuple(infos), keys, STATE in store, vocabulary
        )

    @staticmethod
    def options(store: Sequence[str], env_kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """With which options a learned world tells what is kept."""
        if not store:
            return {}
        sees = _names(env_kwargs.get("obs", ("rgb",)))
        kept = [name for name in store if name not in SPECIAL]
        options: dict[str, Any] = {"obs": tuple(dict.fromkeys((*sees, *kept)))}
        if SCENE_GRAPH in store:
            options["info"] = (SCENE_GRAPH,)
        return options

    def begin(self, number: int, row: int, envs: gym.vector.VectorEnv) -> None:
        """Episode `number` has just begun in a row."""
        if self.has_state:
            unwrapped: Any = envs.unwrapped
            self.states[number] = unwrapped.save_state().select([row]).to_bytes()

    def seen(self, observation: Any) -> Any:
        """What the policy sees."""
        return _chosen(observation, self.sees)

    def frames(self, played: Played) -> np.ndarray:
        """uint8 [T, H, W, 3]: what an episode shows.

        Raises:
            GenieGymError: none of its observations is an image.
        """
        first = played.observations[0]
        if isinstance(first, dict) and "rgb" in first:
            return np.stack([as_frame(one["rgb"]) for one in played.observations])
        for name, part in observations_in(self.space):
            newest = newest_image(part)
            if newest is not None:
                values = [one[name] if name else one for one in played.observations]
                return np.stack([as_frame(value) for value in np.stack(values)[newest]])
        raise GenieGymError("episodes are judged by their pictures, and none of the observations is one.")

    def told(self, played: Played) -> dict[str, Sequence[Any]]:
        """All that an episode was told, by name: observations and info."""
        first = played.observations[0]
        seen = {name: [one[name] for one in played.observations] for name in first} if isinstance(first, dict) else {}
        return {**seen, **played.infos}

    def trajectory(self, played: Played, measured: Mapping[str, float]) -> Trajectory:
        """The episode as it is written."""
        index = played.assignment.index
        ends = np.zeros((2, len(played.actions)), dtype=bool)
        # An end just as time ran out is an end: readers such as d3rlpy take an episode to be one or the other.
        ends[:, -1] = played.terminated, played.truncated and not played.terminated
        infos: dict[str, Any] = {name: _column(played.infos[name]) for name in self.infos}
        if any(played.events):
            infos["events"] = ["", *played.events]
        if self.keys:
            infos[KEYBOARD] = ["", *(self.keys[int(action)] for action in played.actions)]
        return Trajectory(
            index=index,
            seed=played.assignment.seed,
            observations=_stack([_chosen(one, self.keeps) for one in played.observations]),
            actions=np.stack(played.actions),
            rewards=np.asarray(played.rewards, dtype=np.float64),
            terminations=ends[0],
            truncations=ends[1],
            infos=infos,
            about=self._about(played) | dict(measured),
            state=self.states.pop(index, None),
        )

    def _about(self, played: Played) -> dict[str, Any]:
        """What the episode was asked to be, and whether it reached its goal."""
        options = played.assignment.options or {}
        found: dict[str, Any] = {"reached": played.reached}
        prompt = options.get("prompt")
        if isinstance(prompt, WorldSpec):
            assert self.vocabulary is not None  # it was drawn from it
            found |= {"prompt": in_words(prompt, self.vocabulary), "spec": prompt.to_json()}
        elif prompt is not None:
            found["prompt"] = prompt
        if options.get("task"):
            found["task"] = options["task"]
        return found


def _names(obs: Any) -> tuple[str, ...]:
    return (obs,) if isinstance(obs, str) else tuple(obs)


def _part(space: gym.Space, names: Sequence[str]) -> gym.Space:
    """Of a space of several observations those that are named; one alone as it is."""
    if not isinstance(space, gym.spaces.Dict):
        return space
    for name in names:
        if name not in space.spaces:
            raise GenieGymError(f"there is no observation {name!r}." + did_you_mean(name, list(space)))
    return space[names[0]] if len(names) == 1 else gym.spaces.Dict({name: space[name] for name in names})


def _chosen(observation: Any, names: Sequence[str]) -> Any:
    if not isinstance(observation, dict) or not names:
        return observation
    return observation[names[0]] if len(names) == 1 else {name: observation[name] for name in names}


def _stack(observations: list[Any]) -> Any:
    """Observations of one step after the other, as one array or a dict of arrays."""
    first = observations[0]
    if isinstance(first, dict):
        return {name: _stack([observation[name] for observation in observations]) for name in first}
    return np.stack(observations)


def _column(values: Sequence[Any]) -> Any:
    """Info of one step after the other: numbers as an array, what can be written as JSON as such texts.

    Raises:
        GenieGymError: it is neither.
    """
    plain: list[Any] = [value[()] if isinstance(value, np.ndarray) and value.dtype == object else value for value in values]
    first = plain[0]
    if hasattr(first, "to_json"):
        return [value.to_json() for value in plain]
    if isinstance(first, str):
        return [str(value) for value in plain]
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise GenieGymError(f"info of the kind {type(first).__name__} cannot be kept.")
    return array
