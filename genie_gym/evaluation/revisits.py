"""Is a place still the same when one comes back to it? Scripted walks, in the simulator and in the world.

Legend: B walks, F steps, H W image.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from genie_gym.datasets.video import Episode
from genie_gym.evaluation.covered import masked_psnr, masked_ssim, seen_before
from genie_gym.evaluation.keyboard import difference
from genie_gym.evaluation.measure import NOTES, Evaluation
from genie_gym.evaluation.metrics import interval
from genie_gym.evaluation.place import Forgets, as_place, begin, mean_of, parts
from genie_gym.evaluation.scripted import can_script, scripted_cases
from genie_gym.evaluation.walks import play_walk
from genie_gym.geometry.camera import Camera
from genie_gym.geometry.pose import invert
from genie_gym.world import World, steps

WALKS = {5: 1 / 4, 20: 1 / 16, 60: 1 / 64}  # by how many seconds they last: how many there are, as a share of `clips`
TOLD = 20  # the length of those of which it is said where memory does not help
OFF_M, OFF_DEG = 1.0, 30.0  # a walk that ends farther from its start than this ended off its way


def revisits(evaluation: Evaluation, cache: str | Path | None = None) -> dict[str, Any]:
    """The numbers of "Coming back" in docs/evaluation.md: at least two walks of each length in `WALKS`, played twice: with
    memory and without."""
    world, clips = evaluation.world, evaluation.config.clips
    as_place(world)
    if not can_script(world):
        return {NOTES: ["coming back was not measured: the world was not learned from a simulator that can be walked"]}
    if not isinstance(world, Forgets):
        return {NOTES: [f"coming back was not measured: a {world.family} world cannot be without its memory"]}
    results: dict[str, Any] = {}
    for seconds, share in WALKS.items():
        steps = round(seconds * world.fps)
        walks = scripted_cases(world, f"walks-{steps}", max(2, int(clips * share)), partial(play_walk, steps=steps), cache)
        results |= score_walks(evaluation, walks, f"{seconds}s")
    return results | {NOTES: _notes(results)}


def score_walks(evaluation: Evaluation, walks: list[Episode], name: str) -> dict[str, Any]:
    """The numbers of walks of one length, which `play_walk` made: their keys end in `_{name}`."""
    world = evaluation.world
    looks = torch.from_numpy(np.stack([walk.frames for walk in walks]))  # [B, 3, H, W, 3]
    poses = torch.from_numpy(np.stack([walk.truth["pose"] for walk in walks]))
    start, back, again = looks.unbind(1)
    assert isinstance(world, Forgets)
    mask = static_and_seen(walks, as_place(world).camera)
    shown, moved = _play(evaluation, world, walks, f"walks of {name}")
    real = invert(poses[:, 0]) @ poses[:, 1]
    metres, degrees = difference(torch.eye(4).expand_as(real), real)
    forgetful, _ = _play(evaluation, world.without_memory(), walks, f"walks of {name} without memory")
    values = {
        "psnr": masked_psnr(back, shown, mask),
        "ssim": masked_ssim(back, shown, mask),
        "psnr_copy": masked_psnr(back, start, mask),
        "psnr_simulator": masked_psnr(back, again, mask),
    }
    values["psnr_no_memory"] = masked_psnr(back, forgetful, mask)
    values["psnr_over_no_memory"] = values["psnr"] - values["psnr_no_memory"]
    results: dict[str, Any] = {}
    for key, value in values.items():
        measure, _, of = key.partition("_")
        label = "_".join(filter(None, ("revisit", measure, name, of)))
        results[label] = mean_of(value.numpy())
        there = value[value.isfinite()].numpy()
        if key in ("psnr", "psnr_over_no_memory") and len(there):
            results[f"{label}_interval"] = interval(there)
    return results | {
        f"revisit_pose_error_m_{name}": float(np.median(difference(real, moved)[0])),
        f"revisit_walks_{name}": len(walks),
        f"revisit_off_way_{name}": int(((metres > OFF_M) | (degrees > OFF_DEG)).sum()),
        f"revisit_unseen_{name}": int(values["psnr"].isnan().sum()),
    }


def static_and_seen(walks: list[Episode], camera: Camera) -> Bool[Tensor, "B H W"]:
    """The pixels of the return's frames whose surface the start's frames show too, and that show nothing that moves."""
    depth, pose, moving = [], [], []
    for walk in walks:
        depth.append(walk.truth["depth"][:2].astype(np.float32))
        pose.append(walk.truth["pose"][:2].astype(np.float32))
        moving.append(np.isin(walk.truth["instance"][:2], walk.description["moving"]))
    depths, poses, things = (torch.from_numpy(np.stack(part)) for part in (depth, pose, moving))
    before = depths[:, 0].masked_fill(things[:, 0], torch.inf)
    return seen_before(depths[:, 1], poses[:, 1], before, poses[:, 0], camera) & ~things[:, 1]


def _play(
    evaluation: Evaluation, world: World, walks: list[Episode], desc: str
) -> tuple[UInt8[Tensor, "B H W 3"], Float[Tensor, "B 4 4"]]:
    """The last frames of the walks in the world, and where they end, seen from their start."""
    starts = torch.from_numpy(np.stack([walk.frames[0] for walk in walks]))
    keys = torch.tensor([walk.description["keys"] for walk in walks])
    shown, moved, rows = [], [], parts(len(walks))
    for number, span in enumerate(rows):
        state = begin(world, starts[span], evaluation.config.seed + number)
        first = state.extras["pose"].clone()
        *_, last = steps(world, state, keys[span], by_keys=True, desc=f"{desc}, {number + 1} of {len(rows)}")
        shown.append(last.state.frames.cpu())
        moved.append((invert(first) @ last.state.extras["pose"]).cpu())
    return torch.cat(shown), torch.cat(moved)


def _notes(numbers: dict[str, Any]) -> list[str]:
    here, without = (numbers[f"revisit_psnr_{TOLD}s{of}"] for of in ("", "_no_memory"))
    if numbers.get(f"revisit_psnr_{TOLD}s_over_no_memory_interval", (1.0, 1.0))[0] > 0:
        return []
    return [
        f"places are not remembered: back after {TOLD} seconds it shows {here:.1f} dB of what was there, and "
        f"{without:.1f} dB without its memory"
    ]
