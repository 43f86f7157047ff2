"""Views that are planned from what is known and what is asked for; first views."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from room import KEYS
from town_words import SCENES, TOWN, WEATHERS

from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.errors import GenieGymError
from genie_gym.genie2.asked_views import is_asked
from genie_gym.genie2.config import PRESETS
from genie_gym.genie2.painter import Painter, painter_loss
from genie_gym.genie2.planner import Planner, PlannerConfig, WishedBlock, hide, partly, planner_loss
from genie_gym.genie2.plans import coarse, fine, known_cells
from genie_gym.genie2.sketches import UNSAID, Sketch
from genie_gym.genie2.wishes import FIELDS, wish_size, wishes_of
from genie_gym.genie2.world import Genie2World
from genie_gym.geometry.camera import Camera
from genie_gym.geometry.reproject import Seen
from genie_gym.models.unet import UNetConfig
from genie_gym.prompt import parse_prompt
from genie_gym.text.prompt import Prompt
from genie_gym.text.spec import CharacterSpec, ObjectSpec, WorldSpec
from genie_gym.text.vocabulary import Vocabulary
from genie_gym.world import Start

CLASSES = ("sky", "ground", "castle", "dog", "tree")
SAYS = {"vocabulary": TOWN.to_dict()}
SNOW = WorldSpec("village", "snowy", 23.0, landmarks=("castle",), characters=(CharacterSpec("dog", count=3),))


@pytest.fixture(scope="module")
def world() -> Genie2World:
    torch.manual_seed(0)
    camera = Camera.with_field_of_view(90, 160, 60.0)
    made = Genie2World(PRESETS["debug"].for_video(camera, 24.0, CLASSES, SAYS, KEYS, plans=True).world).eval()
    made.planner.label_count.fill_(1)
    for block in made.planner.modules():  # blocks begin by doing nothing
        if isinstance(block, WishedBlock):
            torch.nn.init.normal_(block.conv2.weight)
    return made


def first(world: Genie2World, specs: list[WorldSpec], seeds: list[int]) -> torch.Tensor:
    return world.reset(torch.tensor(seeds), Start(prompts=[Prompt(spec) for spec in specs])).frames


def test_a_wish_names_what_is_asked_for_and_no_more():
    wish = wishes_of([SNOW, SNOW, WorldSpec()], [(), ("scene", "weather"), FIELDS], TOWN, CLASSES)
    assert wish.shape == (3, wish_size(TOWN, CLASSES))
    assert wish[:, -len(CLASSES) :].tolist() == [[0, 0, 1, 1, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 0]]
    scene_and_weather = len(SCENES) + len(WEATHERS)
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
    state = world.reset(torch.arange(2), Start(prompts=[Prompt(SNOW)] * 2))
    assert state.extras["depth"].shape == (2, 90, 160)
    assert bool((state.extras["depth"] > 0).all())
    assert not torch.allclose(state.inverse_depth, world.perception(state.frames.movedim(-1, 1) / 255).inverse_depth)
    level = state.pose[:, 1, :3]
    assert torch.allclose(level, torch.tensor([0.0, 1.0, 0.0]).expand(2, 3))


def test_what_is_known_stays_and_the_rest_is_planned(world):
    known = torch.rand(2, 4, 24, 40)
    is_known = torch.zeros(2, 24, 40, dtype=torch.bool)
    is_known[:, :, :15] = True
    wish, seeds = torch.zeros(2, wish_size(TOWN, CLASSES)), torch.tensor([5, 6])
    plan = world.planner.plan(known, is_known, wish, seeds, torch.zeros_like(seeds))
    assert torch.equal(plan[..., :15], known[..., :15])
    assert plan.min() >= 0
    assert plan.max() <= 1
    later = world.planner.plan(known, is_known, wish, seeds, torch.ones_like(seeds))
    assert not torch.equal(plan[..., 15:], later[..., 15:])


def small_planner() -> Planner:
    torch.manual_seed(0)
    config = PlannerConfig(widths=(32, 32), wish_width=32, blocks=1, steps=8, guidance=1.0, sketches=2)
    return Planner(config, wish_size=len(SCENES) + 2, num_scenes=len(SCENES), num_classes=2, size=(32, 32))


def learn(planner: Planner, draw: Callable[[], tuple[torch.Tensor, torch.Tensor, Sketch]]) -> None:
    optimizer = torch.optim.Adam(planner.parameters(), 3e-3)
    for _ in range(200):
        optimizer.zero_grad()
        planner_loss(planner, *draw(), torch.ones(2, dtype=torch.bool)).backward()
        optimizer.step()


def test_a_planner_learns_what_a_wish_means():
    """Two kinds of plans, a bright one and a dark one, and a wish that says which."""
    planner, nothing = small_planner(), torch.zeros(4, 4, 8, 8)

    def wish(bright: torch.Tensor) -> torch.Tensor:
        return F.pad(bright, (0, len(SCENES) + 1))

    def draw() -> tuple[torch.Tensor, torch.Tensor, Sketch]:
        bright = torch.randint(2, (16, 1)).float()
        plans = (0.1 + 0.8 * bright)[..., None, None].expand(-1, 4, 8, 8)
        return plans, wish(bright), Sketch.nothing(torch.zeros(16, 4, 4, dtype=torch.bool))

    learn(planner, draw)
    seeds, asked = torch.arange(4), wish(torch.tensor([[0.0], [1.0], [0.0], [1.0]]))
    plans = planner.plan(nothing, nothing[:, 0] > 0, asked, seeds, torch.zeros_like(seeds))
    assert plans.mean((1, 2, 3)).tolist() == pytest.approx([0.1, 0.9, 0.1, 0.9], abs=0.15)


def test_a_planner_learns_what_a_sketch_means():
    """Plans that are bright where something stands; the sketches that it keeps say where."""
    planner, nothing = small_planner(), torch.zeros(6, 4, 8, 8)

    def draw() -> tuple[torch.Tensor, torch.Tensor, Sketch]:
        stands = torch.rand(16, 1, 4, 4).round()
        plans = (0.1 + 0.8 * stands).repeat_interleave(2, 2).repeat_interleave(2, 3).expand(-1, 4, -1, -1)
        return plans, torch.zeros(16, len(SCENES) + 2), Sketch(stands[:, 0].to(torch.uint8), 0.1 + 0.8 * stands[:, 0])

    learn(planner, draw)
    stands = torch.zeros(2, 4, 4)
    stands[:, 2:, :2] = 1
    planner.sketches.fill(
        stands.to(torch.uint8), 0.1 + 0.8 * stands, torch.zeros(2, dtype=torch.int64), torch.tensor([False, False])
    )
    seeds = torch.arange(6)
    plans = planner.plan(nothing, nothing[:, 0] > 0, torch.zeros(6, len(SCENES) + 2), seeds, torch.zeros_like(seeds))
    shown = plans.mean(1)
    left, right = shown[:, 4:, :4].mean((1, 2)), shown[:, 4:, 4:].mean((1, 2))
    assert torch.maximum(left, right).min() > 0.75
    assert torch.minimum(left, right).max() < 0.25
    assert len(set((left > right).tolist())) == 2  # some are mirrored
    assert shown[:, :4].mean() < 0.25


def test_what_is_told_of_a_sketch_in_training_is_all_or_a_part_or_nothing():
    torch.manual_seed(0)
    classes = torch.zeros(400, 4, 4, dtype=torch.uint8)
    classes[:, 3] = 1
    told = partly(Sketch(classes, torch.ones(400, 4, 4)), torch.tensor([False, True]))
    said = told.classes != UNSAID
    assert torch.equal(said, told.depth > 0)
    share = said.float().mean((1, 2))
    assert 0.55 < float((share == 1).float().mean()) < 0.75
    assert 0.1 < float((share == 0).float().mean()) < 0.17
    things = (told.classes[:, 3] == 1).all(1) & ~said[:, :3].any(2).any(1)
    assert 0.1 < float(things.float().mean()) < 0.25


def test_what_is_hidden_in_training_is_all_or_a_part():
    torch.manual_seed(0)
    shares = hide(torch.zeros(200, 4, 24, 40)).float().mean((1, 2))
    assert 0.25 < float((shares == 1).float().mean()) < 0.55
    assert float(shares.min()) > 0
    assert float(shares.quantile(0.1)) < 0.3


def test_cells_are_known_where_most_of_them_is_covered():
    torch.manual_seed(0)
    colours, covered = torch.rand(1, 3, 90, 160), torch.zeros(1, 90, 160, dtype=torch.bool)
    covered[:, :, :41] = True  # ten columns of cells, and a quarter of the eleventh
    seen = Seen(colours * covered[:, None], torch.full((1, 90, 160), 0.2) * covered, covered)
    known, is_known = known_cells(seen)
    assert is_known[:, :, :10].all()
    assert not is_known[:, :, 10:].any()
    assert torch.allclose(known[:, :3, 0, 0], colours[:, :, :4, :4].mean((2, 3)))
    assert not known[..., 10:].any()
    assert fine(known, (90, 160)).shape == (1, 4, 90, 160)


def test_frames_become_tokens_with_depth(world):
    frames = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, 90, 160, 3), dtype=np.uint8))
    tokens, depth_maps = world.encode_with_depth(frames)
    assert tokens.shape == (2, 3, 12 * 20, 16)
    assert depth_maps.shape == (2, 3, 90, 160)
    cell = frames[0, 0, :4, :4].float().mean((0, 1)) / 255
    assert torch.allclose(tokens[0, 0, 0, [0, 4, 8]], cell, atol=1e-5)  # four cells of red, green, blue and depth
    assert float(tokens[..., 12:].std()) > 0


def test_the_report_says_what_a_view_cannot_do():
    asked = WorldSpec("desert", objects=(ObjectSpec("tree", 3, "left"),), without=("rock",), gravity=1.6)
    world = Genie2World(replace(PRESETS["debug"].world, plans=True, source=SAYS))
    world.planner.label_count.fill_(1)
    ignored = world.report_of(parse_prompt("a desert")[1], asked).ignored
    assert ignored == ["how many trees: 3", "where the tree is: left", "no rock", "gravity 1.6"]


def test_a_world_of_another_vocabulary_has_wishes_of_its_own():
    kitchens = Vocabulary(scenes=tuple(f"kitchen{k}" for k in range(11)), weathers=("bright",), objects=("cup",))
    says = {"vocabulary": kitchens.to_dict()}
    world = Genie2World(replace(PRESETS["debug"].world, plans=True, source=says, classes=("sky", "cup"))).eval()
    world.planner.label_count.fill_(1)
    assert world.vocabulary == kitchens
    asked = WorldSpec("kitchen10", objects=(ObjectSpec("cup"),))
    wish = wishes_of([asked], [()], kitchens, world.classes)
    assert wish.shape == (1, 11 + 1 + 6 + 2)
    assert wish[0].nonzero()[:, 0].tolist()[0] == 10
    assert first(world, [asked], [3]).shape == (1, 90, 160, 3)
    with pytest.raises(GenieGymError, match="unknown scene 'village'"):
        first(world, [SNOW], [3])


def test_a_world_that_plans_says_in_which_words_it_is_asked():
    with pytest.raises(GenieGymError, match="learns from a recording that says its vocabulary"):
        Genie2World(replace(PRESETS["debug"].world, plans=True))


def test_a_prompt_or_frames(world):
    mine = np.zeros((2, 90, 160, 3), np.uint8)
    with pytest.raises(GenieGymError, match="is imagined as the first frame; give a prompt or frames, not both"):
        GenieVectorEnv(2, world, prompt="snow", start_frames=mine)
    envs = GenieVectorEnv(2, world, prompt="snow", autoreset_mode="DISABLED")
    assert envs.reports[0].understood
    assert (envs.reset(options={"start_frames": mine})[0] == 0).all()
    framed = GenieVectorEnv(2, world, start_frames=mine)
    assert (framed.reset(options={"prompt": "a castle"})[0] != 0).any()


def test_what_is_asked_for_is_planned_until_it_shows(world, monkeypatch):
    """Coming views are planned as long as the castle is to come, and not any longer."""
    planned = []
    plan = world.planner.plan
    monkeypatch.setattr(world.planner, "plan", lambda *asked: planned.append(asked[2]) or plan(*asked))
    shows = [CLASSES.index("sky")]
    perception = world.perception.forward
    says = lambda frames: replace(perception(frames), semantic=torch.full(frames.shape[:1] + (90, 160), shows[0]))  # noqa: E731
    monkeypatch.setattr(world.perception, "forward", says)
    state = world.reset(torch.tensor([3]), Start(prompts=[Prompt(WorldSpec("village", landmarks=("castle",)))]))
    castle = len(CLASSES) - CLASSES.index("castle")
    assert [float(wish[0, -castle]) for wish in planned] == [1.0]
    turn = torch.zeros(1, 6)
    turn[0, 3:] = 0.8
    for _ in range(12):
        state, _ = world.step(state, turn)
    assert len(planned) > 1
    assert float(state.wish[0, -castle]) == 1.0
    shows[0] = CLASSES.index("castle")
    for _ in range(6):
        state, _ = world.step(state, turn)
    assert float(state.wish[0, -castle]) == 0.0
    seen = len(planned)
    for _ in range(6):
        state, _ = world.step(state, turn)
    assert all(float(wish[0, -castle]) == 0.0 for wish in planned[seen:])


def test_who_looks_elsewhere_sees_what_was_asked_for():
    """A coming view is planned while a thing is to come; or where much is new, of a place of which something is known."""
    wishes = wishes_of([SNOW, WorldSpec("desert"), WorldSpec()], [(), (), FIELDS], TOWN, CLASSES)
    for new, asked in ((0.1, [True, False, False]), (0.4, [True, True, False])):
        covered = torch.rand(1, 90, 160) > new
        seen = Seen(torch.zeros(1, 3, 90, 160), torch.zeros(1, 90, 160), covered)
        assert [is_asked(wish, seen, len(CLASSES)) for wish in wishes.split(1)] == asked


def test_a_painter_learns_what_lies_between_cells():
    torch.manual_seed(0)
    painter = Painter(UNetConfig((16, 16)))
    stripes = (torch.arange(32) % 4 < 2).float().expand(4, 4, 32, 32)
    optimizer = torch.optim.Adam(painter.parameters(), 1e-2)
    for _ in range(60):
        parts = painter_loss(painter, stripes, 0.0, 1.0)
        optimizer.zero_grad()
        parts["total"].backward()
        optimizer.step()
    soft = fine(coarse(stripes), (32, 32))
    assert (painter(soft) - stripes).abs().mean() < 0.2 * (soft - stripes).abs().mean()


def test_a_world_without_a_planner_chooses_among_its_frames():
    without = Genie2World(PRESETS["debug"].world)
    assert not without.imagines_starts
    assert "planner" not in without.parts()


def test_what_follows_the_grid_of_cells_alone_is_not_painted():
    painter = Painter(UNetConfig((16, 16)))
    bumps = torch.tensor([3.0, -1.0, -1.0, -1.0])
    grid = lambda soft: bumps.repeat(64)[: soft.shape[2], None] + bumps.repeat(64)[: soft.shape[3]]  # noqa: E731
    painter.forward = lambda soft: soft + grid(soft)  # type: ignore[method-assign]
    view = torch.rand(2, 4, 26, 38)
    assert (painter(view) - view).abs().max() > 1
    assert torch.allclose(painter.paint(view), view, atol=1e-5)
