"""What a training will cost on this machine, said before it begins, and the size that fits the minutes asked for."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.progress import progress
from genie_gym.settings import with_settings
from genie_gym.training.plan import TrainingPlan
from genie_gym.training.trainer import Trainer

SMALL_FRAME = 64
LONG = 2 * 3600  # seconds
WARM_UP_STEPS, TIMED_STEPS = 2, 3  # the first steps allocate
FEW_STEPS = 100  # fewer are made in the time that timing them takes
ENOUGH = 0.1
"""The least share of its recipe's steps with which a stage is worth its minutes. On two CPU cores and the same game, 11 % of
mini's steps gave a world better than copying by 1.4 dB, 5 % of tiny's one that was worse by 2.5 (docs/experiments.md)."""


@dataclass(frozen=True)
class StageForecast:
    """One stage of one preset on this machine."""

    name: str
    seconds: float
    """Of one step."""
    recipe_steps: int
    minutes: float | None
    """What it is given; None trains the recipe's steps."""

    @property
    def steps(self) -> int:
        """How many it will make."""
        return self.recipe_steps if self.minutes is None else int(60 * self.minutes / self.seconds)  # none in no memory

    @property
    def total(self) -> float:
        """Seconds of all of its steps."""
        return self.seconds * self.steps if self.steps else 0.0

    @property
    def fits(self) -> bool:
        """Whether it gets enough of its recipe's steps to be worth its minutes."""
        return self.steps >= ENOUGH * self.recipe_steps

    def __str__(self) -> str:
        line = f"{self.name:<16}{self.steps:>8,} steps of {_duration(self.seconds):<8}{_duration(self.total):>8}"
        return line if self.minutes is None else f"{line}   {self.steps / self.recipe_steps:.0%} of its recipe"


@dataclass(frozen=True)
class Forecast:
    """All stages of a training."""

    preset: str
    stages: tuple[StageForecast, ...]

    @property
    def fits(self) -> bool:
        return all(stage.fits for stage in self.stages)

    @property
    def seconds(self) -> float:
        return sum(stage.total for stage in self.stages)

    def __str__(self) -> str:
        return "\n".join([f"{self.preset} on this machine: {_duration(self.seconds)}", *[f"  {s}" for s in self.stages]])


@dataclass(frozen=True)
class Timing:
    """Times these stages on this machine, and says what it found.

    Attributes:
        minutes: of each stage that is given any.
    """

    plan: TrainingPlan
    data: VideoDataset
    stages: Sequence[str]
    settings: Mapping[str, Any]
    minutes: Mapping[str, float]

    def forecast(self, preset: str) -> Forecast:
        """Trains each stage of a throw-away world for a few steps."""
        plan = self.plan
        fitted = plan.fitted(preset, self.settings, self.data, self.stages)
        world = plan.build(fitted, self.data)
        found = []
        with tempfile.TemporaryDirectory() as nowhere:
            for name in progress(self.stages, desc=f"timing {preset}", leave=False):
                config = replace(getattr(fitted.recipe, name), compile=False)  # sizes that are only tried are not worth it
                try:
                    trainer = Trainer(plan.stages[name](world, self.data, fitted.recipe), config, nowhere)
                    seconds = trainer.time_step(WARM_UP_STEPS, TIMED_STEPS)
                except torch.OutOfMemoryError:
                    seconds = math.inf
                found.append(StageForecast(name, seconds, config.steps, self.minutes.get(name)))
        return Forecast(preset, tuple(found))

    def is_worth_it(self, preset: str) -> bool:
        """Whether training takes longer than timing it."""
        recipe = with_settings(self.plan.presets[preset], self.settings).recipe
        return bool(self.minutes) or any(getattr(recipe, name).steps >= FEW_STEPS for name in self.stages)

    def choose(self) -> str:
        """The largest size that is worth the minutes; the smallest where none is."""
        found = self._largest(self.plan.sizes)
        print(found)
        if found.fits:
            print(f"{found.preset} is the largest size that fits these minutes here.")
        else:
            print(f"These minutes are few even for {found.preset}: expect little.{self._smaller_frames()}")
        return found.preset

    def warn(self, preset: str) -> None:
        """What this preset will cost; and the size that would fit, where it gets too little."""
        found = self.forecast(preset)
        print(found)
        if found.fits and not self.minutes and found.seconds > LONG:
            print("Less time? --minutes N alone trains the largest size that is worth N minutes here.")
        if found.fits:
            return
        print(
            f"That is too little for {preset}: expect a world that is no better than copying its first frame."
            + self._smaller_frames()
        )
        smaller = self.plan.sizes[: self.plan.sizes.index(preset)] if preset in self.plan.sizes else ()
        if smaller:
            fitting = self._largest(smaller)
            print(f"{fitting}\n--preset {fitting.preset} gets more out of these minutes.")

    def _smaller_frames(self) -> str:
        """A word on frames that are larger than they need be."""
        height, width = self.data.height, self.data.width
        times = height * width / SMALL_FRAME**2
        if times < 2:
            return ""
        return (
            f" Frames of {height}x{width} cost about {times:.0f} times as much as {SMALL_FRAME}x{SMALL_FRAME}: "
            "record smaller ones (--size)."
        )

    def _largest(self, sizes: Sequence[str]) -> Forecast:
        """From the smallest up, so that none is timed that is far too large."""
        best = self.forecast(sizes[0])
        for preset in sizes[1:]:
            try:
                found = self.forecast(preset) if best.fits else best
            except GenieGymError:  # it needs longer episodes
                break
            if not found.fits:
                break
            best = found
        return best


def _duration(seconds: float) -> str:
    """ "0.24 s", "52 min", "4.4 h"."""
    if math.isinf(seconds):
        return "no memory"
    if seconds < 90:
        return f"{seconds:.2g} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"
