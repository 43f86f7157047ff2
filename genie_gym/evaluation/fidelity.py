"""Does a world show what really came? Rollouts from one frame under the inferred actions, beside the real clip.

Legend: B clips, T time, H W image.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor
from tqdm import tqdm

from genie_gym.envs.registration import find_simulator
from genie_gym.evaluation.measure import Evaluation
from genie_gym.evaluation.metrics import interval, psnr, ssim
from genie_gym.evaluation.objects import kept
from genie_gym.rollout import infer_actions, rollout
from genie_gym.world import Rebuilds, World

CLIP = 16  # frames
AHEAD = 10  # imagined frames that are compared


def fidelity(evaluation: Evaluation) -> dict[str, Any]:
    """PSNR and SSIM of rebuilt and imagined frames; ΔtPSNR; what is left of things of one colour."""
    config = evaluation.config
    batches = config.clips // config.batch_size or 1
    found = [
        _measure(evaluation.world, evaluation.clips(config.batch_size, CLIP), config.seed + k)
        for k in tqdm(range(batches), desc="fidelity and control", disable=None)
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
    return results | {"clips": batches * config.batch_size}


def _measure(world: World, clips: Tensor, seed: int) -> dict[str, np.ndarray]:
    """Numbers of each of the clips [B, CLIP, H, W, 3]."""
    clips = clips.to(world.device)
    actions = infer_actions(world, clips)[:, :AHEAD]
    imagined = rollout(world, clips[:, 0], actions, seed)[:, 1:]
    others = world.actions.sample(np.random.default_rng(seed), *actions.shape[:2])[:, :4].to(world.device)
    random = rollout(world, clips[:, 0], others, seed)[:, 1:]
    real, still = clips[:, 1 : AHEAD + 1], clips[:, :1].expand(-1, AHEAD, -1, -1, -1)
    inferred = psnr(real, imagined)
    out = {
        "rollout_psnr_10": inferred.mean(1),
        "rollout_ssim_10": _ssim(real, imagined),
        "copy_last_psnr_10": psnr(real, still).mean(1),
        "rollout_psnr_at_10": inferred[:, -1],
        "copy_last_psnr_at_10": psnr(real[:, -1], still[:, -1]),
        "delta_psnr_4": inferred[:, 3] - psnr(real[:, 3], random[:, 3]),
    }
    pairs = {"recall_10": (real, imagined), "precision_10": (imagined, real)}
    if isinstance(world, Rebuilds):
        rebuilt = world.rebuild(clips)
        out |= {"tokenizer_psnr": psnr(clips, rebuilt).mean(1), "tokenizer_ssim": _ssim(clips, rebuilt)}
        pairs["recall_rebuilt"] = (clips, rebuilt)
    simulator = find_simulator(world.source.get("env_id", ""))
    for name, key in (simulator.objects if simulator else {}).items():
        for measure, (first, second) in pairs.items():
            label = f"pixels_{name}_{measure}"
            out[label], out[f"{label}_of"] = kept(key, first.flatten(0, 1), second.flatten(0, 1))
    return {key: value.cpu().numpy() for key, value in out.items()}


def _ssim(real: Tensor, other: Tensor) -> Tensor:
    """Mean over each clip [B, T, H, W, 3]."""
    return ssim(real.flatten(0, 1), other.flatten(0, 1)).unflatten(0, real.shape[:2]).mean(1)
