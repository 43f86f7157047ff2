"""The formats that a Minari dataset can be exported to."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from genie_gym.datasets.exports.episodes import check_free
from genie_gym.datasets.minari_reader import MinariFolder
from genie_gym.errors import GenieGymError, check_name

FORMATS: dict[str, str] = {
    "lerobot": "LeRobot: a folder of parquet files and videos, for robot policies",
    "robomimic": "robomimic: one HDF5 file (--out NAME.hdf5), for imitation and offline RL",
    "webdataset": "WebDataset: a folder of tar files, one sample a step, pictures as PNG, for streaming",
    "mp4": "a folder of one mp4 an episode and picture, with the actions beside it, for video models and for people",
    "rlds": "steps as RLDS has them: a folder of one NumPy file (.npz) an episode",
}
"""What each is, by its name. A format NAME is written by `export_NAME` of the module of that name beside this one."""


def export(dataset: MinariFolder, to: str, out: str | Path, **options: Any) -> str:
    """Writes the dataset in another format, with a bar. Stopped by Ctrl-C it leaves nothing behind. Returns, in a sentence,
    what was written.

    Args:
        to: a name of `FORMATS`. out: a folder, new or empty, or a file that does not exist. options: of the format's own
            function.

    Raises:
        GenieGymError: an unknown format, an `out` that holds something, a dataset that the format cannot hold.
    """
    check_name("format", to, FORMATS)
    out = Path(out)
    check_free(out)
    exporter = getattr(import_module(f"genie_gym.datasets.exports.{to}"), f"export_{to}")
    try:
        said = exporter(dataset, out, **options)
    except TypeError as error:
        if not options or "unexpected keyword" not in str(error):
            raise
        raise GenieGymError(f"the format {to} takes no option {', '.join(options)}.") from error
    if said:  # of a format that loses something: how much
        return str(said)
    files = [path for path in out.rglob("*") if path.is_file()] if out.is_dir() else [out]
    size = sum(path.stat().st_size for path in files)
    return f"{out}: {len(dataset):,} episodes, {int(dataset.lengths.sum()):,} steps, {size:,} bytes, in the format {to}."
