"""Runs stages that are computed in one go (`stage.ComputedStage`); the others are `Trainer`'s."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import numpy as np
import torch

from genie_gym.devices import Ranks
from genie_gym.errors import GenieGymError
from genie_gym.files import beside
from genie_gym.training.plan import TrainerConfig
from genie_gym.training.stage import ComputedStage
from genie_gym.visual import save_png


class Computation:
    """Runs a computed stage into `out`, as `Trainer` does others: `out/<stage>.pt` holds what it made, so that it is not
    computed again, and `out/<stage>.png` shows it. Of several processes (torchrun) each computes, and the first one writes.
    """

    def __init__(self, stage: ComputedStage, config: TrainerConfig, out: str | Path):
        self.stage, self.config, self.out = stage, config, Path(out)
        self.ranks = Ranks.here()
        self.step, self.minutes = 0, 0.0
        self.checkpoint_path = self.out / f"{stage.name}.pt"
        if self.checkpoint_path.exists():
            self._load()

    @property
    def finished(self) -> bool:
        return self.step > 0

    def run(self) -> dict[str, float]:
        """The numbers that it returns; none where it was computed before."""
        if self.finished:
            return {}
        begin = time.monotonic()
        with torch.no_grad():
            metrics = self.stage.compute(self.work)
        self.step, self.minutes = 1, (time.monotonic() - begin) / 60
        shown = ", ".join(f"{name} {value:.3g}" for name, value in metrics.items())
        if self.ranks.is_first:
            print(f"{self.stage.name}: computed in {self.minutes:.1f} min" + (f"; {shown}" if shown else ""))
            self._save()
            shutil.rmtree(self.work, ignore_errors=True)
        return metrics

    @property
    def work(self) -> Path:
        """Where it may keep what it has so far."""
        return self.out / f"{self.stage.name}.unfinished"

    def _save(self) -> None:
        saved = {"stage": self.stage.checkpoint(), "step": self.step, "minutes": self.minutes}
        self.out.mkdir(parents=True, exist_ok=True)
        with beside(self.checkpoint_path) as part:
            torch.save(saved, part)
        with torch.no_grad():
            sheet = self.stage.pictures(np.random.default_rng(self.config.seed))
        if sheet is not None:
            save_png(self.out / f"{self.stage.name}.png", sheet)

    def _load(self) -> None:
        saved = torch.load(self.checkpoint_path, map_location="cpu", weights_only=True)
        try:
            self.stage.restore(saved["stage"])
        except (KeyError, ValueError, RuntimeError, TypeError) as error:
            raise GenieGymError(
                f"{self.checkpoint_path} is of another version: {error}; train into another folder."
            ) from error
        self.step, self.minutes = saved["step"], saved["minutes"]
