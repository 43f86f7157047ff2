"""Worlds that are asked for, as the simulator shows them: two first views of each, and what a scripted walk comes to see.

Legend: T steps.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Int

from genie_gym.datasets.video import Episode
from genie_gym.evaluation.scripted import Scripted
from genie_gym.text.spec import TIMES, WorldSpec
from genie_gym.text.vocabulary import Vocabulary

SHORT, LONG = 48, 300  # steps of a walk
EVERY = 6  # steps there is a look
QUARTER = 18  # steps of a quarter turn


def draw_prompt(rng: np.random.Generator, vocabulary: Vocabulary) -> WorldSpec:
    """Any scene, weather and time of day, all equally likely, and one or two landmarks: chance is then known."""
    return WorldSpec(
        scene=str(rng.choice(vocabulary.scenes)),
        weather=str(rng.choice(vocabulary.weathers)),
        hour=float(rng.choice(list(TIMES.values()))),
        landmarks=tuple(rng.choice(vocabulary.landmarks, int(rng.integers(1, 3)), replace=False).tolist()),
    )


def wander_keys(steps: int, numbers: Mapping[str, int], rng: np.random.Generator) -> Int[np.ndarray, " T"]:
    """A quarter turn and a walk, which take `SHORT` steps; then a look all around, a longer walk, another look around and a
    last walk, which take `LONG`; cut off after `steps`. `numbers` are the keys', by name."""
    side, other = ("left", "right") if rng.random() < 0.5 else ("right", "left")
    turn, back, on = numbers[f"turn {side}"], numbers[f"turn {other}"], numbers["forward"]
    parts = [(turn, QUARTER), (on, 30), (back, 4 * QUARTER), (on, 60), (turn, 4 * QUARTER), (on, 48)]
    return np.concatenate([np.full(count, key) for key, count in parts])[:steps]


def play_prompt(scripted: Scripted, rng: np.random.Generator, vocabulary: Vocabulary, steps: int) -> Episode:
    """Frames: the first view of another layout of the same prompt; then `looks` of them every `EVERY` steps of a walk, from
    its first view on."""
    spec = draw_prompt(rng, vocabulary)
    scripted.begin(rng, spec)
    frames = [scripted.see()]
    scripted.begin(rng, spec)
    frames.append(scripted.see())
    keys = wander_keys(steps, scripted.keys, rng)
    for part in np.split(keys, steps // EVERY):
        scripted.play(part)
        frames.append(scripted.see())
    return Episode(np.stack(frames), description={"spec": spec.to_json(), "keys": keys.tolist()})
