"""The `genie-gym` command: one dataclass a subcommand, each a thin call into the library."""

from __future__ import annotations

import ast
import platform
import sys
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import tyro

from genie_gym import __version__
from genie_gym.cli_data import Data
from genie_gym.envs.packages import import_modules
from genie_gym.envs.simulators import find_simulator
from genie_gym.errors import GenieGymError, check_name
from genie_gym.files import read_json, write_json

Options = dict[str, str]


@dataclass(kw_only=True)
class _WithImports:
    """What commands that take an environment or a world have in common."""

    imports: Annotated[tyro.conf.UseAppendAction[list[str]], tyro.conf.arg(name="import", metavar="MODULE")] = field(
        default_factory=list
    )
    """A module to import first: one that registers environments or a family of worlds. May be given several times."""


@dataclass(kw_only=True)
class Record(_WithImports):
    """Record video to learn a world from: a simulator, any Gymnasium id that gives images, or video files."""

    out: Path
    """The HDF5 video file to write."""
    source: str = "GenieSim/CoinRun-v0"
    """town, arm, a Gymnasium id (also "module:id"), a video file, a folder of them, or a dataset: lerobot:DIR, minari:ID or
    robomimic:FILE."""
    frames: int | None = None
    """How many frames to record: 100,000 by default, of video files all. Episodes under way are finished, or cut off where
    that takes more than a quarter on top."""
    layouts: int = 0
    """Of town and arm: how many other worlds to lay out without filming them. Then there are no frames unless --frames says
    how many."""
    num_envs: int | None = None
    """Copies of the environment that are recorded side by side: up to 16, for town and arm a process a core."""
    mix: str | None = None
    """Behaviours and their shares of the episodes, for example sticky=0.3,directed=0.7: random, sticky, directed, the path
    of an SB3 .zip; for town and arm also wander and expert, for town survey and explore (views of many places, no walk)."""
    image_key: str | None = None
    """Which observation to record, of dicts of them, or render. By default the observation where it is an image, or the
    key rgb; else what is rendered."""
    truth: list[str] = field(default_factory=lambda: ["depth", "instance", "semantic", "pose", "agent", "entities"])
    """Ground truth kept beside the frames of town and arm."""
    twins: bool = False
    """Of town: keep what each episode would look like under another weather and hour, too."""
    held_out: bool = False
    """Levels, or seeds, that recordings without this never draw: for evaluation."""
    max_episode_steps: int | None = None
    """Cut episodes after so many steps."""
    size: tuple[int, int] | None = None
    """Scale frames to HEIGHT WIDTH. Video files are cut to this aspect around their centre first."""
    fps: float | None = None
    """Frames a second of what video files give, by dropping and repeating frames (default: their own rate)."""
    skip_damaged: bool = False
    """Leave out video files that cannot be decoded, and frames that are damaged: a new episode begins after them."""
    option: Options = field(default_factory=dict)
    """Options of the environment, as NAME VALUE pairs, for example: num_levels 500 use_backgrounds False."""
    seed: int = 0
    resume: bool = False
    """Add to the file that an earlier run left."""

    def run(self) -> None:
        from genie_gym.datasets.imports.sources import parse_source, record_dataset
        from genie_gym.datasets.record import record
        from genie_gym.datasets.record_videos import is_video_source, record_videos
        from genie_gym.datasets.recording import Recording, parse_mix

        begin = time.perf_counter()
        if self.size is not None and min(self.size) < 1:
            raise GenieGymError(f"--size is a height and a width of at least 1; got {self.size[0]} {self.size[1]}.")
        if self.layouts < 0:
            raise GenieGymError(f"--layouts is a number of at least 0; got {self.layouts}.")
        if (dataset := parse_source(self.source)) is not None:
            self._refuse(
                ("layouts", "num_envs", "mix", "held_out", "max_episode_steps", "option", "twins", "fps", "skip_damaged"),
                "environments and video files, not datasets",
            )
            kind, where = dataset
            writer = record_dataset(
                kind, where, self.out, self.size, self.frames, image_key=self.image_key, resume=self.resume
            )
        elif find_simulator(self.source) is None and is_video_source(self.source):
            self._refuse(
                ("layouts", "num_envs", "mix", "image_key", "held_out", "max_episode_steps", "option", "twins"),
                "environments, not video",
            )
            writer = record_videos(
                self.source, self.out, self.size, self.fps, self.frames, resume=self.resume, skip_damaged=self.skip_damaged
            )
        else:
            self._refuse(("fps",), "video files; an environment has a rate of its own")
            self._refuse(("skip_damaged",), "video files")
            recording = Recording(
                env_id=full_id(self.source),
                env_kwargs=literals(self.option),
                imports=tuple(self.imports),
                image_key=self.image_key,
                mix=parse_mix(self.mix) if self.mix else None,
                num_envs=self.num_envs,
                size=self.size,
                max_episode_steps=self.max_episode_steps,
                truth=tuple(self.truth),
                twins=self.twins,
                seed=self.seed,
                held_out=self.held_out,
            )
            usual = 0 if self.layouts else 100_000
            frames = usual if self.frames is None else self.frames
            writer = record(recording, self.out, frames, self.resume, self.layouts)
        rate = writer.num_new_frames / (time.perf_counter() - begin)
        counts = f"{writer.num_episodes} episodes, {writer.num_frames} frames"
        if writer.num_layouts:
            counts += f", {writer.num_layouts} layouts without frames"
        print(f"{self.out}: {counts}; {rate:.0f} frames/s, start-up included")

    def _refuse(self, names: tuple[str, ...], what_they_are_for: str) -> None:
        """Options that would change nothing are no options here."""
        for name in names:
            if getattr(self, name):
                raise GenieGymError(f"--{name.replace('_', '-')} is for {what_they_are_for}; leave it out.")


