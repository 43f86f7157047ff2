"""Absurd places, prompts and actions: one sentence each, and nothing changes."""

import json

import numpy as np
import pytest
import torch
from small_place import empty_place, small_place, small_world, thing

from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.envs.world_env import GenieEnv
from genie_gym.errors import GenieGymError
from genie_gym.genie3.world import Genie3World
from genie_gym.places.place import Place

MEADOW = empty_place()


@pytest.fixture(scope="module")
def world() -> Genie3World:
    return small_world()


TREE = {"name": "tree", "centre": [3, 3, 2], "size": [2, 2, 4]}
FIELD = {"material": "earth", "x": 0, "y": 0, "half": [2, 2]}
POND = {"level": -1, "bounds": [5, 5, 9, 9]}
PATH = {"points": [[0, 0], [5, 0]], "width": 3, "material": "earth"}


def with_thing(**changes) -> str:
    values = MEADOW.to_dict()
    values["things"] = [*values["things"], TREE | changes]
    return json.dumps(values)


def trees(count: int) -> str:
    return json.dumps({"things": [TREE] * count})


def with_part(*waters, **parts) -> str:
    values = MEADOW.to_dict() | {"waters": list(waters)} | {name: [part] for name, part in parts.items()}
    return json.dumps(values)


LIES = {
    "nan": (with_thing(centre=[float("nan"), 3, 2]), "the tree's centre is 3 numbers"),
    "infinite": (with_thing(size=[2, 2, float("inf")]), "the tree's size is 3 numbers"),
    "no size": (with_thing(size=[0, 2, 4]), "the tree's size is 3 numbers"),
    "text": (with_thing(centre="here"), "the tree's centre is 3 numbers"),
    "unknown class": (with_thing(name="zeppelin"), "unknown class of a thing 'zeppelin'"),
    "a sky": (with_thing(name="sky"), "unknown class of a thing 'sky'"),
    "nearly known": (with_thing(name="trea"), "Did you mean 'tree'"),
    "behaviour": (with_thing(behaviour="flies"), "unknown behaviour 'flies'"),
    "asset": (with_thing(asset=4000), "this world has 10 assets"),
    "wrong asset": (with_thing(asset=0), "is a boundary, and no tree"),
    "ids": (with_thing(id=-1), "asset, id and look are whole numbers"),
    "surplus": (with_thing(colour="red"), "has what none has"),
    "ten thousand": (trees(10_000), "at most 1024 things; got 10,000"),
    "a hundred": (trees(100), "at most 80 things in this world; got 100"),
    "twice": (trees(2), "two things of the class tree stand in the same spot"),
    "outside": (with_thing(centre=[300, 0, 2], movable=True), "stands outside the square"),
    "material": (json.dumps(MEADOW.to_dict() | {"base": "lava"}), "unknown material 'lava'"),
    "heights": (json.dumps(MEADOW.to_dict() | {"heights": [[0, 1, 2]]}), "heights are"),
    "half": (json.dumps(MEADOW.to_dict() | {"half": -3}), "half a place's side"),
    "a list": ("[1, 2]", "a place is a JSON object"),
    "nan in numbers": (json.dumps(MEADOW.to_dict() | {"spawn": [float("nan"), 0, 0]}), "where one enters"),
    "no JSON": ("a village", "not the JSON of a place"),
    "deep": ("[" * 100_000, "not the JSON of a place"),
    "other keys": ('{"planet": "Mars"}', "a place is a JSON object"),
    "lists in lists": ("[" * 900 + "]" * 900, "a place is a JSON object"),
    "a deep name": (with_thing(name="DEEP").replace('"DEEP"', "[" * 600 + "]" * 600), "not a place|not the JSON of a place"),
    "a huge whole number": (with_thing(centre=[10**400, 3, 2]), "the tree's centre is 3 numbers"),
    "huge heights": (json.dumps(MEADOW.to_dict() | {"heights": [[10**400]]}), "this JSON is not a place"),
    "movable in words": (with_thing(movable="yes"), "whether tree is movable is true or false; got 'yes'"),
    "round in words": (with_part(areas=FIELD | {"round": "very"}), "round is true or false"),
    "shallow in words": (with_part(POND | {"shallow": "a bit"}), "shallow is true or false"),
    "a road of text": (with_part(roads=PATH | {"points": "ab"}), "a line of 2 to 64 points; got 'ab'"),
    "one enters a number": (json.dumps(MEADOW.to_dict() | {"spawn": 5}), "where one enters is 3 numbers"),
    "nine waters": (with_part(*[POND] * 9), "at most 8 waters here; got 9"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "words"), LIES.values(), ids=list(LIES))
def test_places_that_lie_are_met_with_a_sentence(world, text, words, as_users_call):
    with pytest.raises(GenieGymError, match=words) as caught:
        GenieVectorEnv(2, world, place=text)
    assert len(str(caught.value)) < 500


def test_a_refused_place_changes_nothing(world, as_users_call):
    envs = GenieVectorEnv(2, world, place=MEADOW, autoreset_mode="DISABLED")
    first = envs.reset(seed=0)[0]
    before = envs.save_state()
    for text, words in LIES.values():
        with pytest.raises(GenieGymError, match=words):
            envs.reset(seed=1, options={"place": [None, text]})
    assert all(torch.equal(a, b) for a, b in zip(before.tensors(), envs.save_state().tensors(), strict=True))
    assert np.array_equal(envs.reset(seed=0)[0], first)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (5, "a place is a Place, or its JSON"),
        ([MEADOW] * 3, "3 places for 2 rows"),
        ([MEADOW, 5], "a place is a JSON object"),
        (b"\xff\xfe", "not the JSON of a place"),
    ],
)
def test_what_is_no_place_is_met_with_a_sentence(world, place, words, as_users_call):
    with pytest.raises(GenieGymError, match=words):
        GenieVectorEnv(2, world, place=place)


