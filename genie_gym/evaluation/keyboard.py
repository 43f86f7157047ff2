"""Do keys lead where they lead in reality, and does nothing move where nothing is asked for?

Legend: B clips, H W image.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from genie_gym.errors import GenieGymError
from genie_gym.evaluation.measure import NOTES, Evaluation
from genie_gym.evaluation.metrics import interval, psnr
from genie_gym.evaluation.place import Clips, as_place, begin, by_actions, by_keys, parts, why_not
from genie_gym.geometry.pose import invert

STEPS, SHOWN = 24, 10  # keys that are played; frames that are compared
STILL_ROWS, STILL_STEPS = 8, 48
ASTRAY_M, ASTRAY_DEG = 0.5, 5.0  # median errors above these are said


def keyboard(evaluation: Evaluation) -> dict[str, Any]:
    """Real clips that begin where the camera stands, played again from their first frame by the keys that were held in them:
    frames and poses compared.

    Poses count from the first frame's. Half of `clips`, `STEPS` world steps each.
    """
    world = evaluation.world
    as_place(world)
    missing = why_not(evaluation.data, "keys")
    if missing:
        return {NOTES: missing}
    try:
        drawn = Clips.draw_standing(evaluation, max(2, evaluation.config.clips // 2), STEPS + 1)
    except GenieGymError as error:
        return {NOTES: [f"keys were not measured: {error}"]}
    keys, real = drawn.keys(), drawn.frames
    quality, copied, moved = [], [], []
    rows = parts(len(real))
    for number, span in enumerate(rows):
        start = begin(world, real[span, 0], evaluation.config.seed + number)
        first, shown = start.extras["pose"].clone(), []
        for t, state in by_keys(world, start, keys[span], f"keys, {number + 1} of {len(rows)}"):
            if t <= SHOWN:
                shown.append(state.frames.cpu().clone())
        moved.append((invert(first) @ state.extras["pose"]).cpu())
        ahead = real[span, 1 : SHOWN + 1]
        quality.append(psnr(ahead, torch.stack(shown, 1)).mean(1))
        copied.append(psnr(ahead, real[span, :1].expand_as(ahead)).mean(1))
    metres, degrees = difference(invert(drawn.pose(0)) @ drawn.pose(STEPS), torch.cat(moved))
    values = torch.cat(quality).numpy()
    numbers: dict[str, Any] = {
        "keyboard_rollout_psnr_10": float(values.mean()),
        "keyboard_rollout_psnr_10_interval": interval(values),
        "keyboard_copy_psnr_10": float(torch.cat(copied).mean()),
        "pose_error_m_24": float(np.median(metres)),
        "pose_error_m_24_p90": float(np.quantile(metres, 0.9)),
        "pose_error_deg_24": float(np.median(degrees)),
        "pose_error_deg_24_p90": float(np.quantile(degrees, 0.9)),
    }
    notes = []
    if numbers["pose_error_m_24"] > ASTRAY_M or numbers["pose_error_deg_24"] > ASTRAY_DEG:
        notes.append(
            f"keys lead elsewhere than in reality: after {STEPS} steps the camera is off by "
            f"{numbers['pose_error_m_24']:.2f} m and {numbers['pose_error_deg_24']:.1f} degrees (median)"
        )
    return numbers | {NOTES: notes}


def difference(first: Float[Tensor, "B 4 4"], second: Float[Tensor, "B 4 4"]) -> tuple[np.ndarray, np.ndarray]:
    """How far apart poses are: metres [B], degrees [B]."""
    way = invert(first) @ second
    chord = (way[:, :3, :3] - torch.eye(3)).flatten(1).norm(dim=1) / 8**0.5  # the sine of half the angle
    return way[:, :3, 3].norm(dim=1).numpy(), torch.rad2deg(2 * torch.asin(chord.clamp(max=1))).numpy()


def stillness(evaluation: Evaluation) -> dict[str, Any]:
    """Rest, held for `STILL_STEPS` steps from real frames: still_change is the largest change of any pixel from the world's
    own first frame, in grey levels. 0 is exact."""
    world = evaluation.world
    start = begin(world, evaluation.clips(STILL_ROWS, 1)[:, 0], evaluation.config.seed)
    first, worst = start.frames.int(), 0
    rest = world.actions.probes()["rest"].expand(STILL_ROWS, STILL_STEPS, -1)
    for _, state in by_actions(world, start, rest, "standing still"):
        worst = max(worst, int((state.frames.int() - first).abs().max()))
    note = f"it does not stand still: at rest, pixels change by up to {worst} grey levels in {STILL_STEPS} steps"
    return {"still_change": float(worst), NOTES: [note] if worst else []}
