"""A place laid out: its ground, what is parted, then things class by class, each where the networks choose among poses that
fit. What is asked for comes whatever the networks say.

Legend: K poses.
"""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float

from genie_gym.errors import GenieGymError
from genie_gym.places.layout import requests
from genie_gym.places.layout.board import Board, boxes_of
from genie_gym.places.layout.boxes import separation
from genie_gym.places.layout.config import COUNTS, GROUPS, SPAWN, LayoutConfig
from genie_gym.places.layout.counting import count_inputs
from genie_gym.places.layout.drawn_ground import draw_ground, finished_heights
from genie_gym.places.layout.features import features
from genie_gym.places.layout.frames import ALONG, DEPTH, HEIGHT, KIND, OUT, RAISED, TURN, WIDTH, draw_frame, frame_things
from genie_gym.places.layout.given import Given
from genie_gym.places.layout.ground import Ground
from genie_gym.places.layout.learned import Learned
from genie_gym.places.layout.poses import propose
from genie_gym.places.layout.reach import Walkable
from genie_gym.places.layout.records import AT, labels_of
from genie_gym.places.layout.roles import ROLES
from genie_gym.places.layout.sketch import AT_EDGE, HIGH, LIFT, Sketch, asked_of
from genie_gym.places.place import FARTHEST, MAX_THINGS, Place, Thing
from genie_gym.text.spec import CharacterSpec, ObjectSpec, WorldSpec

POSES = {"landmark": 160, "spawn": 160, "structure": 144, "large": 160, "small": 160, "being": 160}  # that are tried at once
AT_ONCE = {"landmark": 1, "spawn": 1, "structure": 1, "large": 12, "small": 12, "being": 6}  # things that come of one try
TRIES = 6  # without success, until a thing that nobody asked for is left out
REACHED = 0.95  # of the free ground must be reached
OPENED = 12  # things, at most, that go for it at once
CROWDED = MAX_THINGS - 400  # things on the ground beyond which nothing comes by itself; edges and views need the rest


def lay_out(model: Learned, spec: WorldSpec, seed: int, given: Given | None) -> Place:
    """The place of a spec and a seed.

    Raises:
        GenieGymError: for a scene or thing that no recording showed, and where more things are given and asked for than a
            place holds.
    """
    rng = np.random.default_rng([seed % 2**63, zlib.crc32(spec.plan().to_json().encode())])
    return Drawing(model, spec, rng, given).place()