@dataclass(kw_only=True)
class Train(_WithImports):
    """Learn a world from video, stage by stage (of genie1: latent actions, tokenizer, dynamics, heads). Says beforehand what
    each stage will cost on this machine.

    Run it again to go on where it stopped. Under torchrun it trains on several GPUs.
    """

    data: list[Path]
    """Video files from `genie-gym record`. For genie3 of any sizes of frames: the world has the first one's."""
    out: Path
    """Folder for checkpoints, contact sheets, TensorBoard events, and the world itself (OUT/world)."""
    family: str = "genie1"
    """What kind of world: genie1 (tokens, any video), genie2 (a 3D place, from recordings of town, or of a simulator of
    one's own with ground truth), genie3 (a place made of things, from recordings that also say what stands where)."""
    preset: str | None = None
    """Its size (with --init-from, its recipe alone). Without it: the largest that is worth the minutes, or tiny. genie1:
    debug, mini, tiny, base, genie1-1b; genie2: debug, tiny, base, genie2-10b; genie3: debug, tiny, base."""
    stages: list[str] | None = None
    """Which stages to train now (default: all); the others are loaded from OUT. genie1: latent_actions, tokenizer, dynamics,
    heads; genie2: perception, latent_actions, imagination, keys, tasks; genie3: assets, places, layout, latent_actions,
    keys, of which assets, places and latent_actions are computed and take no minutes."""
    init_from: str | None = None
    """A world whose networks, and their sizes, to begin with: a shipped name, a folder, or a hub repository. Perception may
    be made wider (--set)."""
    minutes: list[str] | None = None
    """Train by the clock instead of the preset's steps: a number for all stages together, or NAME NUMBER pairs."""
    steps: dict[str, int] = field(default_factory=dict)
    """Steps of a stage instead of the preset's, as NAME NUMBER pairs."""
    set: Options = field(default_factory=dict)
    """Any other setting, as PATH VALUE pairs: world.tokenizer.codebook_size 2048 recipe.dynamics.batch_size 64."""
    device: str = "auto"
    precision: str = "auto"
    """float32, bfloat16, or auto: bfloat16 where the device multiplies it in hardware."""
    sheet_minutes: float = 5.0
    """Minutes between contact sheets."""
    shard: bool = False
    """Under torchrun, share parameters and the optimizer's state out among processes (FSDP2), not a copy to each (DDP)."""

    def run(self) -> None:
        from genie_gym.datasets.video import VideoDataset
        from genie_gym.training.recordings import Recordings
        from genie_gym.training.train import find_plan, refuse_computed, train_world

        plan = find_plan(self.family)
        settings: dict[str, Any] = {}
        common = {"device": self.device, "precision": self.precision, "sheet_minutes": self.sheet_minutes}
        for name in plan.stages:
            settings |= {f"recipe.{name}.{key}": value for key, value in common.items()}
        if self.shard:
            settings |= {f"recipe.{name}.shard": True for name in plan.stages}
        for name, value in self.steps.items():
            check_name("stage", name, plan.stages)
            refuse_computed(plan, name, "steps")
            settings[f"recipe.{name}.steps"] = value
        minutes = parse_minutes(self.minutes)
        if minutes is not None and (isinstance(minutes, float) or minutes.keys() & self.steps.keys()) and self.steps:
            raise GenieGymError("a stage trains by --steps or by --minutes; give one of them.")
        settings |= literals(self.set)  # the most particular has the last word
        data = Recordings(self.data) if plan.takes_sizes else VideoDataset(list(self.data))
        train_world(data, self.out, self.preset, self.stages, settings, self.family, minutes, self.init_from)
        print(f"the world is in {self.out / 'world'}")


