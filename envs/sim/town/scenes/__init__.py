"""The ten scenes: for each, how its roads, buildings, trees, terrain and people are laid out."""

from __future__ import annotations

from collections.abc import Callable

from genie_gym.envs.sim.town.builder import Builder
from genie_gym.envs.sim.town.layout import Layout
from genie_gym.envs.sim.town.scenes.arena import arena
from genie_gym.envs.sim.town.scenes.country import desert, forest, snowfield
from genie_gym.envs.sim.town.scenes.indoor import indoor_rooms
from genie_gym.envs.sim.town.scenes.settlements import harbour, medieval_town, village
from genie_gym.envs.sim.town.scenes.streets import flooded_street, modern_street
from genie_gym.text.spec import WorldSpec

_SCENES: dict[str, Callable[[Builder], None]] = {
    scene.__name__: scene
    for scene in (
        medieval_town, modern_street, village, forest, desert, snowfield, arena, harbour, flooded_street, indoor_rooms,
    )
}  # fmt: skip


def lay_out(spec: WorldSpec, seed: int) -> Builder:
    """The world of a spec and a seed, on a drawing board that takes more; always the same one for the same pair."""
    builder = Builder(spec, seed)
    _SCENES[spec.scene](builder)
    return builder


def make_layout(spec: WorldSpec, seed: int) -> Layout:
    """The world of a spec and a seed; always the same one for the same pair."""
    return lay_out(spec, seed).layout
