"""What is in a dataset, in numbers."""

from __future__ import annotations

from collections import Counter
from typing import Any

import gymnasium as gym
import numpy as np

from genie_gym.datasets.minari_reader import MinariFolder
from genie_gym.progress import progress

LOOKED_AT = 256  # episodes whose frames are looked at, and of each so many:
FRAMES = 4
MOST_NAMES = 20  # of tasks and prompts


def statistics(dataset: MinariFolder) -> dict[str, Any]:
    """Keys: episodes, steps, hours; lengths and returns (min, mean, median, max); reached, the share of episodes that
    reached their goal, of those that say so; actions, how often each was done, or their means and deviations; image_mean and
    image_std, from 0 to 255, of some frames; tasks and prompts, how often each of the commonest; events, how many episodes
    have some; megabytes."""
    returns, reached, texts, tasks, happened = [], [], Counter[str](), Counter[str](), 0
    counted: Counter[int] = Counter()
    moments: list[np.ndarray] = []
    for number in progress(range(len(dataset)), desc=f"count {dataset.id}", unit="episode"):
        about = dataset.about(number)
        returns.append(float(np.sum(dataset.read(number, "rewards"))))
        actions = dataset.read(number, "actions")
        if isinstance(dataset.action_space, gym.spaces.Discrete):
            counted.update(actions.astype(int).ravel().tolist())
        else:
            flat = actions.reshape(len(actions), -1).astype(np.float64)
            moments.append(np.stack([np.full(flat.shape[1], len(flat)), flat.sum(0), (flat**2).sum(0)]))
        if "reached" in about:
            reached.append(bool(about["reached"]))
        if "prompt" in about:
            texts[str(about["prompt"])] += 1
        if "task" in about:
            tasks[str(about["task"])] += 1
        happened += "events" in dataset.group(number).get("infos", ())
    steps = int(dataset.lengths.sum())
    found: dict[str, Any] = {
        "episodes": len(dataset), "steps": steps, "hours": steps / dataset.fps / 3600, "fps": dataset.fps,
        "lengths": _summary(dataset.lengths), "returns": _summary(np.array(returns)), "events": happened,
        "megabytes": sum(path.stat().st_size for path in dataset.data.iterdir()) / 1e6,
    }  # fmt: skip
    if reached:
        found["reached"] = float(np.mean(reached))
    found["actions"] = _actions(dataset, counted, moments)
    if pixels := _pixels(dataset):
        found |= pixels
    for name, counts in (("prompts", texts), ("tasks", tasks)):
        if counts:
            found[name] = {"different": len(counts), "commonest": dict(counts.most_common(MOST_NAMES))}
    return found


def _summary(values: np.ndarray) -> dict[str, float]:
    if not len(values):
        return {}
    return {name: float(getattr(np, name)(values)) for name in ("min", "mean", "median", "max")}


def _actions(dataset: MinariFolder, counted: Counter[int], moments: list[np.ndarray]) -> dict[str, Any]:
    if counted:
        names = dict(enumerate(dataset.action_meanings or ()))
        return {names.get(action, str(action)): counted[action] for action in sorted(counted)}
    if not moments:
        return {}
    count, total, squares = np.sum(moments, 0)
    mean = total / count
    return {"mean": mean.tolist(), "std": np.sqrt(np.maximum(squares / count - mean**2, 0)).tolist()}


def _pixels(dataset: MinariFolder) -> dict[str, Any]:
    """Means and deviations of red, green and blue, of some frames of some episodes."""
    keys = dataset.image_keys()
    if not keys or not len(dataset):
        return {}
    frames = []
    for number in np.unique(np.linspace(0, len(dataset) - 1, LOOKED_AT).astype(int)).tolist():
        for step in np.unique(np.linspace(0, dataset.lengths[number], FRAMES).astype(int)).tolist():
            frames.append(dataset.read(number, keys[0], step, step + 1).reshape(-1, 3))
    pixels = np.concatenate([frame[::7] for frame in frames]).astype(np.float64)
    return {"image_mean": pixels.mean(0).round(2).tolist(), "image_std": pixels.std(0).round(2).tolist()}