@dataclass(kw_only=True)
class Evaluate(_WithImports):
    """How good is a world on video it never saw: fidelity, controllability, drift (docs/evaluation.md)."""

    world: tyro.conf.Positional[str]
    """A shipped name, a folder, or a hub repository."""
    data: Path | None = None
    """A held-out video file; without it, one is recorded from the world's own source and kept in the cache."""
    held_out_frames: int = 30_000
    """How many frames to record for it."""
    learned_from: list[Path] = field(default_factory=list)
    """The recordings that the world learned from: whether its layouts are copies of theirs is told by them (genie3)."""
    clips: int = 128
    """How many clips are measured; some measures take a share of them."""
    thorough: bool = False
    """Four times as many of everything: narrower intervals."""
    measures: tuple[str, ...] = ()
    """Take these alone, for example: light first_views. Each gives the same numbers with others or without."""
    json: Path | None = None
    """Write the numbers there too."""
    table: Path | None = None
    """Write a table of them into this Markdown file, between its lines "<!-- results of genie-gym evaluate FAMILY -->" and
    "<!-- end of results -->"."""
    results: Annotated[Path | None, tyro.conf.arg(name="from")] = None
    """Measure nothing: print, and write, what an earlier --json says."""
    device: str = "auto"
    seed: int = 0

    def run(self) -> None:
        from genie_gym.datasets.video import VideoDataset
        from genie_gym.evaluation.evaluate import evaluate
        from genie_gym.evaluation.held_out import held_out_video
        from genie_gym.evaluation.measure import EvaluateConfig
        from genie_gym.evaluation.results import Results
        from genie_gym.evaluation.table import check_marks, write_table
        from genie_gym.families import find_family
        from genie_gym.pretrained import load_world

        if self.table is not None and self.measures:
            raise GenieGymError("a table shows what all measures say; leave --measures out, or --table.")
        check_file(self.json)
        config = EvaluateConfig((4 if self.thorough else 1) * self.clips, seed=self.seed, measures=self.measures)
        results = None if self.results is None else Results.from_dict(read_json(self.results))
        given = None if self.data is None else VideoDataset(self.data)
        learned_from = VideoDataset(self.learned_from) if self.learned_from else None
        world = load_world(self.world, self.device)
        if self.table is not None:
            check_marks(self.table, world.family)
        if results is None:
            data = VideoDataset(held_out_video(world, self.held_out_frames)) if given is None else given
            results = evaluate(world, data, config, learned_from, self._command)
        report(results.to_dict(), self.json)
        if self.table is not None:
            write_table(self.table, results, find_family(world.family).load("rows") or ())

    @property
    def _command(self) -> str:
        """What asks for the same numbers. Of files only the names: where they lie is nobody else's matter."""
        words = ["genie-gym", "evaluate", Path(self.world).name]
        for option in ("data", "held_out_frames", "learned_from", "clips", "thorough", "measures", "seed"):
            value, usual = getattr(self, option), getattr(type(self)(world=""), option)
            if value != usual:
                given = [value] if not isinstance(value, list | tuple) else value
                said = [one.name if isinstance(one, Path) else str(one) for one in given]
                words += [f"--{option.replace('_', '-')}", *([] if value is True else said)]
        return " ".join(words)


