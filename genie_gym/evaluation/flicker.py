"""Do surfaces that stand still look the same from frame to frame, while one stands and while one turns? As much as in the
simulator's own frames of the same moments: rain falls in both.

Legend: B clips, T frames, H W image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from genie_gym.evaluation.covered import seen_before
from genie_gym.evaluation.measure import NOTES, Evaluation
from genie_gym.evaluation.metrics import interval
from genie_gym.evaluation.moments import Enter, begin_at, left_out, recorded, taken
from genie_gym.evaluation.place import Clips, as_place, mean_of, parts, why_not
from genie_gym.geometry.camera import Camera
from genie_gym.geometry.pose import invert
from genie_gym.geometry.reproject import project
from genie_gym.world import steps

LENGTH = 9  # frames of a clip
SHARE = 1 / 8  # of `clips`: of those in which one stands, and of those in which one turns
STANDS_M, TURNS_M = 1e-3, 2e-2  # metres a step: less is standing, or turning on the spot
STANDS_RAD, TURNS_RAD = 1e-3, np.radians(1.0)  # radians a step: less is no turn, more is one
AT_ONCE = 16  # pairs of frames that are compared at a time


@dataclass(frozen=True)
class Film:
    """Frames with what they show: depth in metres, poses camera to world, and which pixels show nothing that can move."""

    frames: UInt8[Tensor, "B T H W 3"]
    depth: Float[Tensor, "B T H W"]
    pose: Float[Tensor, "B T 4 4"]
    fixed: Bool[Tensor, "B T H W"]


def flicker(evaluation: Evaluation, enter: Enter | None = None) -> dict[str, Any]:
    """flicker, by how many grey levels a surface that stands still changes from one frame to the next where both show it,
    mean over such pixels, frames and clips; flicker_real, that of the recorded clips that are played again by their keys.
    Both of clips in which one stands (flicker_standing, …) and of as many in which one turns (flicker_turning, …), an eighth
    of `clips` each. `enter` is `begin_at`'s.
    """
    camera, data = as_place(evaluation.world).camera, evaluation.data
    missing = why_not(data, "flicker")
    if missing or not data.has_truth("instance", "entities"):
        return {NOTES: missing or ["flicker was not measured: the video does not say what can move; record it with --truth "
                                   "depth pose instance entities"]}  # fmt: skip
    found: dict[str, Any] = {}
    notes, both = list[str](), list[np.ndarray]()
    for name, drawn in (("standing", _windows(evaluation, turning=False)), ("turning", _windows(evaluation, turning=True))):
        moments = [recorded(data, *window) for window in drawn]
        chosen = taken(evaluation.world, moments, enter)
        notes += left_out(len(chosen), len(drawn), f"flicker while {name}") if drawn else [f"no clip shows one {name}"]
        if not chosen:
            continue
        windows = [drawn[number] for number in chosen]
        clips = Clips(data, windows, torch.from_numpy(data.clips(windows, LENGTH)))
        real = _recorded(clips)
        values = np.stack([changes(_played(evaluation, clips, real, enter), camera), changes(real, camera)])
        found |= {f"flicker_{name}": mean_of(values[0]), f"flicker_{name}_real": mean_of(values[1])}
        both.append(values)
    if both:
        here, there = np.concatenate(both, 1)
        found |= {"flicker": mean_of(here), "flicker_real": mean_of(there)}
        if np.isfinite(here).any():
            found["flicker_interval"] = interval(here[np.isfinite(here)])
    return found | {NOTES: notes}


def changes(film: Film, camera: Camera) -> np.ndarray:
    """By how many grey levels each clip's fixed surfaces change from frame to frame: [B]; NaN where none is shown twice."""
    per_pair = []
    pairs = [(row, t) for row in range(len(film.frames)) for t in range(1, film.frames.shape[1])]
    for k in range(0, len(pairs), AT_ONCE):
        rows, now = torch.tensor(pairs[k : k + AT_ONCE]).unbind(1)
        before = now - 1
        depth, pose = film.depth[rows, now], film.pose[rows, now]
        earlier = film.depth[rows, before].masked_fill(~film.fixed[rows, before], torch.inf)
        shown = seen_before(depth, pose, earlier, film.pose[rows, before], camera) & film.fixed[rows, now]
        to_before = (invert(film.pose[rows, before]) @ pose)[:, None]
        place, _ = project(to_before, depth[:, None], camera)
        colours = film.frames[rows, before].movedim(-1, 1).float()
        was = F.grid_sample(colours, place[:, 0], "bilinear", padding_mode="border", align_corners=False)
        change = (film.frames[rows, now].movedim(-1, 1).float() - was).abs().mean(1)
        per_pair.append((change * shown).sum((1, 2)) / shown.sum((1, 2)))  # 0 / 0 is NaN
    return torch.cat(per_pair).unflatten(0, (len(film.frames), -1)).nanmean(1).numpy()


