"""First views that are imagined from what is asked for."""

import numpy as np
import pytest
import torch
from genie_gym.genie2.first_views import WishedBlock

from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.errors import GenieGymError
from genie_gym.genie2.config import PRESETS
from genie_gym.genie2.wishes import FIELDS, wish_size, wishes_of
from genie_gym.genie2.world import Genie2World
from genie_gym.prompt import parse_prompt
from genie_gym.text.spec import CharacterSpec, ObjectSpec, WorldSpec
from genie_gym.world import Start

CLASSES = ("sky", "ground", "castle", "dog", "tree")
SNOW = WorldSpec("village", "snowy", 23.0, landmarks=("castle",), characters=(CharacterSpec("dog", count=3),))


@pytest.fixture(scope="module")
def world() -> Genie2World:
    torch.manual_seed(0)
    made = Genie2World(PRESETS["debug"].for_video(90, 160, 24.0, 78.0, CLASSES, {}).world).eval()
    made.first_views.label_count.fill_(1)
    for block in made.first_views.modules():  # blocks begin by doing nothing
        if isinstance(block, WishedBlock):
            torch.nn.init.normal_(block.conv2.weight)
    codes = made.view_tokenizer.quantizer
    for layer in codes.layers:  # no clip was seen yet from which to begin
        layer._codebook.initted.fill_(True)
        layer._codebook.embed.normal_()
    return made


def first(world: Genie2World, specs: list[WorldSpec], seeds: list[int]) -> torch.Tensor:
    return world.reset(torch.tensor(seeds), Start(conditions=specs)).frames


def test_a_wish_names_what_is_asked_for_and_no_more():
    wish = wishes_of([SNOW, SNOW, WorldSpec()], [(), ("scene", "weather"), tuple(FIELDS)], CLASSES)
    assert wish.shape == (3, wish_size(CLASSES))
    assert wish[:, -len(CLASSES) :].tolist() == [[0, 0, 1, 1, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 0]]
    scene_and_weather = FIELDS["scene"] + FIELDS["weather"]
    assert wish[0, :scene_and_weather].sum() == 2
    assert wish[1, :scene_and_weather].sum() == 0
    assert torch.equal(wish[0, scene_and_weather:], wish[1, scene_and_weather:])
    assert not wish[2].any()


def test_rows_are_as_their_seeds_and_wishes_say(world):
    rows = first(world, [SNOW, WorldSpec(), SNOW], [3, 4, 5])
    assert torch.equal(rows[1:2], first(world, [WorldSpec()], [4]))  # whatever the other rows are
    assert not torch.equal(rows[0], rows[2])
    assert not torch.equal(rows[0], first(world, [WorldSpec()], [3])[0])


def test_depth_comes_with_the_view(world):
    state = world.reset(torch.arange(2), Start(conditions=[SNOW, SNOW]))
    assert state.extras["depth"].shape == (2, 90, 160)
    assert bool((state.extras["depth"] > 0).all())
    assert not torch.allclose(state.inverse_depth, world.perception(state.frames.movedim(-1, 1) / 255).inverse_depth)
    level = state.pose[:, 1, :3]
    assert torch.allclose(level, torch.tensor([0.0, 1.0, 0.0]).expand(2, 3))


def test_every_place_is_filled_whatever_the_passes(world):
    seeds = torch.arange(3)
    codes = world.first_views.imagine(torch.zeros(3, wish_size(CLASSES)), seeds, torch.zeros_like(seeds))
    assert codes.shape == (3, 12 * 20, 2)
    assert int(codes.max()) < world.first_views.hidden_code


def test_frames_become_tokens_with_depth(world):
    frames = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, 90, 160, 3), dtype=np.uint8))
    tokens, depth_maps = world.encode_with_depth(frames)
    assert tokens.shape == (2, 3, 240, world.config.view_tokenizer.code_dim)
    assert depth_maps.shape == (2, 3, 90, 160)
    nearer = world.view_tokenizer.encode(torch.zeros(1, 4, 90, 160))[0]
    farther = torch.cat([torch.zeros(1, 3, 90, 160), torch.ones(1, 1, 90, 160)], 1)
    assert not torch.equal(nearer, world.view_tokenizer.encode(farther)[0])  # of the same colours


def test_the_report_says_what_a_view_cannot_do():
    asked = WorldSpec("desert", objects=(ObjectSpec("tree", 3, "left"),), without=("rock",), gravity=1.6)
    world = Genie2World(PRESETS["debug"].world)
    world.first_views.label_count.fill_(1)
    ignored = world.report_of(parse_prompt("a desert")[1], asked).ignored
    assert ignored == ["how many trees: 3", "where the tree is: left", "no rock", "gravity 1.6"]


def test_a_prompt_or_frames(world):
    mine = np.zeros((2, 90, 160, 3), np.uint8)
    with pytest.raises(GenieGymError, match="is imagined as the first frame; give a prompt or frames, not both"):
        GenieVectorEnv(2, world, prompt="snow", start_frames=mine)
    envs = GenieVectorEnv(2, world, prompt="snow", autoreset_mode="DISABLED")
    assert envs.report.understood
    assert (envs.reset(options={"start_frames": mine})[0] == 0).all()
    framed = GenieVectorEnv(2, world, start_frames=mine)
    assert (framed.reset(options={"prompt": "a castle"})[0] != 0).any()
