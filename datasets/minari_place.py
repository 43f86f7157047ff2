"""Where a dataset lies and what Minari calls it: an id is the folder's path below Minari's root, and ends in a version.

Minari reads ids as `[namespace/]name-vN`. One folder with another name below its root makes `minari list` fail for all
datasets there, hence the care taken here.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from minari.dataset.minari_dataset import gen_dataset_id, parse_dataset_id

from genie_gym.errors import GenieGymError

INSIDE = "data"  # the folder that makes a folder a dataset to Minari


@dataclass(frozen=True)
class DatasetPlace:
    """`folder` is `root / id`; Minari finds it with MINARI_DATASETS_PATH set to `root`."""

    folder: Path
    root: Path
    id: str

    @property
    def namespace(self) -> str | None:
        return parse_dataset_id(self.id)[0]


def dataset_place(out: str | Path) -> DatasetPlace:
    """The place of a dataset that is to be written to `out`, which gets the version 0 where it names none.

    Below Minari's own root (MINARI_DATASETS_PATH, else ~/.minari/datasets) the folders in between are the id's namespace.
    Anywhere else the folder that `out` lies in is the root, and the id its last part.

    Raises:
        GenieGymError: Minari would not take the id, or not find the dataset; the sentence shows a name that works.
    """
    given = Path(os.path.abspath(Path(out).expanduser()))
    if not given.name or not str(out).strip():
        raise GenieGymError(f"a dataset needs a folder with a name; got {str(out)!r}.")
    folder = given if re.search(r"-v\d+$", given.name) else given.with_name(f"{given.name}-v0")
    minaris = Path(os.path.abspath(os.environ.get("MINARI_DATASETS_PATH") or Path.home() / ".minari" / "datasets"))
    root = folder.parent
    if folder.is_relative_to(minaris):
        root = minaris
    elif folder.resolve().is_relative_to(minaris.resolve()):  # a link leads there
        root, folder = minaris.resolve(), folder.resolve()
    place = DatasetPlace(folder, root, folder.relative_to(root).as_posix())
    if not given.name or not _is_valid(place.id):
        raise GenieGymError(
            f"Minari takes no dataset by the name {place.id!r}: names are letters, digits, - and _, and end in a version; "
            f"{str(root / _valid(place.id))!r} would do as --out."
        )
    for above in folder.parents:
        if (above / INSIDE).is_dir() or (above.name == INSIDE and above != root and above.is_relative_to(root)):
            dataset = above if (above / INSIDE).is_dir() else above.parent
            raise GenieGymError(
                f"Minari takes {dataset} for a dataset, since it holds a folder named {INSIDE}, and finds none inside it; "
                f"give a folder of their own to datasets, for example --out {dataset / 'datasets' / folder.name}."
                if dataset == root
                else f"{dataset} is a dataset itself, and Minari finds none inside it; give another --out."
            )
        if above == root:
            break
    return place


def _is_valid(dataset_id: str) -> bool:
    try:
        return gen_dataset_id(*parse_dataset_id(dataset_id)) == dataset_id  # -v007 is read as -v7, elsewhere
    except (TypeError, ValueError):
        return False


def _valid(dataset_id: str) -> str:
    """A name near to `dataset_id` that Minari takes."""
    *namespace, name = dataset_id.split("/")
    stem, _, version = name.rpartition("-v")
    parts = [re.sub(r"[^-\w]+", "-", part).strip("-") for part in (*namespace, stem)]
    spaces = "/".join(part for part in parts[:-1] if part)
    return gen_dataset_id(spaces if len(spaces) > 1 else None, parts[-1] or "dataset", int(version))