def _windows(evaluation: Evaluation, turning: bool) -> list[tuple[int, int]]:
    """(episode, first frame) of clips, at random, in which one turns on the spot all the time, or stands."""
    data, found = evaluation.data, list[tuple[int, int]]()
    count = max(2, int(evaluation.config.clips * SHARE))
    for episode in evaluation.rng.permutation(len(data)).tolist():
        poses = data.truth(episode, "pose", slice(int(data.calm[episode])))
        metres = np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1)
        ahead = poses[:, :3, 2]
        angle = np.arccos((ahead[1:] * ahead[:-1]).sum(1).clip(-1, 1))
        right = (metres < TURNS_M) & (angle > TURNS_RAD) if turning else (metres < STANDS_M) & (angle < STANDS_RAD)
        whole = np.convolve(right, np.ones(LENGTH - 1), "valid") > LENGTH - 1.5 if len(right) >= LENGTH - 1 else right[:0]
        starts = np.flatnonzero(whole)
        if len(starts):
            found.append((episode, int(evaluation.rng.choice(starts))))
        if len(found) == count:
            break
    return found


def _recorded(clips: Clips) -> Film:
    truth = {
        name: np.stack([clips.data.truth(e, name, slice(s, s + LENGTH)) for e, s in clips.windows])
        for name in ("depth", "pose", "instance")
    }
    fixed = []
    for (episode, start), shown in zip(clips.windows, truth["instance"], strict=True):
        movable = clips.data.truth(episode, "entities", slice(start, start + 1))[0, :, 0]
        fixed.append(~np.isin(shown, movable[movable > 0].astype(shown.dtype)))
    depth, pose = (torch.from_numpy(truth[name]).float() for name in ("depth", "pose"))
    return Film(clips.frames, depth, pose, torch.from_numpy(np.stack(fixed)))


def _played(evaluation: Evaluation, clips: Clips, real: Film, enter: Enter | None) -> Film:
    """The clips as the world shows them, begun where they begin and played by their keys; where nothing moves that can, if
    it begins in places."""
    world, keys = evaluation.world, clips.keys()
    moments = [recorded(clips.data, *window).without_what_moves() for window in clips.windows]
    films = []
    for number, span in enumerate(parts(len(moments))):
        start = begin_at(world, moments[span], evaluation.config.seed + number, enter)
        shown = [_shown(start)]
        shown += [_shown(step.state) for step in steps(world, start, keys[span], by_keys=True, desc="flicker")]
        films.append([torch.stack(part, 1) for part in zip(*shown, strict=True)])
    frames, depth, pose = (torch.cat(part) for part in zip(*films, strict=True))
    return Film(frames, depth, pose, real.fixed)


def _shown(state: Any) -> tuple[Tensor, Tensor, Tensor]:
    return state.frames.cpu().clone(), state.extras["depth"].cpu().float().clone(), state.extras["pose"].cpu().clone()
