"""Is a place that one begins in still the same after a long walk? What shows on return is held against what the same place
shows to who enters it there.

Legend: B walks.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch

from genie_gym.evaluation.keyboard import difference
from genie_gym.evaluation.measure import NOTES, Evaluation
from genie_gym.evaluation.metrics import interval, psnr
from genie_gym.evaluation.moments import Enter, begin_at, entered, first_moments, left_out, no_places, taken
from genie_gym.evaluation.place import as_place, parts
from genie_gym.evaluation.revisits import OFF_DEG, OFF_M
from genie_gym.evaluation.scripted import MOVES
from genie_gym.evaluation.walks import SCRIPTS, walk_keys
from genie_gym.geometry.pose import invert
from genie_gym.world import steps

SECONDS = 60
SHARE = 1 / 16  # of `clips`
SAME = 40.0  # dB: below it a note says that the place has changed


def returns(evaluation: Evaluation, enter: Enter = entered) -> dict[str, Any]:
    """revisit_psnr_60s and the numbers beside it, of worlds that begin in places: recorded places without all that moves,
    in which one goes away for `SECONDS` and comes back by the keys of a script. `enter` is `begin_at`'s."""
    world, count = evaluation.world, max(2, int(evaluation.config.clips * SHARE))
    numbers = {name: number for number, name in enumerate(as_place(world).key_names)}
    if missing := no_places(evaluation, "coming back"):
        return {NOTES: missing}
    if not set(MOVES) <= numbers.keys():
        return {NOTES: ["coming back was not measured: the world's keys are not those of the scripts"]}
    begun = [moment.without_what_moves() for moment in first_moments(evaluation, count)]
    chosen = taken(world, begun, enter)
    notes = left_out(len(chosen), len(begun), "walks that come back")
    if not chosen:
        return {NOTES: notes}
    begun = [begun[number] for number in chosen]
    length = round(SECONDS * world.fps)
    keys = np.stack([walk_keys(SCRIPTS[k % len(SCRIPTS)], length, numbers, evaluation.rng) for k in range(len(begun))])
    first, back, again, ends = [], [], [], []
    rows = parts(len(begun))
    for number, span in enumerate(rows):
        seed, some = evaluation.config.seed + number, begun[span]
        start = begin_at(world, some, seed, enter)
        first.append(start.frames.cpu().clone())
        started = start.extras["pose"].cpu().clone()
        walk = steps(world, start, torch.from_numpy(keys[span]), by_keys=True, desc=f"away and back, {number + 1}")
        *_, last = walk
        back.append(last.state.frames.cpu().clone())
        poses = last.state.extras["pose"].cpu().clone()
        ends.append(invert(started) @ poses)
        there = [dataclasses.replace(one, pose=pose) for one, pose in zip(some, poses.numpy(), strict=True)]
        state = begin_at(world, there, seed, enter)
        state.position.fill_(length - 1)  # rain and snow have fallen as far, one step before the return's
        rest = torch.full((len(some), 1), numbers["noop"])
        *_, entered = steps(world, state, rest, by_keys=True)
        again.append(entered.state.frames.cpu().clone())
    values = psnr(torch.cat(again), torch.cat(back)).numpy()
    metres, degrees = difference(torch.eye(4).expand(len(begun), 4, 4), torch.cat(ends))
    name = f"{SECONDS}s"
    found = {
        f"revisit_psnr_{name}": float(values.mean()),
        f"revisit_psnr_{name}_interval": interval(values),
        f"revisit_psnr_{name}_copy": float(psnr(torch.cat(first), torch.cat(back)).mean()),
        f"revisit_walks_{name}": len(begun),
        f"revisit_off_way_{name}": int(((metres > OFF_M) | (degrees > OFF_DEG)).sum()),
    }
    if values.mean() < SAME:
        notes.append(
            f"places do not stay as they are: back after {SECONDS} seconds they are {values.mean():.1f} dB like before"
        )
    return found | {NOTES: notes}
