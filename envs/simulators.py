"""The real simulators, in one table: what each is and can do. Declared here, never guessed from an id.

Importing this imports no simulator; entry points are text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import Any

from genie_gym.errors import GenieGymError
from genie_gym.text.vocabulary import Vocabulary

DEFAULT_MIX = {"sticky": 0.3, "directed": 0.7}  # of any Gymnasium id
CAMERA_MIX = {"sticky": 0.15, "wander": 0.6, "expert": 0.25}


@dataclass(frozen=True)
class ColourKey:
    """Things whose pixels all lie between two colours (RGB, both included), as nothing else's do."""

    low: tuple[int, int, int]
    high: tuple[int, int, int]
    solid: bool = False
    """Only pixels whose eight neighbours have the colour too: thin lines of it are something else."""


@dataclass(frozen=True)
class Simulator:
    """A simulator that video can be recorded from.

    Attributes:
        id: its Gymnasium id. name: a short one for the command line.
        entry_point, kwargs, max_episode_steps: as `gym.register` takes them.
        vector_entry_point: of simulators whose copies step together; None for those that play one world a process.
        ground_truth: cameras in a simulated world, which `obs=` asks for depth, masks and poses (`SimEnv`).
        drivers: scripted policies that know it from inside. tasks: what its reward can be for.
        events: whether its worlds change at run time (`apply_event`).
        twins: whether episodes can be drawn a second time, under another weather and hour.
        held_out: options that give levels which recordings for training keep clear of. Where there are none, held-out
            episodes have reset seeds that recordings for training never draw.
        mix: behaviours and their shares of a recording's episodes.
        directed: how much the behaviour "directed" favours each action; None favours none.
        objects: things that can be told by their colour, by name.
        vocabulary: where its `Vocabulary` is, as entry points are given; None where no text describes its worlds.
    """

    id: str
    entry_point: str
    name: str = ""
    vector_entry_point: str | None = None
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    max_episode_steps: int | None = None
    ground_truth: bool = False
    drivers: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    events: bool = False
    twins: bool = False
    held_out: Mapping[str, Any] = field(default_factory=dict)
    mix: Mapping[str, float] = field(default_factory=lambda: DEFAULT_MIX)
    directed: tuple[float, ...] | None = None
    objects: Mapping[str, ColourKey] = field(default_factory=dict)
    vocabulary: str | None = None

    def load_vocabulary(self) -> Vocabulary:
        """The words in which texts describe its worlds.

        Raises:
            GenieGymError: where no text does.
        """
        if self.vocabulary is None:
            raise GenieGymError(f"no text describes the worlds of {self.id}: it has no vocabulary.")
        try:
            vocabulary = resolve_name(self.vocabulary)
        except (ImportError, AttributeError, ValueError) as error:
            raise GenieGymError(f"{self.vocabulary!r} does not name a vocabulary, as 'module:name': {error}.") from error
        if not isinstance(vocabulary, Vocabulary):
            raise GenieGymError(f"{self.vocabulary!r} is no Vocabulary but {vocabulary!r:.40}.")
        return vocabulary


# Procgen's own names, as ids: GenieSim/CoinRun-v0, GenieSim/StarPilot-v0, ...
PROCGEN = {
    "bigfish": "BigFish", "bossfight": "BossFight", "caveflyer": "CaveFlyer", "chaser": "Chaser",
    "climber": "Climber", "coinrun": "CoinRun", "dodgeball": "Dodgeball", "fruitbot": "FruitBot",
    "heist": "Heist", "jumper": "Jumper", "leaper": "Leaper", "maze": "Maze", "miner": "Miner",
    "ninja": "Ninja", "plunder": "Plunder", "starpilot": "StarPilot",
}  # fmt: skip
# The coin is to the right; of the fifteen actions, the last six (keys D to E) do nothing.
COINRUN_DIRECTED = (0.2, 1.0, 1.0, 0.1, 0.3, 0.7, 0.3, 3.5, 3.5, *[0.0] * 6)
COINRUN_OBJECTS = {  # the easy mode has one theme
    "coin": ColourKey((200, 150, 0), (255, 225, 70)),
    "box": ColourKey((135, 80, 30), (205, 145, 95), solid=True),  # the ground's edge has this colour, in a thin line
}

SIMULATORS: dict[str, Simulator] = {
    simulator.id: simulator
    for simulator in (
        *(
            Simulator(
                id=f"GenieSim/{name}-v0",
                entry_point="genie_gym.envs.sim.procgen:ProcgenEnv",
                vector_entry_point="genie_gym.envs.sim.procgen:ProcgenVectorEnv",
                kwargs={"game": game},
                held_out={"start_level": 500_000_000, "num_levels": 1000},
                directed=COINRUN_DIRECTED if game == "coinrun" else None,
                objects=COINRUN_OBJECTS if game == "coinrun" else {},
            )
            for game, name in PROCGEN.items()
        ),
        Simulator(
            id="GenieSim/Town-v0",
            name="town",
            entry_point="genie_gym.envs.sim.town.env:TownEnv",
            max_episode_steps=1440,  # a minute, at 24 steps a second
            ground_truth=True,
            drivers=("wander", "expert", "survey", "explore"),
            tasks=("reach_beacon", "collect_coins", "find", "push_crate"),
            events=True,
            twins=True,
            mix=CAMERA_MIX,
            vocabulary="genie_gym.envs.sim.town.vocabulary:VOCABULARY",
        ),
        Simulator(
            id="GenieSim/Arm-v0",
            name="arm",
            entry_point="genie_gym.envs.sim.arm.env:ArmEnv",
            max_episode_steps=240,  # ten seconds
            ground_truth=True,
            drivers=("expert", "reach", "push", "pick", "wander"),
            tasks=("reach", "push", "pick"),
            mix=CAMERA_MIX,
        ),
    )
}


def find_simulator(name: str) -> Simulator | None:
    """The simulator of an id or a short name; None for other environments."""
    return next((s for s in SIMULATORS.values() if name and name in (s.id, s.name)), None)
