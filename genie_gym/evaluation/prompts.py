"""Is what one asks for there, in the first view and after a walk? And are two worlds of one prompt two worlds? A judge that
learned from real frames alone (`named.trained_namer`) says what the world's frames show, and what the simulator's do.

Legend: B prompts, N looks of each, H W image.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import UInt8
from torch import Tensor

from genie_gym.datasets.video import Episode
from genie_gym.errors import GenieGymError
from genie_gym.evaluation.measure import NOTES, Evaluation
from genie_gym.evaluation.metrics import interval
from genie_gym.evaluation.named import trained_namer
from genie_gym.evaluation.namer import KINDS, Namer
from genie_gym.evaluation.place import as_place, mean_of, parts
from genie_gym.evaluation.prompt_cases import EVERY, LONG, SHORT, play_prompt
from genie_gym.evaluation.scripted import can_script, scripted_cases
from genie_gym.rollout import row_seeds
from genie_gym.text.prompt import Prompt
from genie_gym.text.spec import WorldSpec
from genie_gym.world import Start, TellsPlaces, World, WorldState, steps

GRID = (9, 16)  # cells in which views are compared
MOVED_ON = 1 + SHORT // EVERY  # which look is that after SHORT steps
APART = 0.3  # on real walks, shares of landmarks seen that were asked for and that were not: nearer, a note says so
TOLD = 0.8  # of real frames: below it a note says that the judge itself is not sure


def prompts(evaluation: Evaluation, cache: str | Path | None = None) -> dict[str, Any]:
    """The numbers of "Prompts" in docs/evaluation.md: half as many prompts as clips, of which half are walked for `LONG`
    steps and half for `SHORT`."""
    world = evaluation.world
    as_place(world)
    if world.vocabulary is None:
        return {NOTES: ["prompts were not measured: the world takes none"]}
    if not can_script(world):
        return {NOTES: ["prompts were not measured: the world was not learned from a simulator that can be walked"]}
    if len(world.vocabulary.landmarks) < 2:
        return {NOTES: ["prompts were not measured: the world knows no landmarks to ask for"]}
    count = max(2, evaluation.config.clips // 4)
    play = partial(play_prompt, vocabulary=world.vocabulary)
    cases = [scripted_cases(world, f"prompts-{steps}", count, partial(play, steps=steps), cache) for steps in (SHORT, LONG)]
    return score_prompts(evaluation, cases, trained_namer(world, cache))


def score_prompts(evaluation: Evaluation, cases: Sequence[list[Episode]], namer: Namer) -> dict[str, Any]:
    """The numbers of `prompts`, of short and long walks that `play_prompt` made."""
    specs = [[WorldSpec.from_json(case.description["spec"]) for case in some] for some in cases]
    try:
        begin_asked(evaluation, specs[0][:1], 0)
    except GenieGymError as error:  # it takes prompts, and cannot begin as one asks
        return {NOTES: [f"prompts were not measured: {error}"]}
    played = [_play(evaluation, some, asked) for some, asked in zip(cases, specs, strict=True)]
    imagined = [looks for looks, _ in played]
    real = [torch.from_numpy(np.stack([case.frames for case in some])) for some in cases]
    numbers: dict[str, Any] = {}
    for of, looks in (("", imagined), ("_real", real)):
        for name, values in judged(namer, specs, looks).items():
            numbers[f"{name}{of}"] = mean_of(values)
            if not of and len(values):
                numbers[f"{name}_interval"] = interval(values)
    if there := [present for _, some in played for present in some]:
        values = np.array(there, float)
        numbers |= {"prompt_landmark_present": float(values.mean()), "prompt_landmark_present_interval": interval(values)}
    numbers |= {f"prompt_{kind}_chance": 1 / len(names) for kind, names in namer.kinds.items()}
    return numbers | {"prompt_cases": sum(map(len, cases)), NOTES: _notes(numbers)}


def judged(
    namer: Namer, specs: Sequence[list[WorldSpec]], looks: Sequence[UInt8[Tensor, "_ _ H W 3"]]
) -> dict[str, np.ndarray]:
    """What the judge says of short and long walks, laid out as `play_prompt` does: one value a prompt, or one for each
    landmark that is asked for."""
    asked = [spec for some in specs for spec in some]
    firsts = torch.cat([some[:, 1] for some in looks])
    values = {"prompt_diversity": apart(torch.cat([some[:, 0] for some in looks]), firsts)}
    landmarks = namer.vocabulary.landmarks
    wanted = _wanted(asked, landmarks)
    for when, frames in (("", firsts), (f"_{SHORT}", torch.cat([some[:, MOVED_ON] for some in looks]))):
        told = namer.tell(frames)
        for kind, names in namer.kinds.items():
            named = [names[number] for number in told.names[kind]]
            right = [name == _name(spec, kind) for name, spec in zip(named, asked, strict=True)]
            values[f"prompt_{kind}_accuracy{when}"] = np.array(right, float)
        values[f"prompt_landmark_seen{when}"] = told.landmarks[wanted].astype(float)
    walks, wanted = looks[-1][:, 1:], _wanted(specs[-1], landmarks)
    told = namer.tell(walks.flatten(0, 1))
    seen = told.landmarks.reshape(*walks.shape[:2], len(landmarks)).max(1)
    unasked = [seen[~wanted[:, kind], kind].mean() for _, kind in np.argwhere(wanted) if not wanted[:, kind].all()]
    values[f"prompt_landmark_seen_{LONG}"] = seen[wanted].astype(float)
    values[f"prompt_landmark_chance_{LONG}"] = np.array(unasked, float)
    values[f"prompt_landmark_walks_{LONG}"] = (seen & wanted).any(1).astype(float)
    others = [seen[~(wanted & mine).any(1)] & mine for mine in wanted]  # of walks that asked for none of these
    values[f"prompt_landmark_walks_chance_{LONG}"] = np.array([walks.any(1).mean() for walks in others if len(walks)])
    return values


def apart(first: UInt8[Tensor, "B H W 3"], second: UInt8[Tensor, "B H W 3"]) -> np.ndarray:
    """By how many grey levels two views differ, on average over the cells of a coarse grid: where things stand and what
    colours they have counts, texture and sharpness do not."""
    coarse = [F.adaptive_avg_pool2d(frames.movedim(-1, 1).float(), GRID) for frames in (first, second)]
    return (coarse[0] - coarse[1]).abs().mean((1, 2, 3)).numpy()


def _play(
    evaluation: Evaluation, cases: list[Episode], specs: list[WorldSpec]
) -> tuple[UInt8[Tensor, "B N H W 3"], list[bool]]:
    """The same of the world: two first views by two seeds, then looks of the walk. And of each landmark asked for whether it
    is anywhere in either world, as far as the world tells."""
    keys = torch.tensor([case.description["keys"] for case in cases])
    shown, present, rows = [], list[bool](), parts(len(cases))
    for number, span in enumerate(rows):
        other, state = (begin_asked(evaluation, specs[span], 2 * number + second) for second in (0, 1))
        present += [there for begun in (other, state) for there in landmarks_in(evaluation.world, begun, specs[span])]
        looks = [other.frames.cpu().clone(), state.frames.cpu().clone()]
        played = steps(evaluation.world, state, keys[span], by_keys=True, desc=f"prompts, {number + 1} of {len(rows)}")
        for t, step in enumerate(played, 1):
            if t % EVERY == 0:
                looks.append(step.prediction.frames.cpu().clone())
        shown.append(torch.stack(looks, 1))
    return torch.cat(shown), present


def landmarks_in(world: World, state: WorldState, specs: Sequence[WorldSpec]) -> list[bool]:
    """Whether each landmark that the rows' specs ask for stands in their places; nothing of worlds that do not tell."""
    if not world.takes_places or not isinstance(world, TellsPlaces):
        return []
    names = [{thing.name for thing in place.things} for place in world.places(state)]
    return [landmark in there for there, spec in zip(names, specs, strict=True) for landmark in spec.landmarks]


