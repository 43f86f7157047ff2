"""One trainer for every stage: CPU, one GPU, or several under torchrun, each with a copy of the networks (DDP) or with its
share of them (`sharding`).

Step k's batch and noise depend on (seed, rank, k) alone, so a killed run that resumes from its checkpoint walks exactly
the path it would have walked.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel
from torch.utils.tensorboard import SummaryWriter

from genie_gym.devices import Ranks, autocast, pick_device
from genie_gym.progress import progress
from genie_gym.training.checkpoint import find_checkpoint, load_checkpoint, save_shards, save_whole
from genie_gym.training.plan import TrainerConfig
from genie_gym.training.sharding import gathered, shard, share_buffers
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
    """Trains one stage into `out`: a checkpoint (`checkpoint`), TensorBoard events and contact sheets.

    `run()` returns the last metrics. Ctrl-C saves a checkpoint first, unless the parameters are shared out. Of several
    processes, all are here, within `Ranks.together`.
    """

    def __init__(self, stage: Stage, config: TrainerConfig, out: str | Path):
        self.stage, self.config, self.out = stage, config, Path(out)
        self.ranks, self.device = Ranks.here(), pick_device(config.device)
        self.is_sharded = config.shard and not self.ranks.is_alone
        stage.settle(torch.device("cpu") if self.is_sharded else self.device)
        if self.is_sharded:
            shard(stage, self.device, self.ranks)
        stage.train()
        self.trained = [p for p in stage.parameters() if p.requires_grad]
        matrices, vectors = [p for p in self.trained if p.ndim > 1], [p for p in self.trained if p.ndim <= 1]
        self.optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": config.weight_decay}, {"params": vectors, "weight_decay": 0.0}],
            lr=config.learning_rate,
            betas=(0.9, 0.95),
        )
        self.step, self.minutes = 0, 0.0
        if begun := find_checkpoint(self.out, stage.name):
            self.step, self.minutes = load_checkpoint(begun, stage, self.optimizer, self.ranks)
        if config.compile or (config.compile is None and self.device.type == "cuda"):
            for block in stage.repeated_blocks():
                block.compile()
        self.forward: Callable[[Batch], tuple[Tensor, dict[str, Tensor]]] = stage
        if not (self.ranks.is_alone or self.is_sharded):
            self.forward = DistributedDataParallel(stage, find_unused_parameters=True)

    def save(self) -> None:
        """Of parameters that are shared out, all processes save together."""
        if self.config.shard:
            save_shards(self.out, self.stage, self.optimizer, self.step, self.minutes, self.ranks)
        elif self.ranks.is_first:
            save_whole(self.out, self.stage, self.optimizer, self.step, self.minutes)

    def run(self) -> dict[str, float]:
        config = self.config
        writer = SummaryWriter(str(self.out / "tensorboard" / self.stage.name)) if self.ranks.is_first else None
        bar = self._bar()
        metrics: dict[str, float] = {}
        self.began = time.monotonic() - 60 * self.minutes
        saved = drawn = self.minutes
        try:
            while not self.finished:
                values = self._train_step()
                self.step += 1
                self.minutes = self._clock()
                bar.update((self.step if config.minutes is None else round(60 * self.minutes)) - bar.n)
                if self.step % config.log_every == 0 or self.finished:
                    metrics = self.ranks.mean({name: float(value) for name, value in values.items()}, self.device)
                    shown = {"step": self.step} if config.minutes else {}
                    bar.set_postfix(shown | {name: f"{value:.3g}" for name, value in metrics.items()})
                    for name, value in metrics.items():
                        if writer:
                            writer.add_scalar(name, value, self.step)
                if self.minutes - drawn > config.sheet_minutes:
                    self._draw(writer)
                    drawn = self._clock()
                if self.minutes - saved > config.checkpoint_minutes:
                    self.save()
                    saved = self.minutes
            self._draw(writer)
        except BaseException:
            if not self.is_sharded:  # else others are elsewhere: what was saved before stays
                self.save()
            raise
        else:
            self.save()
        finally:
            bar.close()
            if writer:
                writer.close()
        self.optimizer.zero_grad(set_to_none=True)
        return metrics

    def _bar(self) -> Any:
        """Of steps, or of seconds where minutes are given."""
        config = self.config
        common: dict[str, Any] = {"desc": self.stage.name, "disable": not self.ranks.is_first, "mininterval": 2}
        if config.minutes is None:
            return progress(total=config.steps, initial=self.step, unit="step", **common)
        return progress(total=round(60 * config.minutes), initial=round(60 * self.minutes), unit="s", **common)

    def _clock(self) -> float:
        """Minutes of training, by the first process's clock: all of them stop, draw and save at the same step."""
        return self.ranks.from_first((time.monotonic() - self.began) / 60, self.device)

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
        rng = np.random.default_rng([config.seed, self.ranks.rank, self.step])
        torch.manual_seed(int(rng.integers(2**62)))
        batch = {name: value.to(self.device) for name, value in self.stage.sample(rng, config.batch_size).items()}
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(config, self.step, self.minutes)
        if self.is_sharded:
            share_buffers(self.stage)
        with autocast(self.device, config.precision):
            loss, metrics = self.forward(batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained, config.clip_norm)  # frozen parts may hold gradients of old
        self.optimizer.step()
        return metrics

    def _draw(self, writer: Any) -> None:
        """The first process draws, and all gather what it draws with."""
        if math.isinf(self.config.sheet_minutes):
            return
        with gathered(self.stage) if self.is_sharded else nullcontext():
            if self.ranks.is_first:
                self._show(writer)

    def _show(self, writer: Any) -> None:
        self.stage.eval()
        with torch.no_grad(), torch.compiler.set_stance("force_eager"):  # other shapes: not worth compiling for
            sheet = self.stage.pictures(np.random.default_rng(self.config.seed))
        self.stage.train()
        if sheet is not None:
            save_png(self.out / f"{self.stage.name}.png", sheet)
            writer.add_image("sheet", sheet, self.step, dataformats="HWC")
