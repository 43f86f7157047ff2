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
from genie_gym.evaluation.moments import Enter, Moment, begin_at, entered, left_out, no_places, spread_moments, taken
from genie_gym.evaluation.place import parts
from genie_gym.text.spec import WorldSpec


def light(evaluation: Evaluation, enter: Enter = entered) -> dict[str, Any]:
    """light_psnr: of `clips` recorded frames against the same views of the recorded places; of each weather and time of day
    alone; and light_psnr_other, under the weather and hour of another of these views. `enter` is `begin_at`'s.
    """
    if missing := no_places(evaluation, "light"):
        return {NOTES: missing}
    drawn = spread_moments(evaluation, evaluation.config.clips)
    chosen = [number for number in taken(evaluation.world, drawn, enter) if drawn[number].spec is not None]
    notes = left_out(len(chosen), len(drawn), "views under their light")
    if not chosen:
        return {NOTES: notes}
    moments = [drawn[number] for number in chosen]
    real = torch.from_numpy(np.stack([moment.frame for moment in moments]))
    values = psnr(real, _drawn(evaluation, moments, enter)).numpy()
    numbers: dict[str, Any] = {
        "light_psnr": float(values.mean()),
        "light_psnr_interval": interval(values),
        "light_psnr_other": float(psnr(real, _drawn(evaluation, _relit(moments), enter)).mean()),
        "light_views": len(moments),
    }
    for told in (_weather, _time):
        names = np.array([told(moment.spec) for moment in moments if moment.spec is not None])
        for name in sorted({*names.tolist()} - {""}):
            of = values[names == name]
            numbers |= {f"light_psnr_{name}": float(of.mean()), f"light_psnr_{name}_interval": interval(of)}
    return numbers | {NOTES: notes}


def _relit(moments: Sequence[Moment]) -> list[Moment]:
    """Each under the weather and hour of the next one that has others, if there is one."""
    twice, specs = [*moments, *moments], [moment.spec for moment in moments]
    relit = []
    for number, (moment, spec) in enumerate(zip(moments, specs, strict=True)):
        following = (other.spec for other in twice[number + 1 :])
        relit.append(dataclasses.replace(moment, spec=next((other for other in following if _differs(spec, other)), spec)))
    return relit


def _differs(one: WorldSpec | None, other: WorldSpec | None) -> bool:
    return one is not None and other is not None and (_weather(one), _time(one)) != (_weather(other), _time(other))


def _drawn(evaluation: Evaluation, moments: Sequence[Moment], enter: Enter) -> UInt8[Tensor, "B H W 3"]:
    shown = [
        begin_at(evaluation.world, moments[span], evaluation.config.seed, enter).frames.cpu() for span in parts(len(moments))
    ]
    return torch.cat(shown)


def _weather(spec: WorldSpec) -> str:
    return spec.weather or ""


def _time(spec: WorldSpec) -> str:
    return spec.time_of_day