@dataclass(kw_only=True)
class Sheet(_WithImports):
    """A picture of what a world does: real video beside imagined, and each latent action held from the same start."""

    world: tyro.conf.Positional[str]
    """A shipped name, a folder, or a hub repository."""
    out: Path = Path("sheet.png")
    """A .png; or a .gif or .mp4: a film of real clips (--data) beside imagined ones, or of walks (--prompts)."""
    data: Path | None = None
    """A video file to compare with; without it only the held actions are drawn, from the world's own starts."""
    prompts: list[str] = field(default_factory=list)
    """Instead: a row for each of these texts, its first view and a walk from there."""
    lights: bool = False
    """Of prompts: no walk, but the first view under every weather and at every time of day."""
    events: dict[int, str] = field(default_factory=dict)
    """Of prompts: what happens in which step, as STEP TEXT pairs: 24 "it starts to snow" 72 "night falls"."""
    actions: str | None = None
    """Of prompts: the moves of the walk in one line ("w*24 a*12"), instead of a turn, a walk and a look all around."""
    assets: bool = False
    """Instead: all that the places of a world (genie3) are made of, each from two sides."""
    frames: int = 16
    every: int = 1
    """Show only every N-th frame of the rows of a picture, and of a film of walks."""
    starts: int = 2
    """From how many starts each action is held; 0 compares with --data alone. Of a film: how many clips are shown."""
    size: tuple[int, int] | None = None
    """Of prompts: height and width of the frames, of worlds that draw any (genie3)."""
    blind: int = 0
    """Instead: so many first views that the world makes of prompts (24 is usual), shuffled among as many recorded ones of
    the same prompts, out of --data or held-out video; which is which is written beside it, as .json."""
    scale: int = 2
    device: str = "auto"
    seed: int = 0

    def run(self) -> None:
        from genie_gym.evaluation.asset_sheet import draw_assets
        from genie_gym.evaluation.blind_sheet import draw_blind
        from genie_gym.evaluation.light_sheet import draw_lights
        from genie_gym.evaluation.prompt_sheet import draw_prompts
        from genie_gym.evaluation.sheet import draw_sheet

        check_file(self.out)
        if self.blind:
            if self.assets or self.prompts:
                raise GenieGymError("a blind sheet shows neither --assets nor --prompts; leave them out.")
            said = draw_blind(self.world, self.out, self.data, self.blind, self.scale, self.seed, self.device)
        elif self.assets:
            if self.data is not None or self.prompts:
                raise GenieGymError("a sheet of assets shows neither --data nor --prompts; leave them out.")
            said = draw_assets(self.world, self.out, self.scale, self.device)
        elif self.prompts:
            if self.data is not None:
                raise GenieGymError("a sheet shows prompts or compares with --data; give one of them.")
            if self.lights:
                said = draw_lights(self.world, self.out, self.prompts, self.scale, self.seed, self.device, self.size)
            else:
                shown = self.frames, self.every, self.scale, self.seed
                more = self.device, self.size, self.events, self.actions
                said = draw_prompts(self.world, self.out, self.prompts, *shown, *more)
        elif self.lights or self.events or self.actions:
            raise GenieGymError("--lights, --events and --actions are for --prompts; give some.")
        else:
            rows = self.frames, self.starts, self.scale, self.seed, self.every
            said = draw_sheet(self.world, self.out, self.data, *rows, self.device)
        for sentence in said:
            print(sentence)
        print(self.out)


@dataclass(kw_only=True)
class Imagine(_WithImports):
    """A clip of what a world makes of a prompt or an image, as moves are played (docs/imagine.md)."""

    out: Path = Path("imagined.mp4")
    """An .mp4, a .gif, or a .png: up to 16 of the frames in one picture."""
    world: str = "genie2"
    """A shipped name, a folder, or a hub repository."""
    prompt: str | None = None
    """What to begin with, in English or Chinese: "a snowy village"."""
    image: Path | None = None
    """An image file of any size to begin with instead. Without either, a start of the world's own."""
    actions: str | None = None
    """Moves: keys in one line ("w*24 a*12", "forward*24, turn left*12"), or a .json or .npy file of keys or of the world's
    own actions. By default random keys, each held for a while."""
    steps: int | None = None
    """How many of these: 100 by default."""
    overlay: list[str] = field(default_factory=list)
    """What the world knows, drawn too: depth (beside it), graph (boxes with name, id and distance, and the place from
    above)."""
    scale: int = 4
    """How many times larger frames are shown."""
    seed: int = 0
    device: str = "auto"

    def run(self) -> None:
        from genie_gym.evaluation.imagined import ClipConfig, imagine_clip

        check_file(self.out)
        config = ClipConfig(self.prompt, self.image, self.actions, self.steps, self.seed, tuple(self.overlay), self.scale)
        for sentence in imagine_clip(self.world, config, self.out, self.device):
            print(sentence)
        print(self.out)


