"""The three calls on a world: from text, from an image, and a place to play in."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from genie2.room import SMALL
from PIL import Image
from tiny_world import TinyWorld, centre
from town_words import TOWN

from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.envs.world_env import GenieEnv
from genie_gym.errors import GenieGymError
from genie_gym.genie2.world import Genie2World
from genie_gym.text.spec import WeatherChange, WorldSpec
from genie_gym.world import StartPool

RIGHT, DOWN = 1, 2  # keys of the tiny world


@pytest.fixture
def world() -> TinyWorld:
    return TinyWorld()


@pytest.fixture
def image() -> np.ndarray:
    picture = np.zeros((48, 48, 3), np.uint8)
    picture[20:28, 20:28] = 250
    return picture


def places(frames: np.ndarray) -> np.ndarray:
    return centre(torch.from_numpy(frames)).numpy()


def test_text_becomes_the_frame_that_an_environment_begins_with(world):
    frame, report = world.generate_from_text("a foggy village with a zeppelin", seed=3)
    assert (frame.dtype, frame.shape, frame.max()) == (np.uint8, (48, 48, 3), 100)  # fog is dark here
    assert report.ignored == ["zeppelin"]
    assert report.assumed == ["time: day"]
    several, _ = world.generate_from_text("a foggy village", seed=[3, 4, 3])
    assert several.shape == (3, 48, 48, 3)
    assert np.array_equal(several[0], several[2])
    assert not np.array_equal(several[0], several[1])
    begun = GenieVectorEnv(2, world, prompt="a foggy village").reset(seed=3)[0]
    assert np.array_equal(begun, several[:2])
    assert np.array_equal(frame, several[0])


def test_text_chooses_among_start_frames_where_a_world_knows_them(world, image):
    world.starts = StartPool(np.stack([image, image.transpose(1, 0, 2), np.roll(image, 9, 1)]))
    world.starts = replace(world.starts, conditions=(WorldSpec("village"), WorldSpec("arena"), WorldSpec("forest")))
    frame, report = world.generate_from_text("a snowy forest")
    assert np.allclose(places(frame[None]), [[33, 24]])
    assert report.ignored == ["weather snowy (no start frame is described with it)"]


def test_an_image_is_walked_on_from(world, image):
    frames = world.generate_from_image(image, "right*2 down noop")
    assert (frames.dtype, frames.shape) == (np.uint8, (5, 48, 48, 3))
    assert np.array_equal(frames[0], image)
    assert np.allclose(places(frames), [[24, 24], [28, 24], [32, 24], [32, 28], [32, 28]])
    env = GenieEnv(world, action_mode="keyboard")
    env.reset(seed=0, options={"init_image": image})
    assert np.array_equal(env.step(RIGHT)[0], frames[1])


@pytest.mark.parametrize(
    "sequence",
    [["right", "down"], [RIGHT, DOWN], np.array([RIGHT, DOWN]), torch.tensor([RIGHT, DOWN]), "1 2", ["1", "down"],
     [[1.0, 0, 0], [0, 1, 0]], np.eye(3)[:2]],
)  # fmt: skip
def test_moves_are_keys_or_the_worlds_own_actions(world, image, sequence):
    frames = world.generate_from_image(image, sequence)
    assert np.allclose(places(frames), [[24, 24], [28, 24], [28, 28]])


def test_codes_are_own_actions_where_a_world_takes_codes(debug_world):
    start = debug_world.starts.frames[0]
    frames = debug_world.generate_from_image(start, "3*2 0")
    assert frames.shape == (4, 64, 64, 3)
    assert np.array_equal(frames, debug_world.generate_from_image(start, np.array([3, 3, 0])))
    with pytest.raises(GenieGymError, match="a genie1 world understands no keyboard; give its own actions, Discrete"):
        debug_world.generate_from_image(start, "w*2")
    with pytest.raises(GenieGymError, match="this world takes no prompt"):
        debug_world.generate_from_text("a village")


def test_images_of_any_kind_and_size_begin_a_walk(world, tmp_path):
    wide = np.zeros((60, 300, 3), np.uint8)
    wide[20:40, 140:160] = 250
    for name, picture in {
        "photo.jpg": Image.fromarray(wide),
        "grey.png": Image.fromarray(wide[..., 0]),
        "deep.png": Image.fromarray(wide[..., 0].astype(np.uint16) * 257),
        "clear.png": Image.fromarray(np.concatenate([wide, np.full((60, 300, 1), 255, np.uint8)], 2)),
    }.items():
        picture.save(tmp_path / name)
        frames = world.generate_from_image(tmp_path / name, "right")
        assert np.abs(places(frames) - [[24, 24], [28, 24]]).max() < 1, name
    assert world.generate_from_image(wide[:1, :1], []).shape == (1, 48, 48, 3)


def test_a_playable_world_is_its_first_frame_and_what_actions_bring(world):
    made = world.generate_playable("a snowy village", num_actions=12, seed=5)
    assert made["init_frames"].shape == (1, 48, 48, 3)
    assert made["action_responses"].shape == (12, 48, 48, 3)
    assert made["actions"].shape == (12,)
    assert set(made["actions"].tolist()) <= set(range(4))
    assert made["report"].understood
    assert np.array_equal(made["init_frames"][0], world.generate_from_text("a snowy village", seed=5)[0])
    again = world.generate_playable("a snowy village", action_sequence=made["actions"], seed=5)
    assert np.array_equal(again["action_responses"], made["action_responses"])
    assert len(world.generate_playable("a village", 0)["action_responses"]) == 0


def test_several_seeds_are_several_worlds_each_with_its_own_moves(world):
    several = world.generate_playable("a snowy village", 12, seed=[5, 6])
    assert several["action_responses"].shape == (2, 12, 48, 48, 3)
    assert not np.array_equal(*several["actions"])
    for row, seed in enumerate((5, 6)):
        alone = world.generate_playable("a snowy village", 12, seed=seed)
        for name in ("init_frames", "action_responses", "actions"):
            assert np.array_equal(several[name][row], alone[name]), name
    given = world.generate_playable("a snowy village", action_sequence="right*3 down", seed=[5, 6])
    assert given["actions"].tolist() == [[RIGHT, RIGHT, RIGHT, DOWN]] * 2


def test_a_world_without_words_is_not_asked_in_words(world):
    world.vocabulary = None
    with pytest.raises(GenieGymError, match="this world takes no prompt"):
        world.generate_from_text("a village")
    envs = GenieVectorEnv(1, world)
    envs.reset(seed=0)
    with pytest.raises(GenieGymError, match="does not say which words it understands; give it a typed event"):
        envs.apply_event("it starts to rain")
    assert envs.apply_event(WeatherChange("rainy"))[0] == WeatherChange("rainy")


def test_names_of_typed_events_are_those_of_the_world(world):
    envs = GenieVectorEnv(1, world)
    envs.reset(seed=0)
    with pytest.raises(GenieGymError, match="unknown weather 'windy'"):
        envs.apply_event(WeatherChange("windy"))


def test_sticky_moves_last(world):
    keys = world.generate_playable("a village", 400)["actions"]
    assert 0.6 < (keys[1:] == keys[:-1]).mean() < 0.95
    assert set(keys.tolist()) == set(range(4))


def test_a_place_is_asked_too():
    torch.manual_seed(0)
    says = {"vocabulary": TOWN.to_dict()}
    place = Genie2World(replace(SMALL, source=says)).eval()
    frames = np.random.default_rng(0).integers(0, 255, (2, 90, 160, 3), dtype=np.uint8)
    place.starts = StartPool(frames, (WorldSpec("village"), WorldSpec("arena")))
    made = place.generate_playable("an arena", action_sequence="w*2 a")
    assert np.array_equal(made["init_frames"], place.starts.frames[1:])
    assert made["action_responses"].shape == (3, 90, 160, 3)
    assert made["actions"].tolist() == [1, 1, 3]
    assert place.generate_from_image(place.starts.frames[0], np.zeros((2, 6), np.float32)).shape == (3, 90, 160, 3)
    told = place.tell_classes(torch.from_numpy(place.starts.frames))
    assert told.shape == (2, 90, 160)
    assert int(told.max()) < len(place.classes)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda world, image: world.generate_from_text(""), "the text is empty"),
        (lambda world, image: world.generate_from_text(None), "are described in text; got None"),
        (lambda world, image: world.generate_from_text("zzzz qqqq"), "understood nothing in"),
        (lambda world, image: world.generate_from_text("a village " * 1000), "the text has 10,000 characters"),
        (lambda world, image: world.generate_from_text("a village", seed=-1), "a seed is a whole number"),
        (lambda world, image: world.generate_from_text("a village", seed=[]), "a seed is a whole number"),
        (lambda world, image: world.generate_from_text("a village", seed="7x"), "a seed is a whole number"),
        (lambda world, image: world.generate_from_text("a village", seed=1.5), "a seed is a whole number"),
        (lambda world, image: world.generate_from_image("missing.png", "right"), "cannot read the image"),
        (lambda world, image: world.generate_from_image(image[..., 0], "right"), "an image is uint8"),
        (lambda world, image: world.generate_from_image(image, "right*x"), "moves are keys"),
        (lambda world, image: world.generate_from_image(image, ["sideways"]), "there is no key 'sideways'"),
        (lambda world, image: world.generate_from_image(image, [9]), "there is no key '9'"),
        (lambda world, image: world.generate_from_image(image, 3), "moves are a sequence"),
        (lambda world, image: world.generate_from_image(image, None), "moves are a sequence"),
        (lambda world, image: world.generate_from_image(image, [[1.0], [2.0, 3.0]]), "all of one shape"),
        (lambda world, image: world.generate_from_image(image, [["right"]]), "actions must be numbers"),
        (lambda world, image: world.generate_from_image(image, np.full((2, 3), np.nan)), r"must lie in \[-1, 1\]"),
        (lambda world, image: world.generate_from_image(image, np.zeros((2, 2))), r"must be numbers \[2, 3\]"),
        (lambda world, image: world.generate_from_image(image, np.zeros((10_001, 3))), "up to 10,000 actions"),
        (lambda world, image: world.generate_playable("a village", -1), "from 0 to 10,000; got -1"),
        (lambda world, image: world.generate_playable("a village", 2.5), "from 0 to 10,000; got 2.5"),
    ],
)  # fmt: skip
def test_what_cannot_be_gets_one_sentence(world, image, as_users_call, call, sentence):
    with pytest.raises(GenieGymError, match=sentence) as error:
        call(world, image)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400
