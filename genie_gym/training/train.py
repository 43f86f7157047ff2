"""Trains a world of any family, stage by stage. Stops and goes on anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from genie_gym.card import made_by_training
from genie_gym.datasets.video import VideoDataset
from genie_gym.devices import Ranks, autocast, pick_device
from genie_gym.errors import GenieGymError, check_name
from genie_gym.evaluation.judge import judge
from genie_gym.families import FAMILIES, find_family
from genie_gym.files import read_json, write_json
from genie_gym.pretrained import load_world, save_world
from genie_gym.training.begin import begin_with
from genie_gym.training.checkpoint import find_checkpoint, load_checkpoint
from genie_gym.training.computed import Computation
from genie_gym.training.forecast import Timing
from genie_gym.training.plan import TrainerConfig, TrainingPlan
from genie_gym.training.recordings import parts_of
from genie_gym.training.stage import ComputedStage, Stage
from genie_gym.training.trainer import Trainer
from genie_gym.world import World

PRESET_FILE = "preset.json"


def train_world(
    data: VideoDataset,
    out: str | Path,
    preset: str | None = None,
    stages: Sequence[str] | None = None,
    settings: Mapping[str, Any] | None = None,
    family: str = "genie1",
    minutes: float | Mapping[str, float] | None = None,
    init_from: str | Path | World | None = None,
) -> World:
    """Trains `stages` (all of them by default) into `out` (checkpoints, contact sheets, TensorBoard) and the world itself
    into `out/world`. Stages that are not trained now are loaded from `out`, where they are. Says beforehand what each stage
    will cost on this machine.

    Args:
        preset: None goes on with the one that `out` was begun with; else takes the largest that is worth the `minutes`, or
            the family's default where no minutes are given.
        settings: fields of the preset to change, by their path, for example
            {"world.tokenizer.codebook_size": 2048, "recipe.dynamics.batch_size": 64}.
        minutes: for all stages together, or of single stages by name. They count instead of the recipe's steps.
        init_from: a world (as `load_world` takes it) with whose networks to begin, instead of fresh ones, where `out` has no
            checkpoint of theirs. The sizes are that world's then, and only the recipe is the preset's. None goes on with the
            one that `out` was begun with, where that was given by name.

    Raises:
        GenieGymError: for names that are not there; video that lacks what a stage learns from, or episodes as long as it
            needs; a world to begin with of another family, or whose networks are too different; frames of another size than
            the settings ask for.
    """
    ranks = Ranks.here()
    with ranks.together():
        plan, out, settings = find_plan(family), Path(out), settings or {}
        asked, stages = stages or (), list(plan.stages) if stages is None else stages
        for stage in stages:
            check_name("stage", stage, plan.stages)
        if preset is not None:
            check_name("preset", preset, plan.presets)
        init_from = _begun_with(out, init_from)
        begun = None if init_from is None else load_world(init_from, "cpu")
        if begun is not None:
            if begun.family != family:
                raise GenieGymError(
                    f"a world of the family {family} cannot begin with one of {begun.family}; give the same family to both."
                )
            plan = plan.like(begun)
        for stage in asked:
            if not plan.can_train(stage, data):
                raise GenieGymError(
                    f"{data.paths[0]} has not what the stage {stage} learns from (labels); leave that stage out."
                )
        given = share_out(minutes, plan, stages, data)
        preset = choose_preset(plan, out, preset, stages, settings, given, data)
        if init_from is not None and not isinstance(init_from, World) and ranks.is_first:
            write_json(out / PRESET_FILE, {"preset": preset, "init_from": str(init_from)})
        clock = {f"recipe.{name}.minutes": value for name, value in given.items()}
        known = [name for name in plan.stages if name in stages or find_checkpoint(out, name)]
        fitted = plan.fitted(preset, {**clock, **settings}, data, known)
        recipes: dict[str, TrainerConfig] = {name: getattr(fitted.recipe, name) for name in known}
        for name in stages:  # the last one's too, before the first trains
            autocast(pick_device(recipes[name].device), recipes[name].precision)
        building = _Building(plan, fitted, data, begun, [name for name in known if plan.can_train(name, data)])
        world, built = building.fresh()
        for name, learning in built.items():
            if name in stages:
                learning.check()
        trained_for: dict[str, dict[str, float]] = {}
        for name in list(built):
            steps, passed, is_whole = _brought_on(built[name], recipes[name], out, ranks, trains=name in stages)
            trained_for[name] = {"steps": steps, "minutes": passed}
            if not is_whole:  # pieces of networks serve their own stage alone: another world loads what all have learned
                del world
                built.clear()
                world, built = building.fresh()
                for earlier in trained_for:
                    _brought_on(built[earlier], recipes[earlier], out, ranks, trains=False)
        for part in world.parts().values():
            part.eval()
        if ranks.is_first:
            counts = sum(len(part) for part in parts_of(data)), sum(part.num_frames for part in parts_of(data))
            made = made_by_training(preset, *counts, trained_for, begun)
            world.provenance = replace(world.provenance, made=made)
            save_world(world, out / "world")  # whole, though judging be interrupted
            _judge(world, data, out / "world")
        ranks.barrier()
        return world


@dataclass(frozen=True)
class _Building:
    """Makes the world that is trained, and its stages."""

    plan: TrainingPlan
    fitted: Any
    data: VideoDataset
    begun: World | None
    stages: Sequence[str]

    def fresh(self) -> tuple[World, dict[str, Stage]]:
        """As before its first step.

        Raises:
            GenieGymError: for frames of another size than the video has.
        """
        data = self.data
        world = self.plan.build(self.fitted, data)
        if tuple(world.frame_shape[:2]) != (data.height, data.width):
            raise GenieGymError(f"the video is {data.height}x{data.width} (height x width); leave the size of frames to it.")
        if self.begun is not None:
            begin_with(world, self.begun)
        return world, {name: self.plan.stages[name](world, data, self.fitted.recipe) for name in self.stages}


def _brought_on(stage: Stage, config: TrainerConfig, out: Path, ranks: Ranks, trains: bool) -> tuple[int, float, bool]:
    """Trains a stage on from where it stopped, or loads what it has learned.

    Returns:
        Its steps and minutes, and whether each process has the networks whole.
    """
    if isinstance(stage, ComputedStage):
        computation = Computation(stage, config, out)
        if trains:
            computation.run()
        return computation.step, computation.minutes, True
    if trains:
        trainer = Trainer(stage, config, out)
        trainer.run()
        return trainer.step, trainer.minutes, not trainer.is_sharded
    stage.settle(pick_device(config.device))
    begun = find_checkpoint(out, stage.name)
    assert begun is not None  # else it is not among those that are known
    return *load_checkpoint(begun, stage, None, ranks), True


def _judge(world: World, data: VideoDataset, folder: Path) -> None:
    """Says how good a world is, and keeps that with it. One that cannot begin yet, as stages are missing, is not judged."""
    try:
        judgement = judge(world, data, "its training video")
    except GenieGymError as error:
        print(f"it is not judged yet: {error}")
        return
    print(*judgement.report(), sep="\n")
    world.provenance = replace(world.provenance, judgement=judgement)
    save_world(world, folder)


def _begun_with(out: Path, given: str | Path | World | None) -> str | Path | World | None:
    """The world that training in `out` begins with: as given, or as noted there.

    Raises:
        GenieGymError: these are two.
    """
    note = out / PRESET_FILE
    noted = read_json(note).get("init_from") if note.exists() else None
    if noted is not None and given is not None and str(given) != noted:
        raise GenieGymError(f"{out} was begun with {noted}, not {given}; go on with it, or choose another --out.")
    return given if given is not None else noted


def share_out(
    minutes: float | Mapping[str, float] | None, plan: TrainingPlan, stages: Sequence[str], data: VideoDataset
) -> dict[str, float]:
    """The minutes of each stage that is given any; a total is shared out among the stages that the video can train step by
    step.

    Raises:
        GenieGymError: for minutes of a stage that is computed, and such as are not more than 0.
    """
    if minutes is None:
        return {}
    if isinstance(minutes, Mapping):
        for name in minutes:
            check_name("stage", name, plan.stages)
            refuse_computed(plan, name, "minutes")
        given = dict(minutes)
    else:
        shares = {name: plan.shares[name] for name in stages if plan.can_train(name, data) and not plan.computes(name)}
        given = {name: minutes * share / sum(shares.values()) for name, share in shares.items()}
    for name, value in given.items():
        if not value > 0:
            raise GenieGymError(f"minutes are more than 0; got {value:g} for {name}.")
    return given


def refuse_computed(plan: TrainingPlan, stage: str, what: str) -> None:
    """Raises `GenieGymError` where a stage that is computed is given minutes or steps."""
    if plan.computes(stage):
        raise GenieGymError(f"{stage} is computed from the whole recording in one go; give it no {what}.")


def choose_preset(
    plan: TrainingPlan,
    out: Path,
    preset: str | None,
    stages: Sequence[str],
    settings: Mapping[str, Any],
    minutes: Mapping[str, float],
    data: VideoDataset,
) -> str:
    """The preset to train, with a word on what it will cost here; noted in `out`, so that later runs go on with it.

    Raises:
        GenieGymError: `out` was begun with another one.
    """
    note, ranks = out / PRESET_FILE, Ranks.here()
    begun = str(read_json(note)["preset"]) if note.exists() else None
    if begun and preset not in (None, begun):
        raise GenieGymError(
            f"{out} was begun with the preset {begun}, not {preset}; go on with it, or choose another --out."
        )
    preset = preset or begun
    new = [name for name in stages if not find_checkpoint(out, name) and plan.can_train(name, data)]
    if computed := [name for name in new if plan.computes(name)]:
        print(f"{', '.join(computed)}: computed from the whole recording, however long that takes, before what is forecast.")
    new = [name for name in new if name not in computed]
    if new and ranks.is_alone:  # several processes would time each other
        timing = Timing(plan, data, new, settings, minutes)
        if preset is None and minutes:
            preset = timing.choose()
        elif timing.is_worth_it(preset or plan.default):
            timing.warn(preset or plan.default)
    preset = preset or plan.default
    if ranks.is_first:
        write_json(note, {"preset": preset})
    return preset


def find_plan(family: str) -> TrainingPlan:
    plan: TrainingPlan | None = find_family(family).load("training")
    if plan is None:
        trained = ", ".join(name for name, other in FAMILIES.items() if other.training)
        raise GenieGymError(f"worlds of the family {family!r} are not trained here; there are {trained}.")
    return plan
