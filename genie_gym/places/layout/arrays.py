"""What a layout model holds as numbers: which arrays, and what they may say. They come out of files, and so are checked."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from genie_gym.errors import GenieGymError
from genie_gym.places.layout.config import COUNTS, LayoutConfig
from genie_gym.places.layout.hills import WAVES
from genie_gym.places.layout.records import AT
from genie_gym.places.layout.roles import ROLES
from genie_gym.places.place import MAX_AREAS, MAX_GRID

Bounds = Mapping[int, tuple[float, float]]  # by column: the least number, and the one that all are below


def check_arrays(arrays: Mapping[str, np.ndarray], config: LayoutConfig) -> None:
    """Raises `GenieGymError` where mined arrays are not what a layout model reads, or name what its configuration does not
    know."""
    scenes, classes = len(config.scenes), len(config.classes)
    shapes: dict[str, tuple[int, ...]] = {
        "records": (len(AT),), "frames": (16,), "walls": (12,), "covers": (12,), "plans": (5,), "spans": (3,),
        "floors": (2,), "rings": (15,), "pieces": (4,), "fixtures": (14,), "waves": (scenes, WAVES), "hills": (scenes, 5),
        "rules": (scenes, classes, 3), "cores": (scenes, classes), "bins": (scenes, classes, len(COUNTS)),
    }  # fmt: skip
    for name, shape in shapes.items():
        if name not in arrays or arrays[name].ndim != max(len(shape), 2) or arrays[name].shape[-len(shape) :] != shape:
            found = arrays[name].shape if name in arrays else "none"
            raise GenieGymError(f"a layout model reads an array {name!r} of [.., {str(shape)[1:-1]}]; got {found}.")
        if not np.isfinite(arrays[name]).all():
            raise GenieGymError(f"the layout model's array {name!r} holds what is no number; load its weights again.")
    for name, bounds in _bounds(config).items():
        for column, (least, end) in bounds.items():
            values = arrays[name][..., column]
            if values.size and not (values.min() >= least and values.max() < end):
                raise GenieGymError(
                    f"column {column} of the layout model's array {name!r} lies from {least:g} up to {end:g}; got "
                    f"{values.min():g} to {values.max():g}. Load the weights that belong to the configuration."
                )
    known = np.bincount(arrays["records"][:, AT["label"]].astype(int), minlength=classes)
    if not known.all() or not arrays["bins"].any(-1).all() or (arrays["plans"][:, 1:3].prod(1) > MAX_AREAS).any():
        raise GenieGymError(
            "this layout model has mined nothing of some of its classes, or too large a house; mine it again."
        )


def _bounds(config: LayoutConfig) -> dict[str, Bounds]:
    scene = 0, len(config.scenes)
    name, kind = (0, len(config.names)), (0, len(config.kinds))
    return {
        "records": {
            AT["scene"]: scene, AT["label"]: (0, len(config.classes)), AT["kind"]: (-1, len(config.kinds)),
            AT["behaviour"]: (-1, len(config.behaviours)),
        },
        "frames": {1: scene, 11: (-1, len(config.names)), 12: (-1, len(config.kinds))},
        "walls": {1: scene, 10: name, 11: kind},
        "covers": {1: scene, 8: name, 9: kind},
        "plans": {0: scene, 1: (1, MAX_AREAS + 1), 2: (1, MAX_AREAS + 1)},
        "spans": {0: scene, 1: (0, 2)},
        "floors": {0: scene, 1: (0, len(config.materials))},
        "rings": {1: scene, 10: name, 11: kind},
        "pieces": {0: scene, 1: name, 2: kind, 3: (0, len(ROLES))},
        "fixtures": {0: scene, 8: name, 9: kind},
        "hills": {0: (1, MAX_GRID + 1)},
        "waves": dict.fromkeys(range(WAVES), (0, np.inf)),
    }  # fmt: skip
