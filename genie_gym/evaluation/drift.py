"""Does a world leave reality, or freeze, in long rollouts?

Legend: B rows, R real frames, H W image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from genie_gym.datasets.video import VideoDataset
from genie_gym.evaluation.measure import Evaluation
from genie_gym.evaluation.metrics import frame_statistics, largest_change, statistics_distance
from genie_gym.rollout import infer_actions, row_seeds
from genie_gym.world import Start, World, WorldState, steps

AT = (16, 64, 256)  # frames at which it is measured
READ = 256  # steps of a rollout whose actions are read off real video; longer ones play them again
END, EVERY = 240, 24  # frames of a rollout's first and last part, where it is longer than both; every so many count
STILL_FRAMES = range(57, 65)
STILL = 8.0  # largest change of a small cell, in grey levels, below which two frames count as the same
REAL_FRAMES = 1024

Statistic = Callable[[WorldState], Float[Tensor, " B"]]
"""One more number of each imagined frame …"""
StatisticOf = Callable[[World, UInt8[Tensor, "R H W 3"]], tuple[Float[Tensor, " R"], Statistic]]
"""… with the same number of each real frame, which it may be fitted to."""


def drift(
    evaluation: Evaluation,
    statistic_of: StatisticOf | None = None,
    share: float = 0.25,
    at: Sequence[int] = AT,
) -> dict[str, Any]:
    """One long rollout a row, led by actions read off real video, against real frames' statistics. There are `share` as many
    rows as clips, at least eight.

    Returns drift_16, drift_64, drift_256 (see `statistics_distance`), or as `at` says; drift_frozen, that of the real frames
    which the rollouts begin with; of rollouts longer than two `END`s drift_first and drift_last, of the frames in their
    first and last `END`; still_share_64, the share of rollouts in which nothing moves in frames 57 to 64; real_still_share,
    that of real clips as long.
    """
    world, data, rng = evaluation.world, evaluation.data, evaluation.rng
    rows = max(8, int(evaluation.config.clips * share))
    starts = evaluation.clips(rows, 1)[:, 0]
    real = torch.cat([evaluation.clips(32, 1)[:, 0] for _ in range(REAL_FRAMES // 32)]).to(world.device)
    columns, statistic = [frame_statistics(real)], None
    if statistic_of is not None:
        value, statistic = statistic_of(world, real)
        columns.append(value[:, None].cpu().numpy())
    reference = np.concatenate(columns, 1)
    length = max(at)
    actions = _long_actions(world, data, rng, rows, min(length, READ))
    seeds = row_seeds(evaluation.config.seed, rows).to(world.device)
    state = world.reset(seeds, Start(frames=starts.to(world.device)))

    def told(state: WorldState) -> np.ndarray:
        """The statistics of the frames of a state."""
        columns = [frame_statistics(state.frames)]
        if statistic is not None:
            columns.append(statistic(state)[:, None].cpu().numpy())
        return np.concatenate(columns, 1)

    out = {"drift_frozen": statistics_distance(reference, told(state))}
    ends: dict[str, list[np.ndarray]] = {"first": [], "last": []}
    moved = torch.zeros(rows, device=world.device)
    before = state.frames
    for t, (now, *_) in enumerate(steps(world, state, actions[:, torch.arange(length) % READ], desc="drift"), 1):
        if t in STILL_FRAMES:
            moved = torch.maximum(moved, largest_change(before, now.frames))
        before = now.frames
        if t in at:
            out[f"drift_{t}"] = statistics_distance(reference, told(now))
        if length > 2 * END and t % EVERY == 0 and not END < t <= length - END:
            ends["first" if t <= END else "last"].append(told(now))
    out |= {f"drift_{name}": statistics_distance(reference, np.concatenate(some)) for name, some in ends.items() if some}
    out["still_share_64"] = float((moved < STILL).float().mean())
    out["real_still_share"] = _real_still_share(data, rng)
    return out


def _long_actions(world: World, data: VideoDataset, rng: np.random.Generator, rows: int, steps: int) -> Tensor:
    """Actions of real episodes, joined until they are long enough: [rows, steps, …]."""
    out = []
    for _ in range(rows):
        parts: list[Tensor] = []
        while (missing := steps - sum(len(part) for part in parts)) > 0:
            frames = data.frames(int(rng.integers(len(data))), slice(missing + 1))
            parts.append(infer_actions(world, torch.from_numpy(frames)[None])[0])
        out.append(torch.cat(parts))
    return torch.stack(out)


def _real_still_share(data: VideoDataset, rng: np.random.Generator) -> float:
    """The share of real clips in which nothing moves."""
    clips = torch.from_numpy(data.sample_clips(rng, 256, len(STILL_FRAMES) + 1))
    moved = [largest_change(clips[:, t], clips[:, t + 1]) for t in range(len(STILL_FRAMES))]
    return float((torch.stack(moved).amax(0) < STILL).float().mean())
