"""Learned worlds as Gymnasium vector environments: one forward pass steps all rows.

Legend: B rows, R some of them, P start frames, A actions, H W image.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from jaxtyping import Bool, Int
from torch import Tensor

from genie_gym.devices import autocast_for_play
from genie_gym.envs.checks import as_autoreset_mode, as_mask, positive
from genie_gym.envs.controls import LATENT, Controls
from genie_gym.envs.outputs import FRAMES, Outputs
from genie_gym.envs.saved_state import SavedState
from genie_gym.envs.schedule import Happened, Schedule, read_rules
from genie_gym.envs.starts import Starts, one_a_row
from genie_gym.errors import GenieGymError, check_name
from genie_gym.imagine import read_event
from genie_gym.places.place import Place
from genie_gym.pretrained import load_world
from genie_gym.rows import Rows, as_seed, check_fit, row_numbers
from genie_gym.text.scenarios import find_scenario
from genie_gym.text.spec import Event, Rule, TimePasses, WorldSpec
from genie_gym.text.tokens import Report
from genie_gym.world import Start, TakesEvents, TellsPlaces, TellsSpecs, World, WorldState, at_size, instruction

RESET_OPTIONS = ("reset_mask", "start_frames", "init_image", "prompt", "task", "place", "events")
# Gymnasium's AsyncVectorEnv (and TorchRL through it) forks. OpenMP threads do not survive a fork: the child's first
# parallel region would wait for them for ever. One thread a child is what so many processes want anyway.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


class GenieVectorEnv(gym.vector.VectorEnv):
    """`num_envs` rows of a learned world, stepped together.

    Rows are independent: each has its own seed, and what the others do never changes it. `reset(seed=s)` gives row i the
    seed s + i, so row i replays the single environment reset with seed s + i: of Genie2-v0 on a CPU to the bit, of others up
    to rounding.

    **Actions**: the world's own (`World.actions`): `Discrete(A)` codes or `Box(-1, 1, (d,))` vectors. In `Genie1-v0`, 8
    latent actions that were found without labels. With `action_mode="keyboard"`, the keys of worlds that understand some
    (`genie_gym.world.TakesKeys`): `Discrete`, by the names in `metadata["action_meanings"]`. With "prototypes", a few
    typical actions of worlds that know some (`genie_gym.world.HasPrototypes`): `Discrete`, with their names there. In worlds
    of vectors with a prior (`Genie3-v0`), `step(None)` goes on as it draws.

    **Observations**: frames, uint8 [B, H, W, 3]. With several names in `obs`, a dict of them: "rgb" for the frames, and
    any of the world's extras (`World.extras`, for example depth).

    **Rewards**: what the world says a step brought, [B]: float64 in NumPy, as Gymnasium's vector environments have them,
    float32 in torch, as TorchRL wants them.

    **Episode end**: `terminated` where the world says so; `truncated` after `max_episode_steps`.

    **Info**: the world's extras that are not observed, each [B, …]: the same keys at resets and steps, so that readers such
    as TorchRL's and Minari's can keep it. With `info=("scene_graph",)`, of worlds that tell what they show,
    `info["scene_graph"]` is a `SceneGraph` a row: all that stands there, of worlds that know it (`TellsScene`), else the
    things seen since the episode began. What is text stands beside it: what the world's actions do, where that was measured,
    in `metadata["action_meanings"]`; tasks in `tasks` and, in words, `instructions`; what became of prompts in `reports`.

    Args:
        num_envs: rows.
        world: a shipped name, a folder, a hub repository, or a `World`.
        device: "auto", "cpu", "cuda", …
        output: "numpy", or "torch" for tensors on the device, without a copy to the host.
        obs: names of what is observed.
        info: names of what is told besides, if it is asked for: "scene_graph".
        action_mode: "latent", the world's own actions, "keyboard" or "prototypes".
        max_episode_steps: truncates a row after so many steps; None never does.
        autoreset_mode: what follows an episode's end; Gymnasium's `AutoresetMode`, or the name of one.
            SAME_STEP, the default, begins the next episode at once (the last frame is in `info["final_obs"]`, dense):
            stable-baselines3 and TorchRL work with it, and no step is lost. NEXT_STEP, the default of Gymnasium's own
            vector environments, spends the row's next step on it: the action is ignored, the reward is 0. Some of its vector
            wrappers ask for it. DISABLED waits for `reset(options={"reset_mask": bool array})`.
        start_frames: uint8 [P, H, W, 3] to start episodes from, instead of the world's own pool.
        init_image: the same from one image of any size, uint8 [H, W, 3] or a file: its centre, cut out at the aspect of the
            world's frames and scaled to them.
        prompt: text, English or Chinese, of what the worlds are like, where the world takes prompts, or a
            `genie_gym.text.spec.WorldSpec`; or a list, one a row, None for none. Worlds that know what their start frames
            are like begin with those that match it best (`genie_gym.text.match`). What became of them is in `reports`.
        task: one of the world's `tasks`, or a list, one a row, None for none: the step that reaches the goal brings the
            reward 1 and ends the episode, and episodes begin where the goal is in view, unless they are given frames. A
            state that is loaded goes on with the task that it was saved with.
        place: where the world begins in places that it is given (`World.takes_places`), one: a `places.place.Place`, what
            its `to_dict` gave, or its JSON, as `place()` tells it; or a list, one a row, None for none. It is as it is
            given; what a prompt asks for besides is added to it.
        events: what happens in each episode, in worlds in which something can (`genie_gym.world.TakesEvents`): pairs of a
            step and an event or a text, `[(24, "it starts to snow")]`, or a list of such lists, one a row. What happens in a
            step shows in its frame; `info["events"]` then has it as a JSON array ("" where nothing happened), and
            `event_logs` also what could not happen.
        event_rate: random events a minute, besides.
        rules: of games, in worlds that know some: what comes of touching things, in all rows, as texts ("touching water ends
            the episode") or `genie_gym.text.spec.Rule`.
        hours_per_minute: hours that pass in a minute, in worlds in which time can pass.
        scenario: the name of a `genie_gym.text.scenarios.Scenario`: its prompt, task, events and rules, where none are
            given.
        size: (height, width) of the frames, of worlds that draw any (`genie_gym.world.AnySize`); None is the world's own.
        render_mode: "rgb_array" or None.

    `reset(options=…)` takes `reset_mask` (bool [B]); for this reset `start_frames` (uint8 [B, H, W, 3], one a row) or
    `init_image`; and `prompt`, `task`, `place` and `events` (one, or one a row), which stand in the rows that are reset
    until they are changed.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 15, "autoreset_mode": AutoresetMode.SAME_STEP}

    def __init__(
        self,
        num_envs: int = 1,
        world: str | Path | World = "genie1",
        *,
        device: str = "auto",
        output: str = "numpy",
        obs: Sequence[str] = (FRAMES,),
        info: Sequence[str] = (),
        action_mode: str = LATENT,
        max_episode_steps: int | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
        start_frames: np.ndarray | None = None,
        init_image: str | Path | np.ndarray | None = None,
        prompt: str | WorldSpec | Sequence[str | WorldSpec | None] | None = None,
        task: str | Sequence[str | None] | None = None,
        place: Any = None,
        events: Any = None,
        event_rate: float = 0.0,
        rules: str | Rule | Sequence[str | Rule] | None = None,
        hours_per_minute: float = 0.0,
        scenario: str | None = None,
        size: Sequence[int] | None = None,
        render_mode: str | None = None,
    ):
        self.num_envs = positive(num_envs, "num_envs")
        self.max_episode_steps = None if max_episode_steps is None else positive(max_episode_steps, "max_episode_steps")
        check_name("render_mode", render_mode or "rgb_array", self.metadata["render_modes"])
        self.autoreset_mode = as_autoreset_mode(autoreset_mode)
        self.world = at_size(load_world(world, device), size)
        self.render_mode = render_mode
        self._outputs = Outputs(self.world, output, obs, info)
        self.output, self.obs = output, self._outputs.obs
        self.metadata = self.metadata | {"autoreset_mode": self.autoreset_mode, "render_fps": round(self.world.fps)}
        self.single_observation_space = self._outputs.space
        self.controls = Controls(self.world, action_mode)
        if self.controls.meanings is not None:
            self.metadata["action_meanings"] = self.controls.meanings
        self.single_action_space = self.controls.spec.space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        named = {} if scenario is None else find_scenario(scenario).options()
        prompt, task = named.get("prompt") if prompt is None else prompt, named.get("task") if task is None else task
        events, rules = named.get("events") if events is None else events, named.get("rules") if rules is None else rules
        first = [*read_rules(self.world, rules), *([TimePasses(hours_per_minute)] if hours_per_minute else [])]
        self._starts = Starts(self.world, self.num_envs, start_frames, init_image, prompt, task, place)
        self._schedule = Schedule(self.world, self.num_envs, events, event_rate, first)
        self._tells_events = not self._schedule.is_empty
        self._state: SavedState | None = None

    @property
    def event_logs(self) -> list[list[Happened]]:
        """What has happened by schedule or by chance in each row's episode, and what could not and why."""
        return [list(row) for row in self._schedule.log]

    @property
    def reports(self) -> list[Report | None]:
        """What became of each row's prompt, for the episodes that begin by themselves: understood, ignored and assumed; None
        where there is none. Where it chooses among the world's start frames, what no such frame shows is ignored. A loaded
        state goes on with its own."""
        return self._starts.reports

    @property
    def tasks(self) -> list[str | None]:
        """What there is to do in each row, in the episodes that begin by themselves; None is nothing. A loaded state goes on
        with its own."""
        return list(self._starts.tasks)

    @property
    def instructions(self) -> list[str]:
        """The same in words; "" without a task."""
        return ["" if task is None else instruction(task) for task in self.tasks]

    def place(self) -> list[Place]:
        """The place that each row is in, as it is now: things, ground, and where one stands. `Place.to_json` writes it, and
        `place=` begins there again (the weather, the hour and the task are not part of it).

        Raises:
            GenieGymError: before the first reset, and of a world that shows no places.
        """
        if not isinstance(self.world, TellsPlaces):
            raise GenieGymError(f"a {self.world.family} world has no place to tell; choose a world made of things (genie3).")
        if self._state is None:
            raise GenieGymError("place() before reset(): call reset() first.")
        return self.world.places(self._state.world)

    # Gymnasium's interface

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        options = options or {}
        for name in options:
            check_name("reset option", name, RESET_OPTIONS)
        mask = as_mask(options.get("reset_mask"), "reset_mask", self.num_envs)
        super().reset(seed=None if seed is None or isinstance(seed, Sequence | np.ndarray) else as_seed(seed))
        if self._state is None and not mask.all():
            raise GenieGymError("the first reset takes all rows; call reset() without a reset_mask first.")
        due = self._schedule.due
        if "events" in options:
            read = self._schedule.read(options["events"])
            due = [new if chosen else old for chosen, new, old in zip(mask, read, due, strict=True)]
        row_seeds, episodes = self._seeds(seed, mask)
        stood = self._starts.prompts, self._starts.tasks, self._starts.places
        start = self._starts.asked_for(options, mask)
        rows = torch.from_numpy(np.flatnonzero(mask))
        try:
            begun = self._starts.begin(row_seeds[rows], episodes[rows], start.rows(rows))
        except BaseException:  # a world may find only now that a place has no room: then nothing has been asked for
            self._starts.prompts, self._starts.tasks, self._starts.places = stood
            raise
        self._schedule.due = due
        self._schedule.begin(rows.tolist())
        self._tells_events |= not self._schedule.is_empty
        if len(rows) == self.num_envs:
            self._state = SavedState.at_start(begun, row_seeds, episodes, self._scenes_of(begun))
        else:
            assert self._state is not None
            self._state.row_seeds, self._state.episodes = row_seeds, episodes
            self._put(rows, begun)
        return self._outputs.observations(self._state), self._info([""] * self.num_envs)

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        if self._state is None:
            raise GenieGymError("step() before reset(): call reset() first.")
        state, tell = self._state, self._outputs
        if self.autoreset_mode == AutoresetMode.DISABLED and len(over := _where(state.ended)):
            raise GenieGymError(_that_ended(over, self.num_envs))
        happened = self._happen(state)
        with torch.no_grad(), autocast_for_play(self.world.device):
            state.world, prediction = self.world.step(state.world, self.controls.read(actions, state.world))
        if tell.scene_graphs is not None:
            tell.scene_graphs.update(state.scenes, state.world)
        state.steps += 1
        rewards, terminated = prediction.rewards, prediction.terminated
        truncated = self._at_limit(state.steps).to(terminated.device) & ~terminated
        if self.autoreset_mode == AutoresetMode.NEXT_STEP and len(waiting := _where(state.ended)):
            self._begin_next(waiting)  # whatever they were told to do
            rewards, terminated, truncated = (
                value.index_fill(0, waiting.to(value.device), 0) for value in (rewards, terminated, truncated)
            )
        done = terminated | truncated
        state.ended = done.clone()
        final: dict[str, Any] = {}
        if self.autoreset_mode == AutoresetMode.SAME_STEP and len(over := _where(done)):
            final = {
                "final_obs": tell.observations(state), "_final_obs": tell.value(done),
                "final_info": self._info(happened), "_final_info": tell.value(done),
            }  # fmt: skip
            self._begin_next(over)
        ends = tell.value(terminated), tell.value(truncated)
        return tell.observations(state), tell.rewards(rewards), *ends, self._info(happened) | final

    def _happen(self, state: SavedState) -> list[str]:
        """Lets happen what is due before the next step."""
        if self._schedule.is_empty:
            return [""] * self.num_envs
        steps, seeds, going = state.steps.tolist(), state.world.seed.tolist(), (~state.ended).tolist()
        with torch.no_grad(), autocast_for_play(self.world.device):
            return self._schedule.happen(state.world, steps, seeds, going)

    def _info(self, happened: Sequence[str]) -> dict[str, Any]:
        assert self._state is not None
        info = self._outputs.info(self._state)
        if not self._tells_events:
            return info
        return info | {"events": np.array(happened, dtype=object), "_events": np.ones(self.num_envs, dtype=bool)}

    def _at_limit(self, steps: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        limit = self.max_episode_steps
        return torch.zeros_like(steps, dtype=torch.bool) if limit is None else steps >= limit

    def render(self) -> tuple[np.ndarray, ...] | None:
        """The current frames of all rows, uint8 [H, W, 3] each."""
        if self.render_mode is None or self._state is None:
            return None
        return tuple(self._state.world.frames.cpu().numpy().copy())

    # What it offers besides

    def apply_event(
        self, event: Event | str | Sequence[Event | str | None], rows: Rows | None = None
    ) -> tuple[Event, Report] | list[tuple[Event, Report] | None]:
        """Something happens in these rows (default: all), and shows from the next step on.

        Args:
            event: a typed event, or text for `genie_gym.prompt.parse_event`; or several, one for each of the rows, None
                where nothing happens. A text that is relative ("two hours later") is counted from what each row is like
                now, in worlds that know that (`genie_gym.world.TellsSpecs`), and refused elsewhere.
            rows: their numbers, or a mask, bool [B].

        Returns:
            The typed event (of a relative text, the first row's), and what of the text was understood, ignored and assumed
            (nothing, for a typed event); of several, a list of these.

        Raises:
            GenieGymError: before the first reset, for text that names no event, for an event that this world does not know,
                and for rows that there are not. Then nothing happens anywhere.
        """
        if self._state is None:
            raise GenieGymError("apply_event() before reset(): call reset() first.")
        index = row_numbers(rows, self.num_envs)
        event = event.tolist() if isinstance(event, np.ndarray) else event
        several = isinstance(event, Sequence) and not isinstance(event, str)
        given = list[Any](event) if several else [event] * len(index)  # type: ignore[arg-type]
        if len(given) != len(index):
            raise GenieGymError(f"{len(given)} events for {len(index)} rows; give one a row, None where nothing happens.")
        if len(set(index.tolist())) < len(index):
            raise GenieGymError(f"one event happens in a row at a time; {rows!r} names a row twice.")
        now: Sequence[WorldSpec | None] = [None] * self.num_envs
        if isinstance(self.world, TellsSpecs) and any(isinstance(one, str) for one in given):
            now = self.world.specs(self._state.world)  # what a relative text is counted from; typed events need none
        read = [
            None if one is None else self._read_event(one, now[row]) for row, one in zip(index, given, strict=True)
        ]  # fmt: skip
        events: list[Event | None] = [None] * self.num_envs
        for row, found in zip(index, read, strict=True):
            events[row] = None if found is None else found[0]
        if any(found is not None for found in read):
            assert isinstance(self.world, TakesEvents)  # else there is none that can be read
            with torch.no_grad(), autocast_for_play(self.world.device):
                self._state.world = self.world.apply_events(self._state.world, events)
        if several:
            return read
        return next((found for found in read if found is not None), None) or self._read_event(event, None)

    def _read_event(self, event: Any, now: WorldSpec | None) -> tuple[Event, Report]:
        event, report = read_event(self.world, event, now)
        known = self.world.events if isinstance(self.world, TakesEvents) else ()
        if not isinstance(event, known):
            names = ", ".join(kind.__name__ for kind in known) or "none at all"
            raise GenieGymError(f"{type(event).__name__} cannot happen in this world; it knows {names}.")
        return event, report

    def save_state(self) -> SavedState:
        """A copy of everything that the rows are. Any number of futures can start from it, with `load_state`."""
        if self._state is None:
            raise GenieGymError("nothing to save before reset(): call reset() first.")
        return self._state.clone()

    def load_state(
        self, state: SavedState, rows: Rows | None = None, *, seed: int | Sequence[int | None] | None = None
    ) -> Any:
        """Goes back to a saved state of the same world, and returns the observations.

        Without a `seed`, the same actions bring the same again, to the bit (of Genie1-v0 in batches of one size).

        Args:
            state: of as many rows as there are, or as `rows` names. It stays as it is, to be loaded again.
            rows: where its rows go: numbers [R], or a mask, bool [B]; the other rows stay as they are. Default: all rows.
            seed: gives the rows other randomness from here on, so that copies of one moment differ: an integer s gives the
                state's row i the seed s + i; or one a row, None for those that keep theirs.

        Raises:
            GenieGymError: for a state of another world, or of another number of rows; for rows that there are not; for
                ended rows under SAME_STEP; and, given `rows`, before the first reset.
        """
        if not isinstance(state, SavedState):
            raise GenieGymError(f"load_state takes what save_state returned; given {type(state).__name__}.")
        index = torch.from_numpy(check_fit(state.num_rows, rows, self.num_envs))
        if self.autoreset_mode == AutoresetMode.SAME_STEP and bool(state.ended.any()):
            raise GenieGymError(
                "the state has rows whose episode is over, which SAME_STEP never shows: save before the end, or choose the "
                "others with state.select(~state.ended)."
            )
        if self._state is None and len(index) < self.num_envs:
            raise GenieGymError("load_state() of some rows before reset(): call reset() first, the others have not begun.")
        now = self._blank(state) if self._state is None else self._state
        if now.scenes.keys() != state.scenes.keys():
            raise GenieGymError("states with scene graphs and without do not mix: save and load with the same info=….")
        if not now.fits(state):
            raise GenieGymError("the state is of another world.")
        loaded = (state if seed is None else state.reseeded(seed)).like(now)
        if rows is None:
            self._state = loaded  # as it lies in memory too: what is computed from it may depend on that, in the last bit
        else:
            self._state = now.clone()
            self._state.put(index, loaded)
        return self._outputs.observations(self._state)

    def _blank(self, state: SavedState) -> SavedState:
        """Rows of this world, in its types and on its device, for a state to be held against where none have begun."""
        world = self.world
        frames = state.world.frames.to(world.device)
        if tuple(frames.shape[1:]) != tuple(world.frame_shape):
            raise GenieGymError("the state is of another world.")
        begun = self._starts.begin(
            state.row_seeds.cpu(),
            state.episodes.cpu(),
            Start(frames=frames if world.takes_frames and not world.takes_places else None),
        )
        scenes = self._scenes_of(begun)
        return SavedState.at_start(begun, state.row_seeds.cpu().clone(), state.episodes.cpu().clone(), scenes)

    def _scenes_of(self, begun: WorldState) -> dict[str, Tensor]:
        return {} if self._outputs.scene_graphs is None else self._outputs.scene_graphs.begin(begun)

    # How rows begin anew

    def _put(self, rows: Int[Tensor, " R"], begun: WorldState) -> None:
        """These rows go on with what has just begun."""
        assert self._state is not None
        state = self._state
        state.world.put(rows, begun)
        for name, part in self._scenes_of(begun).items():
            state.scenes[name][rows] = part
        state.steps[rows] = 0
        state.ended[rows] = False

    def _begin_next(self, rows: Int[Tensor, " R"]) -> None:
        """These rows' next episodes."""
        assert self._state is not None
        state = self._state
        state.episodes[rows] += 1
        start = self._starts.standing().rows(rows)
        self._put(rows, self._starts.begin(state.row_seeds[rows], state.episodes[rows], start))
        self._schedule.begin(rows.tolist())

    def _seeds(self, seed: int | Sequence[int | None] | None, mask: np.ndarray) -> tuple[Tensor, Tensor]:
        """Row seeds and episode numbers after a reset of the masked rows. A row that is given no seed goes on to its
        next episode."""
        if self._state is None:
            row_seeds = int(self.np_random.integers(2**62)) + torch.arange(self.num_envs)
            episodes = torch.zeros(self.num_envs, dtype=torch.int64)
        else:
            row_seeds, episodes = self._state.row_seeds.clone(), self._state.episodes.clone()
            episodes[torch.from_numpy(mask)] += 1
        for row, value in enumerate(one_a_row(seed, self.num_envs)):
            if value is not None and mask[row]:
                row_seeds[row], episodes[row] = as_seed(value), 0  # a row's number may have made it too large
        return row_seeds, episodes


def _that_ended(rows: Int[Tensor, " R"], num_envs: int) -> str:
    if num_envs == 1:
        return "this episode is over; call reset() first."
    return f"the episodes of rows {rows.tolist()} are over; begin new ones with reset(options={{'reset_mask': …}}) first."


def _where(mask: Bool[Tensor, " B"]) -> Int[Tensor, " R"]:
    return torch.nonzero(mask.cpu())[:, 0]
