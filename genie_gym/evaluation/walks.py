"""Scripted walks that leave and come back: the keys, and how they are played in the simulator.

Legend: T steps.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Int

from genie_gym.datasets.video import Episode
from genie_gym.evaluation.scripted import Scripted, episode

TURN = 18  # steps of a quarter turn
ASKEW = 4  # who comes back looks fewer steps than this to the side, so that the start frame itself is no answer
STOP = 6  # steps of rest after walking: who walks slides on for a while
SCRIPTS = ("turn", "out and back", "aside")

Part = tuple[str, int]  # a key, and for how many steps


def walk_keys(script: str, steps: int, numbers: Mapping[str, int], rng: np.random.Generator) -> Int[np.ndarray, " T"]:
    """One of `SCRIPTS`, `steps` long; `numbers` are the keys', by name.

    turn: half a turn to one side and back. out and back: a quarter turn, straight on, half a turn, straight on, and another
    quarter. aside: sideways, half a turn and back, and sideways back. What time is left is spent looking about behind, where
    the start is out of view. On return one looks a few degrees to the side.
    """
    side, other = ("left", "right") if rng.random() < 0.5 else ("right", "left")
    quarter, half, back = (f"turn {side}", TURN), (f"turn {side}", 2 * TURN), (f"turn {other}", 2 * TURN)
    rest = ("noop", STOP)
    longest = (steps - 4 * TURN - 2 * STOP - ASKEW) // 2
    if script == "turn":
        out, home = [half], [back]
    elif script == "out and back":
        far = min(longest, int(rng.integers(16, 64)))
        out = [quarter, ("forward", far), rest]
        home = [half, ("forward", far), rest, quarter]
    else:
        far = min(longest, int(rng.integers(12, 30)))
        out = [(f"strafe {side}", far), rest, half]
        home = [back, (f"strafe {other}", far), rest]
    home.append((f"turn {side}", int(rng.integers(1, ASKEW))))
    spare = steps - sum(count for _, count in out + home)
    about: list[Part] = [(f"turn {side}", TURN), (f"turn {other}", TURN)] * (spare // (2 * TURN))
    parts = [*out, *about, ("noop", spare % (2 * TURN)), *home]
    return np.concatenate([np.full(count, numbers[name]) for name, count in parts])


def play_walk(scripted: Scripted, rng: np.random.Generator, steps: int) -> Episode:
    """Three looks: at the start; on return; and on return of a second run, in which what moves by itself goes elsewhere."""
    scripted.play(np.full(int(rng.integers(4 * TURN)), scripted.keys["turn left"]))
    script = SCRIPTS[int(rng.integers(len(SCRIPTS)))]
    keys = walk_keys(script, steps, scripted.keys, rng)
    moving = [thing["id"] for thing in scripted.sim.scene_graph() if thing["movable"] or thing["behaviour"]]
    looks, begun = [scripted.look()], scripted.sim.save_state()
    for seed in (None, int(rng.integers(2**31))):
        scripted.sim.load_state(begun, seed=seed)
        scripted.play(keys)
        looks.append(scripted.look())
    return episode(looks, {"script": script, "keys": keys.tolist(), "moving": moving})
