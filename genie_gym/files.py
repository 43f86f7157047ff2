"""How files are written (beside, then renamed: whole or not at all) and checked (SHA-256). Imports no torch."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from genie_gym.errors import GenieGymError

if TYPE_CHECKING:
    import h5py

MANIFEST_FILE = "manifest.json"


def part_of(path: str | Path) -> Path:
    """Where `path` is written until it is whole. The suffix stays, since libraries tell the format by it; the dot in front
    keeps it out of patterns such as *.h5."""
    path = Path(path)
    return path.with_name(f".{path.stem}.part{path.suffix}")


@contextmanager
def alone(path: str | Path) -> Iterator[None]:
    """One process at a time is in here for a `path`; others wait."""
    lock = part_of(path).with_suffix(".lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):
        yield


@contextmanager
def beside(path: str | Path) -> Iterator[Path]:
    """A name to write to, which becomes `path` once the block is done; nothing is left of it where the block fails."""
    path, part = Path(path), part_of(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield part
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def open_hdf5(path: str | Path, mode: str = "r") -> h5py.File:
    """Opens an HDF5 file.

    Raises:
        GenieGymError: another process is at it: writing, or, where this is to write, reading.
        OSError: it is missing, damaged or no HDF5.
    """
    import h5py

    try:
        if mode == "w" and Path(path).exists():
            try:
                h5py.File(path, "r+").close()  # "w" empties a file before it sees that it is in use
            except BlockingIOError:
                raise
            except OSError:  # a damaged one may be written over
                pass
        return h5py.File(path, mode)
    except BlockingIOError as error:
        at_it = "is being written" if mode == "r" else "is in use"
        raise GenieGymError(f"{path} {at_it} by another process; wait until that is done.") from error


def write_text(path: str | Path, text: str) -> None:
    with beside(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=1) + "\n")


def read_json(path: str | Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        GenieGymError: the file is missing, no JSON, or another kind of JSON.
    """
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise GenieGymError(f"cannot read {path}: {error}.") from error
    if not isinstance(value, dict):
        raise GenieGymError(f"{path} must hold a JSON object; it holds a {type(value).__name__}.")
    return value


def sha256(path: str | Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(folder: Path, names: Iterable[str]) -> None:
    """Notes the checksums of these files of `folder`."""
    write_json(folder / MANIFEST_FILE, {name: sha256(folder / name) for name in names})


def check_manifest(folder: Path) -> set[str]:
    """The files that the manifest of `folder` lists.

    Raises:
        GenieGymError: there is no manifest, or a file is missing or has another checksum.
    """
    path = folder / MANIFEST_FILE
    if not path.is_file():
        raise GenieGymError(f"{folder} is not a world: it has no {MANIFEST_FILE}. `genie-gym train` makes worlds.")
    manifest = read_json(path)
    for name, expected in manifest.items():
        file = folder / Path(name).name
        if not file.is_file():
            raise GenieGymError(f"{file} is missing; train or download the world again.")
        if sha256(file) != expected:
            raise GenieGymError(f"{file} has another checksum than {path} gives: damaged or changed; download it again.")
    return set(manifest)


def cache_folder() -> Path:
    """Where what can be made again is kept."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "genie_gym"
