"""How episodes begin: which seed each has, and the frames, prompt and place that it starts from.

Legend: B rows, R some of them, P start frames, H W image.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Int, UInt8
from torch import Tensor

from genie_gym.devices import autocast_for_play
from genie_gym.envs.checks import as_frames
from genie_gym.errors import GenieGymError
from genie_gym.imagine import read_prompt
from genie_gym.models.row_random import episode_draws, episode_seeds
from genie_gym.places.place import Place
from genie_gym.rows import as_seed
from genie_gym.text.prompt import Prompt
from genie_gym.text.reader import scene_warning
from genie_gym.text.spec import WorldSpec
from genie_gym.text.tokens import Report
from genie_gym.visual import fit, read_image
from genie_gym.world import Start, StartPool, World, WorldState

T = TypeVar("T")


class Starts:
    """What the episodes of an environment with B rows start from, unless a reset says otherwise.

    Where a prompt stands in place of frames (`World.prompt_begins`), a row has one of the two, and what a reset asks for
    counts.

    Args:
        world, num_rows: that begin. start_frames, init_image, prompt, task, place: see `GenieVectorEnv`.

    Attributes:
        prompts, tasks, places: those that stand, one a row, None where there is none. A reset's own stand from then on.
    """

    def __init__(
        self,
        world: World,
        num_rows: int,
        start_frames: np.ndarray | None,
        init_image: str | Path | np.ndarray | None,
        prompt: str | WorldSpec | Sequence[str | WorldSpec | None] | None,
        task: str | Sequence[str | None] | None,
        place: Any = None,
    ):
        self.world, self.num_rows = world, num_rows
        if start_frames is not None and init_image is not None:
            raise GenieGymError("give start_frames or an init_image, not both.")
        if init_image is not None:
            start_frames = self._read_image(init_image)[None]
        self._pool = None if start_frames is None else as_frames(start_frames, "start_frames")
        self.prompts = self._read_prompts(prompt)
        self.tasks = texts_a_row(task, "task", num_rows)
        self.places = places_a_row(place, num_rows)
        self._check_defaults()

    @property
    def reports(self) -> list[Report | None]:
        """What became of each row's prompt."""
        return [None if prompt is None else prompt.report for prompt in self.prompts]

    def _check_defaults(self) -> None:
        """Whether the world takes the environment's own start frames, prompts and tasks."""
        if self._pool is not None:
            if not len(self._pool):
                raise GenieGymError("start_frames holds no frame; leave it out for the world's own.")
            self.world.check_start(self._start(np.repeat(self._pool[:1], self.num_rows, 0)), self.num_rows)
        self.world.check_start(self._start(None), self.num_rows)

    def asked_for(self, options: Mapping[str, Any], mask: Bool[np.ndarray, " B"]) -> Start:
        """What `reset(options=…)` asks for in the rows of `mask`, beside what stands; its prompts, tasks and places stand
        from now on, unless it is refused."""
        frames = options.get("start_frames")
        if options.get("init_image") is not None:
            if frames is not None:
                raise GenieGymError("give start_frames or an init_image, not both.")
            frames = self._read_image(options["init_image"])[None].repeat(self.num_rows, 0)
        if frames is not None and len(frames := as_frames(frames, "start_frames")) != self.num_rows:
            raise GenieGymError(f"{len(frames)} start frames for {self.num_rows} rows; give one a row.")
        prompts, tasks, places = self.prompts, self.tasks, self.places
        if "prompt" in options:
            prompts = _where(mask, self._read_prompts(options["prompt"], mask), prompts)
        if "task" in options:
            tasks = _where(mask, texts_a_row(options["task"], "task", self.num_rows), tasks)
        if "place" in options:
            places = _where(mask, places_a_row(options["place"], self.num_rows), places)
        standing = Start(prompts=prompts, tasks=tasks, places=places)
        start = standing if frames is None else replace(standing, frames=torch.tensor(frames))
        if frames is not None and "prompt" not in options and self.world.prompt_begins:
            start = replace(start, prompts=None)
        rows = torch.from_numpy(np.flatnonzero(mask))
        for asked in (start, standing):  # what stands must do for the next episodes, too
            self.world.check_start(asked.rows(rows), len(rows))
        self.prompts, self.tasks, self.places = prompts, tasks, places
        return start

    def begin(self, row_seeds: Int[Tensor, " R"], episodes: Int[Tensor, " R"], start: Start) -> WorldState:
        """New episodes, of these numbers in rows of these seeds; without frames in `start`, and where no prompt stands in
        their place, from the environment's own or the world's."""
        seeds = episode_seeds(row_seeds, episodes).to(self.world.device)
        start = replace(start, draws=episode_draws(row_seeds, episodes))
        asked = [row for row, prompt in enumerate(start.prompts or ()) if prompt is not None and self.world.prompt_begins]
        if start.frames is not None or self._pool is None or len(asked) == len(seeds):
            return self._reset(seeds, start)
        frames = StartPool(self._pool).first_frames(seeds, Start(draws=start.draws))
        fresh = self._reset(seeds, replace(start, frames=frames, prompts=None if asked else start.prompts))
        if asked:
            rows = torch.tensor(asked)
            fresh.put(rows, self._reset(seeds[rows], start.rows(rows)))
        return fresh

    def _reset(self, seeds: Int[Tensor, " R"], start: Start) -> WorldState:
        frames = None if start.frames is None else start.frames.to(self.world.device)
        with torch.no_grad(), autocast_for_play(self.world.device):
            fresh = self.world.reset(seeds, replace(start, frames=frames))
        return fresh.clone()  # rows are overwritten in place later: neither the world's starts nor the caller's frames

    def standing(self) -> Start:
        """What episodes start from that begin by themselves."""
        return self._start(None)

    def _start(self, frames: UInt8[np.ndarray, "B H W 3"] | None) -> Start:
        given = None if frames is None else torch.tensor(frames)
        return Start(frames=given, prompts=self.prompts, tasks=self.tasks, places=self.places)

    def _read_image(self, image: str | Path | np.ndarray) -> np.ndarray:
        return fit(read_image(image), self.world.frame_shape[:2])

    def _read_prompts(self, prompt: Any, mask: Bool[np.ndarray, " B"] | None = None) -> list[Prompt | None]:
        """Of the rows of `mask`, or of all."""
        given = one_of_each(prompt, "prompt", self.num_rows, (str, WorldSpec))
        given = given if mask is None else _where(mask, given, [None] * self.num_rows)
        read = {asked: read_prompt(self.world, asked) for asked in dict.fromkeys(given) if asked is not None}
        for asked, found in read.items():
            assert self.world.vocabulary is not None  # else it takes no prompt
            if isinstance(asked, str) and (warning := scene_warning(asked, found.report, self.world.vocabulary)):
                warnings.warn(warning, UserWarning, stacklevel=4)
        return [None if asked is None else read[asked] for asked in given]