def begin_asked(evaluation: Evaluation, specs: list[WorldSpec], seed: int) -> WorldState:
    """Rows that begin as specs ask for, a row each."""
    seeds = row_seeds(evaluation.config.seed + seed, len(specs)).to(evaluation.world.device)
    return evaluation.world.reset(seeds, Start(prompts=[Prompt(spec) for spec in specs]))


def _name(spec: WorldSpec, kind: str) -> str:
    return {"scene": spec.scene, "weather": spec.weather, "time": spec.time_of_day}[kind]


def _wanted(specs: list[WorldSpec], landmarks: Sequence[str]) -> np.ndarray:
    """Which landmarks are asked for: bool [B, number of landmarks]."""
    return np.array([[name in spec.landmarks for name in landmarks] for spec in specs])


def _notes(numbers: dict[str, Any]) -> list[str]:
    notes = []
    for kind in KINDS:
        here, real, chance = (numbers[f"prompt_{kind}_{of}"] for of in ("accuracy", "accuracy_real", "chance"))
        if real < TOLD:
            notes.append(f"the {kind} asked for cannot always be told: the judge is right on {real:.0%} of real first views")
        if here - chance < (real - chance) / 2:
            notes.append(
                f"the {kind} asked for is seldom shown: in {here:.0%} of first views, in {real:.0%} of the simulator's, in "
                f"{chance:.0%} by chance"
            )
    met, real, chance = (numbers[f"prompt_landmark_{of}"] for of in (f"seen_{LONG}", f"seen_{LONG}_real", f"chance_{LONG}"))
    mistaken = numbers[f"prompt_landmark_chance_{LONG}_real"]
    if real - mistaken < APART:
        notes.append(
            f"landmarks can hardly be told: the judge sees {real:.0%} of those asked for on the simulator's walks, and "
            f"{mistaken:.0%} where nobody asked for them"
        )
    elif met - chance < (real - chance) / 2:
        notes.append(
            f"landmarks asked for are seldom come upon: {met:.0%} within {LONG} steps, {real:.0%} in the simulator, "
            f"{chance:.0%} by chance"
        )
    return notes
