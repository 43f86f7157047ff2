"""Datasets out of datasets: merged, split, filtered. Episodes are copied as they lie in their files, never decoded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from genie_gym.datasets.dataset_pictures import draw
from genie_gym.datasets.interrupt import Interrupt
from genie_gym.datasets.minari_format import MinariWriter, ShardFile, copy_shard, shard_name
from genie_gym.datasets.minari_reader import MinariFolder, check_alike
from genie_gym.errors import GenieGymError
from genie_gym.progress import progress

Chosen = list[tuple[MinariFolder, int]]  # episodes, each by its dataset and number
PER_SHARD = 32
COUNTED = ("dataset_id", "total_episodes", "total_steps", "dataset_size")  # of metadata: another dataset's own


@dataclass(frozen=True)
class Wanted:
    """Which episodes are wanted; None asks for nothing.

    Args:
        reached: that reached their goal, or not. min_return, max_return: sums of rewards. min_steps, max_steps: lengths.
            task: by name. text: in the prompt.
    """

    reached: bool | None = None
    min_return: float | None = None
    max_return: float | None = None
    min_steps: int | None = None
    max_steps: int | None = None
    task: str | None = None
    text: str | None = None

    def takes(self, dataset: MinariFolder, number: int) -> bool:
        """Whether an episode is one of them."""
        about = dataset.about(number)
        steps, brought = int(about["total_steps"]), None
        if self.min_return is not None or self.max_return is not None:
            brought = float(np.sum(dataset.read(number, "rewards")))
        return (
            (self.reached is None or bool(about.get("reached")) == self.reached)
            and _between(steps, self.min_steps, self.max_steps)
            and (brought is None or _between(brought, self.min_return, self.max_return))
            and (self.task is None or about.get("task") == self.task)
            and (self.text is None or self.text.lower() in str(about.get("prompt", "")).lower())
        )


def _between(value: float, low: float | None, high: float | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)


def merge(folders: Sequence[str | Path], out: str | Path) -> MinariWriter:
    """One dataset of all episodes of several, in order.

    Raises:
        GenieGymError: their observations or actions differ.
    """
    if len(folders) < 2:
        raise GenieGymError("at least two datasets are merged.")
    datasets = [MinariFolder(folder) for folder in folders]
    check_alike(datasets)
    chosen = [(dataset, number) for dataset in datasets for number in range(len(dataset))]
    return _write(chosen, out, {"merged": [dataset.id for dataset in datasets]})


def filtered(folder: str | Path, out: str | Path, wanted: Wanted) -> MinariWriter:
    """A dataset of the episodes that are wanted.

    Raises:
        GenieGymError: there is none.
    """
    dataset = MinariFolder(folder)
    numbers = progress(range(len(dataset)), desc=f"look at {dataset.id}", unit="episode")
    chosen = [(dataset, number) for number in numbers if wanted.takes(dataset, number)]
    if not chosen:
        raise GenieGymError(f"none of the {len(dataset):,} episodes of {dataset.id} is wanted: ask for less.")
    asked = {name: value for name, value in vars(wanted).items() if value is not None}
    return _write(chosen, out, {"filtered": dataset.id, "wanted": asked})


def split(folder: str | Path, first: str | Path, second: str | Path, share: float, seed: int = 0) -> list[MinariWriter]:
    """Two datasets: a share of the episodes, drawn, and the others.

    Raises:
        GenieGymError: one of them would be empty.
    """
    dataset = MinariFolder(folder)
    if Path(first).resolve() == Path(second).resolve():
        raise GenieGymError(f"the two parts need a folder each; got {first} twice.")
    if not 0 < share < 1 or not 0 < round(share * len(dataset)) < len(dataset):
        raise GenieGymError(f"a share between 0 and 1 that leaves both parts an episode is needed; got {share:g}.")
    drawn = np.random.default_rng(seed).permutation(len(dataset))
    border = round(share * len(dataset))
    parts = np.sort(drawn[:border]), np.sort(drawn[border:])
    settings = {"split": dataset.id, "share": share, "seed": seed}
    return [
        _write([(dataset, int(number)) for number in numbers], out, settings | {"part": part})
        for part, (numbers, out) in enumerate(zip(parts, (first, second), strict=True))
    ]


def _write(chosen: Chosen, out: str | Path, settings: Mapping[str, Any]) -> MinariWriter:
    """Copies episodes into a new dataset, and draws it."""
    writer = MinariWriter(out, dict(settings))
    writer.begin()
    with closing(writer):
        first = chosen[0][0]
        piles = [chosen[k : k + PER_SHARD] for k in range(0, len(chosen), PER_SHARD)]
        with Interrupt() as interrupt:
            for number, pile in enumerate(progress(piles, desc=f"write {writer.place.id}", unit="shard")):
                interrupt.check()
                writer.note_shard(number, _copied(writer.data / shard_name(number), pile, number * PER_SHARD))
        metadata = {name: value for name, value in first.metadata.items() if name not in COUNTED}
        writer.finish(metadata | {"description": _said(settings, first.metadata)})
        draw(writer.folder)
    return writer


def _copied(path: Path, pile: Chosen, first: int) -> ShardFile:
    """Episodes, numbered from `first` on."""

    def groups() -> Iterator[tuple[int, Any]]:
        for number, (dataset, index) in enumerate(pile, first):
            yield number, dataset.group(index)

    return copy_shard(path, groups())


def _said(settings: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    how = ", ".join(f"{name} {value}" for name, value in settings.items())
    return f"{how}. {metadata.get('description', '')}".strip()
