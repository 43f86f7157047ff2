"""The smallest upright boxes around points, turned as they lie.

Legend: N things, P points a thing, A headings that are tried.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Bool, Float

ANGLES = np.deg2rad(np.arange(0, 90, 5))  # [A]
THINNEST = 0.05  # metres
WORTH = 0.97  # of the area of a box that is not turned: one that is turned covers less, or it is not turned


def fit_boxes(
    points: Float[np.ndarray, "N P 3"], held: Bool[np.ndarray, "N P"]
) -> tuple[Float[np.ndarray, "N 3"], Float[np.ndarray, "N 3"], Float[np.ndarray, " N"]]:
    """Centres, sizes (right, up and forward of itself) and headings (radians to the right, less than a quarter turn) of
    boxes around the points that are `held`: one at least of each thing. Metres, y down."""
    x, y, z = np.moveaxis(np.where(held[..., None], points, points[np.arange(len(points)), held.argmax(1)][:, None]), -1, 0)
    cosine, sine = np.cos(ANGLES)[:, None], np.sin(ANGLES)[:, None]
    right, forward = cosine * x[:, None] - sine * z[:, None], sine * x[:, None] + cosine * z[:, None]  # [N, A, P]
    low = np.stack([right.min(2), forward.min(2)], -1)
    size = np.maximum(np.stack([right.max(2), forward.max(2)], -1) - low, THINNEST)
    area = size.prod(-1)
    best = np.where(area.min(1) > WORTH * area[:, 0], 0, area.argmin(1))
    row = np.arange(len(points))
    wide, long = size[row, best].T
    r, f = (low[row, best] + size[row, best] / 2).T
    heading = ANGLES[best]
    cosine, sine = np.cos(heading), np.sin(heading)
    centre = np.stack([cosine * r + sine * f, (y.min(1) + y.max(1)) / 2, cosine * f - sine * r], 1)
    return centre, np.stack([wide, np.maximum(np.ptp(y, axis=1), THINNEST), long], 1), heading


def turn(heading: float) -> Float[np.ndarray, "3 3"]:
    """From the axes of what is turned so far to the right to the world's."""
    sine, cosine = math.sin(heading), math.cos(heading)
    return np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])


def beyond_box(
    points: Float[np.ndarray, "*points 3"], centre: Float[np.ndarray, " 3"], size: Float[np.ndarray, " 3"], heading: float
) -> Float[np.ndarray, "*points 3"]:
    """Metres by which points lie outside a box, along each of its axes; 0 inside."""
    return np.maximum(np.abs((points - centre) @ turn(heading)) - size / 2, 0)
