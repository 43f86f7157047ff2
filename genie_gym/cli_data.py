"""The commands of `genie-gym data`: what one does with datasets that are there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from genie_gym.errors import GenieGymError

if TYPE_CHECKING:
    from genie_gym.datasets.minari_format import MinariWriter


@dataclass
class Verify:
    """Read all of a dataset, a video file (.h5) or a world's folder, and name each damage."""

    paths: tyro.conf.Positional[list[Path]]

    def run(self) -> None:
        from genie_gym.datasets.verify import verify

        found = [sentence for path in self.paths for sentence in verify(path)]
        for sentence in found:
            print(sentence)
        if found:
            raise GenieGymError(f"{len(found)} damage{'s' if len(found) > 1 else ''} found.")
        print(f"all is well in {', '.join(map(str, self.paths))}")


@dataclass
class Merge:
    """One dataset of all episodes of several."""

    folders: tyro.conf.Positional[list[Path]]
    out: Path

    def run(self) -> None:
        from genie_gym.datasets.edit import merge

        _say(merge(self.folders, self.out))


@dataclass
class Split:
    """Two datasets of one: a share of its episodes, drawn, and the others."""

    folder: tyro.conf.Positional[Path]
    out: tuple[Path, Path]
    """The two folders."""
    share: float = 0.9
    """Of the episodes, in the first one."""
    seed: int = 0

    def run(self) -> None:
        from genie_gym.datasets.edit import split

        for writer in split(self.folder, *self.out, self.share, self.seed):
            _say(writer)


@dataclass
class Filter:
    """A dataset of those episodes of another that are wanted."""

    folder: tyro.conf.Positional[Path]
    out: Path
    reached: bool | None = None
    """Those that reached their goal (--no-reached: those that did not)."""
    min_return: float | None = None
    max_return: float | None = None
    min_steps: int | None = None
    max_steps: int | None = None
    task: str | None = None
    text: str | None = None
    """In the prompt."""

    def run(self) -> None:
        from genie_gym.datasets.edit import Wanted, filtered

        asked = {name: value for name, value in vars(self).items() if name not in ("folder", "out")}
        _say(filtered(self.folder, self.out, Wanted(**asked)))


@dataclass
class Stats:
    """Numbers about a dataset: how many, how long, how good, what was done."""

    folder: tyro.conf.Positional[Path]
    json: Path | None = None
    """Write them there."""

    def run(self) -> None:
        from genie_gym.datasets.minari_reader import MinariFolder
        from genie_gym.datasets.statistics import statistics
        from genie_gym.files import write_json

        with MinariFolder(self.folder) as dataset:
            numbers = statistics(dataset)
        if self.json is not None:
            write_json(self.json, numbers)
        print(json.dumps(numbers, indent=1, ensure_ascii=False))


@dataclass
class View:
    """A page about a dataset: numbers, a contact sheet, a film, histograms."""

    folder: tyro.conf.Positional[Path]
    out: Path | None = None
    """A folder for the page; FOLDER/report by default."""
    rrd: Path | None = None
    """Write the first episodes for the viewer rerun too."""

    def run(self) -> None:
        from genie_gym.datasets.minari_reader import MinariFolder
        from genie_gym.datasets.report import report, write_rerun

        with MinariFolder(self.folder) as dataset:
            print(report(dataset, self.out or self.folder / "report"))
            if self.rrd is not None:
                print(write_rerun(dataset, self.rrd))


@dataclass
class Export:
    """Write a dataset in another format."""

    folder: tyro.conf.Positional[Path]
    out: Path
    to: str = "lerobot"
    """lerobot, robomimic, webdataset, mp4 or rlds."""
    one_hot: bool = False
    """lerobot: keys as vectors, 1 for the one that is pressed; its policies learn from nothing else."""
    depth: bool = True
    """lerobot: depth too (--no-depth leaves it out)."""

    def run(self) -> None:
        from genie_gym.datasets.exports.formats import export
        from genie_gym.datasets.minari_reader import MinariFolder

        with MinariFolder(self.folder) as dataset:
            chosen = {"one_hot": True} if self.one_hot else {}
            print(export(dataset, self.to, self.out, **chosen | ({} if self.depth else {"depth": False})))


@dataclass
class Bench:
    """How fast datasets are made, written and read, beside Minari's own writer and other readers."""

    env: str = "Genie1-v0"
    episodes: int = 64
    num_envs: int = 32
    json: Path | None = None
    """Write the numbers there."""

    def run(self) -> None:
        from genie_gym.datasets.bench import bench_data
        from genie_gym.files import write_json

        if self.episodes < 1 or self.num_envs < 1:
            raise GenieGymError("episodes and num_envs must be at least 1.")
        numbers = bench_data(self.env, self.episodes, self.num_envs)
        if self.json is not None:
            write_json(self.json, numbers)
        print(json.dumps(numbers, indent=1))


Command = (
    Annotated[Verify, tyro.conf.subcommand("verify")]
    | Annotated[Merge, tyro.conf.subcommand("merge")]
    | Annotated[Split, tyro.conf.subcommand("split")]
    | Annotated[Filter, tyro.conf.subcommand("filter")]
    | Annotated[Stats, tyro.conf.subcommand("stats")]
    | Annotated[View, tyro.conf.subcommand("view")]
    | Annotated[Export, tyro.conf.subcommand("export")]
    | Annotated[Bench, tyro.conf.subcommand("bench")]
)


@dataclass
class Data:
    """Check, merge, split, filter, count, look at and export datasets that are there."""

    command: Annotated[Command, tyro.conf.arg(name="")]

    def run(self) -> None:
        self.command.run()


def _say(writer: MinariWriter) -> None:
    print(f"{writer.folder}: {writer.num_episodes} episodes, {writer.num_steps} steps")
