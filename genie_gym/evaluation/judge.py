"""Judges a world in seconds: is it better than copying, do its actions do anything, and what? `evaluate` takes minutes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from genie_gym.actions import DiscreteActions
from genie_gym.datasets.video import VideoDataset
from genie_gym.evaluation.effects import MOST_PROBES, measure_effects, name_effects
from genie_gym.evaluation.fidelity import AHEAD, compare
from genie_gym.evaluation.guide import Guide
from genie_gym.evaluation.measure import check_video
from genie_gym.evaluation.metrics import interval, perplexity, psnr
from genie_gym.evaluation.place import Clips
from genie_gym.judgement import Judgement
from genie_gym.progress import progress
from genie_gym.rollout import row_seeds
from genie_gym.world import InfersActions, Rebuilds, Start, World, WorldState

CLIPS = 32
BATCH = 16
STARTS = 16  # from which each probe is held
QUIET_OF = 4  # for each start, so many frames are looked at


@torch.no_grad()
def judge(world: World, data: VideoDataset, video: str, clips: int = CLIPS, seed: int = 0) -> Judgement:
    """Numbers of a few clips of `data`, and what each of the world's actions does.

    A world that reads no actions off frames is compared with nothing; its actions are tried all the same (from its own
    starts, where it takes no frames).

    Args:
        video: what `data` is: "its training video", "held-out video".

    Raises:
        GenieGymError: the video has another frame size.
    """
    check_video(world, data)
    rng = np.random.default_rng(seed)
    found: dict[str, Any] = {"clips": 0}
    if isinstance(world, InfersActions) and world.takes_frames:
        found |= _compared(world, data, rng, clips, seed)
    if isinstance(world.actions, DiscreteActions):
        found["codes"] = world.actions.count
    effects, difference = measure_effects(world, _starts(world, data, rng, seed))
    return Judgement(video=video, difference=difference, effects=name_effects(effects), **found)


def judged_by(results: dict[str, Any], world: World) -> Judgement:
    """The same of the numbers of `evaluate`, which are of more clips. A world that is led from recorded places on is not
    held against the recorded first frame, which it was not given."""
    given_frames = not Guide(world).by_keys
    return Judgement(
        video="held-out video",
        clips=results["clips"],
        frames=AHEAD,
        rollout_psnr=results["rollout_psnr_10"] if given_frames else None,
        copy_psnr=results["copy_last_psnr_10"],
        over_copy_interval=results["rollout_over_copy_last_interval"],
        delta_psnr=results["delta_psnr_4"],
        delta_psnr_interval=results["delta_psnr_4_interval"],
        codes=world.actions.count if isinstance(world.actions, DiscreteActions) else None,
        code_perplexity=results.get("code_perplexity"),
        action_spread=results.get("action_spread"),
        tokenizer_psnr=results.get("tokenizer_psnr"),
    )


def _compared(world: World, data: VideoDataset, rng: np.random.Generator, clips: int, seed: int) -> dict[str, Any]:
    """What needs actions that are read off clips, as long as `AHEAD` where most episodes are that long."""
    length = min(AHEAD + 1, max(2, int(np.median(data.lengths))))
    if not (data.lengths >= length).any():
        return {}
    windows = data.sample_windows(rng, clips, length)
    drawn = Clips(data, windows, torch.from_numpy(data.clips(windows, length)))
    spans = [range(k, min(k + BATCH, clips)) for k in range(0, clips, BATCH)]
    parts = [_numbers(world, drawn.select(span), seed + k) for k, span in enumerate(progress(spans, desc="judge"))]
    values = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    actions = values.pop("actions")
    found: dict[str, Any] = {name: float(numbers.mean()) for name, numbers in values.items()}
    if isinstance(world.actions, DiscreteActions):
        found["code_perplexity"] = perplexity(actions, world.actions.count)
    else:
        found["action_spread"] = float(actions.reshape(-1, actions.shape[-1]).std(0).mean())
    return found | {
        "clips": clips,
        "frames": length - 1,
        "over_copy_interval": interval(values["rollout_psnr"] - values["copy_psnr"]),
        "delta_psnr_interval": interval(values["delta_psnr"]),
    }


def _numbers(world: World, clips: Clips, seed: int) -> dict[str, np.ndarray]:
    """Of each clip."""
    found, frames = compare(Guide(world), clips, clips.frames.shape[1] - 1, seed), clips.frames.to(world.device)
    out = {
        "actions": found.actions,
        "rollout_psnr": found.rollout_psnr.mean(1),
        "copy_psnr": found.copy_psnr.mean(1),
        "delta_psnr": found.delta_psnr,
    }
    if isinstance(world, Rebuilds):
        out["tokenizer_psnr"] = psnr(frames, world.rebuild(frames)).mean(1)
    return {name: value.cpu().numpy() for name, value in out.items()}


def _starts(world: World, data: VideoDataset, rng: np.random.Generator, seed: int) -> WorldState:
    """Frames that differ little from the one before: nothing flies or falls in them, so what moves from there on is the
    action's doing. Fewer rows where there are many probes: it takes about as long."""
    rows = max(4, STARTS * 8 // max(8, min(MOST_PROBES, len(world.actions.probes()))))
    seeds = row_seeds(seed, rows).to(world.device)
    if not world.takes_frames:
        return world.reset(seeds)
    pairs = data.sample_clips(rng, QUIET_OF * rows, 2 if (data.lengths > 1).any() else 1)
    change = np.abs(pairs[:, -1].astype(np.int16) - pairs[:, 0]).mean((1, 2, 3))
    quiet = pairs[np.argsort(change, kind="stable")[:rows], -1]
    return world.reset(seeds, Start(frames=torch.from_numpy(quiet).to(world.device)))
