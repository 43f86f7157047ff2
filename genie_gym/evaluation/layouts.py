"""Do layouts that a model makes of a prompt stand as recorded ones do? By the rules of `places.layout.judge`.

Legend: N places.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from genie_gym.errors import GenieGymError
from genie_gym.evaluation.measure import NOTES, Evaluation
from genie_gym.evaluation.metrics import interval, interval_of
from genie_gym.evaluation.moments import spec_of
from genie_gym.places.layout.judge import SceneJudge, Stands, counts, nearest_training_layout, stands
from genie_gym.places.layout.model import LayoutModel
from genie_gym.places.place import Place
from genie_gym.progress import progress

LEARNED = 2 / 3  # share of the recorded layouts that the judge of scenes learns from, at most; the others are compared
FEWEST = 60  # layouts, of which nothing is said
OFTEN = 0.5  # of a class, things a place: counts of rarer ones are not compared
NEAREST = 40  # places whose nearest training layout is looked for
TOLD = 0.8  # below it a note says so

Layout = tuple[dict[str, Any], Place]


@runtime_checkable
class LaysOut(Protocol):
    """A world whose places a layout model makes."""

    layout: LayoutModel | None


def layouts(evaluation: Evaluation) -> dict[str, Any]:
    """The numbers of "Layouts" in docs/evaluation.md, of at most `clips` recorded layouts and as many of the same specs."""
    world = evaluation.world
    model = world.layout if isinstance(world, LaysOut) else None
    if model is None:
        return {NOTES: ["layouts were not measured: the world lays none out"]}
    known = _known(evaluation, model)
    if len(known) < FEWEST:
        return {
            NOTES: [f"layouts were not measured: the video has {len(known)} that the world knows, and {FEWEST} are needed"]
        }
    held = known[-min(evaluation.config.clips, round((1 - LEARNED) * len(known))) :]
    real = [place for _, place in held]
    specs = [spec_of(spec) for spec, _ in held]
    bar = progress(list(enumerate(specs)), desc="lay out", unit="place")
    made = [model.sample([spec], [number])[0] for number, spec in bar if spec is not None]
    with torch.enable_grad():
        judge = SceneJudge(model, [place for _, place in known[: -len(held)]])
    numbers: dict[str, Any] = {}
    for of, places in (("", made), ("_real", real)):
        named = np.array([judge.right([place]) for place in places])
        told = [stands(model, place, spec) for place, (spec, _) in zip(places, held, strict=True)]
        for name, values in (
            ("layout_scene_accuracy", named),
            ("layout_overlap_rate", np.array([one.overlaps for one in told])),
            ("layout_reachable", np.array([one.reached for one in told])),
        ):
            numbers |= {f"{name}{of}": float(values.mean()), f"{name}{of}_interval": interval(values)}
        if not of:
            numbers |= _asked_for(told)
    usual, here = (counts(model, places).mean(0) for places in (real, made))
    often = usual > OFTEN
    numbers["layout_counts_off"] = (
        float((np.abs(here - usual)[often] / usual[often]).mean()) if often.any() else float("nan")
    )
    numbers["layout_cases"] = len(held)
    notes = []
    if numbers["layout_scene_accuracy"] < TOLD <= numbers["layout_scene_accuracy_real"]:
        notes.append(f"layouts do not look like their scene: it is told of {numbers['layout_scene_accuracy']:.0%} of them")
    if evaluation.learned_from is None:
        notes.append(
            "whether layouts are copies was not measured: a world does not keep the places that it learned from (give the "
            "recordings, --learned-from)"
        )
    else:
        training = [place for _, place in evaluation.learned_from.layouts]
        for of, places in (("", made), ("_real", real)):
            nearest = np.array([nearest_training_layout(model, place, training) for place in places[:NEAREST]])
            numbers |= {f"nearest_training_layout{of}": float(nearest.mean())}
            numbers |= {f"nearest_training_layout{of}_interval": interval(nearest)}
    return numbers | {NOTES: notes}


def _known(evaluation: Evaluation, model: LayoutModel) -> list[Layout]:
    """Recorded layouts with a spec, of what the model knows, in random order: at most three times `clips`."""
    recorded, most = evaluation.data.layouts, round(evaluation.config.clips / (1 - LEARNED))
    found = list[Layout]()
    for number in evaluation.rng.permutation(len(recorded)).tolist():
        spec, place = recorded[number]
        if spec is not None and place.scene in model.config.scene_names and _follows(model, spec):
            found.append((spec, place))
        if len(found) >= max(most, FEWEST):
            break
    return found


def _follows(model: LayoutModel, spec: dict[str, Any]) -> bool:
    """Whether the model has seen all that a spec asks for."""
    asked = [*spec.get("landmarks", ()), *(one["kind"] for key in ("objects", "characters") for one in spec.get(key, ()))]
    try:
        model.config.scene(spec.get("scene") or "")
        for name in asked:
            model.config.label(name)
    except GenieGymError:
        return False
    return True


def _asked_for(told: Sequence[Stands]) -> dict[str, Any]:
    kept, asked = (np.array([getattr(one, name) for one in told], float) for name in ("kept", "asked"))
    return {"layout_asked_for": _share(kept, asked), "layout_asked_for_interval": interval_of(_share, kept, asked)}


def _share(part: np.ndarray, whole: np.ndarray) -> float:
    return float(part.sum() / whole.sum()) if whole.sum() else float("nan")
