"""Genie 3: a place made of things, in which one walks. Reset and step, the algorithm from top to bottom.

A row is a table of things on a ground, under a weather and an hour. A prompt becomes a place by the layout model; a step
moves the player and the beings, asks whether the task is done, and draws what the camera sees. Nothing is redrawn from what
was drawn, so nothing drifts.

Legend: B rows, A size of a latent action, C cells along a side of the square, T frames, F = T - 1 transitions, H W image.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import gymnasium as gym
import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from genie_gym.actions import ContinuousActions, DiscreteActions
from genie_gym.devices import full_precision
from genie_gym.errors import GenieGymError
from genie_gym.genie3.acting import Acts
from genie_gym.genie3.asked import known, spec_of, with_goal
from genie_gym.genie3.beings import go_about
from genie_gym.genie3.config import Genie3Config, resized
from genie_gym.genie3.entering import Entered, condition_of, enter
from genie_gym.genie3.events import KNOWN, Happenings, shade
from genie_gym.genie3.given import check_place, filled_in
from genie_gym.genie3.memory import ActionMemory
from genie_gym.genie3.motion import Motion
from genie_gym.genie3.passing import Passing
from genie_gym.genie3.picture import Picture, shown_lines, tones
from genie_gym.genie3.pictured import Pictured, eyes_of, pictured, things_in
from genie_gym.genie3.predictor import ActionPredictor
from genie_gym.genie3.rules import NOWHERE, Rules
from genie_gym.genie3.state import MOST, Genie3State, places_of, specs_of
from genie_gym.genie3.tasks import Tasks
from genie_gym.genie3.walker import Walker, go, wanted
from genie_gym.geometry.scene_graph.scene import SceneGraph
from genie_gym.places import collision
from genie_gym.places.composed import Composed
from genie_gym.places.draw import Seen, draw
from genie_gym.places.graph import scene_graph
from genie_gym.places.layout.model import LayoutModel
from genie_gym.places.library import AssetLibrary
from genie_gym.places.light import Condition
from genie_gym.places.place import Place
from genie_gym.places.seen import FAR
from genie_gym.text.prompt import Prompt
from genie_gym.text.spec import CharacterAdd, Event, ObjectAdd, WorldSpec
from genie_gym.text.tokens import Report
from genie_gym.visual import fit, read_image
from genie_gym.world import ACTION_PRIOR, Prediction, Provenance, Start, WorldState

T = TypeVar("T")
NORTH = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]], np.float32)  # a camera that looks there


class Genie3World(Acts, nn.Module):
    """A world made of things. Its own actions are latent: motions of the camera, learned from frames. It takes keys too
    (`key_actions`), codes of prototypes, prompts, tasks, and places that are given."""

    family = "genie3"
    format_version = 2
    truth = ("depth", "pose", "instance", "entities")
    takes_places = True
    imagines_starts = True
    places_goals = True
    events = KNOWN

    def __init__(self, config: Genie3Config):
        nn.Module.__init__(self)
        self.config = config
        self.library = AssetLibrary(config.library)
        self.layout = None if config.layout is None else LayoutModel(config.layout)
        self.motion = Motion(config.stride, config.latent)
        self.predictor = None if config.predictor is None else ActionPredictor(config.predictor, config.latent)
        self.errands = Tasks(config)
        self.camera = config.camera
        self.vocabulary = config.vocabulary
        self.actions = ContinuousActions(config.latent.size)
        self.keys = DiscreteActions(len(config.stride.keys))
        self.key_names = config.stride.keys
        self.prototypes = DiscreteActions(config.latent.prototypes)
        self.fps, self.provenance = config.fps, Provenance(config.source)

    @property
    def frame_shape(self) -> tuple[int, int, int]:  # type: ignore[override]
        return (self.camera.height, self.camera.width, 3)

    @property
    def extras(self) -> Mapping[str, gym.spaces.Box]:  # type: ignore[override]
        """Depth in metres; classes (`classes`) and numbers of things a pixel; the camera, to world, z up; of a world with a
        prior, the latent action that it draws next."""
        size = (self.camera.height, self.camera.width)
        latent = gym.spaces.Box(-1, 1, (self.config.latent.size,), np.float32)
        return {
            **({} if self.predictor is None else {ACTION_PRIOR: latent}),
            "depth": gym.spaces.Box(0, FAR, size, np.float32),
            "semantic": gym.spaces.Box(0, 255, size, np.uint8),
            "instance": gym.spaces.Box(-1, 2**31 - 1, size, np.int32),
            "pose": gym.spaces.Box(-np.inf, np.inf, (4, 4), np.float32),
            "intrinsics": gym.spaces.Box(0, np.inf, (3, 3), np.float32),
        }

    @property
    def takes_frames(self) -> bool:  # type: ignore[override]
        return bool(self.config.eyes) and self.layout is not None

    @property
    def classes(self) -> tuple[str, ...]:
        """What pixels may show, by name."""
        return self.library.config.classes

    @property
    def tasks(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.errands.names

    @property
    def prototype_names(self) -> tuple[str, ...]:
        return self.motion.latent.prototype_names()

    def config_dict(self) -> dict[str, Any]:
        return self.config.to_dict()

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Genie3World:
        return cls(Genie3Config.from_dict(config))

    def parts(self) -> Mapping[str, nn.Module]:
        networks = {
            "library": self.library, "layout": self.layout, "motion": self.motion, "predictor": self.predictor,
        }  # fmt: skip
        return {name: network for name, network in networks.items() if network is not None}

    def take_library(self, library: AssetLibrary) -> None:
        """Draws with another library from now on."""
        self.config = replace(self.config, library=library.config)
        self.library, self.errands = library, Tasks(self.config)

    def take_layout(self, layout: LayoutModel) -> None:
        """Lays places out by another model from now on."""
        self.config = replace(self.config, layout=layout.config)
        self.layout = layout

    def at_size(self, height: int, width: int) -> Genie3World:
        other = copy.copy(self)
        other.camera = resized(self.camera, height, width)
        return other

    # What it is asked for

    def report_of(self, report: Report, asked: WorldSpec) -> Report:
        return replace(report, ignored=[*report.ignored, *known(asked, self.config)[1]])

    def check_start(self, start: Start, rows: int) -> None:
        super().check_start(start, rows)
        places, prompts = _a_row(start.places, rows), _a_row(start.prompts, rows)
        for place in {id(place): place for place in places if place is not None}.values():
            check_place(place, self.library.config, self.config.capacity)
        if start.frames is not None and any(place is not None for place in places):
            raise GenieGymError("an episode begins in a picture or in a place; give one of them.")
        if self.layout is None and (None in places or any(prompt is not None for prompt in prompts)):
            raise GenieGymError("this world has learned no layouts; give each row a place, and no prompt.")

    # Play

    @torch.no_grad()
    def reset(self, seed: Int[Tensor, " B"], start: Start | None = None) -> Genie3State:
        """New episodes. What a prompt asks for is laid out; without a prompt any place; one that is given is as it is, and
        with what its prompt asks for besides. A picture becomes the place that it shows, completed."""
        start, rows = start or Start(), len(seed)
        self.check_start(start, rows)
        prompts, tasks = _a_row(start.prompts, rows), _a_row(start.tasks, rows)
        numbers = [number & MOST for number in seed.tolist()]
        shown = None if start.frames is None else self._perceived(start.frames, numbers)
        given = _a_row(start.places if shown is None else shown.places, rows)
        places = [None if place is None else filled_in(place, self.library.config) for place in given]
        specs = [
            spec_of(prompt, place, number, self.vocabulary, self.config)
            for prompt, place, number in zip(prompts, places, numbers, strict=True)
        ]
        specs = specs if shown is None else shown.specs
        laid = self._lay_out(specs, numbers, prompts, places, tasks)
        condition = condition_of(specs, self.library)
        with full_precision(self.device):
            keeps_spawn = [place is not None for place in places]
            entered = enter(laid, tasks, numbers, keeps_spawn, condition, self.library, self.config)
            state = self._begin(seed.to(self.device), specs, tasks, condition.to(self.device), entered)
            return state if start.frames is None or shown is None else self._pictured(state, start.frames, shown)

    def _perceived(self, frames: UInt8[Tensor, "B H W 3"], numbers: Sequence[int]) -> Pictured:
        assert self.layout is not None  # else it takes no frames
        eyes = eyes_of(self.config, self.device)
        return pictured(frames.to(self.device), numbers, eyes, self.library, self.layout, self.camera, self.config)

    def _pictured(self, state: Genie3State, frames: UInt8[Tensor, "B H W 3"], shown: Pictured) -> Genie3State:
        """The state as one looks at these pictures."""
        frames, percept = frames.to(self.device), shown.percept
        walker = replace(state.walker, pitch=percept.pitch.clamp(-self.config.pitch, self.config.pitch))
        state = self.drawn(replace(state, walker=walker))
        pose, moves = state.extras["pose"], percept.pushable | percept.being
        line, origin = shown_lines(moves, percept.inverse_depth, pose, state.things, self.camera)
        picture = Picture(
            colours=frames.movedim(-1, 1).contiguous(),
            inverse_depth=torch.where(moves & (line < 0), 0.0, percept.inverse_depth).half(), pose=pose.clone(), line=line,
            origin=origin, tone=tones(frames, ~moves, state.frames, state.extras["depth"], state.extras["instance"]),
            known=torch.ones_like(state.reached),
        )  # fmt: skip
        depth = (1 / percept.inverse_depth).clamp(max=FAR)
        return replace(state, frames=frames.clone(), picture=picture, extras=state.extras | {"depth": depth})

    @torch.no_grad()
    def things_in(self, picture: str | Path | np.ndarray) -> list[ObjectAdd | CharacterAdd]:
        """What a picture shows, as events that bring one of the same kind to a place (not of the same looks), the nearest
        first. What events cannot bring, as houses, is left out.

        Args:
            picture: a file, or uint8 [H, W, 3] of any size; its centre counts, at the aspect of frames.

        Raises:
            GenieGymError: for what is no picture, and in a world without eyes.

        Example:
            envs.apply_event(envs.world.things_in("street.jpg")[0])
        """
        if self.layout is None:
            raise GenieGymError("this world has learned no layouts; nothing comes to its places.")
        frame = torch.from_numpy(fit(read_image(picture), self.frame_shape[:2])).to(self.device)
        with full_precision(self.device):
            return things_in(frame, eyes_of(self.config, self.device), self.library, self.layout, self.config)

    def compose(self, seed: Int[Tensor, " B"], prompts: Sequence[Prompt]) -> Composed:
        """The places of such episodes as they begin, for worlds that draw what they imagine from them."""
        state = self.reset(seed, Start(prompts=prompts))
        return Composed(
            things=state.things, ground=state.ground, condition=state.condition, entrance=state.extras["pose"],
            known=torch.ones_like(state.reached),
        )  # fmt: skip

    def _lay_out(
        self,
        specs: Sequence[WorldSpec],
        numbers: Sequence[int],
        prompts: Sequence[Prompt | None],
        places: Sequence[Place | None],
        tasks: Sequence[str | None],
    ) -> list[Place]:
        """The place of each row: as it was given, or as the layout model makes it."""
        rows = [row for row, place in enumerate(places) if place is None or prompts[row] is not None]
        made: dict[int, Place] = {}
        if rows:
            assert self.layout is not None  # `check_start`
            goals = [None if (task := tasks[row]) is None else self.errands.goals[self.tasks.index(task)] for row in rows]
            asked = [
                with_goal(specs[row], goal, self.vocabulary, self.config) for row, goal in zip(rows, goals, strict=True)
            ]
            seeds = [numbers[row] if (own := specs[row].seed) is None else own for row in rows]
            made = dict(zip(rows, self.layout.sample(asked, seeds, [places[row] for row in rows]), strict=True))
        return [place for row, given in enumerate(places) if (place := made.get(row, given)) is not None]

    def _begin(
        self,
        seed: Int[Tensor, " B"],
        specs: Sequence[WorldSpec],
        tasks: Sequence[str | None],
        condition: Condition,
        entered: Entered,
    ) -> Genie3State:
        """The first frame."""
        things, ground = entered.things.to(self.device), entered.ground.to(self.device)
        x, y, yaw = entered.spawn.to(self.device).unbind(1)
        below = ground.height(torch.stack([x, y], 1))
        floor = collision.floor(things, ground, self.library, torch.stack([x, y, below], 1), self.config.body)
        state = Genie3State(
            frames=torch.empty((len(seed), *self.frame_shape), dtype=torch.uint8, device=self.device),
            position=torch.zeros_like(seed),
            seed=seed.clone(),
            things=things,
            ground=ground,
            condition=condition,
            gravity=torch.tensor([float(spec.gravity) for spec in specs], device=self.device),
            friction=torch.tensor([float(spec.friction) for spec in specs], device=self.device),
            walker=Walker.at(torch.stack([x, y, floor], 1), yaw),
            free=entered.free.to(self.device),
            task=torch.tensor([-1 if task is None else self.tasks.index(task) for task in tasks], device=self.device),
            reached=torch.zeros_like(seed, dtype=torch.bool),
            picture=Picture.none(len(seed), things.capacity, self.camera, self.device),
            passing=Passing.none(condition),
            rules=Rules.none(len(seed), len(self.classes), things.capacity, self.device),
            memory=ActionMemory.empty(len(seed), self.config.memory, self.config.latent.size, self.device),
        )
        return self.drawn(state)

    @torch.no_grad()
    def step(self, state: WorldState, actions: Float[Tensor, "B A"]) -> tuple[Genie3State, Prediction]:
        """One latent action a row. The tables of the given state are written to: keep a `clone()` to go back."""
        assert isinstance(state, Genie3State)
        with full_precision(self.device):
            state.memory.store(actions)
            motion = self.motion.latent.decode(actions.to(self.device))
            asked = wanted(state.walker, motion, self.config)
            walker = go(state.walker, asked, state.things, state.ground, self.library, state.gravity, self.config)
            position = state.position + 1
            go_about(
                state.things, state.ground, state.free, walker.feet[:, :2], state.seed, position, self._speeds(),
                self.config.beings, self.fps,
            )  # fmt: skip
            rewards, done = self.errands.check(torch.where(state.reached, -1, state.task), state.things, walker)
            touched = state.rules.check(state.things, state.ground, state.free, walker, self.config.body)
            rewards, over = rewards + touched.rewards, done | touched.ends
            passing, condition = state.passing.passed(state.condition)
            following = replace(
                state, walker=walker, position=position, reached=state.reached | done, passing=passing, condition=condition
            )
            if old := passing.shadows_are_old(condition):
                shade(following, old, self.library)
            for row in (touched.scene > NOWHERE).nonzero()[:, 0].tolist():
                with suppress(GenieGymError):  # a place without room for the row's task stays shut
                    self._happenings().enter_scene(following, row, self.library.config.scenes[touched.scene[row]])
            following = self.drawn(following)
        return following, Prediction(frames=following.frames, rewards=rewards, terminated=over, extras=following.extras)

    @torch.no_grad()
    def apply_events(self, state: WorldState, events: Sequence[Event | None]) -> Genie3State:
        """The state in which these happened, one a row, None where nothing did; the given one stays as it is.

        Raises:
            GenieGymError: one of them cannot happen.
        """
        assert isinstance(state, Genie3State)
        return self._happenings().applied(state, events)

    def _happenings(self) -> Happenings:
        return Happenings(self.library, self.layout, self.config, self.tasks, self._begin)

    def specs(self, state: WorldState) -> list[WorldSpec]:
        """Scene, weather, hour, gravity and friction of each row, and which landmarks stand there."""
        assert isinstance(state, Genie3State)
        return specs_of(state, self.library, () if self.vocabulary is None else self.vocabulary.landmarks)

    def scene_graphs(self, state: WorldState) -> list[SceneGraph]:
        """All that stands in each row, and what shows of it. Coordinates are those of a camera at the middle of the place
        that looks north: x east, y down, z north."""
        assert isinstance(state, Genie3State)
        poses, instances = (state.extras[name].cpu().numpy() for name in ("pose", "instance"))
        steps, ids, since = (x.cpu().numpy() for x in (state.position, state.things.id, state.things.since))
        graphs = []
        for row, (pose, shown) in enumerate(zip(poses, instances, strict=True)):
            pixels = np.bincount(shown[shown > 0], minlength=int(ids[row].max(initial=0)) + 1)[ids[row]]
            step, always = int(steps[row]), np.full_like(since[row], steps[row])
            graphs.append(
                scene_graph(state.things, row, self.library, pose, NORTH, step, first=since[row], last=always, pixels=pixels)
            )
        return graphs

    def places(self, state: WorldState) -> list[Place]:
        """Each row's place, as it is now. Who enters it begins where the row's player stands."""
        assert isinstance(state, Genie3State)
        return places_of(state, self.library)

    def conditions(self, state: WorldState) -> Condition:
        """Each row's weather, a number in the library's weathers, and hour."""
        assert isinstance(state, Genie3State)
        return state.condition.clone()

    # The step's parts

    def drawn(self, state: Genie3State) -> Genie3State:
        """The state with what its camera sees."""
        pose = state.walker.pose(self.config.eye)
        seen = draw(
            self.library, state.things, state.ground, state.condition, pose, self.camera, state.position, 1 / self.fps
        )
        self._fade(seen, state, pose)
        seen = state.picture.over(seen, state.things, pose, self.camera)
        intrinsics = torch.from_numpy(self.camera.intrinsics()).to(pose.device)
        extras = {
            "depth": seen.depth, "semantic": seen.label, "instance": seen.instance, "pose": pose,
            "intrinsics": intrinsics.repeat(len(pose), 1, 1),
        }  # fmt: skip
        seeing = replace(state, frames=seen.colours, extras=extras)
        return seeing if self.predictor is None else replace(seeing, extras=extras | {ACTION_PRIOR: self.predicted(seeing)})

    def _fade(self, seen: Seen, state: Genie3State, pose: Float[Tensor, "B 4 4"]) -> None:
        """Lets weather that goes show through, in place."""
        going = (state.passing.share > 0).nonzero()[:, 0]
        if not len(going):
            return
        some = state.select(going.tolist())
        condition = replace(some.condition, weather=some.passing.weather)
        before = draw(
            self.library, some.things, some.ground, condition, pose[going], self.camera, some.position, 1 / self.fps
        )
        share = some.passing.share[:, None, None, None]
        mixed = (1 - share) * seen.colours[going].float() + share * before.colours.float()
        seen.colours[going] = mixed.round().to(torch.uint8)

    def _speeds(self) -> Float[Tensor, " classes"]:
        """Metres a second, of beings of each class."""
        beings = self.config.beings
        named = dict(beings.speeds)
        return torch.tensor([named.get(name, beings.speed) for name in self.classes], device=self.device)


def _a_row(given: Sequence[T | None] | None, rows: int) -> list[T | None]:
    """One of something for each row; None is none."""
    return [None] * rows if given is None else list(given)
