"""Places as tables and back."""

import functools

import numpy as np
import pytest
import torch
from places.blocks import asset, box, library

from genie_gym.errors import GenieGymError
from genie_gym.places.library import AssetLibrary, Material
from genie_gym.places.place import Area, Marks, Place, Road, Thing, Water
from genie_gym.places.shadows import cast
from genie_gym.places.table import EVENT, tables, to_place

LIBRARY = library()
PLACE = Place(
    base="grass",
    beyond="sand",
    heights=np.linspace(0, 1, 49 * 49, dtype=np.float32).reshape(49, 49),
    roads=(
        Road(((-20.0, -10.0), (5.0, 5.0), (30.0, 5.0)), 4.0, "asphalt", 0.0, Marks("paint", 0.25, 2.0, 4.0, 0.5)),
        Road(((0.0, -30.0), (0.0, 30.0)), 3.0, "sand", 1.0),
    ),
    areas=(Area("sand", 10.0, -10.0, (5.0, 3.0), True), Area("asphalt", -10.0, -10.0, (2.0, 3.0))),
    waters=(Water(-1.0, (-5.0, -5.0, 5.0, 5.0), "water", True),),
    things=(
        Thing("building", (1.0, 2.0, 2.0), (6.0, 5.0, 4.0), 0.5, "house", tint=(1.0, 0.5, 0.25), asset=2, id=7),
        Thing("crate", (4.0, 2.0, 0.5), (1.0, 1.0, 1.0), movable=True, asset=0, id=2),
        Thing("villager", (4.0, 5.0, 0.875), (0.5, 0.5, 1.75), behaviour="wander", asset=6, id=3),
    ),
    roof=(-1.0, -2.0, 3.0, 4.0),
    spawn=(1.0, 2.0, 0.5),
    scene="village",
)  # fmt: skip


def test_a_place_comes_back_from_its_tables():
    things, ground = tables([Place(base="sand", beyond="sand"), PLACE], LIBRARY, [1, 2**64 - 3])
    assert to_place(things, ground, 1, LIBRARY).to_dict() == PLACE.to_dict()
    assert to_place(things, ground, 0, LIBRARY).things == ()
    again = tables([to_place(things, ground, 1, LIBRARY)], LIBRARY, [2**64 - 3])
    for one, other in zip((things, ground), again, strict=True):
        for name, values in vars(one.select([1])).items():
            assert torch.equal(values, getattr(other, name)), name


def test_assets_are_chosen_by_kind_proportions_scene_and_seed():
    crate = Thing("crate", (0.0, 0.0, 0.5), (1.0, 1.0, 1.0))
    things, _ = tables([PLACE.replace(things=(crate,) * 5)] * 2, LIBRARY, [3, 3])
    assert (things.asset[:, :5] == 0).all()
    assert torch.equal(things.id[0, :6], torch.tensor([1, 2, 3, 4, 5, 0]))
    rng = np.random.default_rng(0)
    assert LIBRARY.config.names[LIBRARY.find("gate", "", (5.0, 0.5, 4.0), "desert", rng)] == "gate"
    assert LIBRARY.find("boundary", "", (5.0, 0.5, 4.0), "desert", rng) == -1
    for _ in range(20):
        assert LIBRARY.find("villager", "", (0.5, 0.5, 1.7), "", rng) == 6  # the first phase


def test_what_a_scene_showed_is_preferred_unless_it_does_not_fit():
    parts = [box((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0), 0.4)]
    green, white = (
        asset("wall", (wide, wide, 2.0), parts, 0.4, frequency={scene: 1.0})
        for wide, scene in ((20, "village"), (22, "desert"))
    )
    grass = Material("grass", np.full((4, 4, 4, 3), 90, np.uint8))
    hills = AssetLibrary.build([green, white], [grass], ("sky", "ground", "water", "wall"), ("village", "desert", "sea"))
    rng = np.random.default_rng(0)
    for size in ((20.0, 20.0, 2.0), (22.0, 22.0, 2.0)):
        found = {scene: {hills.find("wall", "", size, scene, rng) for _ in range(40)} for scene in hills.config.scenes}
        assert found == {"village": {0}, "desert": {1}, "sea": {0, 1}}
    assert hills.find("wall", "", (90.0, 90.0, 2.0), "village", rng) == 0
    small = AssetLibrary.build(
        [green, asset("wall", (3, 3, 2.0), parts, 0.4, frequency={"desert": 1.0})], [grass],
        ("sky", "ground", "water", "wall"), ("village", "desert"),
    )  # fmt: skip
    assert small.find("wall", "", (3.0, 3.0, 2.0), "village", rng) == 1, "a hill is no stone"


