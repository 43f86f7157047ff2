"""Upright boxes seen from above, as arrays: how far apart they are, where their corners lie.

A box is x, y, yaw, half its width (along its own x) and half its depth. Metres and radians.

Legend: A some boxes, B others, K points, M marks on a box.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float


def separation(some: Float[np.ndarray, "A 5"], others: Float[np.ndarray, "B 5"]) -> Float[np.ndarray, "A B"]:
    """How far each of some boxes is from each of others along the axis that parts them most (separating axes): below 0 they
    overlap by as much. Where they face each other it is their distance, past a corner less than that."""
    return paired_separation(some[:, None], others)


def paired_separation(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """`separation` of boxes [.., 5] from those in the same places of another array, or broadcast."""
    east, north = others[..., 0] - some[..., 0], others[..., 1] - some[..., 1]
    cos, sin, cos_other, sin_other = (f(boxes[..., 2]) for boxes in (some, others) for f in (np.cos, np.sin))
    alike, across = np.abs(cos * cos_other + sin * sin_other), np.abs(sin * cos_other - cos * sin_other)
    (wide, deep), (wide_other, deep_other) = (some[..., 3], some[..., 4]), (others[..., 3], others[..., 4])
    apart = np.abs(east * cos + north * sin) - wide - wide_other * alike - deep_other * across
    np.maximum(apart, np.abs(north * cos - east * sin) - deep - wide_other * across - deep_other * alike, out=apart)
    np.maximum(apart, np.abs(east * cos_other + north * sin_other) - wide_other - wide * alike - deep * across, out=apart)
    np.maximum(apart, np.abs(north * cos_other - east * sin_other) - deep_other - wide * across - deep * alike, out=apart)
    return np.asarray(apart)


def inside(
    points: Float[np.ndarray, "K 2"], boxes: Float[np.ndarray, "B 5"], margin: float = 0.0
) -> Bool[np.ndarray, "K B"]:
    """Which points lie in which boxes, grown by a margin on all sides."""
    east, north = points[:, :1] - boxes[:, 0], points[:, 1:2] - boxes[:, 1]
    cos, sin = np.cos(boxes[:, 2]), np.sin(boxes[:, 2])
    along, across = np.abs(east * cos + north * sin), np.abs(north * cos - east * sin)
    return (along <= boxes[:, 3] + margin) & (across <= boxes[:, 4] + margin)


def marks(boxes: Float[np.ndarray, "A 5"], at: Float[np.ndarray, "M 2"]) -> Float[np.ndarray, "A M 2"]:
    """Where points of the boxes lie, told in half widths and half depths from their middles."""
    along, across = at[:, 0] * boxes[:, 3:4], at[:, 1] * boxes[:, 4:5]
    cos, sin = np.cos(boxes[:, 2:3]), np.sin(boxes[:, 2:3])
    return np.stack([boxes[:, :1] + along * cos - across * sin, boxes[:, 1:2] + along * sin + across * cos], -1)


def reach_along(boxes: Float[np.ndarray, "A 5"], heading: Float[np.ndarray, " A"]) -> Float[np.ndarray, " A"]:
    """How far each box reaches from its middle along a heading."""
    turn = boxes[:, 2] - heading
    reach: np.ndarray = np.abs(np.cos(turn)) * boxes[:, 3] + np.abs(np.sin(turn)) * boxes[:, 4]
    return reach


def wrap(angle: np.ndarray | float) -> np.ndarray:
    """The same angles in [-pi, pi)."""
    return np.asarray((np.asarray(angle) + np.pi) % (2 * np.pi) - np.pi)
