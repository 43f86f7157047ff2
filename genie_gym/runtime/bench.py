"""`genie-gym bench --realtime`: does a world hold its rate, and how long do input, generation and rendering take?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from genie_gym.progress import progress
from genie_gym.resident import resident_megabytes
from genie_gym.runtime.engine import Engine
from genie_gym.runtime.session import RealtimeSession
from genie_gym.runtime.timings import BUDGETS_MS, FRAME, GENERATION, INPUT, RENDERING

FRAMES = 1440  # a minute of worlds of 24 frames a second
HELD = (("forward",), ("forward", "turn left"), ("turn right",), ("forward", "jump"), ())  # keys, a second each, in turn


def bench_realtime(
    world: str | Engine,
    frames: int = FRAMES,
    output_size: Sequence[int] = (720, 1280),
    size: Sequence[int] | str | None = "auto",
    upscaler: str = "learned",
    prompt: str = "",
    device: str = "auto",
    seed: int = 0,
) -> dict[str, Any]:
    """Plays a world at its rate, as one player.

    Keys: fps, frames that came a second; frame_p50_ms, frame_p95_ms, frame_p99_ms, from a frame's beginning to its end;
    input_…, generation_… and rendering_…, of each stage; budget_ms, what stages may take; late and dropped frames of
    `frames`; model_size and output_size (height, width); upscaler; drift_ms, by how much the last tenth of the frames is
    slower than the first, medians; memory_growth_mb, by how much memory grew over the last nine
    tenths.
    """
    session = RealtimeSession(
        world, output_size=output_size, size=size, upscaler=upscaler, prompt=prompt, seed=seed, device=device
    )
    keys = set(session.engine.keys)
    session.warm_up()
    session.timings.window = frames
    session.timings.clear()
    session.beat.restart()
    begin = ended = time.perf_counter()
    taken: list[float] = []
    memory: list[float] = []
    tenth = max(1, frames // 10)
    for number in progress(range(frames), desc=f"play {session.engine.name}", unit="frame"):
        if number % round(session.engine.fps) == 0:
            held = HELD[number // round(session.engine.fps) % len(HELD)]
            session.press(*(key for key in held if key in keys))
        session.beat.wait()
        session.next_frame()
        taken.append(session.timings.last_ms(FRAME))
        ended = time.perf_counter()
        if number in (tenth - 1, frames - 1):
            memory.append(resident_megabytes())
    told = session.told()
    session.close()
    found: dict[str, Any] = {"world": session.engine.name, "frames": frames, "fps": frames / (ended - begin)}
    for name in (FRAME, INPUT, GENERATION, RENDERING):
        found |= {f"{name}_{which}_ms": value for which, value in told["stages_ms"][name].items()}
    return found | {
        "budget_ms": dict(BUDGETS_MS), "late": told["late"], "dropped": told["dropped"],
        "model_size": told["model_size"], "output_size": told["output_size"], "upscaler": told["upscaler"],
        "drift_ms": float(np.median(taken[-tenth:]) - np.median(taken[:tenth])),
        "memory_growth_mb": memory[-1] - memory[0],
    }  # fmt: skip
