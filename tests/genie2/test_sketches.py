"""Sketches of what stands where: drawn by what is wished for."""

import pytest
import torch
from town_words import SCENES, TOWN

import genie_gym.genie2.sketches as module
from genie_gym.genie2.sketches import NO_SCENE, UNSAID, Sketch, Sketches, clarity, squares
from genie_gym.genie2.wishes import wishes_of
from genie_gym.text.spec import WorldSpec

CLASSES = ("sky", "ground", "castle", "well")
SIZE = (4, 6)
THINGS = torch.tensor([False, False, True, True])
VILLAGE, DESERT = SCENES.index("village"), SCENES.index("desert")


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are few views here: all of them may be kept."""
    monkeypatch.setattr(module, "TELLING", 1.0)


def filled() -> Sketches:
    """Two villages, the second with a castle on its left; a desert with a well on its right."""
    classes = torch.zeros(3, *SIZE, dtype=torch.uint8)
    classes[:, 2:] = CLASSES.index("ground")
    classes[1, 1:3, 0] = CLASSES.index("castle")
    classes[2, 2, 5] = CLASSES.index("well")
    sketches = Sketches(3, SIZE, len(SCENES))
    sketches.fill(classes, torch.full((3, *SIZE), 0.4), torch.tensor([VILLAGE, VILLAGE, DESERT]), THINGS)
    return sketches


def draw(sketches: Sketches, spec: WorldSpec, rows: int = 40, hidden: torch.Tensor | None = None) -> Sketch:
    wish = wishes_of([spec] * rows, [("weather", "hour")] * rows, TOWN, CLASSES)
    seed = torch.arange(rows)
    where = torch.ones(rows, *SIZE, dtype=torch.bool) if hidden is None else hidden.expand(rows, -1, -1)
    return sketches.draw(wish, len(CLASSES), where, seed, torch.zeros_like(seed))


def shows(sketch: Sketch, name: str) -> torch.Tensor:
    return (sketch.classes == CLASSES.index(name)).flatten(1).any(1)


def test_what_is_drawn_is_of_the_scene_and_shows_what_is_asked_for():
    sketches = filled()
    castles = draw(sketches, WorldSpec("village", landmarks=("castle",)))
    assert shows(castles, "castle").all()
    assert not shows(castles, "well").any()
    left = castles.classes[:, 1, 0] == CLASSES.index("castle")
    assert left.any()  # as it is …
    assert not left.all()  # … and mirrored
    assert 0 < int(shows(draw(sketches, WorldSpec("village")), "castle").sum()) < 40
    assert not shows(draw(sketches, WorldSpec("desert")), "castle").any()


def test_what_no_such_view_shows_is_put_in():
    both = draw(filled(), WorldSpec("village", landmarks=("castle", "well")))
    assert shows(both, "castle").all()
    assert shows(both, "well").all()
    nowhere = draw(filled(), WorldSpec("harbour", landmarks=("well",)))
    assert shows(nowhere, "well").all()


def test_what_is_asked_for_is_large_where_it_can_be():
    sketches = filled()
    sketches.classes[0, 2, 3] = CLASSES.index("castle")  # far away
    sketches.classes[1, :3, :2] = CLASSES.index("castle")
    castles = draw(sketches, WorldSpec("village", landmarks=("castle",)))
    assert bool(((castles.classes == CLASSES.index("castle")).flatten(1).sum(1) == 6).all())


def test_a_row_is_as_its_seed_says():
    sketches = filled()
    wish = wishes_of([WorldSpec()] * 2, [("scene", "weather", "hour")] * 2, TOWN, CLASSES)
    hidden, zero = torch.ones(2, *SIZE, dtype=torch.bool), torch.zeros(2, dtype=torch.int64)
    both = sketches.draw(wish, len(CLASSES), hidden, torch.tensor([3, 8]), zero)
    alone = sketches.draw(wish[1:], len(CLASSES), hidden[1:], torch.tensor([8]), zero[1:])
    assert torch.equal(both.classes[1:], alone.classes)
    drawn = {draw(sketches, WorldSpec("village"), hidden=hidden[0]).classes[row].numpy().tobytes() for row in range(40)}
    assert len(drawn) == 3  # one is its own mirror image


def test_of_a_view_that_is_known_in_part_what_is_hidden_is_said():
    hidden = torch.zeros(SIZE, dtype=torch.bool)
    hidden[:, 4:] = True
    coming = draw(filled(), WorldSpec("village", landmarks=("castle",)), hidden=hidden)
    assert shows(coming, "castle").all()
    assert bool((coming.classes[:, :, :4] == UNSAID).all())
    assert not bool((coming.classes[:, :, 4:] == UNSAID).any())


def test_of_a_view_that_is_nearly_known_only_what_is_still_to_come_is_said():
    hidden = torch.zeros(SIZE, dtype=torch.bool)
    hidden[1:3, 5] = True
    coming = draw(filled(), WorldSpec("village", landmarks=("castle",)), hidden=hidden)
    assert shows(coming, "castle").all()
    assert bool(((coming.classes == UNSAID) | (coming.classes == CLASSES.index("castle"))).all())
    assert bool((draw(filled(), WorldSpec("village"), hidden=hidden).classes == UNSAID).all())
    hidden[:] = False
    hidden[0, :2] = True  # the sky, where no castle stands
    assert bool((draw(filled(), WorldSpec("village", landmarks=("castle",)), hidden=hidden).classes == UNSAID).all())


def test_sketches_are_kept_that_tell_their_scene_most_clearly(monkeypatch):
    classes = torch.zeros(20, *SIZE, dtype=torch.uint8)
    classes[:10, 3], classes[10:, 3] = CLASSES.index("ground"), CLASSES.index("well")  # villages have ground, deserts wells
    classes[4] = classes[15]
    scene = torch.tensor([VILLAGE] * 10 + [DESERT] * 10)
    clear = clarity(classes, scene)
    assert (clear > 0).tolist() == [number != 4 for number in range(20)]
    monkeypatch.setattr(module, "TELLING", 0.9)
    sketches = Sketches(40, SIZE, len(SCENES))
    sketches.fill(classes, torch.zeros(20, *SIZE), scene, THINGS)
    assert not shows(draw(sketches, WorldSpec("village")), "well").any()
    assert not clarity(torch.zeros(2, *SIZE, dtype=torch.uint8), torch.tensor([VILLAGE, DESERT])).any()


def test_some_sketches_are_kept_for_the_things_that_are_large_in_them():
    classes = torch.zeros(60, *SIZE, dtype=torch.uint8)
    classes[:, 3] = CLASSES.index("ground")
    classes[7, 1:3, :3], classes[8, 1:3, 2], classes[9, :, :4] = (CLASSES.index("castle"),) * 3  # the last is a wall
    sketches = Sketches(16, SIZE, len(SCENES))
    sketches.fill(classes, torch.zeros(60, *SIZE), torch.full((60,), VILLAGE), THINGS)
    kept = sketches.classes[sketches.scene == NO_SCENE]
    assert sorted((kept == CLASSES.index("castle")).flatten(1).sum(1).tolist()) == [2, 6]
    coming = torch.ones(SIZE, dtype=torch.bool)
    coming[3, 0] = False
    castles = draw(sketches, WorldSpec("village", landmarks=("castle",)), hidden=coming)
    assert bool(((castles.classes == CLASSES.index("castle")).flatten(1).sum(1) >= 6).all())


def test_squares_show_what_most_of_them_is_and_things_count_double():
    semantic = torch.zeros(1, 20, 16, dtype=torch.uint8)  # two and a half squares down
    semantic[0, :3, :8] = 2  # 24 of 64 pixels
    semantic[0, 8:11, :8] = 1
    semantic[0, 16:] = UNSAID
    areas = torch.tensor([True, True, False])
    assert squares(semantic, areas)[0].tolist() == [[2, 0], [0, 0], [UNSAID, UNSAID]]


def test_sketches_lie_one_over_another():
    nothing = Sketch.nothing(torch.zeros(1, *SIZE, dtype=torch.bool))
    some = Sketch(torch.full((1, *SIZE), 3, dtype=torch.uint8), torch.full((1, *SIZE), 0.5))
    part = torch.zeros(1, *SIZE, dtype=torch.bool)
    part[..., 0] = True
    assert bool((some.only(part).over(nothing).classes[..., 1:] == UNSAID).all())
    assert torch.equal(nothing.over(some).depth, some.depth)
    assert bool((some.only(part).mirrored().classes[..., -1] == 3).all())
