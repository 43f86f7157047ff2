"""One trainer for every stage: CPU, one GPU, or several under torchrun (DDP).

Step k's batch and noise depend on (seed, rank, k) alone, so a killed run that resumes from its checkpoint walks exactly
the path it would have walked.
"""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel
from torch.utils.tensorboard import SummaryWriter

from genie_gym.devices import autocast, pick_device
from genie_gym.errors import GenieGymError
from genie_gym.files import beside
from genie_gym.progress import progress
from genie_gym.training.plan import TrainerConfig
from genie_gym.training.stage import Batch, Stage
from genie_gym.visual import save_png

WARM_UP_SHARE = 0.1


def learning_rate(config: TrainerConfig, step: int, minutes: float = 0.0) -> float:
    """Linear warm-up, then a cosine to a twentieth, over the steps, or over the minutes where these are given (of which
    warming up takes a tenth at most)."""
    warm = (step + 1) / config.warmup if step < config.warmup else 1.0
    if config.minutes is None:
        progress = max(0, step - config.warmup) / max(1, config.steps - config.warmup)
    else:
        progress = minutes / config.minutes
        warm = max(warm, progress / WARM_UP_SHARE)
    cosine = 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return config.learning_rate * min(1.0, warm) * cosine


class Trainer:
    """Trains one stage into `out`: `out/<stage>.pt` (checkpoint), TensorBoard events and contact sheets.

    `run()` returns the last metrics. Ctrl-C saves a checkpoint first.
    """

    def __init__(self, stage: Stage, config: TrainerConfig, out: str | Path):
        self.stage, self.config, self.out = stage, config, Path(out)
        self.rank, self.world_size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        self.device = pick_device(config.device)
        if self.world_size > 1 and not torch.distributed.is_initialized():
            torch.distributed.init_process_group("nccl" if self.device.type == "cuda" else "gloo")
        stage.settle(self.device)
        stage.train()
        trained = [p for p in stage.parameters() if p.requires_grad]
        matrices, vectors = [p for p in trained if p.ndim > 1], [p for p in trained if p.ndim <= 1]
        self.optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": config.weight_decay}, {"params": vectors, "weight_decay": 0.0}],
            lr=config.learning_rate,
            betas=(0.9, 0.95),
        )
        self.step, self.minutes = 0, 0.0
        self.checkpoint_path = self.out / f"{stage.name}.pt"
        if self.checkpoint_path.exists():
            self._load()
        if config.compile or (config.compile is None and self.device.type == "cuda"):
            for block in stage.repeated_blocks():
                block.compile()
        self.forward: Callable[[Batch], tuple[Tensor, dict[str, Tensor]]] = stage
        if self.world_size > 1:
            self.forward = DistributedDataParallel(stage, find_unused_parameters=True)

    def _load(self) -> None:
        saved = torch.load(self.checkpoint_path, map_location=self.device, weights_only=True)
        try:
            self.stage.restore(saved["stage"])
            self.optimizer.load_state_dict(saved["optimizer"])
        except (KeyError, ValueError, RuntimeError) as error:
            raise GenieGymError(
                f"{self.checkpoint_path} is of other networks (another preset, setting or version): {error}; "
                "train into another folder."
            ) from error
        self.step, self.minutes = saved["step"], saved["minutes"]

    def save(self) -> None:
        if self.rank:
            return
        saved = {"stage": self.stage.checkpoint(), "optimizer": self.optimizer.state_dict()}
        with beside(self.checkpoint_path) as part:
            torch.save(saved | {"step": self.step, "minutes": self.minutes}, part)

    def run(self) -> dict[str, float]:
        config = self.config
        writer = SummaryWriter(str(self.out / "tensorboard" / self.stage.name)) if self.rank == 0 else None
        bar = self._bar()
        metrics: dict[str, float] = {}
        saved = drawn = time.monotonic()
        began = saved - 60 * self.minutes
        try:
            while not self.finished:
                values = self._train_step()
                self.step += 1
                self.minutes = self._same_everywhere((time.monotonic() - began) / 60)
                bar.update((self.step if config.minutes is None else round(60 * self.minutes)) - bar.n)
                if self.step % config.log_every == 0 or self.finished:
                    metrics = {name: float(value) for name, value in values.items()}
                    shown = {"step": self.step} if config.minutes else {}
                    bar.set_postfix(shown | {name: f"{value:.3g}" for name, value in metrics.items()})
                    for name, value in metrics.items():
                        if writer:
                            writer.add_scalar(name, value, self.step)
                now = time.monotonic()
                if now - drawn > config.sheet_minutes * 60:
                    self._draw(writer)
                    drawn = time.monotonic()
                if now - saved > config.checkpoint_minutes * 60:
                    self.save()
                    saved = now
            self._draw(writer)
        finally:
            self.save()
            bar.close()
            if writer:
                writer.close()
        return metrics

    def _bar(self) -> Any:
        """Of steps, or of seconds where minutes are given."""
        config = self.config
        common: dict[str, Any] = {"desc": self.stage.name, "disable": self.rank > 0, "mininterval": 2}
        if config.minutes is None:
            return progress(total=config.steps, initial=self.step, unit="step", **common)
        return progress(total=round(60 * config.minutes), initial=round(60 * self.minutes), unit="s", **common)

    def _same_everywhere(self, minutes: float) -> float:
        """The first process's clock: all of them must stop at the same step."""
        if self.world_size == 1:
            return minutes
        shared = torch.tensor([minutes], dtype=torch.float64, device=self.device)
        torch.distributed.broadcast(shared, 0)
        return float(shared)

    @property
    def finished(self) -> bool:
        if self.config.minutes is not None:
            return self.minutes >= self.config.minutes
        return self.step >= self.config.steps

    def time_step(self, warm_up: int, steps: int) -> float:
        """Seconds of one training step: the median of `steps`, after some that do not count. These train too."""
        times = []
        for _ in range(warm_up + steps):
            begin = time.perf_counter()
            float(next(iter(self._train_step().values())))  # waits for a GPU too
            times.append(time.perf_counter() - begin)
            self.step += 1
        return statistics.median(times[warm_up:])

    def _train_step(self) -> dict[str, Tensor]:
        config = self.config
        rng = np.random.default_rng([config.seed, self.rank, self.step])
        torch.manual_seed(int(rng.integers(2**62)))
        batch = {name: value.to(self.device) for name, value in self.stage.sample(rng, config.batch_size).items()}
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(config, self.step, self.minutes)
        with autocast(self.device, config.precision):
            loss, metrics = self.forward(batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.stage.parameters(), config.clip_norm)
        self.optimizer.step()
        return metrics

    def _draw(self, writer: Any) -> None:
        if self.rank:
            return
        self.stage.eval()
        with torch.no_grad(), torch.compiler.set_stance("force_eager"):  # other shapes: not worth compiling for
            sheet = self.stage.pictures(np.random.default_rng(self.config.seed))
        self.stage.train()
        if sheet is not None:
            save_png(self.out / f"{self.stage.name}.png", sheet)
            writer.add_image("sheet", sheet, self.step, dataformats="HWC")
