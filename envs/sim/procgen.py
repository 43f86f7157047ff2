"""Procgen games (Cobbe et al. 2020) as Gymnasium vector environments, CoinRun first of all.

Needs the optional `procgen-mirror` wheels (Python 3.11 and 3.12). Procgen resets inside its own step and never shows
the frame after the last action of an episode; `final_obs` therefore repeats the last frame that was seen
(`metadata["shows_terminal_frame"]` is False, and recordings drop the repeat).

Legend: B rows, R some of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from genie_gym.envs.time_limits import TimeLimits
from genie_gym.errors import GenieGymError, check_name
from genie_gym.rows import Rows, check_fit, repeats, row_numbers

GAMES = (
    "bigfish", "bossfight", "caveflyer", "chaser", "climber", "coinrun", "dodgeball", "fruitbot",
    "heist", "jumper", "leaper", "maze", "miner", "ninja", "plunder", "starpilot",
)  # fmt: skip
DISTRIBUTIONS = ("easy", "hard")
ACTION_MEANINGS = (
    "left+down", "left", "left+up", "down", "noop", "up", "right+down", "right", "right+up",
    "D", "A", "W", "S", "Q", "E",
)  # fmt: skip
_RESET = -1


def import_procgen() -> Any:
    """Procgen's own class of environments.

    Raises:
        GenieGymError: it is not installed.
    """
    try:
        from procgen import ProcgenGym3Env
    except ImportError as error:
        raise GenieGymError(
            "Procgen is not installed (wheels exist for Python 3.11 and 3.12): run `make procgen`, or "
            "`pip install --no-deps procgen-mirror gym3==0.3.3 && pip install cffi imageio filelock`."
        ) from error
    return ProcgenGym3Env


@dataclass(frozen=True)
class ProcgenState:
    """A saved moment of B rows: what `save_state()` returns and `load_state()` takes. It belongs to no environment, and can
    be pickled.

    Attributes:
        options: of the games that take it. games: each row's, as Procgen writes it down. frames: uint8 [B, 64, 64, 3].
        steps: int [B], that each episode has had.
    """

    options: Mapping[str, Any]
    games: tuple[bytes, ...]
    frames: np.ndarray
    steps: np.ndarray

    @property
    def num_rows(self) -> int:
        return len(self.games)

    def select(self, rows: Rows) -> ProcgenState:
        """Some rows, in this order; a row may be taken several times."""
        index = row_numbers(rows, self.num_rows)
        games = tuple(self.games[row] for row in index)
        return ProcgenState(self.options, games, self.frames[index], self.steps[index])

    def repeat(self, times: int) -> ProcgenState:
        """Each row so many times, one after another, as in `numpy.repeat`."""
        return self.select(np.arange(self.num_rows).repeat(repeats(times)))


class ProcgenVectorEnv(gym.vector.VectorEnv):
    """`num_envs` copies of a Procgen game, stepped at once.

    Actions: int [num_envs], each 0 to 14, combinations of keys (`metadata["action_meanings"]`); 4 does nothing.
    Observations: uint8 [num_envs, 64, 64, 3].
    Rewards: float64 [num_envs], the game's own (CoinRun: 10 for the coin, else 0).
    Episode end: terminated when the game says so (its own limit is 1,000 steps), truncated after `max_episode_steps`. Rows
        that end are reset in the same step.
    Info: level_seed int [num_envs], of the level that is shown. Where rows ended also final_obs and its mask `_final_obs`.

    Args:
        game: one of `GAMES`.
        start_level, num_levels: the range of level seeds; `num_levels=0` means all of them.
        distribution: "easy" or "hard".
        use_backgrounds, restrict_themes: False and True make plain pixels that small models learn from quickly.
        max_episode_steps: truncates after so many steps; None never does.
        num_threads: of the games, not of Python.
    """

    metadata = {
        "render_modes": ["rgb_array"],
        "render_fps": 15,
        "autoreset_mode": AutoresetMode.SAME_STEP,
        "shows_terminal_frame": False,
        "action_meanings": ACTION_MEANINGS,
    }
    autoreset_mode = AutoresetMode.SAME_STEP

    def __init__(
        self,
        num_envs: int = 1,
        game: str = "coinrun",
        *,
        start_level: int = 0,
        num_levels: int = 0,
        distribution: str = "easy",
        use_backgrounds: bool = True,
        restrict_themes: bool = False,
        max_episode_steps: int | None = None,
        num_threads: int = 2,
        render_mode: str | None = None,
    ):
        check_name("Procgen game", game, GAMES)
        check_name("Procgen distribution", distribution, DISTRIBUTIONS)  # an unknown one would end the process inside C++
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.max_episode_steps = max_episode_steps
        self.single_observation_space = gym.spaces.Box(0, 255, (64, 64, 3), np.uint8)
        self.single_action_space = gym.spaces.Discrete(len(ACTION_MEANINGS))
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._procgen_class = import_procgen()
        self._options = dict(
            num=num_envs,
            env_name=game,
            start_level=start_level,
            num_levels=num_levels,
            distribution_mode=distribution,
            use_backgrounds=use_backgrounds,
            restrict_themes=restrict_themes,
            num_threads=num_threads,
        )
        self._sim: Any = None

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        for name in options or {}:
            raise GenieGymError(f"Procgen's games take no reset options; given {name!r}.")
        super().reset(seed=seed)
        if self._sim is None or seed is not None:
            self._start_games()
        else:
            self._sim.act(np.full(self.num_envs, _RESET))
        self._steps = np.zeros(self.num_envs, dtype=np.int64)
        _, observation, _ = self._sim.observe()
        self._frames = observation["rgb"].copy()
        return self._frames.copy(), {"level_seed": self._level_seeds()}

    def _start_games(self) -> None:
        self.close_extras()
        rand_seed = int(self.np_random.integers(2**31 - 1))
        self._sim = self._procgen_class(rand_seed=rand_seed, **self._options)

    def save_state(self) -> ProcgenState:
        """A copy of everything that the rows are, their randomness included. Any number of futures can start from it.

        Raises:
            GenieGymError: before the first reset.
        """
        if self._sim is None:
            raise GenieGymError("nothing to save before reset(): call reset() first.")
        games = tuple(self._sim.get_state())
        return ProcgenState(self._kind, games, self._frames.copy(), self._steps.copy())

    def load_state(self, state: ProcgenState, rows: Rows | None = None, *, seed: int | None = None) -> np.ndarray:
        """Goes back to a saved state and returns the observations. The same actions then bring the same again, to the bit.

        Args:
            state: of as many rows as there are, or as `rows` names.
            rows: where its rows go: numbers [R], or a mask, bool [B]; the other rows stay as they are. Default: all rows.

        Raises:
            GenieGymError: for a state of another game, of other options or of another number of rows; for rows that there
                are not; for a `seed`; and, given `rows`, before the first reset.
        """
        if seed is not None:
            raise GenieGymError("Procgen's games keep their randomness in their state: load_state takes no seed here.")
        if not isinstance(state, ProcgenState):
            raise GenieGymError(f"load_state takes what save_state returned; given {type(state).__name__}.")
        if state.options != self._kind:  # the C++ code would end the process
            raise GenieGymError(f"the state is of another game: {dict(state.options)}; this one is {self._kind}.")
        index = check_fit(state.num_rows, rows, self.num_envs)
        if self._sim is None:
            if len(index) < self.num_envs:
                raise GenieGymError("load_state() of some rows before reset(): call reset() first.")
            self.reset()
        games = self._sim.get_state()
        for row, game in zip(index, state.games, strict=True):
            games[row] = game
        self._sim.set_state(games)
        self._frames[index], self._steps[index] = state.frames, state.steps
        return self._frames.copy()

    @property
    def _kind(self) -> dict[str, Any]:
        """What a game's state depends on."""
        return {name: value for name, value in self._options.items() if name not in ("num", "num_threads")}

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        self._sim.act(np.asarray(actions, dtype=np.int32))
        reward, observation, first = self._sim.observe()
        rewards, terminated = reward.astype(np.float64), first.astype(bool)
        self._steps += 1
        limit = self.max_episode_steps or np.iinfo(np.int64).max
        truncated = ~terminated & (self._steps >= limit)
        frames = observation["rgb"].copy()
        final = np.where(terminated[:, None, None, None], self._frames, frames)
        if truncated.any():  # noop elsewhere would cost those rows a step, so put them back afterwards
            frames = self._reset_rows(truncated, frames)
        done = terminated | truncated
        self._steps[done] = 0
        self._frames = frames
        info: dict[str, Any] = {"level_seed": self._level_seeds()}
        if done.any():
            info |= {"final_obs": final, "_final_obs": done, "final_info": {}, "_final_info": done}
        return frames.copy(), rewards, terminated, truncated, info

    def _reset_rows(self, rows: np.ndarray, frames: np.ndarray) -> np.ndarray:
        states = self._sim.get_state()
        self._sim.act(np.where(rows, _RESET, 4))
        _, observation, _ = self._sim.observe()
        after = self._sim.get_state()
        self._sim.set_state([new if row else old for row, new, old in zip(rows, after, states, strict=True)])
        return np.where(rows[:, None, None, None], observation["rgb"], frames)

    def _level_seeds(self) -> np.ndarray:
        return np.array([int(info["level_seed"]) for info in self._sim.get_info()])

    def render(self) -> tuple[np.ndarray, ...] | None:
        return tuple(self._frames.copy()) if self.render_mode == "rgb_array" else None

    def close_extras(self, **kwargs: Any) -> None:
        if getattr(self, "_sim", None) is not None:
            self._sim.close()
            self._sim = None


