"""Places that users give, held against what a world can draw: each fault is met with one sentence.

Legend: N things.
"""

from __future__ import annotations

import numpy as np

from genie_gym.errors import GenieGymError, check_name
from genie_gym.places.ground import check_room
from genie_gym.places.library import LibraryConfig
from genie_gym.places.place import Place, Thing
from genie_gym.text.spec import BEHAVIOURS

SPARE = 16  # lines of the table that are kept for what tasks and events bring
SAME = 0.95  # of two boxes of one class: from so much in common (intersection over union) they are one thing given twice
MARGIN = 1.0  # metres beyond the square where the middle of what moves may be


UNSAID = Place().base  # the ground of a place that does not say of what it is


def filled_in(place: Place, library: LibraryConfig) -> Place:
    """The place, on the library's first material where it does not say on which."""
    first = library.materials[0]
    said = {name: getattr(place, name) for name in ("base", "beyond")}
    open_ = {name: first for name, material in said.items() if material == UNSAID and UNSAID not in library.materials}
    return place.replace(**open_) if open_ else place


def check_place(place: Place, library: LibraryConfig, capacity: int) -> None:
    """Raises `GenieGymError` for a place that a world does not draw: classes or materials that nobody recorded, more things,
    roads or waters than there is room for, the same thing twice in one spot, and what moves outside the square."""
    place = filled_in(place, library)
    materials = [place.base, place.beyond, *(area.material for area in place.areas), *(water.look for water in place.waters)]
    for road in place.roads:
        materials += [road.material] + ([] if road.marks is None else [road.marks.material])
    for name in dict.fromkeys(materials):
        check_name("material", name, library.materials)
    check_room(place, library)
    things = [name for name in library.classes if name not in (library.sky, library.ground, library.water)]
    for name in dict.fromkeys(thing.name for thing in place.things):
        check_name("class of a thing", name, things)
    if len(place.things) > capacity - SPARE:
        raise GenieGymError(f"a place has at most {capacity - SPARE} things in this world; got {len(place.things):,}.")
    for thing in place.things:
        _check_thing(thing, place.half, library)
    _check_apart(place.things)


def _check_thing(thing: Thing, half: float, library: LibraryConfig) -> None:
    x, y, _ = thing.centre
    moves = thing.movable or thing.behaviour is not None
    if thing.behaviour is not None:
        check_name("behaviour", thing.behaviour, BEHAVIOURS)
    if thing.asset is not None and thing.asset >= len(library.names):
        raise GenieGymError(f"this world has {len(library.names)} assets; the {thing.name}'s is {thing.asset}.")
    if thing.asset is not None and library.names[thing.asset] != thing.name:
        raise GenieGymError(f"the asset {thing.asset} is a {library.names[thing.asset]}, and no {thing.name}.")
    if moves and max(abs(x), abs(y)) > half + MARGIN:
        raise GenieGymError(f"the {thing.name} at ({x:g}, {y:g}) moves, and stands outside the square of ±{half:g} m.")


def _check_apart(things: tuple[Thing, ...]) -> None:
    """Whether no two of a class fill the same space, as their boxes along the axes tell it."""
    for name in dict.fromkeys(thing.name for thing in things):
        some = [thing for thing in things if thing.name == name]
        centre, size = (np.array([getattr(thing, part) for thing in some]) for part in ("centre", "size"))
        cos, sin = (np.abs(wave([thing.yaw for thing in some])) for wave in (np.cos, np.sin))
        half = np.stack([size[:, 0] * cos + size[:, 1] * sin, size[:, 0] * sin + size[:, 1] * cos, size[:, 2]], 1) / 2
        low, high = centre - half, centre + half
        common = np.maximum(np.minimum(high[:, None], high) - np.maximum(low[:, None], low), 0).prod(2)
        volume = (high - low).prod(1)
        share = common / (volume[:, None] + volume - common)
        np.fill_diagonal(share, 0)
        if share.max(initial=0) > SAME:
            first = some[int(share.max(1).argmax())]
            raise GenieGymError(
                f"two things of the class {name} stand in the same spot, around ({first.centre[0]:g}, {first.centre[1]:g}); "
                "leave one of them out."
            )
