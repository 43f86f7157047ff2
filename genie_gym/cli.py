"""The `genie-gym` command: one dataclass a subcommand, each a thin call into the library."""

from __future__ import annotations

import ast
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tyro

from genie_gym.envs.simulators import find_simulator
from genie_gym.errors import GenieGymError, check_name
from genie_gym.files import write_json

Options = dict[str, str]


@dataclass
class Record:
    """Record video to learn a world from: a simulator, any Gymnasium id that gives images, or a folder of video files."""

    out: Path
    """The HDF5 video file to write."""
    source: str = "GenieSim/CoinRun-v0"
    """town, arm, a Gymnasium id, or a folder of video files (mp4, mkv, webm, avi, mov)."""
    frames: int = 100_000
    """How many frames to record (simulators and Gymnasium sources)."""
    num_envs: int | None = None
    """Copies of the environment that are recorded side by side: 16, for town and arm a process a core."""
    mix: str | None = None
    """Behaviours and their shares of the episodes, for example sticky=0.3,directed=0.7: random, sticky, directed, the path
    of an SB3 .zip; for town and arm also wander and expert."""
    truth: list[str] = field(default_factory=lambda: ["depth", "instance", "semantic", "pose", "agent"])
    """Ground truth kept beside the frames of town and arm."""
    held_out: bool = False
    """Levels, or seeds, that recordings without this never draw: for evaluation."""
    max_episode_steps: int | None = None
    """Cut episodes after so many steps."""
    size: tuple[int, int] | None = None
    """Resize frames to HEIGHT WIDTH."""
    option: Options = field(default_factory=dict)
    """Options of the environment, as NAME VALUE pairs, for example: num_levels 500 use_backgrounds False."""
    seed: int = 0
    resume: bool = False
    """Add to the file that an earlier run left."""

    def run(self) -> None:
        from genie_gym.datasets.record import record, record_videos
        from genie_gym.datasets.recording import Recording, parse_mix
        from genie_gym.datasets.sources import is_folder_name

        begin = time.perf_counter()
        if find_simulator(self.source) is None and is_folder_name(self.source):
            writer = record_videos(self.source, self.out, self.size, resume=self.resume)
        else:
            recording = Recording(
                env_id=full_id(self.source),
                env_kwargs=literals(self.option),
                mix=parse_mix(self.mix) if self.mix else None,
                num_envs=self.num_envs,
                size=self.size,
                max_episode_steps=self.max_episode_steps,
                truth=tuple(self.truth),
                seed=self.seed,
                held_out=self.held_out,
            )
            writer = record(recording, self.out, self.frames, self.resume)
        rate = writer.num_new_frames / (time.perf_counter() - begin)
        counts = f"{writer.num_episodes} episodes, {writer.num_frames} frames"
        print(f"{self.out}: {counts}; {rate:.0f} frames/s, start-up included")


@dataclass
class Train:
    """Learn a world from video, stage by stage (of genie1: tokenizer, then latent actions with dynamics, then heads).

    Run it again to go on where it stopped. Under torchrun it trains on several GPUs.
    """

    data: list[Path]
    """Video files from `genie-gym record`."""
    out: Path
    """Folder for checkpoints, contact sheets, TensorBoard events, and the world itself (OUT/world)."""
    family: str = "genie1"
    """What kind of world."""
    preset: str = "tiny"
    """Its size. genie1: debug, tiny, base, genie1-1b."""
    stages: list[str] | None = None
    """Which stages to train now (default: all); the others are loaded from OUT. genie1: tokenizer, dynamics, heads."""
    steps: dict[str, int] = field(default_factory=dict)
    """Steps of a stage instead of the preset's, as NAME NUMBER pairs."""
    minutes: dict[str, float] = field(default_factory=dict)
    """Stop a stage after so many minutes; its learning rate follows the clock. NAME NUMBER pairs."""
    set: Options = field(default_factory=dict)
    """Any other setting, as PATH VALUE pairs: world.tokenizer.codebook_size 2048 recipe.dynamics.batch_size 64."""
    device: str = "auto"
    precision: str = "auto"
    """float32, bfloat16, or auto: bfloat16 where the device multiplies it in hardware."""
    sheet_minutes: float = 5.0
    """Minutes between contact sheets."""

    def run(self) -> None:
        from genie_gym.datasets.video import VideoDataset
        from genie_gym.training.train import find_plan, train_world

        plan = find_plan(self.family)
        settings: dict[str, Any] = {}
        common = {"device": self.device, "precision": self.precision, "sheet_minutes": self.sheet_minutes}
        for name in plan.stages:
            settings |= {f"recipe.{name}.{key}": value for key, value in common.items()}
        for key, values in (("steps", self.steps), ("minutes", self.minutes)):
            for name, value in values.items():
                check_name("stage", name, plan.stages)
                settings[f"recipe.{name}.{key}"] = value
        settings |= literals(self.set)  # the most particular has the last word
        train_world(VideoDataset(list(self.data)), self.out, self.preset, self.stages, settings, self.family)
        print(f"the world is in {self.out / 'world'}")


