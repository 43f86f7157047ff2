"""What prompts ask for is composed, and all that comes into view is drawn from it."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from room import KEYS
from town_words import TOWN

from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.errors import GenieGymError
from genie_gym.genie2.config import PRESETS
from genie_gym.genie2.world import Genie2World
from genie_gym.geometry.camera import Camera
from genie_gym.geometry.level import heading_of
from genie_gym.prompt import parse_prompt
from genie_gym.text.prompt import Prompt
from genie_gym.text.spec import CharacterSpec, ObjectSpec, WorldSpec
from genie_gym.world import Start

CLASSES = ("sky", "ground", "castle", "dog", "tree")
SAYS = {"vocabulary": TOWN.to_dict()}
SNOW = WorldSpec("village", "snowy", 23.0, landmarks=("castle",), characters=(CharacterSpec("dog", count=3),))
DESERT = WorldSpec("desert", "sunny", 12.0)


def composed_by(composer: str) -> Genie2World:
    torch.manual_seed(0)
    camera = Camera.with_field_of_view(90, 160, 60.0)
    return Genie2World(PRESETS["debug"].for_video(camera, 24.0, CLASSES, SAYS, KEYS, composer=composer).world).eval()


@pytest.fixture(scope="module")
def world() -> Genie2World:
    return composed_by("genie3")


def begin(world: Genie2World, specs: list[WorldSpec | None], seeds: list[int]):
    prompts = [None if spec is None else Prompt(spec) for spec in specs]
    return world.reset(torch.tensor(seeds), Start(prompts=prompts))


def turned(radians: float, rows: int = 1) -> torch.Tensor:
    motion = torch.zeros(rows, 6)
    motion[:, 4] = radians
    return motion


def test_the_first_view_is_the_places_with_its_depth(world):
    state = begin(world, [SNOW, DESERT], [3, 4])
    places = world.composer().compose(torch.tensor([3, 4]), [Prompt(SNOW), Prompt(DESERT)])
    seen = places.seen(world.composer().library, torch.eye(4).repeat(2, 1, 1), world.camera)
    assert torch.equal(state.frames, seen.colours)
    assert torch.allclose(state.extras["depth"], seen.depth, rtol=1e-4)
    assert torch.allclose(state.pose, torch.eye(4).expand(2, 4, 4))


def test_rows_are_as_their_seeds_and_prompts_say(world):
    rows = begin(world, [SNOW, DESERT, SNOW], [3, 4, 5]).frames
    assert torch.equal(rows[1:2], begin(world, [DESERT], [4]).frames)  # whatever the other rows are
    assert not torch.equal(rows[0], rows[2])
    assert not torch.equal(rows[0], begin(world, [DESERT], [3]).frames[0])


def test_what_comes_into_view_is_drawn_from_the_place(world):
    """After more than the field of view nothing is left of the first view, and the place is there."""
    state = begin(world, [DESERT], [4])
    first = state.frames.float()
    for _ in range(30):
        state, _ = world.step(state, world.latent_actions.action(turned(math.pi / 40)))
    true = state.place.seen(world.composer().library, state.pose, world.camera).colours.float()
    assert float(heading_of(state.pose)) > math.radians(92)
    apart = (state.frames.float() - true).abs().mean()
    assert apart < 8
    assert apart < 0.25 * (first - true).abs().mean()


def test_what_moves_is_not_remembered_but_what_stands_behind_it(world):
    crowd = replace(SNOW, characters=(CharacterSpec("villager", count=12, position="ahead"),), weather="sunny", hour=12.0)
    state = begin(world, [crowd], [1])
    assert bool(state.moving.any())
    assert not bool(state.place.moving.any())
    behind = state.place.seen(world.composer().library, torch.eye(4)[None], world.camera)
    kept = state.memory.recall(state.pose, world.camera, 1)
    assert torch.equal((kept.colours[0, 0] * 255).round().byte(), behind.colours[0].movedim(-1, 0))
    assert not torch.equal(state.frames, behind.colours)


def test_rows_with_and_without_prompts_go_side_by_side(world):
    mine = replace(world.starts, frames=np.full((1, 90, 160, 3), 90, np.uint8))
    world.starts, before = mine, world.starts
    state = begin(world, [None, DESERT], [1, 4])
    world.starts = before
    assert state.place.known.tolist() == [False, True]
    assert bool((state.frames[0] == 90).all())
    assert torch.equal(state.frames[1:], begin(world, [DESERT], [4]).frames)
    following, _ = world.step(state, world.latent_actions.action(turned(0.3, 2)))
    assert following.frames.shape == (2, 90, 160, 3)


def test_the_report_is_the_composers(world):
    asked = WorldSpec("desert", objects=(ObjectSpec("tree", 3, "left"),))
    report = parse_prompt("a desert")[1]
    assert world.report_of(report, asked).ignored == world.composer().report_of(report, asked).ignored == []


def test_a_prompt_or_frames(world):
    mine = np.zeros((2, 90, 160, 3), np.uint8)
    with pytest.raises(GenieGymError, match="is imagined as the first frame; give a prompt or frames, not both"):
        GenieVectorEnv(2, world, prompt="snow", start_frames=mine)
    envs = GenieVectorEnv(2, world, prompt="snow", autoreset_mode="DISABLED")
    assert envs.reports[0].understood
    assert (envs.reset(options={"start_frames": mine})[0] == 0).all()
    framed = GenieVectorEnv(2, world, start_frames=mine)
    assert (framed.reset(options={"prompt": "a castle"})[0] != 0).any()


def test_a_world_without_a_composer_chooses_among_its_frames():
    assert not composed_by("").imagines_starts


@pytest.mark.parametrize(("composer", "says"), [("genie1", "composes no places"), ("nowhere", "unknown world 'nowhere'")])
def test_a_composer_that_is_none_is_named(composer, says):
    with pytest.raises(GenieGymError, match=says):
        begin(composed_by(composer), [DESERT], [1])


def test_frames_become_tokens_with_depth(world):
    frames = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, 90, 160, 3), dtype=np.uint8))
    tokens, depth_maps = world.encode_with_depth(frames)
    assert tokens.shape == (2, 3, 12 * 20, 16)
    assert depth_maps.shape == (2, 3, 90, 160)
    cell = frames[0, 0, :4, :4].float().mean((0, 1)) / 255
    assert torch.allclose(tokens[0, 0, 0, [0, 4, 8]], cell, atol=1e-5)  # four cells of red, green, blue and depth
    assert float(tokens[..., 12:].std()) > 0
