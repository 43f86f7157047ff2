"""Is the prior worth anything? How likely it holds what recorded walkers did next, and how one walks by it.

Legend: n steps, K ways, B rows, T steps of a walk, H W image.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from genie_gym.evaluation.measure import NOTES, Evaluation
from genie_gym.evaluation.moments import Enter, begin_at, entered, first_moments, taken
from genie_gym.genie3.recorded import LEAP, walked_steps, walks
from genie_gym.genie3.world import Genie3World
from genie_gym.world import ACTION_PRIOR

AT_ONCE = 4096  # steps
ROUNDS = 60  # of expectation and maximisation
WALKS, SECONDS = 16, 20  # that are walked by the prior
NEAR = 0.8  # metres: who sees nothing farther away straight ahead stands at a wall


def action_prior(evaluation: Evaluation, enter: Enter = entered) -> dict[str, Any]:
    """prior_nats, the cross-entropy of held-out walkers' next actions; prior_repeat_nats, that of holding on to the last one
    as often as walkers do, else to any other way as often as they do: the same ways with the best constant weights.
    prior_speed, prior_turn and prior_at_wall: metres and degrees a second, and the share of steps at a wall, of `WALKS`
    walks of `SECONDS` by the prior alone; with _real, of recorded ones. `enter` is `begin_at`'s."""
    world, data = evaluation.world, evaluation.data
    assert isinstance(world, Genie3World)
    if world.predictor is None or not data.has_truth("pose", "depth"):
        return {NOTES: ["the prior was not measured: the world has none, or the video has no poses and depth"]}
    table = walked_steps(data, world.motion.latent, world.predictor.config)
    half = len(table["seen"]) // 2
    with torch.no_grad():
        halves = [{name: values[part] for name, values in table.items()} for part in (slice(half), slice(half, None))]
        logs = [_log_ways(world, part) for part in halves]
    weights = _constant(logs[0][1])
    found = {
        "prior_nats": -float(logs[1][0].mean()),
        "prior_repeat_nats": -float(torch.logsumexp(logs[1][1] + weights.log(), 1).mean()),
    }
    moments = [one.standing_still() for one in first_moments(evaluation, WALKS)]
    begun = [moments[number] for number in taken(world, moments, enter)]
    if not begun:
        return found | {NOTES: ["nobody walked by the prior: the world takes none of the places"]}
    state, poses, depths = begin_at(world, begun, evaluation.config.seed, enter), [], []
    for _ in range(round(SECONDS * world.fps)):
        state, _ = world.step(state, state.extras[ACTION_PRIOR])
        poses.append(state.extras["pose"].cpu().clone())
        depths.append(_ahead(state.extras["depth"]).cpu())
    walked = _walked(torch.stack(poses, 1).numpy(), torch.stack(depths, 1).numpy(), world.fps)
    real = []
    for index in walks(data)[:WALKS].tolist():
        near = _ahead(torch.from_numpy(data.truth(index, "depth"))).numpy()
        real.append(_walked(data.truth(index, "pose")[None], near[None], world.fps))
    for number, name in enumerate(("prior_speed", "prior_turn", "prior_at_wall")):
        found |= {name: walked[number], f"{name}_real": float(np.mean([one[number] for one in real]))}
    return found


def _log_ways(world: Genie3World, table: dict[str, Tensor]) -> tuple[Float[Tensor, " n"], Float[Tensor, "n K"]]:
    """How likely what followed is by the prior, and by each of its ways."""
    predictor = world.predictor
    assert predictor is not None
    likely, ways = [], []
    for first in range(0, len(table["seen"]), AT_ONCE):
        some = (table[name][first : first + AT_ONCE].to(world.device) for name in ("seen", "past", "following"))
        seen, past, following = some
        likely.append(predictor.log_prob(seen, past, following).cpu())
        ways.append(predictor.log_ways(past[:, -1], following).cpu())
    return torch.cat(likely), torch.cat(ways)


def _constant(log_ways: Float[Tensor, "n K"]) -> Float[Tensor, " K"]:
    """The constant weights under which what followed is likeliest."""
    weights = torch.full((log_ways.shape[1],), 1 / log_ways.shape[1])
    for _ in range(ROUNDS):
        weights = (log_ways + weights.clamp(min=1e-9).log()).softmax(1).mean(0)
    return weights.clamp(min=1e-9)


def _ahead(depth: Float[Tensor, "*B H W"]) -> Float[Tensor, " *B"]:
    """Metres to the nearest thing straight ahead."""
    height, width = depth.shape[-2:]
    middle = depth[..., 2 * height // 5 : 3 * height // 5, 2 * width // 5 : 3 * width // 5].float()
    nearest: Tensor = middle.flatten(-2).amin(-1)
    return nearest


def _walked(poses: Float[np.ndarray, "B T 4 4"], ahead: Float[np.ndarray, "B T"], fps: float) -> tuple[float, float, float]:
    """Metres and degrees a second, and the share of steps at a wall."""
    gone = np.linalg.norm(np.diff(poses[:, :, :2, 3], axis=1), axis=2)
    yaw = np.unwrap(np.arctan2(poses[:, :, 1, 2], poses[:, :, 0, 2]), axis=1)
    turned = np.degrees(np.abs(np.diff(yaw, axis=1)))
    return float(gone[gone < LEAP].mean() * fps), float(turned.mean() * fps), float((ahead < NEAR).mean())
