"""Whether what a frame shows lies in the boxes of a place."""

import numpy as np


def in_boxes(points, things, slack=0.1):
    """Which points [n, 3] lie within `slack` metres of one of the things' boxes."""
    inside = np.zeros(len(points), bool)
    for thing in things:
        cos, sin = np.cos(thing.yaw), np.sin(thing.yaw)
        x, y, z = (points - thing.centre).T
        own = np.stack([x * cos + y * sin, y * cos - x * sin, z], -1)
        inside |= (np.abs(own) <= np.array(thing.size) / 2 + slack).all(-1)
    return inside


def points_of(observation, chosen):
    """Where the chosen pixels [H, W] of a frame lie, [n, 3]."""
    rows, columns = np.nonzero(chosen)
    depth, camera = observation["depth"][chosen], observation["intrinsics"]
    x, y = (columns + 0.5 - camera[0, 2]) / camera[0, 0] * depth, (rows + 0.5 - camera[1, 2]) / camera[1, 1] * depth
    pose = observation["pose"]
    return np.stack([x, y, depth], -1) @ pose[:3, :3].T + pose[:3, 3]
