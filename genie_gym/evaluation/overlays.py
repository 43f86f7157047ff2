"""What a world knows of a frame, drawn beside it and over it: depth with a legend of metres, and the scene graph.

Legend: H W image, P Q picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import matplotlib
import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw

from genie_gym.envs.scene_graphs import Scenes, scene_graphs_of
from genie_gym.errors import GenieGymError
from genie_gym.geometry.camera import Camera
from genie_gym.geometry.scene_graph.picture import draw_scene
from genie_gym.world import World, WorldState

DEPTH, GRAPH = OVERLAYS = ("depth", "graph")
NEAR, FAR = 1.0, 100.0  # metres that the colours go from and to; what lies beyond has the last colour
MARKS = (1, 2, 5, 10, 20, 50, 100)  # metres
LEGEND, LETTER = 52, 10  # pixels
PAPER, INK = (255, 255, 255), (40, 40, 40)

Draw = Callable[[WorldState], UInt8[np.ndarray, "P Q 3"]]


def make_painter(world: World, overlays: Sequence[str], scale: int) -> Draw:
    """Draws one walk of one row: give it the states one after another. The picture is the frame, enlarged; with "graph",
    boxes, names, ids and distances over it and the place from above beside it; with "depth", that beside it.

    Raises:
        GenieGymError: for a world that does not know what is asked for.
    """
    if DEPTH in overlays and DEPTH not in world.extras:
        raise GenieGymError(
            f"a {world.family} world knows no depth; leave that overlay out, or choose one that does (genie2)."
        )
    graphs = scene_graphs_of(world) if GRAPH in overlays else None
    scenes: Scenes = {}
    begun = False

    def paint(state: WorldState) -> UInt8[np.ndarray, "P Q 3"]:
        nonlocal begun
        frame = state.frames[0].cpu().numpy()
        if graphs is None:
            panels = [enlarge(frame, scale)]
        else:
            if begun:
                graphs.update(scenes, state)
            else:
                scenes.update(graphs.begin(state))
            begun = True
            camera = Camera.with_intrinsics(state.extras["intrinsics"][0], *frame.shape[:2])
            panels = [draw_scene(frame, graphs.graphs(scenes, state)[0], camera, scale)]
        if DEPTH in overlays:
            panels.append(draw_depth(state.extras[DEPTH][0].cpu().numpy(), scale))
        return np.concatenate(panels, 1)

    return paint


def enlarge(frame: UInt8[np.ndarray, "H W 3"], scale: int) -> UInt8[np.ndarray, "P Q 3"]:
    """So many times larger, smoothly."""
    size = frame.shape[1] * scale, frame.shape[0] * scale
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC))


def draw_depth(depth: Float[np.ndarray, "H W"], scale: int) -> UInt8[np.ndarray, "P Q 3"]:
    """Metres as colours, near ones red and far ones blue by their logarithm, enlarged, with a legend."""
    height = depth.shape[0] * scale
    panel = _colours(depth).repeat(scale, 0).repeat(scale, 1)
    scene = np.geomspace(NEAR, FAR, height)
    legend = Image.fromarray(np.broadcast_to(_colours(scene)[:, None], (height, LEGEND, 3)).copy())
    draw = ImageDraw.Draw(legend)
    draw.rectangle((LETTER, 0, LEGEND, height), fill=PAPER)
    for mark in MARKS:
        y = (height - 1) * np.log(mark / NEAR) / np.log(FAR / NEAR)
        draw.line((LETTER, y, LETTER + 3, y), fill=INK)
        draw.text((LETTER + 5, np.clip(y - LETTER / 2, 0, height - LETTER - 2)), f"{mark} m", fill=INK)
    return np.concatenate([panel, np.asarray(legend)], 1)


def _colours(depth: Float[np.ndarray, "*shape"]) -> UInt8[np.ndarray, "*shape 3"]:
    share = np.log(depth.clip(NEAR, FAR) / NEAR) / np.log(FAR / NEAR)
    return (matplotlib.colormaps["turbo"](1 - share)[..., :3] * 255).astype(np.uint8)
