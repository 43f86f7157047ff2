"""What cameras see of places: colours, depth, classes, instances and normals.

Legend: B rows, H W image.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Int, Int32, UInt8
from torch import Tensor

from genie_gym.geometry.camera import Camera
from genie_gym.places.ground import Ground
from genie_gym.places.library import AssetLibrary
from genie_gym.places.light import Condition
from genie_gym.places.table import Things

FAR = 900.0  # metres: what the sky reads, as in recordings
GROUND, SKY = 0, -1  # instances


@dataclass(frozen=True, eq=False)
class Seen:
    """What each row's camera sees.

    Args:
        colours: the frame.
        depth: metres along the camera's axis; the sky reads `FAR`.
        label: classes. instance: ids of things, `GROUND` (water too) or `SKY`.
        normal: outward, in the world's axes; 0 for the sky.
    """

    colours: UInt8[Tensor, "B H W 3"]
    depth: Float[Tensor, "B H W"]
    label: UInt8[Tensor, "B H W"]
    instance: Int32[Tensor, "B H W"]
    normal: Float[Tensor, "B H W 3"]


def draw(
    library: AssetLibrary,
    things: Things,
    ground: Ground,
    condition: Condition,
    poses: Float[Tensor, "B 4 4"],
    camera: Camera,
    step: Int[Tensor, " B"],
    seconds: float = 0.1,
) -> Seen:
    """Draws each row. The same values give the same pictures, to the bit, whatever other rows there are.

    Args:
        poses: camera to world: x right, y down, z forward, in a world of x east, y north, z up.
        step: of each row, which says where rain and snow have fallen to; a step lasts `seconds`.
    """
    raise NotImplementedError