@pytest.mark.parametrize(
    ("mode", "moves", "words"),
    [
        ("latent", np.zeros((2, 31)), "actions must be numbers"),
        ("latent", np.full((2, 32), np.nan), r"actions must lie in \[-1, 1\]"),
        ("latent", np.full((2, 32), 1.5), r"actions must lie in \[-1, 1\]"),
        ("latent", [["a"] * 32] * 2, "actions must"),
        ("keyboard", np.array([0, 99]), "action 99 is not one of"),
        ("keyboard", np.array([0.5, 1.0]), "actions must be integers"),
        ("prototypes", np.array([-1, 0]), "action -1 is not one of"),
    ],
)
def test_bad_actions_change_nothing(world, mode, moves, words, as_users_call):
    envs = GenieVectorEnv(2, world, place=small_place(), action_mode=mode)
    envs.reset(seed=0)
    before = envs.save_state()
    with pytest.raises(GenieGymError, match=words):
        envs.step(moves)
    after = envs.save_state()
    assert all(torch.equal(a, b) for a, b in zip(before.tensors(), after.tensors(), strict=True))


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("xyzzy", "understood nothing"), ("", "no text|understood nothing|empty"), ("a village " * 1000, "characters"),
        (5, "prompt is text"), (["a village"] * 3, "3 prompts for 2 rows"),
    ],
)  # fmt: skip
def test_absurd_prompts_get_one_sentence(world, prompt, words, as_users_call):
    with pytest.raises(GenieGymError, match=words):
        GenieVectorEnv(2, world, prompt=prompt)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 90}, r"size is \(height, width\)"), ({"size": (90, 160, 3)}, r"size is \(height, width\)"),
        ({"size": (0, 160)}, "at least 1"), ({"size": (90.5, 160)}, "whole number"), ({"size": "90x160"}, "size is"),
        ({"size": (4, 4)}, "at least 16 pixels"), ({"size": (5000, 5000)}, "pixels at most"),
        ({"action_mode": "prototype"}, "Did you mean 'prototypes'"), ({"task": "find:castle"}, "unknown task|task"),
        ({"obs": ("rgb", "normals")}, "no observation 'normals'"),
        ({"init_image": np.zeros((4, 4, 3), np.uint8)}, "own first frames"),
    ],
)  # fmt: skip
def test_odd_options_get_one_sentence(world, options, words, as_users_call):
    with pytest.raises(GenieGymError, match=words):
        GenieVectorEnv(2, world, **options)


def test_places_before_the_first_reset_and_of_other_worlds(world, debug_world, as_users_call):
    with pytest.raises(GenieGymError, match="call reset"):
        GenieEnv(world).place()
    with pytest.raises(GenieGymError, match="no place to tell"):
        GenieEnv(debug_world).place()
    with pytest.raises(GenieGymError, match="begins in no place"):
        GenieEnv(debug_world, place=MEADOW)
    with pytest.raises(GenieGymError, match="frames of one size"):
        GenieEnv(debug_world, size=(64, 64))
    with pytest.raises(GenieGymError, match="no prototypes"):
        GenieEnv(debug_world, action_mode="prototypes")


def test_a_thing_inside_another_is_not_the_same_thing_twice(world):
    inside = empty_place(20.0, thing("building", 6, 6), thing("crate", 6, 6), thing("building", 13, 6))
    GenieVectorEnv(1, world, place=inside).reset(seed=0)


@pytest.mark.parametrize("mask", [[True, True], [False, True]])
@pytest.mark.parametrize(
    ("place", "task", "words"),
    [
        (empty_place(20.0, thing("building", 0, 0, size=(60.0, 60.0, 9.0))), None, "nobody can stand anywhere"),
        (Place(half=1.5, base="grass", beyond="grass"), "push_crate", "no room to push a crate"),
    ],
)
def test_a_place_without_room_changes_nothing(world, mask, place, task, words, as_users_call):
    envs = GenieVectorEnv(2, world, place=MEADOW, max_episode_steps=1)
    envs.reset(seed=0)
    before = envs.save_state()
    with pytest.raises(GenieGymError, match=words):
        envs.reset(seed=5, options={"place": place, "task": task, "reset_mask": np.array(mask)})
    assert all(torch.equal(a, b) for a, b in zip(before.tensors(), envs.save_state().tensors(), strict=True))
    assert envs.tasks == [None, None]
    envs.step(np.zeros((2, 32)))  # the next episodes begin where they would have begun
    assert [len(one.things) for one in envs.place()] == [len(MEADOW.things)] * 2


@pytest.mark.parametrize("seed", [1.5, "abc", {}, -1, 2**63 - 1, [0, 2**63], [1, 2, 3]])
def test_what_is_no_seed_changes_nothing(world, seed, as_users_call):
    envs = GenieVectorEnv(2, world, place=MEADOW)
    envs.reset(seed=0)
    before = envs.save_state()
    with pytest.raises(GenieGymError, match="seed"):
        envs.reset(seed=seed)
    assert all(torch.equal(a, b) for a, b in zip(before.tensors(), envs.save_state().tensors(), strict=True))


def test_places_are_made_of_their_parts(as_users_call):
    with pytest.raises(GenieGymError, match="a tuple of Things"):
        Place(things=(TREE,))
    with pytest.raises(GenieGymError, match="an array of numbers"):
        Place(heights=[[0.0]])
