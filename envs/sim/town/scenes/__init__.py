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
from genie_gym.envs.sim.town.vocabulary import VOCABULARY
from genie_gym.text.spec import WorldSpec

# Who lays the scene out; the look of the ground, of the world's edge, and of what one sees beyond it.
_SCENES: dict[str, tuple[Callable[[Builder], None], str, str, str]] = {
    "medieval_town": (medieval_town, "grass", "wall", "moss"),
    "modern_street": (modern_street, "concrete", "facade", "skyline"),
    "village": (village, "grass", "hedge", "moss"),
    "forest": (forest, "forest_floor", "trees", "moss"),
    "desert": (desert, "sand", "mesa", "dune"),
    "snowfield": (snowfield, "snow", "snowbank", "ice"),
    "arena": (arena, "sand", "wall", "dune"),
    "harbour": (harbour, "pavement", "facade", "moss"),
    "flooded_street": (flooded_street, "concrete", "facade", "skyline"),
    "indoor_rooms": (indoor_rooms, "grass", "hedge", "moss"),
}


def lay_out(spec: WorldSpec, seed: int) -> Builder:
    """The world of a spec and a seed, on a drawing board that takes more; always the same one for the same pair."""
    builder = Builder(VOCABULARY.complete(spec), seed)
    scene, *look = _SCENES[builder.spec.scene]
    builder.layout.base, builder.layout.boundary, builder.layout.backdrop = look
    scene(builder)
    return builder


def make_layout(spec: WorldSpec, seed: int) -> Layout:
    """The world of a spec and a seed; always the same one for the same pair."""
    return lay_out(spec, seed).layout