@dataclass(kw_only=True)
class Generate(_WithImports):
    """Play a world in bulk and write the trajectories: HDF5 that `minari.load_dataset` opens, a contact sheet, an mp4, a
    card. Or run a recipe: genie-gym generate --recipe navigation --out data/navigation-v0."""

    out: Path
    """The dataset's folder, named as Minari names datasets: data/coinrun-v0; -v0 is added where no version is given. With
    MINARI_DATASETS_PATH set to data, `minari.load_dataset("coinrun-v0")` opens it."""
    recipe: str | None = None
    """A shipped recipe (navigation, events, coinrun, arm) or a .toml of these options; what is given beside it counts."""
    env: str | None = None
    """Genie1-v0 by default."""
    episodes: int | None = None
    """How many are enough: 64, unless --steps, --hours or --successes says so."""
    steps: int | None = None
    hours: float | None = None
    """Of play at the environment's rate."""
    successes: int | None = None
    """Go on until so many episodes reached their goal; the others are left out."""
    keep_failures: bool = False
    """With --successes: keep the others too."""
    num_envs: int | None = None
    """Rows that are stepped in one forward pass, in each process: 32 by default."""
    jobs: int | None = None
    """Processes; the dataset is the same with any number of them."""
    ray: str | None = None
    """Use a Ray cluster in their place: its address ("auto", "ray://head:10001"), or "local" for one on this machine; --jobs
    is the number of its workers, and --out a folder that all machines see."""
    policy: str | None = None
    """random (the default), sticky (actions held for a while), directed, prior (what the world holds for likely), an SB3
    .zip, a list of actions (.npy, .json), or module:callable, which is given the spaces of observations and actions and a
    NumPy generator and returns a function of (observation, info)."""
    prompts: Path | None = None
    """A text file, a prompt a line: one an episode, in turn."""
    sample_specs: list[str] | None = None
    """Draw each episode's world, from all that there is or from ranges: scene=village,desert weather=rainy hour=6..10
    objects=1..4 characters=0..2 landmarks=0..1 kinds=cart,dog count=1..3 gravity=1.6..9.8 friction=0.3..1."""
    tasks: list[str] | None = None
    """Of the world's, drawn, one an episode."""
    event_rate: float | None = None
    """Random events a minute."""
    events: list[str] | None = None
    """STEP TEXT pairs: what happens in each episode."""
    store: list[str] | None = None
    """What is kept, whatever the policy sees: rgb, depth, pose, semantic and other observations, keyboard, scene_graph,
    state (the world at the beginning). Actions, rewards, prompts and events always are."""
    compression: str | None = None
    """Of frames: gzip (the default), or none, which is larger and several times as fast to read."""
    max_drift: float | None = None
    """Leave out episodes that lose or gain more than that of their edges (the logarithm: 0.7 is half of them, or twice)."""
    min_consistency: float | None = None
    """Leave out episodes in which places look another way half a second later: fewer dB, by depth and pose."""
    max_episode_steps: int | None = None
    seed: int | None = None
    episodes_per_shard: int | None = None
    """32 by default."""
    option: Options = field(default_factory=dict)
    """Options of the environment, as NAME VALUE pairs, for example: world runs/mine/world device cuda."""
    author: list[str] = field(default_factory=list)
    """Who made the dataset, as its metadata shall name them."""
    author_email: list[str] = field(default_factory=list)
    code_permalink: str | None = None
    """Where the code that made it can be read."""
    license: str | None = None
    """Of the dataset, as the hub names it: cc-by-4.0."""
    reference_scores: tuple[float, float] | None = None
    """Returns of a random and of an expert policy, for `minari.get_normalized_score`; see `genie-gym benchmark`."""
    resume: bool = False
    """Complete what an earlier run left."""
    dry_run: bool = False
    """Play for some seconds, say what all of it will take in time and bytes, and write nothing."""

    def run(self) -> None:
        from genie_gym.datasets.generate import generate
        from genie_gym.datasets.minari_metadata import Credits
        from genie_gym.datasets.minari_place import dataset_place
        from genie_gym.datasets.price import price
        from genie_gym.datasets.recipe import config_from, read_recipe

        place = dataset_place(self.out)
        if place.folder.name != self.out.name:
            print(f"{self.out} becomes {place.folder.name}: names of Minari datasets end in a version")
        recipe = read_recipe(self.recipe) if self.recipe is not None else {}
        given = {name: value for name, value in vars(self).items() if value is not None and value is not False}
        given["option"] = literals(self.option)
        if self.env is not None:
            given["env"] = full_id(self.env)
        config, num_envs, jobs = config_from(recipe, given)
        if self.dry_run:
            print(price(config, num_envs, jobs))
            return
        about = Credits(
            tuple(self.author), tuple(self.author_email), self.code_permalink, self.reference_scores, self.license
        )
        executor = None
        if self.ray is not None:
            from genie_gym.executor.ray_cluster import RayCluster

            executor = RayCluster(jobs, None if self.ray == "local" else self.ray)
        writer = generate(config, num_envs, self.out, self.resume, about, jobs, executor)
        print(f"{place.folder}: {writer.num_episodes} episodes, {writer.num_steps} steps")
        print(f"in Minari: MINARI_DATASETS_PATH={place.root} minari show {place.id}")


