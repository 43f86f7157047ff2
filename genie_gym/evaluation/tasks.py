"""Are the goals of tasks told, on real frames, and does who knows the way reach them in the world more often than chance?

Legend: B cases, T steps, H W image.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int

from genie_gym.actions import sticky_actions
from genie_gym.datasets.video import Episode
from genie_gym.errors import GenieGymError
from genie_gym.evaluation.goals import recorded_goals
from genie_gym.evaluation.measure import NOTES, Evaluation
from genie_gym.evaluation.metrics import auc, calibration_error, interval
from genie_gym.evaluation.place import as_place, parts
from genie_gym.evaluation.scripted import Scripted, can_script, episode, scripted_cases
from genie_gym.geometry.goals import SHOWN, goals_of
from genie_gym.rollout import row_seeds
from genie_gym.world import JudgesTasks, Start, steps

NEEDED = ("pose", "instance")  # ground truth that rules are told by
NEAREST, FARTHEST = 3.0, 10.0  # metres from the goal, where cases begin
LONGEST, HELD = 240, 24  # steps of the way; of its last key, since a world begins at rest
TRIES, TRIED_STEPS = 20, 600  # worlds, and steps in one, before a case is found
STICKY = 0.9  # of random play: how likely a key stays


def task_outcomes(evaluation: Evaluation) -> dict[str, Any]:
    """reward_auc, how often a real frame in which a goal is reached has a higher chance of it than one in which it is not;
    reward_auc_in_view, the same of frames that show the goal; reward_calibration_error; reward_rate_predicted and
    reward_rate_real, the mean chance and the true rate. Of all tasks together, by the rules of the simulator's tasks, before
    the first event of each episode; frames in which a goal is reached, and others that show one, are drawn often, and
    weighted down by as much."""
    world, data = evaluation.world, evaluation.data
    if not world.tasks or not isinstance(world, JudgesTasks):
        return {}
    if not data.has_truth(*NEEDED):
        missing = f"record it with --truth {' '.join(NEEDED)}"
        return {NOTES: [f"rewards were not measured: the video lacks poses or masks; {missing}"]}
    rules = {goal.task: goal for goal in goals_of(data.source.get("goals", ()))}
    if not rules.keys() >= set(world.tasks):
        return {NOTES: ["rewards were not measured: the video does not say when the world's tasks are done"]}
    goals = [rules[task] for task in world.tasks]
    told = recorded_goals(data, goals)
    facing, reached = told.facing, told.reached(goals)
    episodes = np.repeat(np.arange(len(data)), data.lengths)
    steps = np.arange(data.num_frames) - data.offsets[episodes]
    layers = [reached.any(1), facing.any(1) & ~reached.any(1), ~facing.any(1) & (steps < data.calm[episodes])]
    numbers, weights = [], []
    for layer in map(np.flatnonzero, layers):
        drawn = evaluation.rng.permutation(layer)[: 2 * evaluation.config.clips]
        numbers.append(drawn)
        weights.append(np.full(len(drawn), len(layer) / max(1, len(drawn))))
    chosen, weight = np.concatenate(numbers), np.concatenate(weights)[:, None].repeat(len(world.tasks), 1)
    looks = zip(episodes[chosen].tolist(), steps[chosen].tolist(), strict=True)
    frames = np.stack([data.frames(e, slice(t, t + 1))[0] for e, t in looks])
    chance = torch.cat([world.task_chances(torch.from_numpy(frames[span])).cpu() for span in parts(len(frames))]).numpy()
    done, shown = reached[chosen], facing[chosen]
    found = {
        "reward_auc": auc(chance.ravel(), done.ravel(), weight.ravel()),
        "reward_auc_in_view": auc(chance[shown], done[shown], weight[shown]),
        "reward_calibration_error": calibration_error(chance.ravel(), done.ravel(), weight.ravel()),
        "reward_rate_predicted": float(np.average(chance, weights=weight)),
        "reward_rate_real": float(np.average(done, weights=weight)),
    }
    return found | {NOTES: [] if done.any() else ["reward_auc is nan: no goal is reached in any real frame"]}


def task_play(evaluation: Evaluation, cache: str | Path | None = None) -> dict[str, Any]:
    """task_expert_success, how often the world gives its reward to the keys by which the simulator's expert went from the
    same real frame to the goal there; task_random_success, to random keys of the same length. A quarter of `clips` cases,
    the tasks in turn."""
    world = evaluation.world
    if not world.tasks:
        return {}
    as_place(world)
    if not can_script(world):
        return {NOTES: ["tasks were not played: the world was not learned from a simulator that can be walked"]}
    count = max(1, evaluation.config.clips // 4 // len(world.tasks))
    cases, tasks = list[Episode](), list[str]()
    for task in world.tasks:
        cases += scripted_cases(world, f"task-{task.replace(':', '-')}", count, partial(find_way, task=task), cache)
        tasks += [task] * count
    return score_ways(evaluation, cases, tasks)


def score_ways(evaluation: Evaluation, cases: Sequence[Episode], tasks: Sequence[str]) -> dict[str, Any]:
    """The numbers of `task_play`, of cases that `find_way` made: a frame and the expert's keys from there on."""
    frames = np.concatenate([case.frames for case in cases])
    ways = [np.array(case.description["keys"], np.int64) for case in cases]
    expert, random = [], []
    for span in parts(len(cases)):
        lengths = np.array([len(way) for way in ways[span]]) + HELD
        keys = np.zeros((len(lengths), int(lengths.max())), np.int64)
        for row, way in enumerate(ways[span]):
            keys[row, : lengths[row]] = np.concatenate([way, np.full(HELD, way[-1])])
        start = Start(frames=torch.from_numpy(frames[span]), tasks=tasks[span])
        expert.append(_successes(evaluation, start, keys, lengths, "the expert's keys"))
        random.append(_successes(evaluation, start, _random_keys(evaluation, *keys.shape), lengths, "random keys"))
    found: dict[str, Any] = {"task_cases": len(cases)}
    for name, values in (("expert", np.concatenate(expert)), ("random", np.concatenate(random))):
        found |= {f"task_{name}_success": float(values.mean()), f"task_{name}_success_interval": interval(values)}
    poor = found["task_expert_success"] <= found["task_random_success"]
    return found | {NOTES: ["an expert of the tasks gets no more reward than random play"] if poor else []}


