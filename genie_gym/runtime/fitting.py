"""Which engine runs a world, and at which size it draws: the largest that holds the rate on this machine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from genie_gym.envs.simulators import find_simulator
from genie_gym.errors import GenieGymError
from genie_gym.pretrained import load_world, shipped_worlds
from genie_gym.runtime.engine import Beginning, Engine
from genie_gym.runtime.learned import LearnedEngine
from genie_gym.runtime.rendering import PIXELS, RenderingStage
from genie_gym.runtime.simulated import SimulatorEngine
from genie_gym.user_action import UserAction
from genie_gym.world import AnySize, World, at_size

HEIGHTS = (360, 288, 252, 216, 180, 144, 126, 108, 90)  # pixels that are tried, the largest first
SHARE = 0.6  # of a frame's time that input, generation and rendering may take; the rest is for sending, a browser, chance
FRAMES = 12  # that are timed at each size, walking about


def engine_for(
    world: str | Path | World | Engine, size: Sequence[int] | str | None, output: tuple[int, int], upscaler: str, device: str
) -> Engine:
    """The engine of a world by its name, or of a simulator by its id; see `RealtimeSession`.

    Raises:
        GenieGymError: there is no such world or simulator, or it draws no frames of this size.
    """
    if isinstance(world, Engine):
        return world
    if isinstance(size, str) and size != "auto":
        raise GenieGymError(f"a size is (height, width), 'auto' or None; got {size!r:.40}.")
    if isinstance(world, str) and _is_simulator(world):
        return SimulatorEngine(world, None if isinstance(size, str) else size)
    loaded, name = load_world(world, device), world.family if isinstance(world, World) else str(world)
    if not isinstance(size, str):
        return LearnedEngine(at_size(loaded, size), name)
    return LearnedEngine(fitted(loaded, output, upscaler), name)


def _is_simulator(name: str) -> bool:
    """Whether a name is that of a simulator: its short name, or an id of Gymnasium's."""
    if name in shipped_worlds() or Path(name).is_dir():
        return False
    return find_simulator(name) is not None or bool(name.rpartition("/")[2].rpartition("-v")[2].isdecimal())


def fitted(world: World, output: tuple[int, int], upscaler: str) -> World:
    """The world at the largest of `HEIGHTS` at which frames take no longer than they may; its own size where it draws no
    other."""
    if not isinstance(world, AnySize):
        return world
    height, width = output
    allowed = SHARE / world.fps
    for tried in (one for one in HEIGHTS if one <= height):
        candidate = at_size(world, (tried, round(tried * width / height)))
        if _seconds(LearnedEngine(candidate), output, upscaler, 2 * allowed) <= allowed:
            return candidate
    return at_size(world, (HEIGHTS[-1], round(HEIGHTS[-1] * width / height)))


def _seconds(engine: LearnedEngine, output: tuple[int, int], upscaler: str, hopeless: float) -> float:
    """How long a frame takes, as nine of ten do; measured no longer where the first ones already take hopelessly long."""
    engine.join(Beginning(seed=7))
    stage = RenderingStage(engine.frame_shape[:2], output, PIXELS if engine.pixel_art else upscaler)
    users = [UserAction(keys=("forward", "turn left"))] if engine.takes_mouse else [UserAction()]
    taken = []
    for number in range(FRAMES + 3):
        begin = time.perf_counter()
        engine.step(engine.act(users), [True])
        stage.render(engine.look(0))
        taken.append(time.perf_counter() - begin)
        if number >= 5 and min(taken) > hopeless:
            return min(taken)
    return float(np.quantile(taken[3:], 0.9))
