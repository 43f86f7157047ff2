"""The labelled steps of recorded views, from which keys are learned (`models.motion.keys`).

Legend: I inputs.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from genie_gym.errors import GenieGymError
from genie_gym.genie2.views import RecordedViews
from genie_gym.models.motion.keys import key_steps, some_steps


def key_table(views: RecordedViews, count: int) -> dict[str, Tensor]:
    """`count` labelled steps, or as many as there are, from all over the recording: keys [n], state [n, I], motion [n,
    5]."""
    rng = np.random.default_rng(0)
    tables = []
    for episode in rng.permutation(np.flatnonzero(views.walked > 2)):
        begin, walked = int(views.data.offsets[episode]), int(views.walked[episode])
        keys = views.data.clip_labels([(int(episode), 0)], walked)["actions"][0]
        tables.append(key_steps(torch.from_numpy(views.poses[begin : begin + walked]), torch.from_numpy(keys).long()))
        if sum(len(table["keys"]) for table in tables) > 20 * count:  # enough to draw from
            break
    if not tables:
        raise GenieGymError(f"no walk in {views.data.paths[0]} has three frames; record longer ones.")
    return some_steps(tables, count, rng)