def test_things_of_one_look_are_drawn_alike():
    def face(points, normals, red):
        return np.tile(np.array([red, 90, 90], np.uint8), (len(points), 1))

    parts = [box((-1.0, -0.1, -1.0), (1.0, 0.1, 1.0), 0.2)]
    assets = [
        asset("wall", (2.0, 0.2, 2.0), parts, 0.2, functools.partial(face, red=red), kind=kind, frequency={"village": often})
        for kind, red, often in (("pane", 200, 1), ("pane", 60, 1), ("lintel", 60, 0.01), ("lintel", 190, 0.99))
    ]
    grass = Material("grass", np.full((4, 4, 4, 3), 90, np.uint8))
    walls = AssetLibrary.build(assets, [grass], ("sky", "ground", "water", "wall"), ("village",))
    pieces = [Thing("wall", (x, 0.0, 1.0), (2.0, 0.2, 2.0), kind=kind, look=look) for x, kind, look in
              ((0.0, "pane", 4), (2.0, "pane", 4), (1.0, "lintel", 4), (9.0, "pane", None))]  # fmt: skip
    seen = set()
    for seed in range(30):
        things, _ = tables([Place(base="grass", beyond="grass", things=tuple(pieces), scene="village")], walls, [seed])
        first, second, above, other = things.asset[0, :4].tolist()
        assert first == second
        assert above == {0: 3, 1: 2}[first]
        seen |= {first, other - first}
    assert seen == {0, 1, -1}


def test_phases_of_a_gait_are_drawn_in_turn():
    things, _ = tables([PLACE], LIBRARY, [0])
    for phase, walks, shown in ((0.1, 1, 7), (0.4, 1, 7), (0.6, 1, 6), (1.2, 1, 7), (7.9, 1, 6), (0.6, 0, 7)):
        things.phase[:], things.velocity[..., 0] = phase, walks
        assert things.drawn_assets(LIBRARY)[0, :4].tolist() == [2, 0, shown, -1]


def test_things_come_and_go():
    things, _ = tables([PLACE], LIBRARY, [0], capacity=4)
    crate = Thing("crate", (0.0, 0.0, 0.5), (1.0, 1.0, 1.0))
    assert things.add(0, crate, LIBRARY, np.random.default_rng(0), 12, EVENT) == 3
    assert things.id[0, 3] == 8
    assert (things.since[0, 3], things.why[0, 3]) == (12, EVENT)
    with pytest.raises(GenieGymError, match="full"):
        things.add(0, crate, LIBRARY, np.random.default_rng(0), 12, EVENT)
    things.remove(things.label == LIBRARY.config.classes.index("crate"))
    assert things.there[0].tolist() == [True, False, True, False]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"things": (Thing("cow", (0.0, 0.0, 0.5), (1.0, 1.0, 1.0)),)}, "cow"),
        ({"things": (Thing("crate", (0.0, 0.0, 0.5), (1.0, 1.0, 1.0)),) * 9}, "at most 8"),
        ({"things": (Thing("crate", (0.0, 0.0, 0.5), (1.0, 1.0, 1.0), asset=99),)}, "99"),
        ({"things": (Thing("crate", (0.0, 0.0, 0.5), (1.0, 1.0, 1.0), behaviour="fly"),)}, "fly"),
        ({"base": "lava"}, "lava"),
        ({"waters": (Water(0.0, (0.0, 0.0, 1.0, 1.0)),) * 9}, "waters"),
        ({"roads": (Road(((0.0, 0.0),) * 60, 2.0, "sand"),) * 40}, "roads"),
    ],
)
def test_what_does_not_fit_is_refused(changes, said):
    with pytest.raises(GenieGymError, match=said):
        tables([PLACE.replace(**changes)], LIBRARY, [0], capacity=8)


def test_heights_between_points():
    _, ground = tables([PLACE], LIBRARY, [0])
    points = np.random.default_rng(0).uniform(-40, 40, (50, 2))
    expected = [PLACE.height(x, y) for x, y in points]
    found = ground.height(torch.tensor(points, dtype=torch.float32)[None])
    assert np.abs(found[0].numpy() - expected).max() < 1e-5


def test_shadows_lie_away_from_the_sun_and_fixed_things_stand_in_a_ring():
    wall = Thing("wall", (0.0, 0.0, 1.5), (8.0, 0.5, 3.0))
    things, ground = tables([Place(base="grass", beyond="grass", things=(wall,))], LIBRARY, [0])
    cast(things, ground, LIBRARY, torch.tensor([[0.0, -0.70710678, 0.70710678]]))  # from the south
    contact, shadow = ground.shade[0].float() / 255
    south, north = (slice(118, 124), slice(132, 138))  # 1 to 2.5 m
    assert shadow[north, 128].min() > 0.9
    assert shadow[south, 128].max() == 0
    assert shadow[144:, 128].max() == 0  # 4 m
    assert contact[128, 128] > 0.9
    assert contact[140:, 128].max() == 0
    assert 0.1 < contact[130, 128] < 0.9
    cast(things, ground, LIBRARY, torch.tensor([[0.0, -1.0, -0.1]]))
    assert ground.shade[0, 1].max() == 0
