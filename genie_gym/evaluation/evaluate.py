"""`genie-gym evaluate`: a world against held-out video of the simulator that it was learned from."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import torch

from genie_gym.datasets.video import VideoDataset
from genie_gym.devices import hardware
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
from genie_gym.evaluation.results import About, Results
from genie_gym.families import find_family
from genie_gym.world import World

SHARED_MEASURES: tuple[Measure, ...] = (fidelity, inferred_actions, held_actions, outcomes, drift)


@torch.no_grad()
def evaluate(
    world: World, data: VideoDataset, config: EvaluateConfig | None = None, learned_from: VideoDataset | None = None,
    command: str = "",
) -> Results:  # fmt: skip
    """All that is measured of a world of its family, or what `config.measures` names.

    Args:
        learned_from: the recordings that the world learned from, where it shall be told whether it copies them.
        command: by which this was asked for, if by one.

    Raises:
        GenieGymError: the video has another frame size, the world reads no actions off frames, or there is no measure of a
            name.
    """
    config = config or EvaluateConfig()
    check_video(world, data)
    about = About(world.family, command, hardware(), datetime.now(UTC).date().isoformat())
    results = Results(numbers={"held_out_episodes": len(data)}, about=about)
    for measure in chosen_measures(find_family(world.family).load("measures") or SHARED_MEASURES, config.measures):
        name, began = name_of(measure), time.perf_counter()
        found = measure(Evaluation(world, data, config, generator_of(name, config.seed), learned_from))
        results.notes += found.pop(NOTES, [])
        results.numbers |= found
        results.seconds[name] = round(time.perf_counter() - began, 1)
    if "rollout_psnr_10" in results.numbers:
        results.notes = judged_by(results.numbers, world).sentences() + results.notes
    return results
