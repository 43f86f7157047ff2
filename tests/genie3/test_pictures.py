"""Episodes that begin in pictures: what they showed stays where it was seen, and around it there is a place."""

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
import torch
from small_place import FORWARD, NOOP, small_world, thing

import genie_gym  # noqa: F401
from genie_gym.errors import GenieGymError
from genie_gym.genie3.perceived import settled, sights
from genie_gym.genie3.picture import Picture
from genie_gym.genie3.pictured import eyes_of
from genie_gym.genie3.world import Genie3World
from genie_gym.places.draw import draw
from genie_gym.places.layout.given import Given
from genie_gym.places.place import Place, Water
from genie_gym.pretrained import load_world
from genie_gym.text.prompt import Prompt
from genie_gym.text.spec import WorldSpec
from genie_gym.world import Start

LEFT, RIGHT = 3, 4
DESERT, FOREST = 20, 100  # frames that come with Genie2-v0


@pytest.fixture(scope="module")
def world() -> Genie3World:
    loaded = load_world("genie3", "cpu")
    assert isinstance(loaded, Genie3World)
    return loaded


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    return torch.from_numpy(load_world("genie2", "cpu").starts.frames[[DESERT, FOREST]])


def press(world, state, *keys: int):
    for key in keys:
        state, _ = world.step(state, world.key_actions(state, torch.full((state.num_rows,), key)))
    return state


def test_one_begins_in_the_picture_and_sees_it_again_on_return(world, pictures):
    state = world.reset(torch.arange(2), Start(frames=pictures))
    assert torch.equal(state.frames, pictures)
    assert bool((state.extras["depth"] > 0).all())
    away = press(world, state, *[LEFT] * 12)
    back = press(world, away.clone(), *[RIGHT] * 12)
    error, moved = ((one.frames.float() - pictures.float()).abs().mean() for one in (back, away))
    assert error < 3
    assert error < 0.2 * moved


def test_where_it_does_not_show_there_is_a_place(world, pictures):
    """One turns round: nothing of the picture is left, and there is ground below and no mist ahead."""
    state = press(world, world.reset(torch.arange(2), Start(frames=pictures)), *[LEFT] * 36)
    names = [[one.name for one in place.things] for place in world.places(state)]
    assert all(len(row) > 10 for row in names)
    assert "cactus" in names[0]
    assert (state.extras["depth"][:, -1] < 5).float().mean() > 0.8
    assert float((state.frames.float().diff(dim=2) ** 2).mean()) > 20


def test_scene_and_weather_are_the_pictures(world, pictures):
    state = world.reset(torch.arange(2), Start(frames=pictures))
    assert [place.scene for place in world.places(state)] == ["desert", "forest"]
    weathers = [world.library.config.weathers[number] for number in state.condition.weather.tolist()]
    assert weathers == ["sunny", "snowy"]


def test_rows_do_not_depend_on_one_another(world, pictures):
    keys = [FORWARD, LEFT, LEFT, FORWARD, NOOP]
    together = press(world, world.reset(torch.tensor([3, 4]), Start(frames=pictures)), *keys)
    alone = press(world, world.reset(torch.tensor([4]), Start(frames=pictures[1:])), *keys)
    assert torch.equal(together.frames[1:], alone.frames)
    assert torch.equal(together.extras["depth"][1:], alone.extras["depth"])


def test_a_picture_of_any_size_begins_a_world_of_any_size():
    image = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    env = gym.make("Genie3-v0", init_image=image, size=(96, 128), action_mode="keyboard")
    first, _ = env.reset(seed=1)
    assert first.shape == (96, 128, 3)
    following = env.step(FORWARD)[0]
    assert following.shape == (96, 128, 3)
    env.close()


def test_what_is_seen_stands_where_it_is_seen(world):
    """A place is drawn, and told from its picture again: the tree stands where it stood."""
    library = world.library
    tree = library.config.names.index("tree")
    size = tuple(library.size[tree].tolist())
    place = Place(
        base=library.config.materials[0], beyond=library.config.materials[0], scene="village",
        things=(thing("tree", 1.0, 8.0, size=size),), spawn=(0.0, 0.0, np.pi / 2),
    )  # fmt: skip
    state = world.reset(torch.tensor([1]), Start(places=[place]))
    eyes = eyes_of(world.config, world.device)
    percept = eyes.perceive(state.frames)
    (sight,) = sights(percept, eyes, world.camera, world.config.eye, library, world.layout.config)
    seen = sight.given.place
    trees = [one for one in seen.things if one.name == "tree"]
    assert len(trees) == 1
    x, y, _ = np.array(trees[0].centre) - (*seen.spawn[:2], 0)
    assert abs(x - 1.0) < 1.0
    assert abs(y - 8.0) < 2.0
    assert sight.given.hides(np.array([[0.0, seen.spawn[1] + 4.0]])).all()
    assert not sight.given.hides(np.array([[0.0, seen.spawn[1] - 4.0]])).any()