def texts_a_row(value: Any, name: str, num_rows: int) -> list[str | None]:
    """One text for all rows, or one a row; None is none.

    Raises:
        GenieGymError: for something else, or for another number of them.
    """
    return one_of_each(value, name, num_rows, (str,))


def one_of_each(value: Any, name: str, num_rows: int, kinds: tuple[type, ...]) -> list[Any]:
    """One value of these kinds for all rows, or one a row; None is none."""
    value = value.tolist() if isinstance(value, np.ndarray) else value
    if value is None or isinstance(value, kinds):
        return [value] * num_rows
    given = list(value) if isinstance(value, Sequence) else [value]
    if not all(one is None or isinstance(one, kinds) for one in given):
        typed = " or a WorldSpec" if WorldSpec in kinds else ""
        raise GenieGymError(f"a {name} is text{typed}, or a list, one a row (None for none); got {value!r:.80}.")
    if len(given) != num_rows:
        raise GenieGymError(f"{len(given)} {name}s for {num_rows} rows; give one a row, or one for all.")
    return given


def places_a_row(value: Any, num_rows: int) -> list[Place | None]:
    """One place for all rows, or one a row; None is none. Each is a `Place`, what its `to_dict` gave, or its JSON.

    Raises:
        GenieGymError: for what is no place, or for another number of them.
    """
    if value is None or isinstance(value, Place | Mapping | str | bytes):
        return [_read_place(value)] * num_rows
    if not isinstance(value, Sequence):
        raise GenieGymError(
            f"a place is a Place, or its JSON, or a list of these, one a row (None for none); got {value!r:.80}."
        )
    if len(value) != num_rows:
        raise GenieGymError(f"{len(value)} places for {num_rows} rows; give one a row, or one for all.")
    return [_read_place(one) for one in value]


def _read_place(value: Any) -> Place | None:
    if value is None or isinstance(value, Place):
        return value
    return Place.from_json(value) if isinstance(value, str | bytes) else Place.from_dict(value)


def _where(mask: Bool[np.ndarray, " B"], these: list[T], those: list[T]) -> list[T]:
    return [this if chosen else that for chosen, this, that in zip(mask, these, those, strict=True)]


def one_a_row(seed: int | Sequence[int | None] | None, num_rows: int) -> list[int | None]:
    """Seeds, one a row: an integer s gives row i the seed s + i. None is no seed.

    Raises:
        GenieGymError: for what is no seed, or for another number of them.
    """
    if seed is None:
        return [None] * num_rows
    if isinstance(seed, int | np.integer):
        first = as_seed(seed)
        return [first + row for row in range(num_rows)]
    given = [None if value is None else as_seed(value) for value in seed]
    if len(given) != num_rows:
        raise GenieGymError(f"{len(given)} seeds for {num_rows} rows; give one a row, or one integer.")
    return given
