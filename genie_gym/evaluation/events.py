"""Do events happen? The judge of prompts says of frames which weather, time and scene they show, before and after; masks say
whether what was added is there, and what was removed is gone. All of it also of the simulator, in whose places it is done.

Legend: B cases, H W image.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genie_gym.datasets.video import Episode
from genie_gym.errors import GenieGymError
from genie_gym.evaluation.measure import NOTES, Evaluation
from genie_gym.evaluation.metrics import interval, psnr
from genie_gym.evaluation.moments import Enter, begin_at, entered, left_out, looked_at, taken
from genie_gym.evaluation.named import trained_namer
from genie_gym.evaluation.namer import KINDS, Namer
from genie_gym.evaluation.place import as_place, mean_of, parts
from genie_gym.evaluation.scripted import Scripted, can_script, episode, scripted_cases
from genie_gym.text.spec import (
    EARTH_GRAVITY,
    TIMES,
    CharacterAdd,
    Event,
    ObjectAdd,
    ObjectRemove,
    PhysicsModifier,
    SceneTransition,
    TimeOfDay,
    WeatherChange,
    event_from_json,
    event_to_json,
)
from genie_gym.text.vocabulary import Vocabulary
from genie_gym.world import AnySize, TakesEvents, WorldState, at_size, steps

EVENTS = ("weather", "time", "scene", "object", "character", "remove")
WITHIN, AWAY = 24, 36  # steps after which an event is to show; of a turn away, and of one back
SHOWS = 24  # pixels of a class, more than before: it is there
STANDS_OUT = 60  # pixels that something shows, to be removed
JUMP = 144  # steps that a jump may take
MOON = 1.62  # m/s²
LATER = 60  # seconds that one looks away
LATER_SHARE = 1 / 8  # of `clips`: cases of that
SMALL = (18, 32)  # frames of worlds that draw any, while nobody looks at them
TRIES = 12  # worlds in which something is looked for that can be removed


def events(evaluation: Evaluation, cache: str | Path | None = None, enter: Enter = entered) -> dict[str, Any]:
    """event_success_weather, _time, _scene, _object, _character and _remove, the shares of events that show `WITHIN` steps
    after they happened; the same with _back, after one has turned away and back; with _real, of the simulator.
    event_persistence_60s, the share that show after one has looked away for a minute, of the first of these cases.
    event_collateral_equal, the share of pixels that an added, or removed, thing does not concern and that stay equal to the
    bit; event_collateral_db, how like all of them are. jump_ratio_low_gravity, how much higher one jumps on the moon.
    `enter` is `begin_at`'s."""
    world = evaluation.world
    as_place(world)
    if world.vocabulary is None or not isinstance(world, TakesEvents) or not can_script(world):
        return {NOTES: ["events were not measured: nothing happens in this world, or there is no simulator to compare"]}
    count = max(len(EVENTS), evaluation.config.clips * 3 // 8)
    cases = scripted_cases(world, f"events-{WITHIN}-{AWAY}", count, partial(play_event, vocabulary=world.vocabulary), cache)
    return score_events(evaluation, cases, trained_namer(world, cache), enter)


def play_event(scripted: Scripted, rng: np.random.Generator, vocabulary: Vocabulary) -> Episode:
    """Looks before an event, `WITHIN` steps after it, and after a turn away and back; how many pixels each class shows; and
    how high one jumps on earth and on the moon."""
    kind = EVENTS[int(rng.integers(len(EVENTS)))]
    event = None
    for _ in range(TRIES):
        begun, shown = scripted.look(), _shown(scripted)
        event = _draw(kind, rng, vocabulary, scripted.sim.world_spec, shown)
        if event is not None:
            break
        scripted.begin(rng)
    if event is None:
        raise GenieGymError(f"nothing was found in {TRIES} worlds that could be removed.")
    scripted.sim.apply_event(event)
    looks, counts = [begun], [shown]
    still, left, right = (scripted.keys[name] for name in ("noop", "turn left", "turn right"))
    for keys in ([still] * WITHIN, [left] * AWAY + [right] * AWAY):
        scripted.play(np.array(keys))
        looks.append(scripted.look())
        counts.append(_shown(scripted))
    facts = {"kind": kind, "event": event_to_json(event), "keys": [still, left, right], "counts": counts}
    return episode(looks, facts | {"jump": scripted.keys.get("jump"), "heights": _jumps(scripted)})


def _draw(kind: str, rng: np.random.Generator, vocabulary: Vocabulary, now: Any, shown: dict[str, int]) -> Event | None:
    """An event that changes something; None where there is nothing in view that could be removed."""
    match kind:
        case "weather":
            return WeatherChange(str(rng.choice([name for name in vocabulary.weathers if name != now.weather])))
        case "time":
            return TimeOfDay(TIMES[str(rng.choice([name for name in TIMES if name != now.time_of_day]))])
        case "scene":
            return SceneTransition(str(rng.choice([name for name in vocabulary.scenes if name != now.scene])))
        case "object":
            return ObjectAdd(str(rng.choice([name for name in vocabulary.objects if not shown.get(name)])))
        case "character":
            absent = [name for name in vocabulary.characters if not shown.get(name)]
            return CharacterAdd(str(rng.choice(absent or vocabulary.characters)), "stand")
    there = [name for name in vocabulary.things if shown.get(name, 0) >= STANDS_OUT]
    return ObjectRemove(str(rng.choice(there))) if there else None


def _shown(scripted: Scripted) -> dict[str, int]:
    """Pixels that each class shows."""
    sim = scripted.sim
    mask = sim.look(("semantic",), sim.width, sim.height, sim.samples)["semantic"]
    return _counted(mask, sim.metadata["classes"])


def _counted(mask: np.ndarray, classes: Sequence[str]) -> dict[str, int]:
    pixels = np.bincount(mask.ravel().astype(int), minlength=len(classes))
    return {name: int(count) for name, count in zip(classes, pixels, strict=False) if count}


def _jumps(scripted: Scripted) -> list[float]:
    """How high one jumps, in metres, on earth and on the moon."""
    if "jump" not in scripted.keys:
        return []
    heights = []
    for gravity in (EARTH_GRAVITY, MOON):
        scripted.sim.apply_event(PhysicsModifier(gravity=gravity))
        scripted.play(np.full(WITHIN, scripted.keys["noop"]))
        keys = np.array([scripted.keys["jump"]] + [scripted.keys["noop"]] * JUMP)
        up = scripted.play(keys)[:, 2, 3]
        heights.append(float(up.max() - up[-1]))
    return heights


def score_events(evaluation: Evaluation, cases: list[Episode], namer: Namer, enter: Enter = entered) -> dict[str, Any]:
    """The numbers of `events`, of cases that `play_event` made."""
    world, total = evaluation.world, len(cases)
    moments = [looked_at(case)[0].standing_still() for case in cases]
    chosen = taken(world, moments, enter)
    notes = left_out(len(chosen), total, "events")
    if not chosen:
        return {NOTES: notes}
    cases, moments = [cases[number] for number in chosen], [moments[number] for number in chosen]
    happened = [event_from_json(case.description["event"]) for case in cases]
    kinds = [case.description["kind"] for case in cases]
    frames, counts, equal, like = [], list[list[dict[str, int]]](), list[float](), list[float]()
    rows = parts(len(cases))
    for number, span in enumerate(rows):
        start = begin_at(world, moments[span], evaluation.config.seed + number, enter)
        keys, desc = cases[0].description["keys"], f"events, {number + 1} of {len(rows)}"
        looks, shown, same, near = _played(evaluation, start, happened[span], keys, desc)
        frames.append(looks)
        counts += shown
        concerned = [kind in ("object", "character", "remove") for kind in kinds[span]]
        equal += [value for value, counts_ in zip(same, concerned, strict=True) if counts_]
        like += [value for value, counts_ in zip(near, concerned, strict=True) if counts_]
    found: dict[str, Any] = {"event_cases": len(cases)}
    real = torch.from_numpy(np.stack([case.frames[1:] for case in cases]))
    told = (("", torch.cat(frames), counts), ("_real", real, [case.description["counts"] for case in cases]))
    for of, looks, shown in told:
        for when, at in (("", 0), ("_back", 1)):
            right = _right(namer, looks[:, at], happened, [(some[0], some[1 + at]) for some in shown])
            for kind in EVENTS:
                values = np.array([value for value, one in zip(right, kinds, strict=True) if one == kind], float)
                if len(values):
                    found[f"event_success_{kind}{when}{of}"] = float(values.mean())
            found[f"event_success{when}{of}"] = float(np.mean(right))
            if not of and not when:
                found["event_success_interval"] = interval(np.array(right, float))
    if equal:
        found |= {"event_collateral_equal": mean_of(equal), "event_collateral_db": mean_of(like)}
    few = max(1, int(evaluation.config.clips * LATER_SHARE))
    found |= _persisting(evaluation, moments[:few], happened[:few], cases[0].description["keys"], namer, enter)
    return found | _heights(evaluation, cases, moments, enter) | {NOTES: notes}


def _persisting(
    evaluation: Evaluation,
    moments: Sequence[Any],
    happened: Sequence[Event],
    keys: Sequence[int],
    namer: Namer,
    enter: Enter,
) -> dict[str, Any]:
    """event_persistence_60s: one looks away for a minute, and back."""
    world, (still, left, right) = evaluation.world, keys
    assert isinstance(world, TakesEvents)
    classes, later = world.provenance.source["classes"], round(LATER * world.fps)
    start = begin_at(world, moments, evaluation.config.seed, enter)
    before = [_counted(mask, classes) for mask in start.extras["semantic"].cpu().numpy()]
    state = world.apply_events(start, happened)
    blind = at_size(world, SMALL) if isinstance(world, AnySize) else world
    away = torch.tensor([[left] * AWAY + [still] * (later - 2 * AWAY) + [right] * (AWAY - 1)])
    *_, almost = steps(blind, state, away, by_keys=True, desc="events, a minute later")
    *_, last = steps(world, almost.state, torch.tensor([[right]]), by_keys=True)
    now = [_counted(mask, classes) for mask in last.state.extras["semantic"].cpu().numpy()]
    shows = np.array(_right(namer, last.state.frames.cpu(), happened, list(zip(before, now, strict=True))), float)
    return {"event_persistence_60s": float(shows.mean()), "event_persistence_60s_interval": interval(shows)}


def _played(
    evaluation: Evaluation, start: WorldState, happened: Sequence[Event], keys: Sequence[int], desc: str
) -> tuple[Tensor, list[list[dict[str, int]]], list[float], list[float]]:
    """Of rows in which these happen: frames of two looks; pixels of classes before and in both; and, against rows in which
    nothing happens, the share of pixels elsewhere that are equal, and how like they are (dB)."""
    world = evaluation.world
    assert isinstance(world, TakesEvents)
    classes = world.provenance.source["classes"]
    still, left, right = keys
    before = [_counted(mask, classes) for mask in start.extras["semantic"].cpu().numpy()]
    calm, state = start.clone(), world.apply_events(start, happened)
    played = torch.tensor([[still] * WITHIN + [left] * AWAY + [right] * AWAY])
    looks, shown = [], []
    for t, step in enumerate(steps(world, state, played, by_keys=True, desc=desc), 1):
        if t in (WITHIN, WITHIN + 2 * AWAY):
            looks.append(step.state.frames.cpu().clone())
            shown.append([_counted(mask, classes) for mask in step.state.extras["semantic"].cpu().numpy()])
        if t == WITHIN:
            masks = step.state.extras["instance"].cpu().clone()
    *_, quiet = steps(world, calm, played[:, :WITHIN], by_keys=True)
    elsewhere = masks == quiet.state.extras["instance"].cpu()
    same = (looks[0] == quiet.state.frames.cpu()).all(-1)
    equal = [float(one[mask].float().mean()) for one, mask in zip(same, elsewhere, strict=True)]
    shut = [torch.where(elsewhere[..., None], some, 0) for some in (looks[0], quiet.state.frames.cpu())]
    like = psnr(*shut).tolist()
    counted = [[before[row], shown[0][row], shown[1][row]] for row in range(len(before))]
    return torch.stack(looks, 1), counted, equal, like


def _right(
    namer: Namer, frames: Tensor, happened: Sequence[Event], shown: Sequence[tuple[dict[str, int], dict[str, int]]]
) -> list[bool]:
    """Whether each event shows: as the judge names the frame, or by the pixels of a class, before and now."""
    told = namer.tell(frames)
    named = {kind: [namer.kinds[kind][number] for number in told.names[kind]] for kind in KINDS}
    right = []
    for row, (event, (before, now)) in enumerate(zip(happened, shown, strict=True)):
        match event:
            case WeatherChange():
                right.append(named["weather"][row] == event.weather)
            case TimeOfDay():
                right.append(TIMES[named["time"][row]] == event.hour)
            case SceneTransition():
                right.append(named["scene"][row] == event.scene)
            case ObjectRemove():
                right.append(now.get(event.kind, 0) == 0)
            case ObjectAdd() | CharacterAdd():
                right.append(now.get(event.kind, 0) - before.get(event.kind, 0) >= SHOWS)
    return right


def _heights(evaluation: Evaluation, cases: list[Episode], moments: Sequence[Any], enter: Enter) -> dict[str, Any]:
    """How much higher one jumps on the moon, here and in the simulator."""
    jump, still = cases[0].description["jump"], cases[0].description["keys"][0]
    measured = defaultdict(list)
    for case in cases:
        if case.description["heights"] and case.description["heights"][0] > 0:
            earth, moon = case.description["heights"]
            measured["real"].append(moon / earth)
    if jump is None or not measured["real"]:
        return {}
    world, heights = evaluation.world, []
    assert isinstance(world, TakesEvents)
    some = [replace(moment, velocity=None) for moment in moments[:8]]
    for gravity in (EARTH_GRAVITY, MOON):
        state = begin_at(world, some, evaluation.config.seed, enter)
        state = world.apply_events(state, [PhysicsModifier(gravity=gravity)] * len(some))
        keys = torch.tensor([[still] * 4 + [jump] + [still] * JUMP])
        played = steps(world, state, keys, by_keys=True)
        up = torch.stack([step.state.extras["pose"][:, 2, 3].cpu().clone() for step in played])
        heights.append(up.max(0).values - up[-1])
    ratio = (heights[1] / heights[0].clamp(min=1e-3)).median()
    return {"jump_ratio_low_gravity": float(ratio), "jump_ratio_low_gravity_real": float(np.median(measured["real"]))}