def test_what_is_laid_out_settles_around_what_is_seen():
    """On a hill of two metres: what was laid out sinks with the ground, what was seen stays; and nothing stands in view."""
    seen, ahead, behind = thing("tree", 0.0, 5.0), thing("tree", 0.0, 8.0, lift=2.0), thing("tree", 0.0, -15.0, lift=2.0)
    cells = np.zeros((64, 64), bool)
    cells[32:] = True  # north of the middle
    given = Given(Place(things=(seen,), spawn=(0.0, -1.0, 1.57)), seen=cells)
    laid = Place(things=(seen, ahead, behind), heights=np.full((3, 3), 2.0), waters=(Water(1.5, (-30, -30, -25, -25)),))
    settled_place = settled(laid, given)
    assert settled_place.things[0] is seen
    assert [one.centre[1] for one in settled_place.things] == [5.0, -15.0]
    assert settled_place.things[1].base == pytest.approx(0.0)
    assert settled_place.waters[0].level == pytest.approx(-0.5)
    assert not settled_place.heights.any()


def test_latent_actions_are_read_off_frames(world):
    place = world.places(world.reset(torch.tensor([7]), Start(prompts=[Prompt(WorldSpec("village"))])))[0]
    quiet = place.replace(things=tuple(one for one in place.things if one.behaviour is None))
    state = world.reset(torch.tensor([1]), Start(places=[quiet]))
    frames, poses = [state.frames], [state.extras["pose"]]
    for key in [LEFT] * 4 + [FORWARD] * 4:
        state = press(world, state, key)
        frames.append(state.frames)
        poses.append(state.extras["pose"])
    actions = world.infer_actions(torch.stack(frames, 1))
    assert actions.shape == (1, 8, world.actions.size)
    turns = world.motion.latent.decode(actions)[0, :, 4]
    assert float(turns[:4].mean()) < -0.04
    assert float(turns[4:].abs().mean()) < 0.02


def test_what_moves_leaves_the_picture():
    """A crate belongs to the picture until it is pushed."""
    world = small_world()
    crate = thing("crate", 4.0, 0.0, movable=True)
    place = Place(half=20.0, base="grass", beyond="grass", scene="village", things=(crate,))
    state = world.reset(torch.tensor([1]), Start(places=[place]))
    here, there, pose = state.things, state.things.clone(), state.extras["pose"]
    there.centre[0, 0, 1] += 3.0
    seen, after = (
        draw(world.library, things, state.ground, state.condition, pose, world.camera, state.position)
        for things in (here, there)
    )  # fmt: skip
    shows = seen.line[0] == 0
    picture = Picture.none(1, here.capacity, world.camera, world.device)
    picture.colours[0] = torch.where(shows, 100, 200)
    picture.known[:], picture.pose[:] = True, pose
    picture.inverse_depth[:] = 1 / seen.depth
    picture.line[0] = torch.where(shows, 0, -1)
    picture.origin[0, 0] = here.centre[0, 0, :2]
    before, pushed = picture.over(seen, here, pose, world.camera), picture.over(after, there, pose, world.camera)
    assert torch.equal(before.colours[0, ..., 0] < 150, shows)
    assert not bool((pushed.colours[0][shows & (after.line[0] != 0)] < 150).any())
    assert bool((pushed.colours[0][after.line[0] == 0] != 200).any())


def test_a_picture_or_a_place_or_a_prompt(world, pictures):
    with pytest.raises(GenieGymError, match="in a picture or in a place"):
        world.reset(torch.arange(2), Start(frames=pictures, places=[Place(), None]))
    with pytest.raises(GenieGymError, match="give a prompt or frames, not both"):
        world.reset(torch.arange(2), Start(frames=pictures, prompts=[Prompt(WorldSpec("village")), None]))


def test_a_world_without_eyes_takes_no_pictures(pictures):
    blind = small_world()
    assert not blind.takes_frames
    frames = torch.zeros(1, 36, 64, 3, dtype=torch.uint8)
    with pytest.raises(GenieGymError, match="start it without frames"):
        blind.reset(torch.arange(1), Start(frames=frames))
    with pytest.raises(GenieGymError, match="has no eyes"):
        blind.infer_actions(frames[:, None])
    blind.config = replace(blind.config, eyes="genie1")
    with pytest.raises(GenieGymError, match="'genie1' perceives no pictures"):
        blind.reset(torch.arange(1), Start(frames=frames))


def test_what_a_picture_shows_can_come_to_a_place(world, pictures):
    shown = world.things_in(pictures[1].numpy())
    kinds = [event.kind for event in shown]
    assert kinds
    assert len(set(kinds)) == len(kinds)
    state = world.reset(torch.tensor([1]), Start(prompts=[Prompt(WorldSpec("desert", "sunny"))]))
    added = world.apply_events(state, shown[:1])
    after, before = ([one.name for one in world.places(some)[0].things] for some in (added, state))
    assert after.count(kinds[0]) == before.count(kinds[0]) + 1
    with pytest.raises(GenieGymError, match="No such file"):
        world.things_in("nowhere.png")
