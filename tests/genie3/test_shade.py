"""Shadows on the ground tell where the sun stood."""

import math
from dataclasses import replace

import numpy as np
import torch
from places.things import small_library, small_place

from genie_gym.genie3.mining.conditions import Condition
from genie_gym.genie3.mining.ground import GroundPixels
from genie_gym.genie3.mining.shade import LitGround, sun_of, turn_sun, turned, write_shadows
from genie_gym.places.light import LightConfig, LightTable
from genie_gym.places.shadows import cast
from genie_gym.places.table import tables

DARK = 0.3  # of the light that shadows take away
NOON = Condition(0, 12.0)


def shaded_ground(library, sun: torch.Tensor) -> LitGround:
    """Grass all over the place, as dark as this sun's shadows make it."""
    place = small_place().replace(roads=(), areas=(), waters=())
    things, ground = tables([place], library, [0])
    cast(things, ground, library, sun[None])
    spots = np.random.default_rng(0).uniform(-15.9, 15.9, (20_000, 2))
    at = ((spots + place.half) / (2 * place.half) * ground.shade.shape[-1]).astype(int)
    thrown = ground.shade[0, 1].numpy()[at[:, 1], at[:, 0]] / 255
    grass = library.tiles[0, 0, 0].numpy().astype(float)
    albedo = np.rint(grass * (1 - DARK * thrown[:, None])).astype(np.uint8)
    none = np.zeros(len(spots), np.uint8)
    lit = LitGround.of(GroundPixels(np.rint(spots * 100).astype(np.int16), none, none, albedo, none), place, NOON, library)
    assert lit is not None
    return lit


def test_the_sun_turns_to_where_shadows_say_it_stands_and_they_become_as_dark():
    library, table = small_library(), LightTable(4, LightConfig(tuple(float(hour) for hour in range(24))))
    true = turned(sun_of(table, NOON), 22.0)
    lit = shaded_ground(library, true)
    turn_sun(table, library, [lit])
    cosine = float(sun_of(table, NOON) @ true / (true @ true))
    assert math.degrees(math.acos(min(cosine, 1))) < 3
    assert torch.equal(table.sun[:, 0], LightTable(4).sun[:, 0]), "where nobody saw shadows it stays as it was"
    found = lit.shadows(library, sun_of(table, NOON))
    assert found is not None
    assert abs(found.thrown - DARK) < 0.06
    assert found.touch < 0.06
    write_shadows(table, [(NOON, found)])
    assert abs(float(table.shadow[0, 12, 1]) - found.thrown) < 1e-6


def test_even_ground_turns_no_sun():
    library, table = small_library(), LightTable(4, LightConfig(tuple(float(hour) for hour in range(24))))
    lit = shaded_ground(library, sun_of(table, NOON))
    even = replace(lit, seen=np.full_like(lit.seen, 90.0))
    before = table.sun.clone()
    turn_sun(table, library, [even])
    turn_sun(table, library, [])
    assert torch.equal(table.sun, before)
