"""robomimic's files as recordings: one HDF5 file, a group `data/demo_N` an episode.

Legend: T steps, H W image.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from genie_gym.datasets.exports.contents import MOST_BYTES, MOST_STEPS, block_bounds, inside
from genie_gym.datasets.frames import CHANNELS, as_frame
from genie_gym.datasets.imports.foreign import Foreign, Found, plain_actions
from genie_gym.datasets.video import VideoWriter
from genie_gym.errors import GenieGymError, did_you_mean
from genie_gym.files import open_hdf5

USUAL_RATE = 20.0  # robosuite's, where a file does not say
DEMO = re.compile(r"demo_(\d+)")


def import_robomimic(
    file: str | Path,
    out: str | Path,
    image_key: str | None = None,
    size: tuple[int, int] | None = None,
    num_frames: int | None = None,
    max_frames: int | None = None,
    resume: bool = False,
) -> VideoWriter:
    """Records a file of robomimic, with actions, rewards and ends; see `Foreign.record`.

    Args:
        image_key: which observation, for example agentview_image; None is the only one, or `rgb`.

    Raises:
        GenieGymError: no such file, it is none of robomimic's, or it holds no pictures.
    """
    path = Path(file).expanduser()
    if not path.is_file():
        raise GenieGymError(f"no file {path}; give an HDF5 file of robomimic.")
    try:
        with open_hdf5(path) as opened:
            data = _group(opened, "data", str(path))
            demos = _demos(data, path)
            name = _picture(data, demos, image_key, path)
            rate, instruction = _told(data)
            episodes = _episodes(data, demos, name, path, instruction)
            return Foreign("robomimic", path.name, rate, episodes, {"image_key": name}).record(
                out, size, num_frames, max_frames, resume
            )
    except (OSError, RuntimeError) as error:
        raise GenieGymError(f"{path} is damaged or no HDF5: {error}.") from error


def _group(parent: h5py.Group, name: str, where: str) -> h5py.Group:
    found = inside(parent, name, f"of {where}")
    if not isinstance(found, h5py.Group):
        raise GenieGymError(f"{where} has no group {name!r}; it is no file of robomimic.")
    return found


def _demos(data: h5py.Group, path: Path) -> list[str]:
    """Their names, by their numbers."""
    found = sorted((int(match[1]), name) for name in data if (match := DEMO.fullmatch(name)))
    if not found:
        raise GenieGymError(f"{path} holds no demonstrations (data/demo_0 …); it is no file of robomimic.")
    return [name for _, name in found]


def _picture(data: h5py.Group, demos: list[str], image_key: str | None, path: Path) -> str:
    seen = _group(_group(data, demos[0], f"{path} data"), "obs", f"{path} {demos[0]}")
    names = [name for name in seen if _is_picture(inside(seen, name, f"of {path}"))]
    if image_key is not None and image_key not in names:
        raise GenieGymError(f"no pictures {image_key!r} in {path}." + did_you_mean(image_key, names))
    if not names:
        raise GenieGymError(f"{path} holds no pictures, so there is nothing to record; render its observations first.")
    if image_key is None and len(names) > 1 and "rgb" not in names:
        raise GenieGymError(f"{path} holds several pictures; choose one with --image-key: {', '.join(names)}.")
    return image_key or ("rgb" if "rgb" in names else names[0])


def _is_picture(item: Any) -> bool:
    return isinstance(item, h5py.Dataset) and item.dtype == np.uint8 and item.ndim == 4 and item.shape[3] in CHANNELS


def _told(data: h5py.Group) -> tuple[float, str]:
    """Frames a second, and what is to be done in all of them ("" where nobody says)."""
    known = {name: _json(data.attrs.get(name)) for name in ("env_args", "problem_info")}
    options = known["env_args"].get("env_kwargs")
    rate = options.get("control_freq") if isinstance(options, dict) else None
    text = known["problem_info"].get("language_instruction") or known["env_args"].get("env_lang") or ""
    return float(rate) if isinstance(rate, int | float) else USUAL_RATE, str(text) if isinstance(text, str) else ""


def _json(text: Any) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _episodes(data: h5py.Group, demos: list[str], name: str, path: Path, instruction: str) -> Iterator[Found]:
    one_hot = data.attrs.get("action_encoding") == "one-hot"  # as our own exporter writes keys
    for demo in demos:
        group = _group(data, demo, f"{path} data")
        where = f"of {path} {demo}"
        frames, after = inside(group, f"obs/{name}", where), inside(group, f"next_obs/{name}", where)
        if not isinstance(frames, h5py.Dataset) or not 0 < frames.shape[0] <= MOST_STEPS:
            raise GenieGymError(f"{path} {demo} holds no pictures {name!r}, or more than there can be.")
        steps = frames.shape[0]
        last = after if isinstance(after, h5py.Dataset) and after.shape == frames.shape else None
        actions = _values(group, "actions", steps, where)
        yield Found(
            f"{path.name} {demo}",
            _blocks(frames, last, where),
            steps + (last is not None),
            _pressed(actions) if one_hot and actions is not None else actions,
            None if (rewards := _values(group, "rewards", steps, where)) is None else rewards.astype(np.float32),
            None if (dones := _values(group, "dones", steps, where)) is None else dones.astype(bool),
            str(group.attrs.get("prompt") or group.attrs.get("task") or instruction),
        )


def _values(group: h5py.Group, name: str, steps: int, where: str) -> np.ndarray | None:
    item = inside(group, name, where)
    if item is None:
        return None
    if not isinstance(item, h5py.Dataset) or item.shape[0] != steps or item.dtype.kind not in "biuf":
        raise GenieGymError(f"{name} {where} is not one of numbers for each of its {steps} frames; it is damaged.")
    if item.size * 8 > MOST_BYTES:
        raise GenieGymError(f"{name} {where} would take {item.size * 8} bytes; at most {MOST_BYTES} are read.")
    return plain_actions(item[()]) if name == "actions" else item[()]


def _pressed(actions: np.ndarray) -> np.ndarray:
    """The keys of vectors that are 1 for one of them; others as they are."""
    is_one = actions.ndim == 2 and bool(((actions == 0) | (actions == 1)).all() and (actions.sum(1) == 1).all())
    return actions.argmax(1) if is_one else actions


def _blocks(frames: h5py.Dataset, last: h5py.Dataset | None, where: str) -> Iterator[np.ndarray]:
    count = frames.shape[0]
    for begin, end in block_bounds(frames, count, f"obs {where}"):
        yield np.stack([as_frame(one) for one in frames[begin:end]])
    if last is not None:
        yield as_frame(last[count - 1])[None]
