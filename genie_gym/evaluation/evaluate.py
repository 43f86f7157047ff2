"""`genie-gym evaluate`: a world against held-out video of the simulator that it was learned from."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import torch

from genie_gym.datasets.video import VideoDataset
from genie_gym.evaluation.control import held_actions, inferred_actions
from genie_gym.evaluation.drift import drift
from genie_gym.evaluation.fidelity import fidelity
from genie_gym.evaluation.judge import judged_by
from genie_gym.evaluation.measure import (
    NOTES,
    EvaluateConfig,
    Evaluation,
    Measure,
    check_video,
    chosen_measures,
    generator_of,
    name_of,
)
from genie_gym.evaluation.outcomes import outcomes
from genie_gym.families import find_family
from genie_gym.world import World

SHARED_MEASURES: tuple[Measure, ...] = (fidelity, inferred_actions, held_actions, outcomes, drift)


@dataclass
class Results:
    """What an evaluation found.

    Args:
        numbers: by name (docs/evaluation.md); intervals are pairs.
        seconds: how long each measure took, by its name.
        notes: in sentences, what is wrong, and what was not measured.
    """

    numbers: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it: numbers by name, `seconds_` and the name of each measure, and `notes`."""
        return self.numbers | {f"seconds_{name}": took for name, took in self.seconds.items()} | {NOTES: self.notes}


@torch.no_grad()
def evaluate(world: World, data: VideoDataset, config: EvaluateConfig | None = None) -> Results:
    """All that is measured of a world of its family, or what `config.measures` names.

    Raises:
        GenieGymError: the video has another frame size, the world reads no actions off frames, or there is no measure of a
            name.
    """
    config = config or EvaluateConfig()
    check_video(world, data)
    results = Results(numbers={"held_out_episodes": len(data)})
    for measure in chosen_measures(find_family(world.family).load("measures") or SHARED_MEASURES, config.measures):
        name, began = name_of(measure), time.perf_counter()
        found = measure(Evaluation(world, data, config, generator_of(name, config.seed)))
        results.notes += found.pop(NOTES, [])
        results.numbers |= found
        results.seconds[name] = round(time.perf_counter() - began, 1)
    if "rollout_psnr_10" in results.numbers:
        results.notes = judged_by(results.numbers, world).sentences() + results.notes
    return results
