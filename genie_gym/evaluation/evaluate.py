"""`genie-gym evaluate`: a world against held-out video of the simulator that it was learned from."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from genie_gym.datasets.video import VideoDataset
from genie_gym.evaluation.control import held_actions, inferred_actions
from genie_gym.evaluation.drift import drift
from genie_gym.evaluation.fidelity import fidelity
from genie_gym.evaluation.judge import judged_by
from genie_gym.evaluation.measure import NOTES, EvaluateConfig, Evaluation, Measure, check_video
from genie_gym.evaluation.outcomes import outcomes
from genie_gym.families import find_family
from genie_gym.world import World

SHARED_MEASURES: tuple[Measure, ...] = (fidelity, inferred_actions, held_actions, outcomes, drift)


@torch.no_grad()
def evaluate(world: World, data: VideoDataset, config: EvaluateConfig | None = None) -> dict[str, Any]:
    """All numbers of docs/evaluation.md, as a flat dict that JSON can hold; under `NOTES`, in sentences, what is wrong.

    Raises:
        GenieGymError: the video has another frame size, or the world reads no actions off frames.
    """
    config = config or EvaluateConfig()
    check_video(world, data)
    evaluation = Evaluation(world, data, config, np.random.default_rng(config.seed))
    results: dict[str, Any] = {}
    notes: list[str] = []
    for measure in find_family(world.family).load("measures") or SHARED_MEASURES:
        found = measure(evaluation)
        notes += found.pop(NOTES, [])
        results |= found
    if "rollout_psnr_10" in results:
        notes = judged_by(results, world).sentences() + notes
    return results | {"held_out_episodes": len(data), NOTES: notes}