@dataclass
class Evaluate:
    """How good is a world on video it never saw: fidelity, controllability, drift (docs/evaluation.md)."""

    world: tyro.conf.Positional[str]
    """A shipped name, a folder, or a hub repository."""
    data: Path | None = None
    """A held-out video file; without it, one is recorded from the world's own source and kept in the cache."""
    held_out_frames: int = 30_000
    """How many frames to record for it."""
    clips: int = 128
    json: Path | None = None
    """Write the numbers there too."""
    device: str = "auto"
    seed: int = 0

    def run(self) -> None:
        from genie_gym.datasets.video import VideoDataset
        from genie_gym.evaluation.evaluate import evaluate
        from genie_gym.evaluation.held_out import held_out_video
        from genie_gym.evaluation.measure import EvaluateConfig
        from genie_gym.pretrained import load_world

        world = load_world(self.world, self.device)
        data = VideoDataset(self.data or held_out_video(world, self.held_out_frames))
        report(evaluate(world, data, EvaluateConfig(clips=self.clips, seed=self.seed)), self.json)


@dataclass
class Sheet:
    """A picture of what a world does: real video beside imagined, and each latent action held from the same start."""

    world: tyro.conf.Positional[str]
    """A shipped name, a folder, or a hub repository."""
    out: Path = Path("sheet.png")
    """A .png, or a .gif: an animation of real clips (--data) beside imagined ones."""
    data: Path | None = None
    """A video file to compare with; without it only the held actions are drawn, from the world's own starts."""
    frames: int = 16
    starts: int = 2
    """From how many starts each action is held."""
    scale: int = 2
    device: str = "auto"
    seed: int = 0

    def run(self) -> None:
        from genie_gym.evaluation.sheet import draw_sheet
        from genie_gym.pretrained import load_world

        world = load_world(self.world, self.device)
        draw_sheet(world, self.out, self.data, self.frames, self.starts, self.scale, self.seed)
        print(self.out)


@dataclass
class Generate:
    """Play a world in bulk and write the trajectories: HDF5 that `minari.load_dataset` opens, a contact sheet, an mp4."""

    out: Path
    """The dataset's folder, named as Minari names datasets: data/coinrun-v0; -v0 is added where no version is given. With
    MINARI_DATASETS_PATH set to data, `minari.load_dataset("coinrun-v0")` opens it."""
    env: str = "Genie1-v0"
    episodes: int = 64
    num_envs: int = 32
    """Rows that are stepped in one forward pass."""
    policy: str = "random"
    """random, sticky (actions held for a while), directed, prior (what the world holds for likely), or an SB3 .zip."""
    max_episode_steps: int | None = None
    seed: int = 0
    episodes_per_shard: int = 32
    option: Options = field(default_factory=dict)
    """Options of the environment, as NAME VALUE pairs, for example: world runs/mine/world device cuda."""
    author: list[str] = field(default_factory=list)
    """Who made the dataset, as its metadata shall name them."""
    author_email: list[str] = field(default_factory=list)
    code_permalink: str | None = None
    """Where the code that made it can be read."""
    reference_scores: tuple[float, float] | None = None
    """Returns of a random and of an expert policy, for `minari.get_normalized_score`; see `genie-gym benchmark`."""
    resume: bool = False
    """Complete what an earlier run left."""

    def run(self) -> None:
        from genie_gym.datasets.generate import GenerateConfig, generate
        from genie_gym.datasets.minari_metadata import Credits
        from genie_gym.datasets.minari_place import dataset_place

        place = dataset_place(self.out)
        if place.folder.name != self.out.name:
            print(f"{self.out} becomes {place.folder.name}: names of Minari datasets end in a version")
        config = GenerateConfig(
            full_id(self.env),
            self.episodes,
            self.policy,
            self.seed,
            self.max_episode_steps,
            self.episodes_per_shard,
            literals(self.option),
        )
        about = Credits(tuple(self.author), tuple(self.author_email), self.code_permalink, self.reference_scores)
        writer = generate(config, self.num_envs, self.out, self.resume, about)
        print(f"{place.folder}: {writer.num_episodes} episodes, {writer.num_steps} steps")
        print(f"in Minari: MINARI_DATASETS_PATH={place.root} minari show {place.id}")


