import numpy as np

from genie_gym.places.raster import Canvas


def test_a_road_covers_its_width_and_its_edges_are_smooth():
    canvas = Canvas(64, 8.0, 0)
    canvas.line(np.array([[-8.0, 0.0], [8.0, 0.0]]), 2.0, 0.0, 3)
    assert (canvas.under[30:34, 32] == 3).all()
    assert (canvas.under[:24, 32] == 0).all()
    shares = canvas.cover[:, 32] / 255.0 * (canvas.over[:, 32] == 3) + (canvas.under[:, 32] == 3)
    assert abs(shares.sum() * 0.25 - 2.0) < 0.05


def test_an_area_comes_over_what_was_there_and_dashes_leave_gaps():
    canvas = Canvas(128, 8.0, 1)
    canvas.area(np.array([0.0, 0.0]), np.array([4.0, 2.0]), 2)
    assert (canvas.under[64, 40:88] == 2).all()
    canvas.area(np.array([0.0, 0.0]), np.array([2.0, 2.0]), 5, round=True)
    inside = (canvas.under == 5).sum() * 0.125**2
    assert abs(inside - np.pi * 4) < 1.5
    canvas.dashes(np.array([[-8.0, 5.0], [8.0, 5.0]]), 0.5, 1.0, 4.0, 0.5, 7)
    marked = canvas.under[104, :] == 7
    assert abs(marked.mean() - 0.25) < 0.06
