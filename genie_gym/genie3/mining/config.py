"""What mining may be told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MiningConfig:
    """How recordings become assets, ground and light.

    Args:
        frames: of each episode, at most, evenly spread.
        light_frames: of each episode, how many frames (evenly spread) the light is fitted on. light_pixels: of each of them.
        same_size: two boxes of a class that differ by less than this share along each side are of one shape.
        own_kind: (class, kind) of which more than this share of boxes is of a size of its own is made one by one: houses.
        unique_bytes: how much of the library such things may take in all; unique_each: how many of a scene and kind at most.
        blocks: how many blocks of 96x96 texels, seen from near, all walls are made of.
        tile: texels along a side of the ground's tiles.
        sky_at: the hours that have a sky of their own. sky_size: rows and columns of a sky.
        shadow_episodes: on how many episodes shadows are measured. compared_episodes: how many are drawn, and held against
            their frames.
        levels: of detail, of each asset.
        seed: of what is chosen by chance.
    """

    frames: int = 128
    light_frames: int = 24
    light_pixels: int = 1500
    same_size: float = 0.006
    own_kind: float = 0.2
    unique_bytes: int = 5_400_000
    unique_each: int = 8
    blocks: int = 384
    tile: int = 128
    sky_at: tuple[float, ...] = (0.0, 5.0, 6.2, 7.4, 9.0, 12.0, 15.0, 16.6, 17.8, 18.8, 20.0, 21.5)
    sky_size: tuple[int, int] = (64, 256)
    shadow_episodes: int = 40
    compared_episodes: int = 110
    levels: int = 4
    seed: int = 0
