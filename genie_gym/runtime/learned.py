"""Learned worlds in real time: all rows in one batch.

Legend: B rows, A actions, H W image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from genie_gym import imagine
from genie_gym.actions import ContinuousActions, DiscreteActions
from genie_gym.devices import autocast_for_play
from genie_gym.envs.schedule import read_rules
from genie_gym.errors import GenieGymError
from genie_gym.geometry.scene_graph.scene import Relation
from genie_gym.keyboard import key_numbers
from genie_gym.models.row_random import episode_draws, episode_seeds
from genie_gym.runtime.engine import Beginning, Engine, NamedStart, PlaceMap, SeenScene, SeenThing, Told
from genie_gym.runtime.pressed import BY_AXIS, one_key
from genie_gym.runtime.views import class_picture, depth_picture
from genie_gym.text.reader import parse_prompt
from genie_gym.text.scenarios import SCENARIOS
from genie_gym.text.spec import Event, WorldSpec, event_to_json
from genie_gym.text.tokens import Report
from genie_gym.user_action import UserAction
from genie_gym.visual import fit
from genie_gym.world import (
    ACTION_PRIOR,
    Start,
    TakesEvents,
    TakesKeys,
    TakesUserActions,
    TellsPlaces,
    TellsScene,
    TellsSpecs,
    World,
    WorldState,
)

MOST_NAMED, FARTHEST = 12, 30.0  # things that are named, metres
SEEDS_SHOWN = 12  # of worlds that begin in no words
SHOWS = 12  # pixels of a thing that is named
VIEWS = {"depth": depth_picture, "semantic": class_picture}


class LearnedEngine(Engine):
    """Rows of a learned world."""

    def __init__(self, world: World, name: str = ""):
        self.world, self.name = world, name or world.family
        self.fps, self.frame_shape = world.fps, world.frame_shape
        self.pixel_art = world.hard_pixels
        self.keys = key_names(world)
        self.views = ("rgb", *(name for name in VIEWS if name in world.extras))
        self.takes_prompts, self.takes_images = world.vocabulary is not None, world.takes_frames
        self.takes_events = isinstance(world, TakesEvents) and bool(world.events)
        self.takes_mouse = isinstance(world, TakesUserActions)
        self.walks_by_itself = ACTION_PRIOR in world.extras and isinstance(world.actions, ContinuousActions)
        self.has_map, self.can_rewind = isinstance(world, TellsPlaces), True
        self._state: WorldState | None = None
        self._time = 0

    @property
    def num_rows(self) -> int:
        return 0 if self._state is None else self._state.num_rows

    @property
    def state(self) -> WorldState:
        if self._state is None:
            raise GenieGymError("nobody plays: join first.")
        return self._state

    # Rows

    def join(self, beginning: Beginning) -> Report | None:
        begun, report = self._begun(beginning)
        self._state = begun if self._state is None else self._state.joined(begun)
        return report

    def leave(self, row: int) -> None:
        rest = [other for other in range(self.num_rows) if other != row]
        self._state = self.state.select(rest) if rest else None

    def restart(self, row: int, beginning: Beginning) -> Report | None:
        begun, report = self._begun(beginning)
        self.state.put(torch.tensor([row]), begun)
        return report

    def _begun(self, beginning: Beginning) -> tuple[WorldState, Report | None]:
        world = self.world
        seeds, first = torch.tensor([beginning.seed]), torch.zeros(1, dtype=torch.int64)
        prompt = imagine.read_prompt(world, beginning.prompt) if beginning.prompt else None
        image = None if beginning.image is None else torch.from_numpy(fit(beginning.image, world.frame_shape[:2]))
        start = Start(
            frames=None if image is None else image[None].to(world.device), prompts=None if prompt is None else [prompt],
            tasks=[beginning.task] if beginning.task else None, draws=episode_draws(seeds, first),
        )  # fmt: skip
        rules = read_rules(world, beginning.rules)
        with torch.no_grad(), autocast_for_play(world.device):
            begun = world.reset(episode_seeds(seeds, first).to(world.device), start).clone()
            for rule in rules:
                if not isinstance(world, TakesEvents):
                    raise GenieGymError(f"a {world.family} world knows no rules of games.")
                begun = world.apply_events(begun, [rule])
        return begun, None if prompt is None else prompt.report

    # A frame

    def check(self, user: UserAction) -> None:
        if isinstance(self.world, TakesUserActions):
            key_numbers(list(user.keys), self.keys)
            lacking = [name for name in user.axes or {} if not {*BY_AXIS[name]} <= {*self.keys}]
            if lacking:
                raise GenieGymError(f"{self.name} has no keys for the axis {lacking[0]!r} of a gamepad.")

    @torch.no_grad()
    def act(self, users: Sequence[UserAction | None]) -> Float[Tensor, "B A"] | Tensor:
        state, world = self.state, self.world
        given = [UserAction() if user is None else user for user in users]
        with autocast_for_play(world.device):
            if isinstance(world, TakesUserActions):
                actions = world.get_controllable_action(state, given)
            elif isinstance(world, TakesKeys):
                pressed = torch.tensor([one_key(user, self.keys, self._time) for user in given])
                actions = world.key_actions(state, pressed.to(world.device))
            else:
                actions = torch.tensor([one_key(user, self.keys, self._time) for user in given], device=world.device)
        if self.walks_by_itself and any(user is None for user in users):
            alone = torch.tensor([user is None for user in users], device=actions.device)
            actions = torch.where(alone[:, None], state.extras[ACTION_PRIOR], actions)
        return actions

    @torch.no_grad()
    def step(self, actions: Tensor, going: Sequence[bool]) -> list[Told]:
        self._time += 1
        still = [row for row, goes in enumerate(going) if not goes]
        saved = self.state.select(still) if still else None
        with autocast_for_play(self.world.device):
            self._state, told = self.world.step(self.state, actions)
        if saved is not None:
            self.state.put(torch.tensor(still), saved)
        brought = zip(told.rewards.tolist(), told.terminated.tolist(), going, strict=True)
        return [Told(reward, over) if goes else Told() for reward, over, goes in brought]

    def look(self, row: int, view: str = "rgb") -> UInt8[np.ndarray, "H W 3"]:
        if view == "rgb":
            return self.state.frames[row].cpu().numpy().copy()  # the state's own is written to when a row goes back
        return VIEWS[view](self.state.extras[view][row].cpu().numpy())

    # Words

    def read(self, text: str, row: int, is_event: bool) -> Report:
        if is_event:
            return imagine.read_event(self.world, text, self._spec(row))[1]
        if self.world.vocabulary is None:
            raise GenieGymError(imagine.NO_PROMPT)
        asked, report = parse_prompt(text, self.world.vocabulary)
        return self.world.report_of(report, asked)

    def event(self, row: int, event: Event | str) -> tuple[str, Report]:
        world, state = self.world, self.state
        if not isinstance(world, TakesEvents):
            raise GenieGymError(f"nothing happens in a {world.family} world.")
        asked, report = imagine.read_event(world, event, self._spec(row))
        if not isinstance(asked, world.events):
            raise GenieGymError(f"{type(asked).__name__} cannot happen in this world.")
        with torch.no_grad(), autocast_for_play(world.device):
            state.put(torch.tensor([row]), world.apply_events(state.select([row]), [asked]))
        return event_to_json(asked), report

    def _spec(self, row: int) -> WorldSpec | None:
        return self.world.specs(self.state.select([row]))[0] if isinstance(self.world, TellsSpecs) else None

    # Going back

    def save(self, row: int) -> WorldState:
        return self.state.select([row])

    def load(self, row: int, saved: WorldState) -> None:
        self.state.put(torch.tensor([row]), saved)

    # What is known of it

    def starts(self) -> list[NamedStart]:
        if self.takes_prompts:
            return [
                NamedStart(one.name, Beginning(one.prompt, None, 0, one.task, one.rules, one.events), one.about)
                for one in SCENARIOS.values()
                if self.takes_events or not (one.task or one.rules or one.events)
            ]
        seeds = range(SEEDS_SHOWN)
        begun = [self._begun(Beginning(seed=seed))[0].frames[0].cpu().numpy() for seed in seeds]
        return [NamedStart(f"seed {seed}", Beginning(seed=seed), "", begun[seed]) for seed in seeds]

    def scene(self, row: int) -> SeenScene:
        world = self.world
        if not isinstance(world, TellsScene):
            return SeenScene()
        mine = self.state.select([row])
        depth, instance = (mine.extras[name][0].cpu().numpy() for name in ("depth", "instance"))
        graph, found = world.scene_graphs(mine)[0], {}
        for thing in graph.objects:
            shown = np.argwhere(instance == thing.id)
            if len(shown) < SHOWS:
                continue
            y, x = shown.mean(0) / instance.shape
            metres = float(np.median(depth[shown[:, 0], shown[:, 1]]))
            if metres < FARTHEST:
                found[thing.id] = SeenThing(thing.name, float(x), float(y), metres)
        order = sorted(found, key=lambda thing: found[thing].metres)[:MOST_NAMED]
        return SeenScene([found[thing] for thing in order], _nearest_relations(graph.relations, order))

    def map(self, row: int) -> PlaceMap | None:
        if not isinstance(self.world, TellsPlaces):
            return None
        place = self.world.places(self.state.select([row]))[0]
        things = [
            (
                thing.name, *(round(float(value), 2) for value in (*thing.centre[:2], *thing.size[:2], thing.yaw)),
                thing.movable or thing.behaviour is not None,
            )
            for thing in place.things
        ]  # fmt: skip
        x, y, yaw = place.spawn
        return PlaceMap(place.half, (round(x, 2), round(y, 2), round(math.remainder(yaw, 2 * math.pi), 3)), things)  # type: ignore[arg-type]

    def pose(self, row: int) -> Float[np.ndarray, "4 4"] | None:
        pose = self.state.extras.get("pose")
        return None if pose is None else pose[row].cpu().numpy()


def _nearest_relations(relations: Sequence[Relation], order: list[int]) -> list[tuple[int, str, int]]:
    """Of each thing the one to what is nearest to it among those farther off, by their places in `order`."""
    places = {thing: place for place, thing in enumerate(order)}
    kept: dict[int, Relation] = {}
    for relation in relations:
        if relation.first in places and places.get(relation.second, -1) > places[relation.first]:
            known = kept.get(relation.first)
            if known is None or relation.distance < known.distance:
                kept[relation.first] = relation
    return [(places[one.first], one.name, places[one.second]) for one in kept.values()]


def key_names(world: World) -> tuple[str, ...]:
    """What one can press in a world: its keys, or what its own actions were measured to do."""
    if isinstance(world, TakesKeys):
        return tuple(world.key_names)
    if not isinstance(world.actions, DiscreteActions):
        raise GenieGymError(f"a {world.family} world has no keys to play it by.")
    measured = judgement.action_meanings() if (judgement := world.provenance.judgement) else None
    count = int(world.actions.space.n)
    return tuple(f"action {number}" for number in range(count)) if measured is None else tuple(measured)