@dataclass(kw_only=True)
class ExportScene(_WithImports):
    """Walk through a world, and write what was seen as one mesh for 3D programs (GLB), with what is known of it beside it
    (JSON): camera poses and, of simulators, the scene graph (docs/export.md). Of a world that knows its place (genie3), the
    place itself: a node a thing, by name, and no walk."""

    out: Path
    """The .glb to write."""
    env: str = "Genie2-v0"
    """A learned world that is a place, or town."""
    policy: str = "look_around"
    """Who walks: look_around (turns round twice, walks on, and again); random, sticky (actions held for a while), directed;
    in town also wander and survey (views of many places, no walk)."""
    steps: int = 432
    """Of the walk, 24 a second; two rounds of looking around take 432."""
    views: int = 48
    """How many frames are kept at most, evenly over the walk."""
    farthest: float = 40.0
    """Metres from the camera; what lies beyond is left out, like the sky."""
    seen: bool = False
    """Walk and write what was seen, though the world knows its place."""
    seed: int = 0
    option: Options = field(default_factory=dict)
    """Options of the environment, as NAME VALUE pairs, for example: world runs/mine/world prompt "a snowy village"."""

    def run(self) -> None:
        from genie_gym.datasets.export_scene import ExportConfig, export_scene

        config = ExportConfig(
            full_id(self.env), literals(self.option), self.seed, self.policy, self.steps, self.views, self.farthest,
            self.seen,
        )  # fmt: skip
        done = export_scene(config, self.out)
        what, megabytes = f" from {done.views} views" if done.views else "", done.scene.stat().st_size / 1e6
        print(f"{done.scene}: {done.triangles} triangles{what}, {megabytes:.1f} MB")
        beside = "camera poses" if done.views else "the place"
        print(f"{done.about}: {beside}" + ("" if done.things is None else f", {done.things} things"))


@dataclass
class Gallery:
    """Contact sheets of the simulators: scenes by weather and hour, events before and after, landmarks, the arm. Or of a
    world (genie3): the named scenarios, a row each, and a page that says where a place only comes near its prompt."""

    out: Path = Path("gallery")
    """A folder."""
    seed: int = 5
    world: str | None = None
    """A shipped name, a folder, or a hub repository: its scenarios (`genie_gym.text.scenarios`) are drawn."""

    def run(self) -> None:
        from genie_gym.envs.gallery import gallery
        from genie_gym.evaluation.scenario_gallery import scenario_gallery

        drawn = gallery(self.out, self.seed) if self.world is None else scenario_gallery(self.out, self.world, self.seed)
        for path in drawn:
            print(path)


@dataclass(kw_only=True)
class Bench(_WithImports):
    """How fast a world or simulator steps: frames a second, what they cost, and whether anything grows with time."""

    env: str = "Genie1-v0"
    num_envs: int = 32
    """Copies of a learned world that step together. Simulators run one copy on one core."""
    json: Path | None = None
    """Write the numbers there too."""
    busy: int = 0
    """Measure a learned world beside so many busy processes instead, and how OpenMP's waiting matters then."""
    realtime: bool = False
    """Instead: one player at the world's own rate, with frames enlarged as the page of `genie-gym play` shows them; how long
    input, generation and rendering take."""
    world: str = "genie3"
    """Of --realtime: a shipped name, a folder, a hub repository, or a simulator's id."""
    frames: int = 1440
    """Of --realtime: how many."""
    size: tuple[int, int] | None = None
    """Of --realtime: height and width at which the world draws. By default the largest that holds the rate."""
    prompt: str = ""
    """Of --realtime."""
    device: str = "auto"
    option: Options = field(default_factory=dict)
    """Options of the environment, as NAME VALUE pairs, for example: world runs/mine/world."""

    def run(self) -> None:
        check_file(self.json)
        if self.realtime:
            from genie_gym.runtime.bench import bench_realtime

            if self.frames < 1:
                raise GenieGymError(f"--frames is a number of at least 1; got {self.frames}.")
            size = "auto" if self.size is None else self.size
            report(bench_realtime(self.world, self.frames, size=size, prompt=self.prompt, device=self.device), self.json)
            return
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


