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
from genie_gym.evaluation.guide import Guide
from genie_gym.evaluation.measure import NOTES, Evaluation
from genie_gym.evaluation.metrics import frame_statistics, largest_change, statistics_distance
from genie_gym.evaluation.moments import Enter, entered
from genie_gym.evaluation.place import Clips
from genie_gym.world import World, WorldState, steps

AT = (16, 64, 256)  # frames at which it is measured
READ = 256  # steps of a rollout whose actions come of real video; longer ones play them again
END, EVERY = 240, 24  # most frames of a rollout's first and last part; of which every so many count
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
    enter: Enter = entered,
) -> dict[str, Any]:
    """One long rollout a row, led as `Guide` says, against real frames' statistics. There are `share` as many rows as clips,
    at least eight. `enter` is the guide's.

    Returns drift_16, drift_64, drift_256 (see `statistics_distance`), or as `at` says; drift_first and drift, of the frames
    in the first and the last part of the rollouts (a quarter, `END` frames at most); drift_frozen, of the frames which they
    begin with; still_share_64, the share of rollouts in which nothing moves in frames 57 to 64; real_still_share, that of
    real clips as long.
    """
    world, data, rng, guide = evaluation.world, evaluation.data, evaluation.rng, Guide(evaluation.world, enter)
    if missing := guide.why_not(evaluation, "drift"):
        return {NOTES: missing}
    starts = guide.draw(evaluation, max(8, int(evaluation.config.clips * share)), 1)
    rows = len(starts.windows)
    real = torch.cat([evaluation.clips(32, 1)[:, 0] for _ in range(REAL_FRAMES // 32)]).to(world.device)
    columns, statistic = [frame_statistics(real)], None
    if statistic_of is not None:
        value, statistic = statistic_of(world, real)
        columns.append(value[:, None].cpu().numpy())
    reference = np.concatenate(columns, 1)
    length = max(at)
    actions = _long_actions(guide, data, rng, rows, min(length, READ))
    state, end = guide.begin(starts, evaluation.config.seed), min(END, length // 4)

    def told(state: WorldState) -> np.ndarray:
        """The statistics of the frames of a state."""
        columns = [frame_statistics(state.frames)]
        if statistic is not None:
            columns.append(statistic(state)[:, None].cpu().numpy())
        return np.concatenate(columns, 1)

    out = {"drift_frozen": statistics_distance(reference, told(state))}
    ends: dict[str, list[np.ndarray]] = {"drift_first": [], "drift": []}
    moved = torch.zeros(rows, device=world.device)
    before = state.frames
    played = steps(world, state, actions[:, torch.arange(length) % READ], by_keys=guide.by_keys, desc="drift")
    for t, (now, *_) in enumerate(played, 1):
        if t in STILL_FRAMES:
            moved = torch.maximum(moved, largest_change(before, now.frames))
        before = now.frames
        if t in at:
            out[f"drift_{t}"] = statistics_distance(reference, told(now))
        if t % EVERY == 0 and not end < t <= length - end:
            ends["drift_first" if t <= end else "drift"].append(told(now))
    out |= {name: statistics_distance(reference, np.concatenate(some)) for name, some in ends.items() if some}
    out["still_share_64"] = float((moved < STILL).float().mean())
    out["real_still_share"] = _real_still_share(data, rng)
    return out


def _long_actions(guide: Guide, data: VideoDataset, rng: np.random.Generator, rows: int, steps: int) -> Tensor:
    """Actions of real episodes, joined until they are long enough: [rows, steps, …]."""
    out = []
    for _ in range(rows):
        parts: list[Tensor] = []
        while (missing := steps - sum(len(part) for part in parts)) > 0:
            episode = int(rng.integers(len(data)))
            frames = data.frames(episode, slice(missing + 1))
            parts.append(guide.actions(Clips(data, [(episode, 0)], torch.from_numpy(frames)[None]))[0])
        out.append(torch.cat(parts))
    return torch.stack(out)


def _real_still_share(data: VideoDataset, rng: np.random.Generator) -> float:
    """The share of real clips in which nothing moves."""
    clips = torch.from_numpy(data.sample_clips(rng, 256, len(STILL_FRAMES) + 1))
    moved = [largest_change(clips[:, t], clips[:, t + 1]) for t in range(len(STILL_FRAMES))]
    return float((torch.stack(moved).amax(0) < STILL).float().mean())