def _random_keys(evaluation: Evaluation, rows: int, count: int) -> Int[np.ndarray, "B T"]:
    """Each held for some steps."""
    spec = as_place(evaluation.world).keys
    return torch.stack([sticky_actions(spec, evaluation.rng, count, STICKY) for _ in range(rows)]).numpy()


@torch.no_grad()
def _successes(
    evaluation: Evaluation, start: Start, keys: Int[np.ndarray, "B T"], lengths: Int[np.ndarray, " B"], desc: str
) -> np.ndarray:
    """Whether each row is rewarded within its own length: 0 or 1, [B]."""
    world = evaluation.world
    state = world.reset(row_seeds(evaluation.config.seed, len(keys)).to(world.device), start)
    rewarded = np.zeros(len(keys), bool)
    for t, step in enumerate(steps(world, state, torch.from_numpy(keys), by_keys=True, desc=desc)):
        rewarded |= (step.prediction.rewards > 0).cpu().numpy() & (t < lengths)
    return rewarded.astype(float)


def find_way(scripted: Scripted, rng: np.random.Generator, task: str) -> Episode:
    """Lets the expert go until its goal shows some metres ahead, and on to the goal; where it does not get there soon, in
    another world. Looks once: where the goal shows; the description holds the keys from there on."""
    sim = scripted.sim
    rules = {goal.task: goal for goal in goals_of(tuple(sim.goals))}
    if task not in rules:
        raise GenieGymError(f"the simulator does not say when {task!r} is done; is it the one that the world was made for?")
    for _ in range(TRIES):
        scripted.begin(rng, task=task)
        expert = sim.driver("expert", rng)
        expert.begin()
        graph = sim.scene_graph()
        look, keys = None, list[int]()
        pose = scripted.look()["pose"]
        for _ in range(TRIED_STEPS):
            ids, metres, ahead = rules[task].before(pose[None], graph)
            if look is None and bool((ahead & (metres > NEAREST) & (metres < FARTHEST)).any()):
                seen = scripted.look()
                shown = np.isin(seen["instance"], ids)
                look = seen if shown.mean() > 2 * SHOWN else None
            key = int(expert.act())
            pose, _, done, *_ = sim.step(key)
            keys += [key] if look is not None else []
            if done or len(keys) > LONGEST:
                break
        if look is not None and done and len(keys) > 1:
            return episode([look], {"task": task, "keys": keys})
    raise GenieGymError(f"the expert did not solve {task!r} in {TRIES} worlds; is the simulator the one it was made for?")
