"""How an agent moves while video is recorded. A mix matters: random motion alone caps fidelity and control."""

from __future__ import annotations

import copy
import importlib
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import gymnasium as gym
import numpy as np

from genie_gym.actions import sticky
from genie_gym.errors import GenieGymError, did_you_mean


@runtime_checkable
class Behaviour(Protocol):
    """Who plays a row: `begin()` at each episode, then `act(observation, info)` once a step. Randomness is its own."""

    def begin(self) -> None: ...

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any: ...


class StickyRandom:
    """Uniformly random actions, each kept for a geometric number of steps (mean 1 / (1 - keep))."""

    def __init__(self, action_space: gym.Space, rng: np.random.Generator, keep: float = 0.75):
        self.space, self.rng, self.keep = _own_space(action_space, rng), rng, keep

    def begin(self) -> None:
        self.moves = sticky(self._draw, self.rng, self.keep)

    def _draw(self) -> Any:
        return self.space.sample()

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        return next(self.moves)


class Directed(StickyRandom):
    """Goes somewhere: each episode draws a preference over actions and follows it with stickiness.

    Args:
        weights: how much a game's useful actions are favoured (a Dirichlet is drawn around them); None favours none.
    """

    def __init__(
        self, action_space: gym.Space, rng: np.random.Generator, weights: Sequence[float] | None = None, keep: float = 0.6
    ):
        super().__init__(action_space, rng, keep)
        self.weights = weights

    def begin(self) -> None:
        if isinstance(self.space, gym.spaces.Discrete):
            weights = np.full(int(self.space.n), 0.5) if self.weights is None else np.asarray(self.weights, float)
            self.preference = self.rng.dirichlet(weights + 1e-3)
        else:
            self.centre = self.space.sample()
        super().begin()

    def _draw(self) -> Any:
        if isinstance(self.space, gym.spaces.Discrete):
            return int(self.rng.choice(int(self.space.n), p=self.preference)) + int(self.space.start)
        if isinstance(self.space, gym.spaces.Box):
            return (0.7 * self.centre + 0.3 * self.space.sample()).astype(self.space.dtype)
        return super()._draw()


class SB3Policy:
    """A trained stable-baselines3 policy (`path.zip`), which draws its actions; a share of them may be random instead, so
    that it errs and recovers."""

    def __init__(
        self,
        observation_space: gym.Space,
        action_space: gym.Space,
        rng: np.random.Generator,
        path: str | Path,
        random_share: float = 0.0,
    ):
        from genie_gym.agents.policies import draw_action, load_sb3_policy

        self.policy, self.draw = load_sb3_policy(path, observation_space, action_space), draw_action
        self.space, self.rng, self.random_share = _own_space(action_space, rng), rng, random_share

    def begin(self) -> None: ...

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        if self.rng.random() < self.random_share:
            return self.space.sample()
        return self.draw(self.policy, observation, self.rng)


class Prior:
    """What a learned world holds for likely: codes drawn from its prior (`info["action_prior"]`: logits), or the vectors
    that it drew (`info["action_prior"]`: an action)."""

    def __init__(self, action_space: gym.Space, rng: np.random.Generator):
        self.space, self.rng = action_space, rng

    def begin(self) -> None: ...

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        seen = {**info, **observation} if isinstance(observation, dict) else info
        if "action_prior" not in seen:
            raise GenieGymError("the policy prior needs a learned world that has one, for example Genie1-v0.")
        told = np.asarray(seen["action_prior"])
        if isinstance(self.space, gym.spaces.Box):
            return told
        if not isinstance(self.space, gym.spaces.Discrete) or told.shape != (self.space.n,):
            raise GenieGymError("the prior is over this world's own actions; leave action_mode at 'latent'.")
        logits = told.astype(np.float64)
        chances = np.exp(logits - logits.max())
        return int(self.rng.choice(len(chances), p=chances / chances.sum()))


class Scripted:
    """A simulator's own driver, which knows more than is seen."""

    def __init__(self, driver: Any):
        self.driver = driver

    def begin(self) -> None:
        self.driver.begin()

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        return self.driver.act()


class LookAround:
    """Shows a place: turns round twice, looking a little down and then a little up, walks on another way, and again.

    Args:
        meanings: the names of the keys (`metadata["action_meanings"]`).

    Raises:
        GenieGymError: keys that it presses are missing.
    """

    ROUND = (
        ("look down", 6), ("turn right", 72), ("look up", 12), ("turn right", 84), ("look down", 6), ("forward", 36),
    )  # fmt: skip

    def __init__(self, meanings: Sequence[str]):
        missing = sorted({key for key, _ in self.ROUND}.difference(meanings))
        if missing:
            raise GenieGymError(f"who looks around needs keys; there is no {missing[0]!r} here: choose another policy.")
        self.keys = [list(meanings).index(key) for key, count in self.ROUND for _ in range(count)]

    def begin(self) -> None:
        self.steps = 0

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        self.steps += 1
        return self.keys[(self.steps - 1) % len(self.keys)]