@dataclass(kw_only=True)
class Play(_WithImports):
    """A world in the browser, in real time: walk in it, prompt it, have things happen, go back, keep clips and datasets
    (docs/play.md)."""

    world: tyro.conf.Positional[str] = "genie3"
    """A shipped name, a folder, a hub repository; or a simulator: town, or any Gymnasium id that draws images and takes
    keys."""
    prompt: str = ""
    """What worlds are like at first, English or Chinese."""
    task: str = ""
    """Of the world's tasks."""
    seed: int = 0
    host: str = "127.0.0.1"
    """Where it is served. Elsewhere than on this machine a page needs the token that is printed."""
    port: int = 7000
    """0: any that is free."""
    size: tuple[int, int] | None = None
    """Height and width at which the world draws. By default the largest that holds the rate on this machine."""
    output_size: tuple[int, int] = (720, 1280)
    """Height and width that shown frames fit into."""
    upscaler: str = "learned"
    """How frames are enlarged: learned, bicubic or nearest."""
    max_visitors: int = 4
    """So many play at once; others wait."""
    session_minutes: float = 10.0
    """Who does nothing for so long leaves."""
    device: str = "auto"

    def run(self) -> None:
        from genie_gym.web.play import play

        play(
            self.world, prompt=self.prompt, task=self.task, seed=self.seed, host=self.host, port=self.port, size=self.size,
            output_size=self.output_size, upscaler=self.upscaler, max_visitors=self.max_visitors,
            session_minutes=self.session_minutes, device=self.device,
        )  # fmt: skip


@dataclass(kw_only=True)
class TrainUpscaler(_WithImports):
    """Teach the network that enlarges the frames of the play page, from recordings in high resolution."""

    data: list[Path]
    """Video files from `genie-gym record --size 720 1280`, or of any size several times a world's."""
    out: Path = Path("upscaler.safetensors")
    minutes: float = 15.0
    device: str = "auto"
    seed: int = 0

    def run(self) -> None:
        from genie_gym.training.recordings import Joined, Recordings, parts_of
        from genie_gym.training.upscaler import UpscalerRecipe, train_upscaler

        check_file(self.out)
        if not 0 < self.minutes <= 10_000:
            raise GenieGymError(f"--minutes is a number above 0; got {self.minutes}.")
        recipe, data = UpscalerRecipe(minutes=self.minutes, seed=self.seed), Joined(parts_of(Recordings(self.data)))
        report(train_upscaler(data, self.out, recipe=recipe, device=self.device), None)
        print(self.out)


@dataclass(kw_only=True)
class Benchmark(_WithImports):
    """Policies on an environment: a table with 95 % intervals, JSON, a plot, and the trained policies."""

    env: str = "Genie1-v0"
    agents: list[str] = field(default_factory=lambda: ["random", "ppo"])
    """random, sticky, directed, prior (of learned worlds), clone and ppo (trained here), or SB3 .zip policies; on town and
    arm also expert and wander."""
    out: Path = Path("runs/benchmark")
    episodes: int = 64
    num_envs: int = 32
    imitate: list[Path] = field(default_factory=list)
    """Recordings whose rewarded episodes clone imitates."""
    clone_steps: int = 2_000
    """Batches of 128 frames that clone trains for."""
    ppo_steps: int = 50_000
    """Environment steps that PPO trains for, all rows together."""
    ppo_from: Path | None = None
    """An SB3 .zip that PPO goes on from, for example one that clone left."""
    starts: Path | None = None
    """A recording: episodes of a learned world begin in the first frames of its episodes."""
    seed: int = 0
    option: Options = field(default_factory=dict)
    """Options of the environment, as NAME VALUE pairs."""

    def run(self) -> None:
        from genie_gym.agents.benchmark import BenchmarkConfig, benchmark, table

        config = BenchmarkConfig(
            env=full_id(self.env),
            agents=self.agents,
            episodes=self.episodes,
            num_envs=self.num_envs,
            ppo_steps=self.ppo_steps,
            seed=self.seed,
            env_kwargs=literals(self.option),
            imitate=self.imitate,
            clone_steps=self.clone_steps,
            ppo_from=self.ppo_from,
            starts=self.starts,
        )
        print(table(benchmark(config, self.out)))


