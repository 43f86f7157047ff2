"""Two seconds ahead from one real frame, under the actions that are read off the real clip: how good what was seen before
and what comes into view are, each by itself; and how deep the world thinks it looks.

Legend: B clips, A frames ahead, H W image.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from genie_gym.evaluation.covered import edge_energy, masked_psnr, seen_before
from genie_gym.evaluation.measure import NOTES, Evaluation
from genie_gym.evaluation.metrics import interval, psnr
from genie_gym.evaluation.patches import mist, patch_distance, patches
from genie_gym.evaluation.place import Clips, as_place, begin, mean_of, parts, why_not
from genie_gym.rollout import infer_actions
from genie_gym.world import steps

AHEAD = 48
LOOKS = (10, 24)  # the imagined frames whose pixels are told apart
AT_10 = 10  # the imagined frame of which depth and things that move are compared
FARTHEST = 60.0  # metres: what is farther does not count where depths are compared
SHARP, DEEP = 0.5, 0.25  # below and above these a note says so


def ahead(evaluation: Evaluation) -> dict[str, Any]:
    """The numbers of "Two seconds ahead" in docs/evaluation.md: three eighths of `clips`, `AHEAD` world steps each."""
    if not evaluation.world.takes_frames:
        return {NOTES: ["what comes into view was not measured: the world begins in no frames"]}
    camera = as_place(evaluation.world).camera
    missing = why_not(evaluation.data, "what comes into view, and depth,")
    if missing:
        return {NOTES: missing}
    drawn = Clips.draw(evaluation, max(2, evaluation.config.clips * 3 // 8), AHEAD + 1)
    actions, led, depth = _play(evaluation, drawn)
    real, device = drawn.frames, evaluation.world.device
    values: dict[str, np.ndarray] = {
        "rollout_psnr_at_48": psnr(real[:, AHEAD], led[AHEAD]).numpy(),
        "copy_last_psnr_at_48": psnr(real[:, AHEAD], real[:, 0]).numpy(),
    }
    real_depth = drawn.depth(0)
    values |= {"depth_absrel": absrel(real_depth, depth[0]), "depth_rmse_log": rmse_log(real_depth, depth[0])}
    values["depth_absrel_at_10"] = absrel(drawn.depth(AT_10), depth[AT_10])
    if evaluation.data.has_truth("instance", "entities"):
        moved = drawn.moved(AT_10)
        values["rollout_psnr_moving_10"] = masked_psnr(real[:, AT_10], led[AT_10], moved).numpy()
        values["copy_last_psnr_moving_10"] = masked_psnr(real[:, AT_10], real[:, 0], moved).numpy()
    energy: dict[str, float] = defaultdict(float)
    found: dict[str, list[Tensor]] = defaultdict(list)
    for at in LOOKS:
        covered = seen_before(drawn.depth(at), drawn.pose(at), real_depth, drawn.pose(0), camera)
        values[f"rollout_psnr_covered_{at}"] = masked_psnr(real[:, at], led[at], covered).numpy()
        values[f"rollout_psnr_uncovered_{at}"] = masked_psnr(real[:, at], led[at], ~covered).numpy()
        values[f"uncovered_share_{at}"] = (~covered).float().mean((1, 2)).numpy()
        for name, frames in (("real", real[:, at]), ("imagined", led[at]), ("mist", mist(real[:, at], ~covered))):
            energy[name] += float(edge_energy(frames, ~covered).sum())
            found[name].append(patches(frames, ~covered).to(device))
        for half in (0, 1):  # clips that come second to each other, apart
            found[f"half {half}"].append(patches(real[half::2, at], ~covered[half::2]).to(device))
    seen = {name: torch.cat(list_of) for name, list_of in found.items()}
    numbers: dict[str, Any] = {name: mean_of(value) for name, value in values.items()}
    for name in ("rollout_psnr_at_48", "rollout_psnr_covered_10", "rollout_psnr_uncovered_10"):
        there = values[name][np.isfinite(values[name])]
        numbers[f"{name}_interval"] = interval(there) if len(there) else (float("nan"), float("nan"))
    numbers |= {
        "action_spread": float(actions.flatten(0, 1).std(0).mean()),
        "sharpness_uncovered": energy["imagined"] / energy["real"] if energy["real"] else float("nan"),
        "sharpness_uncovered_mist": energy["mist"] / energy["real"] if energy["real"] else float("nan"),
        "patch_distance_uncovered": patch_distance(seen["real"], seen["imagined"]),
        "patch_distance_uncovered_real": patch_distance(seen["half 0"], seen["half 1"]),
        "patch_distance_uncovered_mist": patch_distance(seen["real"], seen["mist"]),
    }
    return numbers | {NOTES: _notes(numbers)}


def _play(evaluation: Evaluation, drawn: Clips) -> tuple[Tensor, dict[int, Tensor], dict[int, Tensor]]:
    """Actions [B, A, d]; imagined frames uint8 [B, H, W, 3] and depths [B, H, W] by how far ahead they are."""
    world, wanted = evaluation.world, {0, AT_10, *LOOKS, AHEAD}
    frames: dict[int, list[Tensor]] = {at: [] for at in wanted}
    depths: dict[int, list[Tensor]] = {at: [] for at in wanted}
    played = []
    rows = parts(len(drawn.frames))
    for number, span in enumerate(rows):
        clips = drawn.frames[span].to(world.device)
        actions = infer_actions(world, clips)
        played.append(actions.cpu())
        start = begin(world, clips[:, 0], evaluation.config.seed + number)
        frames[0].append(start.frames.cpu().clone())
        depths[0].append(start.extras["depth"].cpu().clone())
        ahead = steps(world, start, actions, desc=f"two seconds ahead, {number + 1} of {len(rows)}")
        for t, (state, *_) in enumerate(ahead, 1):
            if t in wanted:
                frames[t].append(state.frames.cpu().clone())
                depths[t].append(state.extras["depth"].cpu().clone())
    joined = [{at: torch.cat(part) for at, part in kept.items()} for kept in (frames, depths)]
    return torch.cat(played), joined[0], joined[1]


def absrel(real: Float[Tensor, "B H W"], told: Float[Tensor, "B H W"]) -> np.ndarray:
    """Mean of |told - real| / real of each picture, where that is nearer than `FARTHEST`; NaN where nothing is. What is told
    is capped there, as usual (Eigen et al. 2014, arXiv:1406.2283): far is far, whether a hill or the sky."""
    return _mean_where((told.clamp(max=FARTHEST) - real).abs() / real, real < FARTHEST)


def rmse_log(real: Float[Tensor, "B H W"], told: Float[Tensor, "B H W"]) -> np.ndarray:
    """Root mean square of log(told / real), likewise."""
    return np.sqrt(_mean_where((told.clamp(1e-3, FARTHEST) / real).log().square(), real < FARTHEST))


def _mean_where(values: Tensor, mask: Tensor) -> np.ndarray:
    total = torch.where(mask, values, 0.0).sum((1, 2)) / mask.sum((1, 2))  # 0 / 0 is NaN
    return total.numpy()


def _notes(numbers: dict[str, Any]) -> list[str]:
    notes = []
    if numbers["sharpness_uncovered"] < SHARP:
        notes.append(
            f"what comes into view is blurred: it has {numbers['sharpness_uncovered']:.0%} of the edges of real frames "
            f"there (plain mist has {numbers['sharpness_uncovered_mist']:.0%})"
        )
    uncovered, misty, real = (
        numbers[f"patch_distance_{name}"] for name in ("uncovered", "uncovered_mist", "uncovered_real")
    )
    if uncovered - real > misty - uncovered:
        notes.append(
            f"what comes into view is more like mist than like real frames: patch distance {uncovered:.1f}, of mist "
            f"{misty:.1f}, between real frames {real:.1f}"
        )
    if numbers["depth_absrel"] > DEEP:
        notes.append(f"its depth is off by {numbers['depth_absrel']:.0%} on real frames, so its camera moves askew")
    return notes
