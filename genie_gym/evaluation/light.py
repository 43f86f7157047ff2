"""Is a recorded place drawn as it was recorded? The same views, of things where they stood, under the same weather and hour.

Legend: B views, H W image.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from genie_gym.evaluation.measure import NOTES, Evaluation
from genie_gym.evaluation.metrics import interval, psnr
from genie_gym.evaluation.moments import Enter, Moment, begin_at, left_out, spread_moments, taken
from genie_gym.evaluation.place import parts
from genie_gym.text.spec import WorldSpec


def light(evaluation: Evaluation, enter: Enter | None = None) -> dict[str, Any]:
    """light_psnr: of `clips` recorded frames against the same views of the recorded places; of each weather and time of day
    alone; and light_psnr_other, of the places under the weather and hour of another of these views. `enter` is `begin_at`'s.
    """
    world, data = evaluation.world, evaluation.data
    if not world.takes_places or not data.has_truth("pose", "place"):
        return {NOTES: ["light was not measured: it needs a world that begins in places, and video that tells them"]}
    drawn = [moment for moment in spread_moments(evaluation, evaluation.config.clips) if moment.spec is not None]
    chosen = taken(world, drawn)
    notes = left_out(len(chosen), len(drawn), "views under their light")
    if not chosen:
        return {NOTES: notes}
    moments = [drawn[number] for number in chosen]
    real = torch.from_numpy(np.stack([moment.frame for moment in moments]))
    values = psnr(real, _drawn(evaluation, moments, enter)).numpy()
    order = np.roll(np.arange(len(moments)), 1)
    others = [dataclasses.replace(one, spec=moments[other].spec) for one, other in zip(moments, order, strict=True)]
    numbers: dict[str, Any] = {
        "light_psnr": float(values.mean()),
        "light_psnr_interval": interval(values),
        "light_psnr_other": float(psnr(real, _drawn(evaluation, others, enter)).mean()),
        "light_views": len(moments),
    }
    for told in (_weather, _time):
        names = np.array([told(moment.spec) for moment in moments if moment.spec is not None])
        for name in dict.fromkeys(sorted(filter(None, names))):
            of = values[names == name]
            numbers |= {f"light_psnr_{name}": float(of.mean()), f"light_psnr_{name}_interval": interval(of)}
    return numbers | {NOTES: notes}


def _drawn(evaluation: Evaluation, moments: Sequence[Moment], enter: Enter | None) -> UInt8[Tensor, "B H W 3"]:
    shown = [
        begin_at(evaluation.world, moments[span], evaluation.config.seed, enter).frames.cpu() for span in parts(len(moments))
    ]
    return torch.cat(shown)


def _weather(spec: WorldSpec) -> str:
    return spec.weather or ""


def _time(spec: WorldSpec) -> str:
    return spec.time_of_day
