"""Genie 2: a 3D place that keeps its shape while one walks in it. Reset and step, the algorithm from top to bottom.

A row's memory is outside the networks: RGB-D keyframes with poses. A step moves the camera, recalls what it sees from
memory, imagines a whole coming view where too much of it is new, and repairs what is left open. Where a prompt asked for a
place, that is composed first, and coming views are drawn from it.

Legend: B rows, R some of them, N tasks (of `encode_with_depth`: places of a view's tokens, E their size), A latent action
size, T time, F = T - 1 transitions, K recalled views, P points, H W image, h w places of classes.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn

from genie_gym.actions import ContinuousActions, DiscreteActions
from genie_gym.devices import autocast, full_precision
from genie_gym.errors import GenieGymError
from genie_gym.genie2.config import Genie2Config
from genie_gym.genie2.consistency import consistency_score
from genie_gym.genie2.imagination import Imagination
from genie_gym.genie2.perception import DepthEstimator
from genie_gym.genie2.rgbd import pack, tokens
from genie_gym.genie2.tasks import SURE, TaskHead
from genie_gym.geometry.goals import Goal
from genie_gym.geometry.level import from_level, level_pose, pitch_of, to_level
from genie_gym.geometry.memory import KeyframeMemory
from genie_gym.geometry.obstacles import free_walk
from genie_gym.geometry.percept import SKY, Percept
from genie_gym.geometry.pose import invert, motion_to_pose, pose_to_motion
from genie_gym.geometry.reproject import Seen, Views, reproject, some_points
from genie_gym.geometry.surroundings import mirror, spread
from genie_gym.geometry.things import Things
from genie_gym.models.chunks import in_chunks
from genie_gym.models.motion.keys import KeyMap, stand
from genie_gym.models.motion.latent_action import SIZE, LatentActionModel
from genie_gym.models.tokenizer import as_float, as_uint8
from genie_gym.places.composed import Composed, Composer
from genie_gym.pretrained import shared_world
from genie_gym.text.prompt import Prompt
from genie_gym.text.spec import WorldSpec
from genie_gym.text.tokens import Report
from genie_gym.world import Prediction, Provenance, Start, World, WorldState

REST = 1e-3  # metres and radians a step: less is no motion at all
LAST_PENALTY = 3.0  # how much less the last frame is trusted than keyframes, which were not drawn from others
WITNESS_VIEWS = 3  # keyframes that are asked for what stands in the way
POINT_STEP = 4  # pixels between the points that are asked
FARTHEST = 0.6  # metres and radians, along or around each axis: how far ahead a view is imagined at most
FRONT = 0.97  # a thing is drawn where it is no farther away than this share of what is behind it
PAIRS = 64  # of frames whose motion is read at once


@dataclass(kw_only=True)
class Genie2State(WorldState):
    """What a row is. Poses are camera to world: level, at the first camera's place (`geometry.level`)."""

    pose: Float[Tensor, "B 4 4"]
    inverse_depth: Float[Tensor, "B H W"]
    moving: Bool[Tensor, "B H W"]
    """Pixels of the frame that show things which move."""
    memory: KeyframeMemory
    things: Things
    walk: Float[Tensor, "B 3"]
    """The last level walk: right, down, forward."""
    floor: Float[Tensor, " B"]
    """How far down the camera was where one last stood."""
    stood: Int[Tensor, " B"]
    """For how many steps one has neither risen nor fallen."""
    imagined: Int[Tensor, " B"]
    """Steps since a view was imagined."""
    place: Composed
    """What was composed for a prompt, without what moves; the first camera is its entrance."""
    task: Int[Tensor, " B"]
    """What is to be done, a number in the configuration's `goals`; -1: nothing."""
    reached: Bool[Tensor, " B"]
    """Whether it was done."""


