"""`genie-gym play`: opens the house, and says where."""

from __future__ import annotations

import math
from collections.abc import Sequence

from genie_gym.envs.registration import WORLDS
from genie_gym.envs.simulators import SIMULATORS
from genie_gym.errors import GenieGymError
from genie_gym.runtime.engine import Beginning
from genie_gym.runtime.learned import LearnedEngine
from genie_gym.runtime.session import RealtimeSession
from genie_gym.web.house import House
from genie_gym.web.server import serve

MOST_VISITORS, MOST_MINUTES = 64, 24 * 60


def play(
    world: str = "genie3",
    *,
    prompt: str = "",
    task: str = "",
    seed: int = 0,
    host: str = "127.0.0.1",
    port: int = 7000,
    size: Sequence[int] | None = None,
    output_size: Sequence[int] = (720, 1280),
    upscaler: str = "learned",
    max_visitors: int = 4,
    session_minutes: float = 10.0,
    device: str = "auto",
) -> None:
    """Serves the play page until Ctrl-C; see `genie-gym play --help`.

    Raises:
        GenieGymError: for no such world, what it cannot begin as, and an address that cannot be served from.
    """
    if not 1 <= max_visitors <= MOST_VISITORS:
        raise GenieGymError(f"1 to {MOST_VISITORS} visitors play at once; got {max_visitors}.")
    if not (math.isfinite(session_minutes) and 0 < session_minutes <= MOST_MINUTES):
        raise GenieGymError(f"visitors who do nothing stay for up to {MOST_MINUTES} minutes; got {session_minutes}.")
    if not 0 <= port < 65536:
        raise GenieGymError(f"a port is a number from 0 to 65535; got {port}.")
    if not 0 <= seed < 2**53:
        raise GenieGymError(f"a seed is a whole number from 0 on; got {seed}.")
    print(f"loading {world} …", flush=True)
    session = RealtimeSession(
        world, output_size=output_size, size="auto" if size is None else size, upscaler=upscaler, players=0, device=device
    )
    beginning = Beginning(prompt, None, seed, task)
    house = House(session, beginning, max_visitors, session_minutes, *_kin(session))
    serve(house, host, port, lambda address: _say(session, address))


def _kin(session: RealtimeSession) -> tuple[str, str]:
    """The simulator that a world was learned from, where it takes the same prompts and keys; and the id by which the world
    is made again: "" where there is none."""
    engine = session.engine
    if not isinstance(engine, LearnedEngine):
        return "", ""
    source = engine.world.provenance.source.get("env_id", "")
    simulator = source if source in SIMULATORS and SIMULATORS[source].vocabulary else ""
    return simulator, next((env_id for env_id, name in WORLDS.items() if name == engine.name), "")


def _say(session: RealtimeSession, address: str) -> None:
    (h, w), (height, width) = session.model_size, session.output_size
    how = "as drawn" if session.rendering.upscaler == "none" else f"{session.rendering.upscaler} from {w}x{h}"
    print(f"ready: {address}  ({width}x{height}, {how}, {session.engine.fps:g} frames/s). Ctrl-C ends it.", flush=True)