@dataclass
class Gallery:
    """Contact sheets of the simulators: scenes by weather and hour, events before and after, landmarks, the arm."""

    out: Path = Path("gallery")
    """A folder."""
    seed: int = 5

    def run(self) -> None:
        from genie_gym.evaluation.gallery import gallery

        for path in gallery(self.out, self.seed):
            print(path)


@dataclass
class Bench:
    """How fast a world or simulator steps: frames a second, what they cost, and whether anything grows with time."""

    env: str = "Genie1-v0"
    num_envs: int = 32
    """Copies of a learned world that step together. Simulators run one copy on one core."""
    json: Path | None = None
    """Write the numbers there too."""
    busy: int = 0
    """Measure a learned world beside so many busy processes instead, and how OpenMP's waiting matters then."""
    device: str = "auto"
    option: Options = field(default_factory=dict)
    """Options of the environment, as NAME VALUE pairs, for example: world runs/mine/world."""

    def run(self) -> None:
        if self.busy:
            from genie_gym.evaluation.bench_busy import bench_busy

            report(bench_busy(self.env, self.num_envs, self.busy, self.device, literals(self.option)), self.json)
            return
        simulator = find_simulator(self.env)
        if simulator is not None and simulator.ground_truth:
            from genie_gym.evaluation.bench_simulator import bench_simulator

            report(bench_simulator(simulator.id, env_kwargs=literals(self.option)), self.json)
            return
        from genie_gym.evaluation.bench import bench

        report(bench(self.env, self.num_envs, self.device, env_kwargs=literals(self.option)), self.json)


@dataclass
class Benchmark:
    """Policies on an environment: a table with 95 % intervals, JSON, a plot, and the trained policies."""

    env: str = "Genie1-v0"
    agents: list[str] = field(default_factory=lambda: ["random", "ppo"])
    """random, sticky, directed, prior (of learned worlds), ppo (trained here), or SB3 .zip policies; on town and arm also
    expert and wander."""
    out: Path = Path("runs/benchmark")
    episodes: int = 64
    num_envs: int = 32
    ppo_steps: int = 50_000
    """Environment steps that PPO trains for, all rows together."""
    seed: int = 0
    option: Options = field(default_factory=dict)
    """Options of the environment, as NAME VALUE pairs."""

    def run(self) -> None:
        from genie_gym.agents.benchmark import BenchmarkConfig, benchmark, table

        config = BenchmarkConfig(
            full_id(self.env), self.agents, self.episodes, self.num_envs, self.ppo_steps, self.seed, literals(self.option)
        )
        print(table(benchmark(config, self.out)))


Command = (
    Annotated[Record, tyro.conf.subcommand("record")]
    | Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Evaluate, tyro.conf.subcommand("evaluate")]
    | Annotated[Sheet, tyro.conf.subcommand("sheet")]
    | Annotated[Generate, tyro.conf.subcommand("generate")]
    | Annotated[Gallery, tyro.conf.subcommand("gallery")]
    | Annotated[Bench, tyro.conf.subcommand("bench")]
    | Annotated[Benchmark, tyro.conf.subcommand("benchmark")]
)


def full_id(name: str) -> str:
    """The Gymnasium id of a simulator's short name; other names as they are."""
    simulator = find_simulator(name)
    return simulator.id if simulator else name


def literals(options: Options) -> dict[str, Any]:
    """Options with their values as Python would read them: numbers, True, False and None, else text."""

    def literal(text: str) -> Any:
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError):
            return text

    return {name: literal(text) for name, text in options.items()}


def report(results: dict[str, Any], path: Path | None) -> None:
    """Prints numbers one a line, and writes them as JSON."""
    for name, value in results.items():
        shown = " … ".join(f"{v:.2f}" for v in value) if isinstance(value, tuple) else f"{value:.4g}"
        print(f"{name:<34}{shown}")
    if path is not None:
        write_json(path, results)


def main(argv: list[str] | None = None) -> int:
    """Runs one command. Exit code 0 when done, 2 for bad input (one line on standard error), 130 on Ctrl-C."""
    try:
        command: Any = tyro.cli(Command, args=argv, prog="genie-gym", description=__doc__)  # type: ignore[call-overload]
        command.run()
    except GenieGymError as error:
        print(f"genie-gym: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "genie-gym: interrupted; what was finished is kept. Run it again (or with --resume) to go on.", file=sys.stderr
        )
        return 130
    return 0
