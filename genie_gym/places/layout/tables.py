"""Recorded places as what the networks of a layout learn from.

An example of a pose: a place in which some things stand already, the pose of one that comes next, and poses that it could
have had. Examples are made once and kept.

Legend: B batch, K poses, F features, N tokens, C classes, I what counts depend on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from genie_gym.places.layout.board import Board, boxes_of
from genie_gym.places.layout.config import GROUPS, SPAWN, LayoutConfig
from genie_gym.places.layout.counting import count_example
from genie_gym.places.layout.features import count_features, features
from genie_gym.places.layout.plan import PlanCoder
from genie_gym.places.layout.poses import Records, propose
from genie_gym.places.layout.records import AT, labels_of, records_of
from genie_gym.places.layout.roles import pieces_of, roles_of
from genie_gym.places.layout.rules import Rules
from genie_gym.places.layout.sketch import HIGH, LIFT, Pair, Sketch
from genie_gym.places.place import Place

REAL, OTHERS = 4, 31  # poses of real things, at most, and others beside them
MORE = 1.6  # times as many are tried, as some clash


@dataclass
class PoseExamples:
    """The first `REAL` poses are those of real things of a class that come next, or some of them; then follow poses that
    such a thing could have had. `told` says which are there at all."""

    seen: Float[Tensor, "B K F"]
    beside: Int[Tensor, "B K"]
    told: Bool[Tensor, "B K"]
    label: Int[Tensor, " B"]
    scene: Int[Tensor, " B"]


@dataclass
class LayoutBatch:
    """Examples of poses, of grounds as tokens, of counts (as bins; -1 where a class was asked for by name and cannot be
    told from what came by itself)."""

    poses: PoseExamples
    tokens: Int[Tensor, "B N"]
    numbers: Int[Tensor, "B N"]
    told_tokens: Bool[Tensor, "B N"]
    ground_scene: Int[Tensor, " B"]
    count_scene: Int[Tensor, " B"]
    count_told: Float[Tensor, "B I"]
    counts: Int[Tensor, "B C"]


class LayoutTables:
    """All examples of recorded places. Making them takes some milliseconds each: `per_place` of each place are made.

    Args:
        pairs: places and the specs (as JSON dicts) that they were made from. arrays: as mined.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        config: LayoutConfig,
        arrays: Mapping[str, np.ndarray],
        per_place: int = 40,
        seed: int = 0,
    ):
        self.config, self.coder = config, PlanCoder(config.looks)
        self.records, self._rules = Records(arrays["records"], config), Rules(arrays)
        self._parts, self._cores = pieces_of(arrays, config), arrays["cores"]
        rng = np.random.default_rng([seed, 41])
        made = [example for spec, place in pairs for example in self._poses(Sketch(place, config.materials), per_place, rng)]
        shape = (len(made), REAL + OTHERS)
        self.seen = np.zeros((*shape, count_features(config)), np.float16)
        self.beside, self.told = np.zeros(shape, np.int16), np.zeros(shape, bool)
        self.label, self.scene = np.zeros(len(made), np.int64), np.zeros(len(made), np.int64)
        for number, (real, seen, beside, label, scene) in enumerate(made):
            at = np.append(np.arange(real), REAL + np.arange(len(seen) - real))
            self.seen[number, at], self.beside[number, at], self.told[number, at] = seen, beside, True
            self.label[number], self.scene[number] = label, scene
        self._turnable = np.array([scene.turnable for scene in config.scenes])
        self._grounds = [self._ground(place, way) for _, place in pairs for way in self._ways(place.scene)]
        counted = [count_example(config, self._parts, spec, place) for spec, place in pairs]
        self._count_scene = np.array([config.scene(place.scene) for _, place in pairs])
        self._count_told, self._counts = (np.stack(rows) for rows in zip(*counted, strict=True))

    def batch(self, rng: np.random.Generator, poses: int = 256, grounds: int = 32, counts: int = 128) -> LayoutBatch:
        """So many random examples of each sort."""
        chosen = rng.integers(len(self.label), size=poses)
        seen = self.seen[chosen].astype(np.float32)
        turned = np.flatnonzero(self._turnable[self.scene[chosen]])
        seen[turned, :, :2] = _turned(seen[turned, :, :2], rng.integers(8, size=len(turned)))
        of_poses = seen, self.beside[chosen].astype(np.int64), self.told[chosen], self.label[chosen], self.scene[chosen]
        plans = [self._grounds[k] for k in rng.integers(len(self._grounds), size=grounds)]
        longest = max(len(tokens) for _, tokens, _ in plans)
        padded = np.zeros((3, grounds, longest), np.int64)
        for row, (_, tokens, numbers) in enumerate(plans):
            padded[:, row, : len(tokens)] = tokens, numbers, np.ones(len(tokens))
        scenes = np.array([scene for scene, _, _ in plans])
        places = rng.integers(len(self._counts), size=counts)
        of_places = self._count_scene[places], self._count_told[places], self._counts[places]
        others = padded[0], padded[1], padded[2] > 0, scenes, *of_places
        made = PoseExamples(*(torch.from_numpy(array) for array in of_poses))
        return LayoutBatch(made, *(torch.from_numpy(array) for array in others))

    def _ways(self, scene: str) -> range:
        """In how many ways its places can be turned and mirrored."""
        return range(8 if self.config.scenes[self.config.scene(scene)].turnable else 1)

    def _ground(self, place: Place, way: int) -> tuple[int, list[int], list[int]]:
        tokens = self.coder.encode(place, way % 4, way >= 4)[: self.config.longest]
        return self.config.scene(place.scene), tokens, self.coder.numbers(tokens)

    def _poses(
        self, sketch: Sketch, count: int, rng: np.random.Generator
    ) -> Iterator[tuple[int, np.ndarray, np.ndarray, int, int]]:
        """Examples of one place."""
        config, scene = self.config, self.config.scene(sketch.place.scene)
        role = roles_of(sketch, self._parts)
        rows = records_of(sketch, role, config)
        rows[:, AT["x"]] *= sketch.place.half
        rows[:, AT["y"]] *= sketch.place.half
        labels = rows[:, AT["label"]].astype(int)
        known = labels >= 0
        groups = np.where(known, np.array(config.groups)[labels], -1)
        shares = np.zeros(len(rows))
        for group in np.unique(groups[known]):
            shares[groups == group] = (0.5 if group == GROUPS.index(SPAWN) else 1.0) / (groups == group).sum() ** 0.6
        for index in rng.choice(len(rows), count, p=shares / shares.sum()).tolist():
            board, left = self._board(sketch, role, rows, labels, index, rng)
            poses = propose(self.records, board, scene, int(labels[index]), int(OTHERS * MORE), rng)
            poses = poses[~self._rules.forbid(board, poses, scene) & ~board.clashes(poses)][:OTHERS]
            seen, beside = features(board, np.concatenate([rows[left], poses]))
            yield len(left), seen.astype(np.float16), beside, int(labels[index]), scene

    def _board(
        self, sketch: Sketch, role: np.ndarray, rows: np.ndarray, labels: np.ndarray, index: int, rng: np.random.Generator
    ) -> tuple[Board, np.ndarray]:
        """What stands before a thing comes: all that comes before its class, some of its class, now and then others; and
        which of its class come next, itself first."""
        board = frame_board(self.config, sketch, role, self._cores)
        label = labels[index]
        chance = np.where(labels < label, 1.0, np.where(labels == label, rng.random(), 0.2 if rng.random() < 0.2 else 0.0))
        stands = (rng.random(len(rows)) < chance) & (labels >= 0)
        stands[index] = False
        left = np.append(
            index, rng.permutation(np.flatnonzero((labels == label) & ~stands & (np.arange(len(rows)) != index)))
        )
        spawn = int(np.flatnonzero(labels == self.config.classes.index(SPAWN))[0])
        if stands[spawn]:
            board.spawn = sketch.place.spawn
        stands[spawn] = False
        chosen = rows[stands]
        low = chosen[:, AT["lift"]]
        board.add(boxes_of(chosen), low, low + chosen[:, AT["high"]], labels[stands])
        return board, left[:REAL]


def frame_board(config: LayoutConfig, sketch: Sketch, role: np.ndarray, cores: np.ndarray) -> Board:
    """A board with the pieces within the square of a place."""
    board = Board(config, sketch.ground, cores[config.scene(sketch.place.scene)])
    labels = labels_of(sketch, role, config)
    pieces = np.flatnonzero(labels >= len(config.classes))
    if len(pieces):
        low = sketch.rows[pieces, LIFT]
        board.add(sketch.boxes(pieces), low, low + sketch.rows[pieces, HIGH], labels[pieces])
    return board


def _turned(points: Float[np.ndarray, "B K 2"], way: Int[np.ndarray, " B"]) -> Float[np.ndarray, "B K 2"]:
    """Points turned and mirrored, each row in one of eight ways."""
    signs = 1 - 2 * np.stack([way & 1, way >> 1 & 1], 1)
    return np.where((way >= 4)[:, None, None], points[..., ::-1], points) * signs[:, None]
