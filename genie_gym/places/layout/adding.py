"""Things that come to a place that is there already, as recorded ones of their class are, where a request says."""

from __future__ import annotations

import numpy as np

from genie_gym.errors import GenieGymError
from genie_gym.places.layout import requests
from genie_gym.places.layout.given import Given
from genie_gym.places.layout.learned import Learned
from genie_gym.places.layout.records import AT
from genie_gym.places.layout.sampling import Drawing, thing_of
from genie_gym.places.place import Place, Thing
from genie_gym.text.spec import CharacterSpec, ObjectSpec, WorldSpec


def added(model: Learned, place: Place, asked: ObjectSpec | CharacterSpec, rng: np.random.Generator) -> list[Thing]:
    """The things that are asked for: around who stands at the place's spawn, or near the landmark that a request names, on
    free ground, or as near to where they are wanted as there is room.

    Raises:
        GenieGymError: no recording showed such things, there is no room, or a point that is asked for lies outside.
    """
    config, label = model.config, model.config.label(asked.kind)
    _check_inside(asked, place)
    scene = place.scene if place.scene in config.scene_names else config.scene_names[0]
    drawing = Drawing(model, WorldSpec(scene), rng, Given(place.replace(scene=scene), ground=True))
    found = []
    for pose in model.records.draw(config.scene(scene), label, asked.count, rng):
        pose[AT["yaw"]] = rng.uniform(-np.pi, np.pi)
        if isinstance(asked, CharacterSpec) and asked.behaviour in config.behaviours:
            pose[AT["behaviour"]] = config.behaviours.index(asked.behaviour)
        chosen = requests.stand(drawing.board, pose, asked.position, drawing.dry, rng)
        if chosen is None:
            raise GenieGymError(f"there is no room for {asked.count} x {asked.kind} there; ask for fewer, or elsewhere.")
        drawing.add(chosen[None], True)
        found.append(thing_of(config, chosen, place))
    return found


def _check_inside(asked: ObjectSpec | CharacterSpec, place: Place) -> None:
    point = asked.position
    if isinstance(point, tuple) and max(map(abs, point)) > place.half:
        raise GenieGymError(
            f"the {asked.kind} is wanted at {point}; the place reaches from {-place.half:g} to {place.half:g} metres."
        )
