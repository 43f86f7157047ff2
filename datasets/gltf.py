"""Models of places as GLB, the binary form of glTF 2.0, written by hand: things that share a mesh share its bytes.

glTF wants metres, x right, y up: x is east here, and -z north. Materials are rough and not metallic, to be lit by who shows
them; colours come from textures (sRGB), which all programs read alike.

Legend: N points.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from genie_gym.files import beside
from genie_gym.places.model import GROUND, PALETTE, PATTERNS, Mesh, Node, PlaceModel

FLOAT, UINT32, UINT16 = 5126, 5125, 5123
ARRAY, ELEMENTS = 34962, 34963
NEAREST, LINEAR, MIPMAPS, CLAMP = 9728, 9729, 9987, 33071
FILTERS = {PALETTE: (NEAREST, NEAREST), GROUND: (LINEAR, MIPMAPS), PATTERNS: (LINEAR, LINEAR)}
NAMES = {PALETTE: "palette", GROUND: "ground", PATTERNS: "patterns"}
UPRIGHT = [-math.sqrt(0.5), 0.0, 0.0, math.sqrt(0.5)]
"""The rotation (x, y, z, w) that takes z up to y up."""


def write_model(path: str | Path, model: PlaceModel, about: Mapping[str, Any] | None = None) -> None:
    """Writes a model: below one node, "place", which says `about`, a node for each of its nodes, with what that says."""
    buffer = _Buffer()
    pictures = [_png(picture) for picture in model.pictures]
    views = [buffer.add(data) for data in pictures]
    parts = [_primitive(mesh, buffer) for mesh in model.meshes]
    drawn = [*dict.fromkeys(node.meshes for node in model.nodes if node.meshes)]  # meshes of several parts, each once
    meshes = [{"primitives": [parts[mesh] for mesh in some]} for some in drawn]
    nodes = [_node(node, {some: number for number, some in enumerate(drawn)}) for node in model.nodes]
    root = {"name": "place", "rotation": UPRIGHT, "children": [*range(len(nodes))], "extras": dict(about or {})}
    tree = {
        "asset": {"version": "2.0", "generator": "genie_gym"},
        "scene": 0,
        "scenes": [{"nodes": [len(nodes)]}],
        "nodes": [*nodes, root],
        "meshes": meshes,
        "materials": [_material(number, solid) for number in range(len(pictures)) for solid in (False, True)],
        "textures": [{"source": number, "sampler": number} for number in range(len(pictures))],
        "samplers": [
            {"magFilter": near, "minFilter": far, "wrapS": CLAMP, "wrapT": CLAMP}
            for near, far in (FILTERS[number] for number in range(len(pictures)))
        ],
        "images": [{"bufferView": view, "mimeType": "image/png"} for view in views],
        "accessors": buffer.accessors,
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": len(buffer.data)}],
    }
    text = json.dumps(tree, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    length = 12 + 8 + len(text) + 8 + len(buffer.data)
    with beside(path) as part, part.open("wb") as file:
        file.write(struct.pack("<4sII", b"glTF", 2, length))
        file.write(struct.pack("<I4s", len(text), b"JSON") + text)
        file.write(struct.pack("<I4s", len(buffer.data), b"BIN\0") + buffer.data)


class _Buffer:
    """The bytes of a file, each part at a multiple of four."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []
        self.written: dict[bytes, int] = {}

    def add(self, data: bytes, target: int | None = None) -> int:
        """The number of its view."""
        self.views.append({"buffer": 0, "byteOffset": len(self.data), "byteLength": len(data)})
        if target is not None:
            self.views[-1]["target"] = target
        self.data += data + b"\0" * (-len(data) % 4)
        return len(self.views) - 1

    def vectors(self, values: np.ndarray, bounded: bool = False) -> int:
        """The accessor of float vectors [N, 2 or 3], with their bounds where these are to be told."""
        flat = np.ascontiguousarray(values, np.float32)
        accessor: dict[str, Any] = {"componentType": FLOAT, "count": len(flat), "type": f"VEC{flat.shape[1]}"}
        if bounded:
            accessor |= {"min": flat.min(0).tolist(), "max": flat.max(0).tolist()}
        return self._access(flat, ARRAY, accessor)

    def indices(self, triangles: np.ndarray, count: int) -> int:
        """The accessor of triangles' corners, of `count` points."""
        small = count < 65535
        flat = np.ascontiguousarray(triangles, np.uint16 if small else np.uint32).reshape(-1)
        kind = UINT16 if small else UINT32
        return self._access(flat, ELEMENTS, {"componentType": kind, "count": len(flat), "type": "SCALAR"})

    def _access(self, values: np.ndarray, target: int, accessor: dict[str, Any]) -> int:
        """The number of an accessor; what is as something before is not written twice."""
        data = values.tobytes()
        key = hashlib.sha256(data + repr(accessor).encode()).digest()
        if key not in self.written:
            self.accessors.append({"bufferView": self.add(data, target), **accessor})
            self.written[key] = len(self.accessors) - 1
        return self.written[key]


def _primitive(mesh: Mesh, buffer: _Buffer) -> dict[str, Any]:
    attributes = {"POSITION": buffer.vectors(mesh.position, bounded=True), "TEXCOORD_0": buffer.vectors(mesh.colour_at)}
    indices = buffer.indices(mesh.triangles, len(mesh.position))
    return {"attributes": attributes, "indices": indices, "material": 2 * mesh.picture + int(mesh.solid)}


def _material(picture: int, solid: bool) -> dict[str, Any]:
    surface = {"baseColorTexture": {"index": picture}, "metallicFactor": 0.0, "roughnessFactor": 1.0}
    name = NAMES[picture] + (", one side" if solid else "")
    return {"name": name, "pbrMetallicRoughness": surface, "doubleSided": not solid}


def _node(node: Node, meshes: Mapping[tuple[int, ...], int]) -> dict[str, Any]:
    made: dict[str, Any] = {"name": node.name, "translation": [float(c) for c in node.centre], "extras": dict(node.about)}
    if node.yaw:
        made["rotation"] = [0.0, 0.0, math.sin(node.yaw / 2), math.cos(node.yaw / 2)]
    if node.scale != (1.0, 1.0, 1.0):
        made["scale"] = [float(c) for c in node.scale]
    return made | {"mesh": meshes[node.meshes]} if node.meshes else made


def _png(picture: np.ndarray) -> bytes:
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "PNG")
    return data.getvalue()