@dataclass(frozen=True)
class FirstView:
    """What is seen at first of composed places: the frame, its inverse depth, what in it can be pushed, what goes about by
    itself, and the view and inverse depth behind these."""

    place: Composed
    frames: UInt8[Tensor, "R H W 3"]
    inverse_depth: Float[Tensor, "R H W"]
    pushable: Bool[Tensor, "R H W"]
    being: Bool[Tensor, "R H W"]
    behind: UInt8[Tensor, "R H W 3"]
    depth_behind: Float[Tensor, "R H W"]

    def correct(self, percept: Percept, rows: Int[Tensor, " R"]) -> None:
        """Overwrites what perception estimated of these rows by what is known, in place."""
        percept.inverse_depth[rows], percept.pitch[rows] = self.inverse_depth, 0.0
        percept.pushable[rows], percept.being[rows] = self.pushable, self.being


def inverse(depth: Float[Tensor, "B H W"]) -> Float[Tensor, "B H W"]:
    """Metres as inverse depth; the sky reads `SKY`."""
    return (1 / depth).clamp(min=SKY)


class Genie2World(World, nn.Module):
    """A learned 3D place. Its own actions are latent: how the camera moves, in numbers learned from frames. It takes keys
    too (`key_actions`)."""

    family = "genie2"
    format_version = 2
    truth = ("depth", "pose", "instance", "entities")

    def __init__(self, config: Genie2Config):
        nn.Module.__init__(self)
        self.config = config
        self.vocabulary = config.vocabulary
        camera = self.camera = config.camera
        self.perception = DepthEstimator(config.perception, config.classes)
        self.latent_actions = LatentActionModel(config.latent_actions, camera)
        self.imagination = Imagination(config.imagination)
        self.keys_to_motion = KeyMap(config.keys)
        self.task_head = TaskHead(config.task_head, config.goals) if config.goals else None
        self.goals = [_class_of(goal, config.classes) for goal in config.goals]
        self.actions = ContinuousActions(SIZE)
        self.keys = DiscreteActions(len(config.keys.keys))
        self.key_names = config.keys.keys
        self.classes = config.classes
        self.frame_shape = (camera.height, camera.width, 3)
        self.fps, self.provenance = config.fps, Provenance(config.source)
        self.extras = {
            "depth": gym.spaces.Box(0, 1 / SKY, (camera.height, camera.width), np.float32),
            "pose": gym.spaces.Box(-np.inf, np.inf, (4, 4), np.float32),
            "intrinsics": gym.spaces.Box(0, np.inf, (3, 3), np.float32),
        }

    @property
    def tasks(self) -> tuple[str, ...]:  # type: ignore[override]
        """What it has learned to tell the goal of."""
        known = self.task_head is not None and int(self.task_head.label_count)
        return tuple(goal.task for goal in self.config.goals) if known else ()

    def config_dict(self) -> dict[str, Any]:
        return self.config.to_dict()

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Genie2World:
        world = cls(Genie2Config.from_dict(config))
        return world.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]  # faster on CPUs

    def parts(self) -> Mapping[str, nn.Module]:
        return dict(self.named_children())

    @property
    def imagines_starts(self) -> bool:  # type: ignore[override]
        return bool(self.config.composer)

    def composer(self) -> Composer:
        """The world that composes the places that prompts ask for.

        Raises:
            GenieGymError: there is none, or it composes no places.
        """
        composer = shared_world(self.config.composer, str(self.device))
        if not isinstance(composer, Composer):
            raise GenieGymError(f"{self.config.composer!r} composes no places; name a world that does, as genie3.")
        return composer

    def report_of(self, report: Report, asked: WorldSpec) -> Report:
        return self.composer().report_of(report, asked) if self.imagines_starts else super().report_of(report, asked)

    # Play

    @torch.no_grad()
    def reset(self, seed: Int[Tensor, " B"], start: Start | None = None) -> Genie2State:
        """New episodes. Without frames and prompts, from frames of the world's own; what a prompt asks for is composed, with
        its depth. Of all other frames depth is estimated. The first frame is the first keyframe."""
        start = start or Start()
        self.check_start(start, len(seed))
        with full_precision(self.device):
            return self._begin(seed, start)

    def _begin(self, seed: Int[Tensor, " B"], start: Start) -> Genie2State:
        seed = seed.to(self.device)
        composes = self.imagines_starts and start.frames is None
        asked = {row: prompt for row, prompt in enumerate(start.prompts or ()) if prompt is not None and composes}
        rows = torch.tensor(list(asked), dtype=torch.int64, device=self.device)
        if len(asked) < len(seed):
            frames = self.starts.first_frames(seed, replace(start, prompts=None) if asked else start).to(self.device)
        else:
            frames = torch.empty((len(seed), *self.frame_shape), dtype=torch.uint8, device=self.device)
        place = Composed.none(len(seed), self.device)
        first = self._compose(seed[rows], list(asked.values())) if asked else None
        if first is not None:
            place.put(rows, first.place)
            frames[rows] = first.frames
        percept = self.perceive(frames)
        if first is not None:
            first.correct(percept, rows)
        tasks = [-1 if task is None else self.tasks.index(task) for task in start.tasks or [None] * len(seed)]
        origin = torch.zeros(len(seed), 3, device=self.device)
        pose = level_pose(torch.zeros_like(percept.pitch), percept.pitch, origin)
        colours, movable = frames.movedim(-1, 1).contiguous(), percept.pushable | percept.being
        kept, known = colours.clone(), torch.where(movable, 0.0, percept.inverse_depth)
        if first is not None:
            kept[rows], known[rows] = first.behind.movedim(-1, 1), first.depth_behind
        memory = KeyframeMemory.empty(len(seed), self.config.memory.slots, self.camera, self.device)
        memory.write(torch.arange(len(seed), device=self.device), kept, known, pose, penalty=0.0)
        return Genie2State(
            frames=frames.clone(),
            extras=self._extras(percept.inverse_depth, pose),
            position=torch.zeros_like(seed),
            seed=seed.clone(),
            pose=pose,
            inverse_depth=percept.inverse_depth,
            moving=movable,
            memory=memory,
            things=Things.cut_out(colours, percept.inverse_depth, percept.pushable, percept.being, pose, percept.velocity),
            walk=torch.zeros_like(origin),
            floor=torch.zeros_like(percept.pitch),
            stood=torch.full_like(seed, 2),
            imagined=torch.full_like(seed, self.config.memory.pause),
            place=place,
            task=torch.tensor(tasks, device=self.device),
            reached=torch.zeros_like(seed, dtype=torch.bool),
        )

    def _compose(self, seed: Int[Tensor, " R"], prompts: Sequence[Prompt]) -> FirstView:
        """Places as prompts ask for them, and what one sees at first."""
        composer = self.composer()
        whole = composer.compose(seed, prompts)
        place, here = whole.without_moving(), torch.eye(4, device=self.device).repeat(len(seed), 1, 1)
        seen, behind = (some.seen(composer.library, here, self.camera) for some in (whole, place))
        line = seen.line.flatten(1)
        shown = (line >= 0) & whole.moving.gather(1, line.clamp(min=0))
        being = shown & (whole.things.behaviour.gather(1, line.clamp(min=0)) >= 0)
        size = seen.line.shape
        return FirstView(
            place, seen.colours, inverse(seen.depth), (shown & ~being).reshape(size), being.reshape(size),
            behind.colours, inverse(behind.depth),
        )  # fmt: skip

    @torch.no_grad()
    def step(self, state: WorldState, actions: Float[Tensor, "B A"]) -> tuple[Genie2State, Prediction]:
        """One latent action a row. The memory of the given state is written to: keep a `clone()` to go back."""
        assert isinstance(state, Genie2State)
        with full_precision(self.device):
            return self._go(state, actions)

    def _go(self, state: Genie2State, actions: Float[Tensor, "B A"]) -> tuple[Genie2State, Prediction]:
        position = state.position + 1
        motion = self.latent_actions.motion(actions.to(self.device))
        motion = torch.where(motion.abs().amax(1, keepdim=True) < REST, 0.0, motion)
        pose, things = self._move(state, motion)
        motion = pose_to_motion(invert(state.pose) @ pose)
        seen = self._recall(state, pose)
        new = 1 - seen.covered.float().mean((1, 2))
        waited = state.imagined + 1
        imagining = (new > self.config.memory.new) & (waited >= self.config.memory.pause)
        moves = motion.abs().amax(1) >= REST
        from_nearer = state.place.known & moves & (waited >= self.config.memory.ahead)  # what is composed shows more then
        imagining |= from_nearer
        if len(rows := imagining.nonzero()[:, 0]):
            self._imagine(state, rows, pose[rows], motion[rows], position[rows])
            seen.put(rows, self._recall(state, pose[rows], rows))
        colours, inverse_depth, moving = self._finish(seen, things, pose)
        rests = ~moves & ((things.shift - state.things.shift).abs().amax((1, 2)) < REST)
        pose = torch.where(rests[:, None, None], state.pose, pose)
        frames = torch.where(rests[:, None, None, None], state.frames, as_uint8(colours))
        inverse_depth = torch.where(rests[:, None, None], state.inverse_depth, inverse_depth)
        moving = torch.where(rests[:, None, None], state.moving, moving)
        walk = to_level(state.pose, pose)[:, :3]
        stood, floor = stand(walk[:, 1], pose[:, 1, 3], state.stood, state.floor)
        reached = self._reached(state, frames, inverse_depth)
        following = Genie2State(
            frames=frames,
            extras=self._extras(inverse_depth, pose),
            position=position,
            seed=state.seed,
            pose=pose,
            inverse_depth=inverse_depth,
            moving=moving,
            memory=state.memory,
            things=things,
            walk=walk,
            floor=floor,
            stood=stood,
            imagined=torch.where(imagining, 0, waited),
            place=state.place,
            task=state.task,
            reached=state.reached | reached,
        )
        return following, Prediction(frames=frames, rewards=reached.float(), terminated=reached, extras=following.extras)

    def key_actions(self, state: WorldState, keys: Int[Tensor, " B"]) -> Float[Tensor, "B A"]:
        """The latent actions that keys come to, as one moves now. Walls are `step`'s matter."""
        assert isinstance(state, Genie2State)
        with torch.no_grad(), full_precision(self.device):
            seen = torch.stack([state.floor - state.pose[:, 1, 3], pitch_of(state.pose)], 1)
            motion = in_chunks(self.keys_to_motion, keys.to(self.device), torch.cat([state.walk, seen], 1))
            return self.latent_actions.action(from_level(state.pose, motion))

    def without_memory(self) -> Genie2World:
        """The same world, which remembers its last frame alone (and where the things went): what memory is compared with. It
        recalls no keyframe, not for walls either, and imagines none. Shares the networks."""
        other = copy.copy(self)
        other.config = replace(self.config, memory=replace(self.config.memory, views=0, new=1.0))
        return other

    # The step's parts

    def _move(self, state: Genie2State, motion: Float[Tensor, "B 6"]) -> tuple[Float[Tensor, "B 4 4"], Things]:
        """Where the camera and the things go: what stands in the way stops the camera, unless it can be pushed."""
        wanted = state.pose @ motion_to_pose(motion)
        walk = wanted[:, :3, 3] - state.pose[:, :3, 3]
        across = walk[:, 0::2]
        ahead = level_pose(torch.atan2(across[:, 0], across[:, 1]), torch.zeros_like(across[:, 0]), state.pose[:, :3, 3])
        remembers = self.config.memory.views > 0
        views = state.memory.recall(ahead, self.camera, WITNESS_VIEWS) if remembers else self._last(state)
        points, near = some_points(views.inverse_depth, views.poses, self.camera, POINT_STEP)
        others, number = state.things.surface(self.camera)
        solid = (number >= 0) & ~state.things.pushable.gather(1, number.clamp(min=0))
        points, known = torch.cat([points, others], 1), torch.cat([near > 0, solid], 1)
        allowed = free_walk(points - state.pose[:, None, :3, 3], known, across, self.config.body)
        moves = across.abs().amax(1, keepdim=True) > REST
        across = torch.where(moves, allowed, across)
        place = state.pose[:, :3, 3] + torch.stack([across[:, 0], walk[:, 1], across[:, 1]], 1)
        pose = torch.cat([torch.cat([wanted[:, :3, :3], place[..., None]], 2), wanted[:, 3:]], 1)
        return pose, state.things.go_on(place, self.camera, self.config.body)

    def _recall(self, state: Genie2State, pose: Float[Tensor, "R 4 4"], rows: Int[Tensor, " R"] | None = None) -> Seen:
        """What memory knows of the view from `pose`, of some rows or of all; where that is nothing, what the last frame
        shows."""
        views = self._last(state, rows)
        if self.config.memory.views:
            views = views.beside(state.memory.recall(pose, self.camera, self.config.memory.views, rows))
        return reproject(views, pose, self.camera)

    def _last(self, state: Genie2State, rows: Int[Tensor, " R"] | None = None) -> Views:
        """The last frame, without what moves."""
        chosen = slice(None) if rows is None else rows
        still = torch.where(state.moving[chosen], 0.0, state.inverse_depth[chosen])
        penalty = torch.full((len(still), 1), LAST_PENALTY, device=still.device)
        return Views(as_float(state.frames[chosen])[:, None], still[:, None], state.pose[chosen][:, None], penalty)

    def _imagine(
        self,
        state: Genie2State,
        rows: Int[Tensor, " R"],
        pose: Float[Tensor, "R 4 4"],
        motion: Float[Tensor, "R 6"],
        position: Int[Tensor, " R"],
    ) -> None:
        """Writes a keyframe of the view that comes if one goes on as now: as the row's place shows it, or else imagined."""
        ahead = pose @ motion_to_pose((motion * self.config.memory.ahead).clamp(-FARTHEST, FARTHEST))
        frames = torch.empty((len(rows), *self.frame_shape), dtype=torch.uint8, device=self.device)
        inverse_depth = torch.empty(frames.shape[:3], device=self.device)
        composed = state.place.known[rows]
        if len(some := composed.nonzero()[:, 0]):
            seen = state.place.select(rows[some]).seen(self.composer().library, ahead[some], self.camera)
            frames[some], inverse_depth[some] = seen.colours, inverse(seen.depth)
        if len(some := (~composed).nonzero()[:, 0]):
            known = self._recall(state, ahead[some], rows[some])
            colours, inverse_depth[some] = self.imagination(known, state.seed[rows[some]], position[some])
            frames[some] = as_uint8(colours)
        state.memory.write(rows, frames.movedim(-1, 1), inverse_depth, ahead, self.config.memory.penalty)

    def _finish(
        self, seen: Seen, things: Things, pose: Float[Tensor, "B 4 4"]
    ) -> tuple[Float[Tensor, "B 3 H W"], Float[Tensor, "B H W"], Bool[Tensor, "B H W"]]:
        """The frame: what was recalled, its last gaps closed, and the things before it; its inverse depth; and which pixels
        show things."""
        packed = torch.cat([seen.colours, seen.inverse_depth[:, None]], 1)
        folded, found = mirror(packed, seen.inverse_depth, seen.covered, torch.ones(len(pose), device=pose.device))
        whole = torch.where(found[:, None], folded, spread(packed, seen.covered))
        colours, near, number = things.draw(pose, self.camera)
        front = (number >= 0) & (near >= FRONT * whole[:, 3])
        colours = torch.where(front[:, None], colours, whole[:, :3])
        return colours, torch.where(front, near, whole[:, 3]).clamp(min=SKY), front

    def _reached(
        self, state: Genie2State, frames: UInt8[Tensor, "B H W 3"], inverse_depth: Float[Tensor, "B H W"]
    ) -> Bool[Tensor, " B"]:
        """Which rows reach the goal of their task with these frames, for the first time."""
        if self.task_head is None or bool((state.task < 0).all()):
            return torch.zeros_like(state.reached)
        chance = in_chunks(self._task_chances, as_float(frames), inverse_depth)
        mine = chance.gather(1, state.task.clamp(min=0)[:, None])[:, 0]
        return (mine > SURE) & (state.task >= 0) & ~state.reached

    def _extras(self, inverse_depth: Float[Tensor, "B H W"], pose: Float[Tensor, "B 4 4"]) -> dict[str, Tensor]:
        intrinsics = torch.from_numpy(self.camera.intrinsics()).to(pose.device)
        depth = (1 / inverse_depth).clamp(max=1 / SKY)  # 1 / SKY rounds either way
        return {"depth": depth, "pose": pose.clone(), "intrinsics": intrinsics.repeat(len(pose), 1, 1)}

    # Reading real video

    @torch.no_grad()
    def task_chances(self, frames: UInt8[Tensor, "B H W 3"]) -> Float[Tensor, "B N"]:
        """The chance that each of `tasks` is done in each of these real frames.

        Raises:
            GenieGymError: of a world that knows no tasks.
        """
        seen = as_float(frames.to(self.device))
        with full_precision(self.device):
            return self._task_chances(seen, self.perception(seen).inverse_depth)

    def _task_chances(self, frames: Float[Tensor, "B 3 H W"], inverse_depth: Float[Tensor, "B H W"]) -> Float[Tensor, "B N"]:
        if self.task_head is None:
            raise GenieGymError("this world knows no tasks; train it on recordings that show their goals.")
        return self.task_head.chances(self.shown_goals(frames), inverse_depth)

    def shown_goals(self, frames: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B N h w"]:
        """How likely each place of frames in [0, 1] shows the thing that each task of the configuration asks for."""
        with autocast(self.device, "auto"):  # for classes, that is precise enough
            return self.perception.chances(frames)[:, self.goals]

    @torch.no_grad()
    def infer_actions(self, frames: UInt8[Tensor, "B T H W 3"]) -> Float[Tensor, "B F A"]:
        video = as_float(frames.to(self.device))
        before, after = video[:, :-1].flatten(0, 1), video[:, 1:].flatten(0, 1)
        parts = []
        with full_precision(self.device):
            for first, second in zip(before.split(PAIRS), after.split(PAIRS), strict=True):
                parts.append(self.latent_actions.infer(first, second, self.perception(second).inverse_depth))
        return torch.cat(parts).unflatten(0, (len(frames), video.shape[1] - 1))

    @torch.no_grad()
    def encode_with_depth(
        self, frames: UInt8[Tensor, "B T H W 3"]
    ) -> tuple[Float[Tensor, "B T N E"], Float[Tensor, "B T H W"]]:
        """Tokens that hold colour and depth together, 2×2 cells of 4×4 pixels each, and the depth maps, in metres."""
        with full_precision(self.device):
            flat = as_float(frames.to(self.device)).flatten(0, 1)
            inverse_depth = torch.cat([self.perception(part).inverse_depth for part in flat.split(PAIRS)])
            fused = tokens(pack(flat, inverse_depth))
        shape = frames.shape[:2]
        return fused.unflatten(0, shape), (1 / inverse_depth).unflatten(0, shape)

    @torch.no_grad()
    def perceive(self, frames: UInt8[Tensor, "B H W 3"]) -> Percept:
        """How far away what real frames show is, which class it is, what of it moves, and how far the camera looks up."""
        with full_precision(self.device):
            return in_chunks(self.perception, as_float(frames.to(self.device)))

    def tell_classes(self, frames: UInt8[Tensor, "B H W 3"]) -> Int[Tensor, "B H W"]:
        return self.perceive(frames).semantic

    @torch.no_grad()
    def ensure_consistency(self, frames: UInt8[Tensor, "B T H W 3"]) -> Float[Tensor, " B"]:
        """How much each clip looks like one walk through one place, from 0 to 1: real ones score near 1, such as melt or are
        out of order near 0. From frames alone; what the score cannot see is told in docs/genie2.md.

        Raises:
            GenieGymError: clips of a single frame, or of another size than the world's.
        """
        with full_precision(self.device):
            return consistency_score(self.perception, self.latent_actions, frames.to(self.device))


def _class_of(goal: Goal, classes: Sequence[str]) -> int:
    """The number of the class of what a task asks for."""
    if goal.kind not in classes:
        raise GenieGymError(f"the goal of {goal.task!r} is none of the classes that this world knows: {', '.join(classes)}.")
    return classes.index(goal.kind)
