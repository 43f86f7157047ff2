"""Real moments: where things stand at a frame of a recording, and how worlds begin there.

Legend: T frames, N things that can move.
"""

import numpy as np
import pytest
from tiny_world import TinyWorld

from genie_gym.datasets.video import Episode, VideoDataset, VideoWriter
from genie_gym.errors import GenieGymError
from genie_gym.evaluation.measure import EvaluateConfig, Evaluation
from genie_gym.evaluation.moments import Moment, begin_at, left_out, no_places, place_at, recorded, spread_moments, taken
from genie_gym.places.place import Place, Thing

HOUSE = Thing("house", (5.0, 0.0, 1.0), (2.0, 2.0, 2.0), id=1)
CART = Thing("cart", (1.0, 0.0, 0.5), (1.0, 1.0, 1.0), movable=True, id=2)
SHEEP = Thing("sheep", (2.0, 0.0, 0.5), (1.0, 0.5, 1.0), behaviour="wander", id=3)
UNTOLD = Thing("sheep", (-9.0, 0.0, 0.5), (1.0, 0.5, 1.0), behaviour="wander", id=4)  # beyond those that are recorded
PLACE = Place(things=(HOUSE, CART, SHEEP, UNTOLD), scene="farm")


class Placed(TinyWorld):
    """Begins in places alone, of which those with carts are too much for it."""

    takes_frames, takes_places = False, True

    def check_start(self, start, rows):
        super().check_start(start, rows)
        if any(thing.name == "cart" for place in start.places or () for thing in place.things):
            raise GenieGymError("no carts, please.")

    def reset(self, seed, start=None):
        self.begun = start and start.places
        return super().reset(seed)


@pytest.fixture
def data(tmp_path) -> VideoDataset:
    """An episode in which the cart is pushed and turned, and the sheep leaves; it begins to rain in frame 3."""
    half = np.sqrt(0.5)
    cart = [[2, 1.0 + t, 0, 0.5, *((1, 0, 0, 0) if t == 0 else (half, 0, 0, half))] for t in range(5)]
    sheep = [[3, 2.0, t, 0.5, 1, 0, 0, 0] if t < 2 else [0] * 8 for t in range(5)]
    pose = np.eye(4, dtype=np.float32)[None].repeat(5, 0)
    pose[:, :3, 2], pose[:, :3, 3] = (0, 1, 0), [[t, 7, 1.6] for t in range(5)]
    truth = {"entities": np.array([cart, sheep], np.float32).transpose(1, 0, 2), "pose": pose}
    about = {"spec": {"scene": "farm", "weather": "sunny"}, "events": [[3, "rain"]]}
    frames = np.arange(5, dtype=np.uint8)[:, None, None, None].repeat(8, 1).repeat(8, 2).repeat(3, 3)
    with VideoWriter(tmp_path / "v.h5", 8, 8, 24.0, {}) as writer:
        writer.append(Episode(frames, truth=truth, description=about, place=PLACE))
    return VideoDataset(tmp_path / "v.h5")


def test_things_stand_where_they_are_at_a_frame(data):
    assert place_at(data, 0, 0).to_json() == PLACE.to_json()
    house, cart, sheep, untold = place_at(data, 0, 1).things
    assert (house, untold) == (HOUSE, UNTOLD)
    assert (cart.centre, sheep.centre) == ((2.0, 0.0, 0.5), (2.0, 1.0, 0.5))
    assert cart.yaw == pytest.approx(np.pi / 2)
    assert [thing.name for thing in place_at(data, 0, 2).things] == ["house", "cart", "sheep"]
    assert place_at(data, 0, 2).things[2] == UNTOLD


def test_a_moment_is_all_that_is_known_of_a_frame(data):
    moment = recorded(data, 0, 1)
    assert (moment.frame == 1).all()
    assert (moment.spec.weather, moment.place.scene) == ("sunny", "farm")
    assert moment.entrance.spawn == pytest.approx((1.0, 7.0, np.pi / 2))
    assert [thing.behaviour for thing in moment.standing_still().place.things] == [None, None, "stand", "stand"]
    assert [thing.name for thing in moment.without_what_moves().place.things] == ["house"]


def test_moments_are_drawn_before_anything_happens(data):
    evaluation = Evaluation(Placed(), data, EvaluateConfig(), np.random.default_rng(0))
    assert {int(moment.frame[0, 0, 0]) for moment in spread_moments(evaluation, 40)} == {0, 1, 2}
    assert no_places(evaluation, "light") == []
    evaluation.world = TinyWorld()
    assert no_places(evaluation, "light")[0].startswith("light was not measured: it needs a world that begins in places")


def test_worlds_begin_in_frames_or_in_places_that_they_take(data):
    world, moments = Placed(), [recorded(data, 0, 1).without_what_moves(), recorded(data, 0, 1), Moment(data.frames(0)[0])]
    assert taken(world, moments) == [0]
    begin_at(world, moments[:1], 0)
    assert world.begun[0].spawn == pytest.approx((1.0, 7.0, np.pi / 2))
    asked = []

    def enter(world, moments, seed):
        asked.append((len(moments), seed.tolist()))
        return world.reset(seed)

    begin_at(world, moments[:2], 1, enter)
    assert asked == [(2, [1 << 32, (1 << 32) + 1])]


def test_what_was_left_out_is_said():
    assert left_out(3, 3, "walls") == []
    assert left_out(0, 3, "walls") == ["walls were not measured: where things stand is not known, or not drawn by the world"]
    assert left_out(2, 3, "walls")[0].startswith("walls were measured on 2 of 3 cases")