class Listed:
    """Plays actions off a list, from the first one in each episode; after the last it goes on with that one.

    Raises:
        GenieGymError: the list is empty, or some action is none of the environment's.
    """

    def __init__(self, action_space: gym.Space, path: str | Path):
        values = read_actions(path)
        if isinstance(action_space, gym.spaces.Discrete) and (values != np.rint(values)).any():
            raise GenieGymError(f"{path} must hold whole numbers: actions are {action_space}.")
        kind: Any = np.int64 if isinstance(action_space, gym.spaces.Discrete) else getattr(action_space, "dtype", None)
        self.actions = list(np.asarray(values).astype(kind))
        for number, action in enumerate(self.actions):
            if not action_space.contains(action):
                raise GenieGymError(f"{path}: action {number} is {action}, which is none of {action_space}.")

    def begin(self) -> None:
        self.steps = 0

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        self.steps += 1
        return self.actions[min(self.steps, len(self.actions)) - 1]


def read_actions(path: str | Path) -> np.ndarray:
    """A .npy or .json file of actions, one after the other.

    Raises:
        GenieGymError: it is missing, or holds something else.
    """
    path = Path(path)
    try:
        values = np.load(path, allow_pickle=False) if path.suffix == ".npy" else np.array(json.loads(path.read_text()))
    except (OSError, ValueError, RecursionError) as error:
        raise GenieGymError(f"cannot read actions from {path}: {error}.") from error
    if values.ndim not in (1, 2) or not len(values) or values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        raise GenieGymError(f"{path} must hold a list of numbers, or of vectors of numbers, one an action.")
    return values


class Foreign:
    """A behaviour of somebody's own: "module:name" names what makes it, called with the spaces of observations and actions
    and a NumPy generator. It returns a `Behaviour`, or a function of (observation, info) that returns an action."""

    def __init__(self, name: str, observation_space: gym.Space, action_space: gym.Space, rng: np.random.Generator):
        made = find_callable(name)(observation_space, action_space, rng)
        if not isinstance(made, Behaviour) and not callable(made):
            raise GenieGymError(f"{name} must return a behaviour (begin, act) or a function; it returned {made!r:.80}.")
        self.made = made

    def begin(self) -> None:
        if isinstance(self.made, Behaviour):
            self.made.begin()

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        return self.made.act(observation, info) if isinstance(self.made, Behaviour) else self.made(observation, info)


def find_callable(name: str) -> Callable[..., Any]:
    """What "module:name" names; modules in the current folder are found too.

    Raises:
        GenieGymError: there is no such thing, or it cannot be called.
    """
    module, _, inside = name.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        found: Any = importlib.import_module(module)
        for part in inside.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise GenieGymError(f"cannot find the policy {name!r}: {error}.") from error
    if not callable(found):
        raise GenieGymError(f"the policy {name!r} cannot be called.")
    return found  # type: ignore[no-any-return]


def _own_space(space: gym.Space, rng: np.random.Generator) -> gym.Space:
    """A copy that draws from this row's randomness alone."""
    space = copy.deepcopy(space)
    space.seed(int(rng.integers(2**31)))
    return space


NAMES = ("random", "sticky", "directed", "prior")
ACTIONS = (".npy", ".json")  # files that list actions


def make_behaviour(
    name: str,
    observation_space: gym.Space,
    action_space: gym.Space,
    rng: np.random.Generator,
    weights: Sequence[float] | None = None,
    random_share: float = 0.0,
) -> Behaviour:
    """A behaviour that any environment can be played with.

    Args:
        name: "random" (a new action each step), "sticky" (actions held for a while), "directed", "prior" (what a learned
            world holds for likely), the path of an SB3 zip or of a list of actions (.npy, .json), or "module:callable" (see
            `Foreign`).
        weights: of "directed". random_share: of an SB3 policy's actions that are random instead.

    Raises:
        GenieGymError: for another name; says the nearest one.
    """
    if name == "random":
        return StickyRandom(action_space, rng, keep=0.0)
    if name == "sticky":
        return StickyRandom(action_space, rng)
    if name == "directed":
        return Directed(action_space, rng, weights)
    if name == "prior":
        return Prior(action_space, rng)
    check_policy(name)
    if name.endswith(ACTIONS):
        return Listed(action_space, name)
    if ":" in name and not name.endswith(".zip"):
        return Foreign(name, observation_space, action_space, rng)
    return SB3Policy(observation_space, action_space, rng, name, random_share)


def check_policy(name: str, others: Sequence[str] = ()) -> None:
    """Raises `GenieGymError` for what is no behaviour, and none of the `others`; says the nearest one."""
    known = (*NAMES, *others)
    if name.endswith(".zip"):
        from genie_gym.agents.policies import check_zip

        check_zip(name)
    elif name.endswith(ACTIONS):
        read_actions(name)
    elif ":" in name:
        find_callable(name)
    elif name not in known:
        raise GenieGymError(
            f"unknown policy {name!r}: give {', '.join(known)}, an SB3 .zip, a list of actions (.npy, .json), or "
            "module:callable." + did_you_mean(name, known)
        )