Command = (
    Annotated[Record, tyro.conf.subcommand("record")]
    | Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Evaluate, tyro.conf.subcommand("evaluate")]
    | Annotated[Sheet, tyro.conf.subcommand("sheet")]
    | Annotated[Imagine, tyro.conf.subcommand("imagine")]
    | Annotated[Generate, tyro.conf.subcommand("generate")]
    | Annotated[Data, tyro.conf.subcommand("data")]
    | Annotated[ExportScene, tyro.conf.subcommand("export-scene")]
    | Annotated[Gallery, tyro.conf.subcommand("gallery")]
    | Annotated[Play, tyro.conf.subcommand("play")]
    | Annotated[TrainUpscaler, tyro.conf.subcommand("train-upscaler")]
    | Annotated[Bench, tyro.conf.subcommand("bench")]
    | Annotated[Benchmark, tyro.conf.subcommand("benchmark")]
)


def full_id(name: str) -> str:
    """The Gymnasium id of a simulator's short name; other names as they are."""
    simulator = find_simulator(name)
    return simulator.id if simulator else name


def parse_minutes(values: list[str] | None) -> float | dict[str, float] | None:
    """ "20" for all stages together, or "tokenizer 8 dynamics 12"."""
    if values is None:
        return None
    names, numbers = values[:-1:2], values[1::2] or values
    try:
        minutes = [float(value) for value in numbers]
    except ValueError:
        minutes = []
    if not minutes or (len(values) > 1 and len(values) % 2):
        raise GenieGymError(f"--minutes takes a number, or NAME NUMBER pairs; got {' '.join(values)!r}.")
    return dict(zip(names, minutes, strict=True)) if names else minutes[0]


def literals(options: Options) -> dict[str, Any]:
    """Options with their values as Python would read them: numbers, True, False and None, else text."""

    def literal(text: str) -> Any:
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError):
            return text

    return {name: literal(text) for name, text in options.items()}


def check_file(path: Path | None) -> None:
    """Raises `GenieGymError` for what no file can be written to, before all that would be lost then."""
    if path is not None and (path.is_dir() or any(above.exists() and not above.is_dir() for above in path.parents)):
        raise GenieGymError(f"cannot write to {str(path)!r}: it is a folder, or lies below a file; give another name.")


def report(results: dict[str, Any], path: Path | None) -> None:
    """Prints numbers one a line, then what is to be said of them, and writes all of it as JSON."""
    for name, value in results.items():
        if not isinstance(value, list | dict):
            number = value if isinstance(value, str) else f"{value:.4g}" if not isinstance(value, tuple) else ""
            shown = " … ".join(f"{v:.2f}" for v in value) if isinstance(value, tuple) else number
            print(f"{name:<34}{shown}")
    for sentence in [text for value in results.values() if isinstance(value, list) for text in value]:
        print(f"note: {sentence}")
    if path is not None:
        write_json(path, results)


def versions() -> str:
    """This package's, and those of what it stands on: what a report of a problem should say. Imports none of them."""
    others = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy", "gymnasium", "mujoco"))
    return f"genie-gym {__version__} (Python {platform.python_version()}, {others})"


def main(argv: list[str] | None = None) -> int:
    """Runs one command. Exit code 0 when done, 2 for bad input (one line on standard error), 130 on Ctrl-C."""
    if (sys.argv[1:] if argv is None else argv) == ["--version"]:
        print(versions())
        return 0
    try:
        command: Any = tyro.cli(Command, args=argv, prog="genie-gym", description=__doc__)  # type: ignore[call-overload]
        import_modules(getattr(command, "imports", ()))
        command.run()
    except GenieGymError as error:
        print(f"genie-gym: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except OSError as error:  # of a file or folder that the user named
        print(f"genie-gym: {' '.join(str(error).split())}.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "genie-gym: interrupted; what was finished is kept. Run it again (or with --resume) to go on.", file=sys.stderr
        )
        return 130
    return 0