class ProcgenEnv(gym.Env):
    """One Procgen game: row 0 of a `ProcgenVectorEnv` of one, and its arguments. No autoreset.

    Actions: `Discrete(15)`. Observations: uint8 [64, 64, 3]. Rewards: a float. Info: level_seed, an int. The last
    observation of an episode is the last frame that was seen, as Procgen does not show the one after it.
    """

    metadata = {key: value for key, value in ProcgenVectorEnv.metadata.items() if key != "autoreset_mode"}

    def __init__(self, render_mode: str | None = None, **options: Any):
        self.render_mode = render_mode
        self._envs = ProcgenVectorEnv(1, render_mode=render_mode, **options)
        self._time_limits = TimeLimits()
        self.observation_space = self._envs.single_observation_space
        self.action_space = self._envs.single_action_space

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self._time_limits.note_reset()
        observation, info = self._envs.reset(seed=seed, options=options)
        return observation[0], {"level_seed": int(info["level_seed"][0])}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self._envs.step(np.array([action]))
        if terminated[0] or truncated[0]:
            observation = info["final_obs"]
        level = {"level_seed": int(info["level_seed"][0])}
        return observation[0], float(reward[0]), bool(terminated[0]), bool(truncated[0]), level

    def save_state(self) -> ProcgenState:
        """See `ProcgenVectorEnv.save_state`."""
        return self._envs.save_state()

    def load_state(self, state: ProcgenState, *, seed: int | None = None) -> np.ndarray:
        """See `ProcgenVectorEnv.load_state`. The time limit of `gym.make` counts on from the state's steps."""
        observations = self._envs.load_state(state, seed=seed)
        self._time_limits.set_steps(int(state.steps[0]))
        return observations[0]

    def render(self) -> Any:
        frames = self._envs.render()
        return frames[0] if frames else None

    def close(self) -> None:
        self._envs.close()
