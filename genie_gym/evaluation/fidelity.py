"""Does a world show what really came? Rollouts from where real clips begin, led as those were, beside what they show.

Legend: B clips, T time, A frames ahead, H W image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from genie_gym.envs.simulators import find_simulator
from genie_gym.evaluation.guide import Guide
from genie_gym.evaluation.measure import NOTES, Evaluation
from genie_gym.evaluation.metrics import interval, psnr, ssim
from genie_gym.evaluation.moments import Enter, entered, left_out
from genie_gym.evaluation.objects import kept
from genie_gym.evaluation.place import Clips
from genie_gym.progress import progress
from genie_gym.world import Rebuilds

CLIP = 16  # frames
AHEAD = 10  # imagined frames that are compared
CONTROL_AT = 4  # the imagined frame at which actions are compared with random ones


def fidelity(evaluation: Evaluation, enter: Enter = entered) -> dict[str, Any]:
    """PSNR and SSIM of rebuilt and imagined frames; ΔtPSNR; what is left of things of one colour. The world is led as
    `Guide` says; `enter` is its."""
    config, guide = evaluation.config, Guide(evaluation.world, enter)
    if missing := guide.why_not(evaluation, "fidelity"):
        return {NOTES: missing}
    sizes = [min(config.batch_size, config.clips - k) for k in range(0, config.clips, config.batch_size)]
    found = [
        _measure(guide, guide.draw(evaluation, size, CLIP), config.seed + k)
        for k, size in enumerate(progress(sizes, desc="fidelity and control", unit="batch"))
    ]
    values = {key: np.concatenate([batch[key] for batch in found]) for key in found[0]}
    counts = {key: values.pop(key).sum() for key in list(values) if key.startswith("pixels_")}
    results: dict[str, Any] = {key: float(v.mean()) for key, v in values.items()}
    for key in [key for key in counts if not key.endswith("_of")]:
        total = counts[f"{key}_of"]
        results[key.removeprefix("pixels_")] = float(counts[key] / total) if total else float("nan")
    for key in ("rollout_psnr_10", "delta_psnr_4"):
        results[f"{key}_interval"] = interval(values[key])
    results["rollout_over_copy_last_interval"] = interval(values["rollout_psnr_10"] - values["copy_last_psnr_10"])
    count = len(values["rollout_psnr_10"])
    return results | {"clips": count, NOTES: left_out(count, config.clips, "clips")}


@dataclass(frozen=True)
class Comparison:
    """Real clips beside what a world imagines from their first frames: A frames ahead."""

    actions: Tensor
    """That lead through the real frames, [B, A, …]."""
    led: UInt8[Tensor, "B A H W 3"]
    """Imagined under them."""
    rollout_psnr: Float[Tensor, "B A"]
    copy_psnr: Float[Tensor, "B A"]
    """With the first frame repeated."""
    delta_psnr: Float[Tensor, " B"]
    """ΔtPSNR, at frame `CONTROL_AT` (or the last one, where there are fewer)."""


def compare(guide: Guide, clips: Clips, ahead: int, seed: int) -> Comparison:
    """The random actions that ΔtPSNR compares with are uniform, and played with the same random numbers."""
    device = guide.world.device
    actions = guide.actions(clips)[:, :ahead]
    start = guide.begin(clips, seed)
    led = guide.rollout(start.clone(), actions)[:, 1:]
    others = guide.random(np.random.default_rng(seed), *actions.shape[:2])[:, :CONTROL_AT].to(device)
    random = guide.rollout(start, others)[:, 1:]
    frames = clips.frames.to(device)
    real, at = frames[:, 1 : ahead + 1], random.shape[1] - 1
    followed = psnr(real, led)
    copied = psnr(real, frames[:, :1].expand_as(real))
    return Comparison(actions, led, followed, copied, followed[:, at] - psnr(real[:, at], random[:, at]))


def _measure(guide: Guide, clips: Clips, seed: int) -> dict[str, np.ndarray]:
    """Numbers of each of the clips."""
    world = guide.world
    found, frames = compare(guide, clips, AHEAD, seed), clips.frames.to(world.device)
    real, led = frames[:, 1 : AHEAD + 1], found.led
    out = {
        "rollout_psnr_10": found.rollout_psnr.mean(1),
        "rollout_ssim_10": _ssim(real, led),
        "copy_last_psnr_10": found.copy_psnr.mean(1),
        "rollout_psnr_at_10": found.rollout_psnr[:, -1],
        "copy_last_psnr_at_10": found.copy_psnr[:, -1],
        "delta_psnr_4": found.delta_psnr,
    }
    pairs = {"recall_10": (real, led), "precision_10": (led, real)}
    if isinstance(world, Rebuilds):
        rebuilt = world.rebuild(frames)
        out |= {"tokenizer_psnr": psnr(frames, rebuilt).mean(1), "tokenizer_ssim": _ssim(frames, rebuilt)}
        pairs["recall_rebuilt"] = (frames, rebuilt)
    simulator = find_simulator(world.provenance.source.get("env_id", ""))
    for name, key in (simulator.objects if simulator else {}).items():
        for measure, (first, second) in pairs.items():
            label = f"pixels_{name}_{measure}"
            out[label], out[f"{label}_of"] = kept(key, first.flatten(0, 1), second.flatten(0, 1))
    return {key: value.cpu().numpy() for key, value in out.items()}


def _ssim(real: Tensor, other: Tensor) -> Tensor:
    """Mean over each clip [B, T, H, W, 3]."""
    return ssim(real.flatten(0, 1), other.flatten(0, 1)).unflatten(0, real.shape[:2]).mean(1)
