"""What exporters have in common: the episodes of a Minari dataset, by the names that they are exported under, and files and
folders that are written whole or not at all.

Legend: T steps.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from genie_gym.datasets.interrupt import Interrupt
from genie_gym.datasets.minari_reader import MinariFolder
from genie_gym.errors import GenieGymError
from genie_gym.files import beside, part_of
from genie_gym.progress import progress

ACTED = ("actions", "rewards", "terminations", "truncations")
OBSERVATIONS, INFOS, STATE = "observations", "infos", "state"
ONE_PICTURE, ONE_VECTOR = "rgb", "state"  # what observations are called that are no dictionary
BLOCK = 64  # frames that are read at a time


@dataclass(frozen=True)
class Episode:
    """An episode, whose values are read when they are asked for.

    Attributes:
        steps: its actions; of observations there is one more. about: what else is known of it.
        observations, infos: their keys in the dataset, by the names they are exported under: of dictionaries within
            dictionaries OUTER_INNER, of observations that are no dictionary "rgb" where they are pictures, else "state".
            Infos of which there is not one an observation are left out.
        pictures: the names of observations that are uint8 pictures.
    """

    dataset: MinariFolder
    number: int
    steps: int
    about: dict[str, Any]
    observations: dict[str, str]
    infos: dict[str, str]
    pictures: tuple[str, ...]

    @classmethod
    def of(cls, dataset: MinariFolder, number: int) -> Episode:
        """Episode `number` of a dataset.

        Raises:
            GenieGymError: it is damaged: something is missing, or of another length than its actions; or its observations
                have several shapes, or are pictures stored as JPEG.
        """
        about, group, keys = dataset.about(number), dataset.group(number), dataset.keys(number)
        where = f"episode {number} of {dataset.folder}"
        for key in ACTED:
            if key not in keys:
                raise GenieGymError(f"{where} holds no {key} that are one array; such episodes cannot be exported.")
        steps = len(group["actions"])
        observations = _named(keys, OBSERVATIONS, where)
        infos = {
            name: key
            for name, key in _named(keys, INFOS, where).items()
            if _length(group[key]) == steps + 1 and not _is_ragged(group[key])
        }
        pictures = dataset.image_keys()
        if OBSERVATIONS in keys:
            observations = {ONE_PICTURE if OBSERVATIONS in pictures else ONE_VECTOR: OBSERVATIONS}
        for key in (*ACTED, *observations.values()):
            expected = steps + (key not in ACTED)
            if _length(group[key]) != expected:
                raise GenieGymError(f"{where} has {steps} actions, so {expected} {key}; it holds {_length(group[key])}.")
        shown = tuple(name for name, key in observations.items() if key in pictures)
        for name, key in observations.items():
            if _is_ragged(group[key]) or (name in shown and group[key].ndim != 4):
                raise GenieGymError(
                    f"{where} holds {key} in several shapes or as JPEG, which is not read; write with jpeg_encoding=False."
                )
        return cls(dataset, number, steps, about, observations, infos, shown)

    def read(self, key: str, begin: int = 0, end: int | None = None) -> np.ndarray:
        """What there is of a key of the dataset."""
        return self.dataset.read(self.number, key, begin, end)

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Where its observations are cut, so that little of them is in memory: from one number to another."""
        return ((begin, min(begin + BLOCK, self.steps + 1)) for begin in range(0, self.steps + 1, BLOCK))

    @property
    def instruction(self) -> str:
        """In words what was asked for: the prompt, else the task, else ""."""
        return str(self.about.get("prompt") or self.about.get("task") or "")

    @property
    def state(self) -> np.ndarray | None:
        """uint8: the world at the beginning, where that was kept."""
        return self.read(STATE) if STATE in self.dataset.keys(self.number) else None


def _length(item: Any) -> int:
    return int(item.shape[0]) if item.shape else -1


def _is_ragged(item: Any) -> bool:
    return h5py.check_vlen_dtype(item.dtype) is not None and h5py.check_string_dtype(item.dtype) is None


def _named(keys: list[str], of: str, where: str) -> dict[str, str]:
    """The keys below `of` by their names."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for key in keys:
        if key.startswith(f"{of}/"):
            name = key.removeprefix(f"{of}/").replace("/", "_")
            if name.lower() in taken:  # some formats, and some disks, do not tell A from a
                raise GenieGymError(f"{where} has two {of} that would both be called {name!r}; rename one of them.")
            taken.add(name.lower())
            found[name] = key
    return found


@contextmanager
def each_episode(dataset: MinariFolder, to: str) -> Iterator[Iterator[Episode]]:
    """The episodes of a dataset, one after the other, with a bar. Ctrl-C raises between two of them.

    Raises:
        GenieGymError: there is none.
    """
    if not len(dataset):
        raise GenieGymError(f"{dataset.folder} holds no episodes, so there is nothing to export.")

    def episodes() -> Iterator[Episode]:
        for number in bar:
            interrupt.check()
            yield Episode.of(dataset, number)
        interrupt.check()

    with Interrupt() as interrupt, progress(range(len(dataset)), unit="episode", desc=f"export {to}") as bar:
        yield episodes()


# Values


def is_text(values: np.ndarray) -> bool:
    return values.dtype == object


def plain(value: Any) -> Any:
    """A value as JSON has it; what is no number there (NaN, infinity) as None."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def as_npy(values: np.ndarray) -> np.ndarray:
    """What NumPy reads again without unpickling: texts of any length become texts of one."""
    return values.astype(np.str_) if is_text(values) else values


# Files


def check_free(out: str | Path) -> None:
    """Raises `GenieGymError` where `out` is a file, or a folder that holds something."""
    out = Path(out)
    if os.path.lexists(out) and not (out.is_dir() and not any(out.iterdir())):
        raise GenieGymError(f"{out} exists already and is not an empty folder; choose another --out, or move it away.")


@contextmanager
def new_file(out: str | Path) -> Iterator[Path]:
    """A name to write to, which becomes `out` once the block is done; nothing is left of it where the block fails.

    Raises:
        GenieGymError: `out` exists, or cannot be written.
    """
    if os.path.lexists(out):
        raise GenieGymError(f"{out} exists already; choose another --out, or move it away.")
    with _told(out), beside(out) as part:
        yield part


@contextmanager
def new_folder(out: str | Path) -> Iterator[Path]:
    """A folder to write to, which becomes `out` once the block is done; nothing is left of it where the block fails.

    Raises:
        GenieGymError: see `check_free`; or it cannot be written.
    """
    out = Path(out)
    check_free(out)
    part = part_of(out)
    with _told(out):
        shutil.rmtree(part, ignore_errors=True)  # what a kill left
        part.mkdir(parents=True)
        try:
            yield part
            if out.is_dir():
                out.rmdir()
            part.rename(out)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise


@contextmanager
def _told(out: str | Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise GenieGymError(f"could not write {out}: {error} (is the disk full?)") from error