class Drawing:
    """One place in the making. `rows` are the poses of the things on the board that follow its first `fixed` ones; `asked`
    says which of them were asked for."""

    def __init__(self, model: Learned, spec: WorldSpec, rng: np.random.Generator, given: Given | None):
        self.model, self.config, self.spec, self.rng, self.given = model, model.config, spec, rng, given
        self.known = () if given is None else given.place.things
        room = MAX_THINGS - len(self.known) - self._still_asked()
        if room < 0:
            raise GenieGymError(
                f"a place holds at most {MAX_THINGS:,} things; got {len(self.known):,} given ones, and asked for are "
                f"{self._still_asked():,} more. Give or ask for fewer."
            )
        self.empty = draw_ground(model, spec, rng, given)
        self.empty = replace(self.empty, things=self.empty.things[:room])
        self.room = room - len(self.empty.things)  # for what nobody asked for
        self.scene = self.config.scene(self.empty.scene)
        cores = model.arrays["cores"][self.scene]
        self.board = Board(self.config, Ground(self.empty, self.config.materials), cores)
        self.frame = np.zeros((0, 16))
        if given is not None and given.spawn:
            self.board.spawn = given.place.spawn
        self._add_known()
        self.fixed = len(self.board)
        self.rows = np.zeros((0, len(AT)))
        self.asked = np.zeros(0, bool)
        self.walkable: Walkable | None = None

    def place(self) -> Place:
        own = self._counts()
        groups = np.array(self.config.groups)
        here = Counter(int(label) for label in self.board.labels)
        for label, name in enumerate(self.config.classes):
            wanted = name in self.spec.landmarks and not here[label]
            if wanted and not self._put(label, 1, True):
                self._force(label)
            if groups[label] == GROUPS.index("landmark"):
                self._put(label, 0 if wanted else int(own[label]), False)
        self._enter()
        self._add_asked()
        for label in np.flatnonzero(groups > GROUPS.index(SPAWN)).tolist():
            if groups[label] == GROUPS.index("being") and self.walkable is None:
                self._open_up()
            self._put(label, int(own[label]), False)
        self._open_up()
        return self._finished()

    # What is wanted

    def _still_asked(self) -> int:
        """How many things are asked for beyond those that are given."""
        here = Counter(thing.name for thing in self.known)
        return sum(max(count - here[name], 0) for name, count in asked_of(self.model.spec_dict(self.spec)).items())

    def _counts(self) -> np.ndarray:
        """How many of each class come by themselves."""
        told = count_inputs(self.config, self.model.spec_dict(self.spec), self.board.ground)
        with torch.no_grad():
            scene = torch.tensor([self.scene], device=self.model.device)
            logits = self.model.counts(scene, torch.from_numpy(told)[None].to(self.model.device))[0].double().cpu().numpy()
        logits[self.model.arrays["bins"][self.scene] < 0.5] = -np.inf
        chances = np.exp(logits - logits.max(1, keepdims=True))
        chances = np.cumsum(chances / chances.sum(1, keepdims=True), 1)
        bins = (self.rng.random((len(chances), 1)) > chances).sum(1).clip(max=len(COUNTS) - 1)
        ends = np.append(COUNTS[1:], COUNTS[-1] + 1)
        own = self.rng.integers(np.array(COUNTS)[bins], ends[bins])
        landmark = np.array(self.config.groups) == GROUPS.index("landmark")
        own[landmark] = np.minimum(own[landmark], 1)
        for label, name in enumerate(self.config.classes):
            if name in self.spec.without or name == SPAWN or (landmark[label] and name in self.spec.landmarks):
                own[label] = 0
        for label in self.board.labels[self.board.labels < len(own)]:
            own[label] = max(own[label] - 1, 0)
        return np.asarray(own)

    def _add_known(self) -> None:
        """Pieces of the ground's rooms and ring, the edge where it reaches into the square, and all that is given."""
        sketch = Sketch(replace(self.empty, things=(*self.empty.things, *self.known)), self.config.materials)
        role = self.model.roles_of(sketch)
        labels = labels_of(sketch, role, self.config)
        labels[(labels < 0) & (role == ROLES[0])] = len(self.config.classes)  # what no recording knows is in the way too
        on = np.flatnonzero(labels >= 0)
        low = sketch.rows[on, LIFT]
        self.board.add(sketch.boxes(on), low, low + sketch.rows[on, HIGH], labels[on])
        half = self.empty.half
        if any(max(abs(thing.centre[0]), abs(thing.centre[1])) > 0.98 * half for thing in self.known):
            return  # it has an edge of its own
        frame = draw_frame(self.model.arrays, self.config, self.empty, self.board.ground.land, self.rng)
        boxes = np.concatenate([frame[:, [ALONG, OUT, TURN]], frame[:, [WIDTH, DEPTH]] / 2], 1)
        within = np.abs(frame[:, ALONG : OUT + 1]).max(1, initial=0) < half - AT_EDGE * self.board.ground.unit
        taken = within & (separation(boxes, sketch.boxes()) < 0).any(1)
        taken |= (separation(boxes, sketch.boxes(role == "side")) < 0).any(1)
        if self.given is not None:
            taken |= within & self.given.hides(frame[:, ALONG : OUT + 1])
        self.frame, within = frame[~taken], within & ~taken
        low, labels = frame[within, RAISED], len(self.config.classes) + frame[within, KIND].astype(int)
        self.board.add(boxes[within], low, low + frame[within, HEIGHT], labels)

    # Putting things down

    def _put(self, label: int, count: int, asked: bool) -> int:
        """Puts things of a class where the networks choose; returns how many came."""
        group = GROUPS[self.config.groups[label]]
        left, tries = count, 0
        while left > 0 and tries < TRIES and len(self.board) < CROWDED:
            most = min(left, AT_ONCE[group], left if asked else self.room - int((~self.asked).sum()))
            if most <= 0:
                break
            poses = propose(self.model.records, self.board, self.scene, label, POSES[group], self.rng)
            poses = poses[self._fits(poses, asked and tries >= TRIES // 2)]
            came = self._take(poses, most, asked) if len(poses) else 0
            left -= came
            tries = 0 if came else tries + 1
        return count - left

    def _fits(self, poses: Float[np.ndarray, "K 26"], on_roads: bool = False) -> np.ndarray:
        points = poses[:, AT["x"] : AT["y"] + 1]
        fits = ~self.model.rules.forbid(self.board, poses, self.scene, on_roads) & ~self.board.clashes(poses)
        if self.given is not None:
            fits &= ~self.given.hides(points)
        fits &= np.abs(points).max(1) < FARTHEST
        if self.walkable is not None and self.config.groups[int(poses[0, AT["label"]])] == GROUPS.index("being"):
            fits &= self.walkable.reaches(points)
        return fits

    def _take(self, poses: Float[np.ndarray, "K 26"], most: int, asked: bool) -> int:
        """Takes the poses that the network favours, at random as much as it does, as long as they do not clash."""
        order = self._favoured(poses)
        came = 0
        for index in order:
            pose = poses[index : index + 1]
            if came and self.board.clashes(pose)[0]:
                continue
            self.add(pose, asked)
            came += 1
            if came == most:
                break
        return came

    def _favoured(self, poses: Float[np.ndarray, "K 26"]) -> np.ndarray:
        """Poses in the order in which they are drawn (Gumbel's trick)."""
        seen, beside = features(self.board, poses)
        device = self.model.device
        label = torch.tensor([int(poses[0, AT["label"]])], device=device)
        with torch.no_grad():
            scores = self.model.poses(
                torch.from_numpy(seen)[None].to(device), torch.from_numpy(beside)[None].to(device), label,
                torch.tensor([self.scene], device=device),
            )  # fmt: skip
        return np.argsort(-(scores[0].double().cpu().numpy() + self.rng.gumbel(size=len(poses))))

    def add(self, pose: Float[np.ndarray, "1 26"], asked: bool) -> None:
        low = pose[:, AT["lift"]]
        self.board.add(boxes_of(pose), low, low + pose[:, AT["high"]], pose[:, AT["label"]].astype(int))
        self.rows = np.concatenate([self.rows, pose])
        self.asked = np.append(self.asked, asked)

    def _force(self, label: int, behaviour: float | None = None) -> None:
        """A thing that was asked for where it takes least from others: what nobody asked for gives way. It behaves as
        recorded ones, or as is said."""
        poses = propose(self.model.records, self.board, self.scene, label, 256, self.rng)
        poses = poses[~self.board.outside(poses) & ~self.board.ground.in_deep(poses[:, AT["x"] : AT["y"] + 1])]
        if not len(poses):
            poses = self.model.records.draw(self.scene, label, 1, self.rng)
            poses[:, AT["x"] : AT["y"] + 1] = 0
        whole = self.board.solid(boxes_of(poses), np.full(len(poses), label))
        hits = separation(whole, self.board.cores) < 0
        costs = hits[:, : self.fixed].sum(1) * 100 + hits[:, self.fixed :] @ (1 + 99 * self.asked)
        if self.board.spawn is not None:
            costs += 100 * self.board.on_spawn(whole)
        best = int(costs.argmin())
        if behaviour is not None:
            poses[best, AT["behaviour"]] = behaviour
        away = hits[best].copy()
        away[: self.fixed] = False
        away[self.fixed :] &= ~self.asked
        self._remove(away)
        self.add(poses[best : best + 1], True)

    def _remove(self, away: np.ndarray) -> None:
        self.board.keep(~away)
        kept = ~away[self.fixed :]
        self.rows, self.asked = self.rows[kept], self.asked[kept]

    def _enter(self) -> None:
        """Chooses where one enters, if that is not known."""
        if self.board.spawn is not None:
            return
        label, unit = self.config.classes.index(SPAWN), self.board.ground.unit
        for _ in range(TRIES):
            poses = propose(self.model.records, self.board, self.scene, label, POSES[SPAWN], self.rng)
            points = poses[:, AT["x"] : AT["y"] + 1]
            within = self.board.ground.to_edge(points) > unit
            poses = poses[self._fits(poses) & ~self.board.ground.in_deep(points, 0.5 * unit) & within]
            if len(poses):
                best = poses[self._favoured(poses)[0]]
                x, y, yaw = (float(value) for value in best[AT["x"] : AT["yaw"] + 1])
                self.board.spawn = (x, y, yaw)
                return
        walk = Walkable(self.board)
        points = walk.points[walk.free.ravel()]
        x, y = (float(value) for value in points[np.hypot(*points.T).argmin()]) if len(points) else (0.0, 0.0)
        self.board.spawn = (x, y, float(self.rng.uniform(-np.pi, np.pi)))

    def _add_asked(self) -> None:
        """Objects and characters of the spec, where it says."""
        here = Counter(int(label) for label in self.board.labels[: self.fixed])
        wanted: list[ObjectSpec | CharacterSpec] = [*self.spec.objects, *self.spec.characters]
        for one in wanted:
            label = self.config.label(one.kind)
            behaviour = None
            if isinstance(one, CharacterSpec) and one.behaviour in self.config.behaviours:
                behaviour = self.config.behaviours.index(one.behaviour)
            known = min(here[label], one.count)
            here[label] -= known
            for pose in self.model.records.draw(self.scene, label, one.count - known, self.rng):
                pose[AT["yaw"]] = self.rng.uniform(-np.pi, np.pi)
                if behaviour is not None:
                    pose[AT["behaviour"]] = behaviour
                found = requests.stand(self.board, pose, one.position, self.dry, self.rng)
                if found is None:
                    self._force(label, behaviour)
                else:
                    self.add(found[None], True)

    def dry(self, poses: Float[np.ndarray, "K 26"]) -> np.ndarray:
        points = poses[:, AT["x"] : AT["y"] + 1]
        return ~self.board.ground.in_deep(points, 0.3 * self.board.ground.unit)

    def _open_up(self) -> None:
        """Takes things away that nobody asked for, until what is free is reached."""
        if self.walkable is None:
            self.walkable = Walkable(self.board)
        walkable = self.walkable
        walkable.refresh()
        for _ in range(OPENED):
            spare = [k for k in walkable.in_between() if k >= self.fixed and not self.asked[k - self.fixed]]
            if walkable.share >= REACHED or not spare:
                return
            away = np.zeros(len(self.board), bool)
            away[min(spare[:4], key=lambda k: self.board.groups[k] == GROUPS.index("structure"))] = True
            self._remove(away)
            walkable.refresh()

    # The place

    def _finished(self) -> Place:
        assert self.board.spawn is not None
        level = np.array(self.config.levels)[self.rows[:, AT["label"]].astype(int)] if len(self.rows) else np.zeros(0, bool)
        heights = finished_heights(self.model, self.empty, self.rows[level], self.given)
        ground = replace(self.empty, heights=heights, spawn=self.board.spawn)
        things = [thing_of(self.config, row, ground) for row in self.rows]
        frame = frame_things(self.frame, self.config, ground)
        room = MAX_THINGS - len(things) - len(self.known) - len(self.empty.things)
        return replace(ground, things=(*self.known, *self.empty.things, *things, *frame[: max(room, 0)]))


def thing_of(config: LayoutConfig, row: Float[np.ndarray, " 26"], ground: Place) -> Thing:
    x, y, yaw, wide, deep, high, lift = (float(value) for value in row[AT["x"] : AT["lift"] + 1])
    behaviour = int(row[AT["behaviour"]])
    red, green, blue = (float(np.clip(value, 0, 4)) for value in row[AT["red"] : AT["blue"] + 1])
    return Thing(
        name=config.classes[int(row[AT["label"]])],
        centre=(x, y, ground.height(x, y) + lift + high / 2),
        size=(wide, deep, high),
        yaw=yaw,
        kind=config.kinds[int(row[AT["kind"]])],
        movable=bool(row[AT["movable"]] > 0.5),
        behaviour=config.behaviours[behaviour] if behaviour >= 0 else None,
        tint=(red, green, blue),
    )
