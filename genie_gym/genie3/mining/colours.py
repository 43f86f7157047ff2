"""Colours of surfels that nobody saw under snow, in the dry or in the dark: as of surfels like them.

Legend: s surfels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from genie_gym.genie3.mining.cells import DRY, SHINE, SNOW, Cloud

SAMPLES = 40_000
NEIGHBOURS = 5
SNOW_BRIGHTENS = 28.0  # of 255, at least
GLOWS = 45.0  # of 255: less is no light of a surfel's own
HEIGHT = 90.0  # of a normal, against colours


class SnowRule:
    """What snow does to a colour, by the colour and how far the surface looks up, learned from all that was seen in both."""

    def __init__(self, clouds: Sequence[Cloud], seed: int):
        both = [cloud.keep(cloud.known[:, DRY] & cloud.known[:, SNOW]) for cloud in clouds]
        both = [cloud for cloud in both if len(cloud)]
        self.tree: cKDTree | None = None
        if both:
            cloud = Cloud.joined(both)
            chosen = np.random.default_rng(seed).permutation(len(cloud))[:SAMPLES]
            cloud = cloud.keep(chosen)
            self.change = cloud.colours[:, SNOW] - cloud.colours[:, DRY]
            self.tree = cKDTree(_features(cloud.colours[:, DRY], cloud.normal))

    def snowy(self, dry: np.ndarray, normal: np.ndarray) -> np.ndarray:
        if self.tree is None or not len(dry):
            return dry
        _, near = self.tree.query(_features(dry, normal), k=NEIGHBOURS)
        near = np.minimum(near, len(self.change) - 1)
        return np.asarray(np.clip(dry + np.median(self.change[near], 1), 0, 255))


def _features(colour: np.ndarray, normal: np.ndarray) -> np.ndarray:
    return np.concatenate([colour, HEIGHT * normal[:, 2:]], 1)


def completed_colours(cloud: Cloud, rule: SnowRule) -> Cloud:
    """All albedos of all surfels known, in [0, 255]; of what shines in the dark, what was seen."""
    if not len(cloud):
        return cloud
    colours, known = cloud.colours.copy(), cloud.known
    scale = np.concatenate([cloud.position, 0.5 * cloud.normal], 1)
    dry, snow = known[:, DRY], known[:, SNOW]
    if not dry.all():
        if dry.any():
            _, near = cKDTree(scale[dry]).query(scale[~dry])
            colours[~dry, DRY] = colours[dry, DRY][near]
        else:
            colours[:, DRY] = colours[:, SNOW]
    if not snow.all():
        if snow.mean() > 0.3:
            _, near = cKDTree(scale[snow]).query(scale[~snow])
            change = (colours[:, SNOW] - colours[:, DRY])[snow][near]
            colours[~snow, SNOW] = colours[~snow, DRY] + change
        else:
            colours[~snow, SNOW] = rule.snowy(colours[~snow, DRY], cloud.normal[~snow])
    # Snow makes things brighter; what changes less was seen in a light that is not quite right.
    snowless = (colours[:, SNOW] - colours[:, DRY]).mean(1) < SNOW_BRIGHTENS
    colours[snowless, SNOW] = colours[snowless, DRY]
    shine = colours[:, SHINE] * known[:, SHINE, None]
    colours[:, SHINE] = np.where(shine.max(1, keepdims=True) > GLOWS, shine, 0)
    whole = np.stack([np.ones(len(cloud), bool), np.ones(len(cloud), bool), known[:, SHINE]], 1)
    return replace(cloud, colours=np.clip(colours, 0, 255), known=whole)
