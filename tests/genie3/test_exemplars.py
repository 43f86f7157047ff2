"""What was seen from far is drawn with what looks like it and was seen from near."""

import numpy as np
import pytest

from genie_gym.genie3.mining.build import Piece, Source
from genie_gym.genie3.mining.cells import Cloud
from genie_gym.genie3.mining.detail import FINER, Detail
from genie_gym.genie3.mining.exemplars import make_atlas
from genie_gym.genie3.mining.patches import SIDE, cut
from genie_gym.genie3.mining.planes import Side

TEXEL = 0.06
GLOW = np.array([250.0, 200.0, 100.0])


def bricks(rows: int, columns: int, shift: int) -> np.ndarray:
    """A fine picture [rows, columns, 3] of courses with thin joints, which texels three times as large blur."""
    row, column = np.mgrid[0:rows, 0:columns]
    course = row // 16
    along = column + shift + 14 * (course % 2)
    shade = 12.0 * ((along // 28 * 7 + course * 3) % 4)
    grey = np.where((row % 16 < 2) | (along % 28 < 2), 220.0, 110.0 + shade)
    return np.stack([grey, 0.7 * grey, 0.6 * grey], -1)


def side_of(fine: np.ndarray, normal: tuple[float, float, float], shines: bool | None) -> Side:
    """As recordings from far show it; `shines`: in the dark a window in its middle does, or nobody looked then."""
    shape = fine.shape[0] // FINER, fine.shape[1] // FINER
    colours = np.zeros((*shape, 3, 3))
    colours[:, :, 0] = colours[:, :, 1] = fine.reshape(shape[0], FINER, shape[1], FINER, 3).mean((1, 3))
    known = np.ones((*shape, 3), bool)
    known[..., 2] = shines is not None
    if shines:
        colours[24:40, 24:40, 2] = GLOW
    return Side(np.array(normal), np.zeros(3), TEXEL, colours, known, np.ones(shape, bool), np.zeros(shape, np.uint8))


def piece_of(side: Side) -> Piece:
    patches, cloud = cut(side)
    assert not len(cloud)
    return Piece(Source("building", "house", (4.0, 4.0, 4.0), TEXEL, Cloud.joined([]), {}, 1.0), cloud, patches, (side,))


@pytest.fixture(scope="module")
def walls():
    """One that was seen from near, and another with the same courses, shifted, that was not."""
    near, far = bricks(192, 192, 0), bricks(192, 192, 28)
    pieces = [piece_of(side_of(near, (1.0, 0.0, 0.0), True)), piece_of(side_of(far, (0.0, 1.0, 0.0), None))]
    sure = np.ones(near.shape[:2])
    glow = np.zeros_like(near)
    glow[72:120, 72:120] = GLOW
    details = [[Detail(near, sure, glow, sure)], [None]]
    return pieces, far, make_atlas(pieces, details, 8, seed=0)


def shown(pieces: list[Piece], atlas, number: int) -> np.ndarray:
    """The fine picture of the only side of a piece, as it is drawn."""
    first = sum(len(piece.patches) for piece in pieces[:number])
    patches = pieces[number].patches
    picture = np.zeros((192, 192, 3))
    for k, (_, row, column) in enumerate(patches.at.tolist()):
        r, c, span = atlas.windows[first + k]
        texels = atlas.texels[r : r + span, c : c + span, :3].astype(float)
        shades = texels - texels.mean((0, 1)) + patches.colours[k, 0]
        picture[row * FINER : (row + SIDE) * FINER, column * FINER : (column + SIDE) * FINER] = shades
    return picture


def edges(picture: np.ndarray) -> float:
    return float(np.abs(np.diff(picture[..., 0], axis=1)).mean() + np.abs(np.diff(picture[..., 0], axis=0)).mean())


def test_what_was_not_seen_from_near_is_as_crisp(walls):
    pieces, true, atlas = walls
    blurred = np.repeat(np.repeat(pieces[1].sides[0].colours[:, :, 0], FINER, 0), FINER, 1)
    drawn = shown(pieces, atlas, 1)
    assert edges(blurred) < 0.85 * edges(true)
    assert edges(drawn) == pytest.approx(edges(true), rel=0.05)
    errors = [np.sqrt(((picture - true) ** 2).mean()) for picture in (drawn, blurred)]
    assert errors[0] < 0.85 * errors[1]


def test_what_shines_is_taken_from_what_looks_like_it_where_nobody_looked_in_the_dark(walls):
    pieces, _, atlas = walls
    first = len(pieces[0].patches)
    own, other = atlas.glow[:first], atlas.glow[first:]
    np.testing.assert_allclose(own[own.max(1) > 0].mean(0), GLOW, rtol=0.02)
    np.testing.assert_allclose(other[other.max(1) > 0], GLOW[None].repeat((other.max(1) > 0).sum(), 0), rtol=0.02)


def test_windows_lie_in_the_atlas(walls):
    _, _, atlas = walls
    row, column, span = atlas.windows.T
    assert set(span.tolist()) == {SIDE * FINER}
    assert ((row >= 0) & (row + span <= len(atlas.texels)) & (column >= 0) & (column + span <= atlas.texels.shape[1])).all()


def test_nothing_flat_is_an_empty_atlas():
    atlas = make_atlas([], [], 8, seed=0)
    assert len(atlas.windows) == len(atlas.glow) == 0
