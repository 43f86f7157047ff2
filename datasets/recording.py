"""What is recorded, as a value: stored with the video, and with the worlds that learn from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from genie_gym.envs.packages import check_imported, find_package
from genie_gym.envs.simulators import DEFAULT_MIX, SIMULATORS, Simulator, find_simulator
from genie_gym.errors import GenieGymError, check_name

TRUTH = ("depth", "instance", "semantic", "pose", "agent", "entities")
HELD_OUT_SEED = 1 << 31  # recordings for training draw seeds below


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A recording of a Gymnasium environment.

    Attributes:
        env_id: a Gymnasium id; of "module:id", the module goes to `imports`. env_kwargs: its options.
        imports: modules to import first, which register the environment. Those of well-known packages are known by the id.
        image_key: which observation is recorded where there are several (`frames.choose_image`).
        mix: behaviours and their shares of the episodes; None for the source's own (`Simulator.mix`).
        num_envs: copies side by side (processes, of simulators with ground truth); None for up to 16, or one a core.
        size: (height, width) to record at; None for the source's own.
        max_episode_steps: episodes are cut after so many.
        truth: ground truth beside the frames, where the simulator has it.
        twins: of each episode also what it would look like under another weather and hour, drawn for each episode.
        held_out: levels, or seeds, that recordings for training never draw.
    """

    env_id: str
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    imports: tuple[str, ...] = ()
    image_key: str | None = None
    mix: Mapping[str, float] | None = None
    num_envs: int | None = None
    size: tuple[int, int] | None = None
    max_episode_steps: int | None = None
    truth: tuple[str, ...] = TRUTH
    twins: bool = False
    seed: int = 0
    held_out: bool = False

    def __post_init__(self) -> None:
        module, _, name = self.env_id.rpartition(":")
        package = find_package(name)
        modules = [module, *self.imports, package.module if package else ""]
        object.__setattr__(self, "imports", tuple(dict.fromkeys(filter(None, modules))))
        object.__setattr__(self, "env_id", name)
        for name in self.truth:
            check_name("ground truth", name, TRUTH)
        if self.twins and not (self.simulator and self.simulator.twins):
            having = ", ".join(simulator.name for simulator in SIMULATORS.values() if simulator.twins)
            raise GenieGymError(f"{self.env_id} has no weather to draw twins in ({having} has); leave --twins out.")
        if not 0 <= self.seed < HELD_OUT_SEED:
            raise GenieGymError(f"a recording's seed is a whole number from 0 to 2^31 - 1; got {self.seed}.")
        if self.num_envs is not None and self.num_envs < 1:
            raise GenieGymError(f"num_envs is at least 1; got {self.num_envs}.")

    @property
    def simulator(self) -> Simulator | None:
        """What is declared of the source, where it is one of the package's simulators."""
        return find_simulator(self.env_id)

    @property
    def shares(self) -> Mapping[str, float]:
        """The mix, or the source's own."""
        return self.mix or (self.simulator.mix if self.simulator else DEFAULT_MIX)

    @property
    def held_out_options(self) -> Mapping[str, Any]:
        return self.simulator.held_out if self.held_out and self.simulator else {}

    @property
    def options(self) -> dict[str, Any]:
        """What the environment is made with: held-out levels have the last word."""
        return {**self.env_kwargs, **self.held_out_options}

    @property
    def first_seed(self) -> int:
        """Where its reset seeds begin: of sources without levels of their own, seeds are what is held out."""
        return HELD_OUT_SEED if self.held_out and not self.held_out_options else 0

    @property
    def source(self) -> dict[str, Any]:
        """What the video file says of itself."""
        return {
            "kind": "gymnasium",
            "env_id": self.env_id,
            "env_kwargs": self.options,
            "imports": list(self.imports),
            "image_key": self.image_key,
            "mix": dict(self.shares),
            "size": self.size,
            "max_episode_steps": self.max_episode_steps,
            "twins": self.twins,
            "seed": self.seed,
            "held_out": self.held_out,
        }

    @classmethod
    def like(cls, source: Mapping[str, Any], **changes: Any) -> Recording:
        """Another recording of a video file's source.

        Raises:
            GenieGymError: the source names a module that is neither imported already nor a well-known package's.
        """
        names = ("env_id", "env_kwargs", "imports", "image_key", "mix", "size", "max_episode_steps", "twins")
        known = {name: source[name] for name in names if name in source}
        for name in ("size", "imports"):
            if known.get(name) is not None:
                known[name] = tuple(known[name])
        recording = cls(**known | changes)
        check_imported(recording.imports)
        return recording


def parse_mix(text: str) -> dict[str, float]:
    """ "sticky=0.3,directed=0.7" to shares that add up to 1. A name alone has share 1."""
    mix: dict[str, float] = {}
    for part in text.split(","):
        name, _, share = part.strip().rpartition("=") if "=" in part else (part.strip(), "", "1")
        try:
            mix[name] = float(share)
        except ValueError:
            raise GenieGymError(
                f"cannot read the behaviour mix {text!r}; write for example sticky=0.3,directed=0.7."
            ) from None
    total = sum(mix.values())
    if not mix or total <= 0 or min(mix.values()) < 0:
        raise GenieGymError(f"the behaviour mix {text!r} needs shares above 0.")
    return {name: share / total for name, share in mix.items()}
