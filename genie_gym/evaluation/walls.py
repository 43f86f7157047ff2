"""Do walls stop? "forward", held at something that stops the agent in the simulator, and where the way is free.

Legend: B cases, H W image.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from genie_gym.datasets.video import Episode
from genie_gym.errors import GenieGymError
from genie_gym.evaluation.measure import NOTES, Evaluation
from genie_gym.evaluation.metrics import interval
from genie_gym.evaluation.moments import Enter, begin_at, left_out, looked_at, taken
from genie_gym.evaluation.place import as_place, parts
from genie_gym.evaluation.scripted import Scripted, can_script, episode, scripted_cases
from genie_gym.world import steps

LAST = 12  # steps at the end in which motion counts
HELD = 3 * LAST  # steps that "forward" is held for: a world begins at rest, and needs half of them to get there
RUN = 160  # steps after which a run meets nothing
BEFORE = 1.2  # metres before the place where the agent is stopped
STOPPED, FREE = 0.1, 0.9  # shares of free motion, in the simulator
STOPS = 0.25  # of a world: below it, it stops
SLOWEST = 0.5  # metres in LAST steps: who is slower than this does not walk
TRIES, WORLDS = 12, 10  # runs in one world; worlds, before none is found
POOR_STOPS, POOR_WAYS = 0.5, 0.2  # rates that are said


def walls(evaluation: Evaluation, cache: str | Path | None = None, enter: Enter | None = None) -> dict[str, Any]:
    """wall_stop_rate, the share of walls at which the world's camera stops too; free_way_stop_rate, the share of free ways
    on which it stops; wall_cases, how many there are of each: 3/16 of `clips`. `enter` is `begin_at`'s."""
    world = evaluation.world
    as_place(world)
    if not can_script(world):
        return {NOTES: ["walls were not measured: the world was not learned from a simulator that can be walked"]}
    cases = scripted_cases(world, f"walls-{HELD}", max(2, evaluation.config.clips * 3 // 16), find_wall, cache)
    return score_walls(evaluation, cases, enter)


def score_walls(evaluation: Evaluation, cases: list[Episode], enter: Enter | None = None) -> dict[str, Any]:
    """The numbers of `walls`, of cases that `find_wall` made."""
    drawn, total = [[look.standing_still() for look in looked_at(case)] for case in cases], len(cases)
    chosen = [number for number, looks in enumerate(drawn) if len(taken(evaluation.world, looks, enter)) == len(looks)]
    notes = left_out(len(chosen), total, "walls")
    if not chosen:
        return {NOTES: notes}
    cases = [cases[number] for number in chosen]
    moments = [look for number in chosen for look in drawn[number]]  # a wall, a free way, a wall …
    free = np.array([metres for case in cases for metres in case.description["free_motion"]])
    key = cases[0].description["key"]
    went, rows = [], parts(len(moments))
    for number, span in enumerate(rows):
        start = begin_at(evaluation.world, moments[span], evaluation.config.seed + number, enter)
        keys = torch.full((len(start.frames), HELD), key)
        played = steps(evaluation.world, start, keys, by_keys=True, desc=f"walls, {number + 1} of {len(rows)}")
        for t, (state, *_) in enumerate(played, 1):
            if t == HELD - LAST:
                before = state.extras["pose"][:, :3, 3].clone()
        went.append((state.extras["pose"][:, :3, 3] - before).norm(dim=1).cpu().numpy())
    stopped = np.concatenate(went) < STOPS * free
    at_walls, on_ways = float(stopped[0::2].mean()), float(stopped[1::2].mean())
    if at_walls < POOR_STOPS:
        notes.append(f"one can walk through walls: {at_walls:.0%} of {len(cases)} walls stop it")
    if on_ways > POOR_WAYS:
        notes.append(f"it stops where nothing is in the way: on {on_ways:.0%} of {len(cases)} free ways")
    return {
        "wall_stop_rate": at_walls,
        "wall_stop_rate_interval": interval(stopped[0::2].astype(float)),
        "free_way_stop_rate": on_ways,
        "free_way_stop_rate_interval": interval(stopped[1::2].astype(float)),
        "wall_cases": len(cases),
        NOTES: notes,
    }


def find_wall(scripted: Scripted, rng: np.random.Generator) -> Episode:
    """Runs in random directions until one was stopped and one was free for as long; where a dozen runs bring neither, in
    another world. Looks at both before that: the first frame is `BEFORE` metres before the stop, the second where the free
    way begins."""
    forward, turn = scripted.keys["forward"], scripted.keys["turn left"]
    looks: dict[str, tuple[dict[str, np.ndarray], float]] = {}
    for run in range(TRIES * WORLDS):
        if run and run % TRIES == 0:
            scripted.begin(rng)
        scripted.play(np.full(int(rng.integers(72)), turn))
        begun = scripted.sim.save_state()
        places = scripted.play(np.full(RUN, forward))[:, :3, 3]
        went = np.linalg.norm(places[LAST:] - places[:-LAST], axis=1)  # in the LAST steps before each
        free = float(went.max())
        for name, start in (("wall", _before_stop(places, went, free)), ("way", _free_way(went, free))):
            if name not in looks and start is not None and free > SLOWEST:
                scripted.sim.load_state(begun)
                scripted.play(np.full(start + 1, forward))
                looks[name] = scripted.look(), free
        if len(looks) == 2:
            seen, motions = zip(*(looks[name] for name in ("wall", "way")), strict=True)
            return episode(list(seen), {"free_motion": list(motions), "key": forward})
    raise GenieGymError(f"no wall and no free way were found in {TRIES * WORLDS} runs; is there any in this simulator?")


def _before_stop(places: np.ndarray, went: np.ndarray, free: float) -> int | None:
    """The step at which the agent, HELD steps before it stands still, is `BEFORE` metres away from there."""
    still = np.flatnonzero(went[HELD - LAST :] < STOPPED * free)
    if not len(still):
        return None
    end = int(still[0]) + HELD  # of the first HELD steps that end in a stop
    far = np.linalg.norm(places - places[end], axis=1) > BEFORE
    start = int(np.flatnonzero(far[:end])[-1]) if far[:end].any() else -1
    last = start + HELD
    return start if start >= 0 and last < len(places) and went[last - LAST] < STOPPED * free else None


def _free_way(went: np.ndarray, free: float) -> int | None:
    """The first step after which HELD steps go as fast as ever."""
    parts = [went[begin : len(went) - HELD + LAST + begin] for begin in range(0, HELD, LAST)]
    fast = np.flatnonzero((np.stack(parts) > FREE * free).all(0))
    return int(fast[0]) if len(fast) else None
