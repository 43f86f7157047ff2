"""Do keys lead where they lead in reality, and does nothing move where nothing is asked for?

Legend: B clips, T frames, F = T - 1 steps, A latent action size, N steps of all clips, H W image.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from genie_gym.errors import GenieGymError
from genie_gym.evaluation.measure import NOTES, Evaluation
from genie_gym.evaluation.metrics import interval, psnr
from genie_gym.evaluation.moments import Enter, begin_at, left_out, recorded, taken
from genie_gym.evaluation.place import Clips, as_place, begin, mean_of, parts, why_not
from genie_gym.geometry.pose import invert
from genie_gym.rollout import infer_actions
from genie_gym.world import InfersActions, World, steps

STEPS, SHOWN = 24, 10  # keys that are played; frames that are compared
RESTS = 0.05  # of an axis' whole range: what is less is no motion to be read
STILL_ROWS, STILL_STEPS = 8, 48
ASTRAY_M, ASTRAY_DEG = 0.5, 5.0  # median errors above these are said


def keyboard(evaluation: Evaluation, enter: Enter | None = None) -> dict[str, Any]:
    """Real clips that begin where the camera stands, played again from their first moment by the keys that were held in
    them: frames and poses compared. And, of worlds that read actions off frames, the same clips under the actions that are
    read off them.

    Poses count from the first frame's. Half of `clips`, `STEPS` and `SHOWN` world steps each. `enter` is `begin_at`'s.
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
    moments = [recorded(drawn.data, episode, start) for episode, start in drawn.windows]
    chosen = taken(world, moments, enter)
    notes = left_out(len(chosen), len(moments), "keys")
    if not chosen:
        return {NOTES: notes}
    drawn, moments = drawn.select(chosen), [moments[number] for number in chosen]
    reads = world.takes_frames and isinstance(world, InfersActions)
    keys, real = drawn.keys(), drawn.frames
    quality, latent, copied, moved, alike = [], [], [], [], []
    rows = parts(len(real))
    for number, span in enumerate(rows):
        start = begin_at(world, moments[span], evaluation.config.seed + number, enter)
        first, shown, played = start.extras["pose"].clone(), [start.frames.cpu().clone()], list[Tensor]()
        for state, _, actions in steps(world, start, keys[span], by_keys=True, desc=f"keys, {number + 1} of {len(rows)}"):
            played.append(actions.cpu())
            if len(played) <= SHOWN:
                shown.append(state.frames.cpu().clone())
        imagined = torch.stack(shown, 1)
        moved.append((invert(first) @ state.extras["pose"]).cpu())
        ahead = real[span, 1 : SHOWN + 1]
        quality.append(psnr(ahead, imagined[:, 1:]).mean(1))
        copied.append(psnr(ahead, real[span, :1].expand_as(ahead)).mean(1))
        if reads:
            latent.append(psnr(ahead, _led(evaluation, real[span, : SHOWN + 1], number)).mean(1))
            alike.append(_alike(world, imagined, torch.stack(played[:SHOWN], 1)))
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
    if reads:
        numbers["keyboard_latent_psnr_10"] = float(torch.cat(latent).mean())
        numbers["keyboard_readback"] = mean_of(torch.cat(alike).numpy())
    if numbers["pose_error_m_24"] > ASTRAY_M or numbers["pose_error_deg_24"] > ASTRAY_DEG:
        notes.append(
            f"keys lead elsewhere than in reality: after {STEPS} steps the camera is off by "
            f"{numbers['pose_error_m_24']:.2f} m and {numbers['pose_error_deg_24']:.1f} degrees (median)"
        )
    return numbers | {NOTES: notes}


def _led(evaluation: Evaluation, real: UInt8[Tensor, "B T H W 3"], number: int) -> UInt8[Tensor, "B F H W 3"]:
    """What the world shows under the actions that are read off real clips."""
    world = evaluation.world
    actions = infer_actions(world, real)
    start = begin(world, real[:, 0], evaluation.config.seed + number)
    played = steps(world, start, actions, desc=f"actions in place of keys, {number + 1}")
    return torch.stack([step.prediction.frames.cpu().clone() for step in played], 1)


def _alike(world: World, imagined: UInt8[Tensor, "B T H W 3"], played: Float[Tensor, "B F A"]) -> Float[Tensor, " N"]:
    """The cosine between actions that were played, other than rest, and those that are read off what was imagined."""
    read, played = infer_actions(world, imagined).cpu().flatten(0, 1), played.flatten(0, 1)
    moves = played.norm(dim=1) > RESTS
    return F.cosine_similarity(read[moves], played[moves], dim=1)


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
    for step in steps(world, start, rest, desc="standing still"):
        worst = max(worst, int((step.prediction.frames.int() - first).abs().max()))
    note = f"it does not stand still: at rest, pixels change by up to {worst} grey levels in {STILL_STEPS} steps"
    return {"still_change": float(worst), NOTES: [note] if worst else []}
