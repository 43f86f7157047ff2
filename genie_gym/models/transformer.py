"""A transformer over frames: a position attends to its own frame and to the frames before it inside a window.

Plays frame by frame with a ring of keys and values, whose size is the window's however long the episode is.

Legend: B batch, T time, Q positions of all frames in a row, S positions a frame, D model, L layers, R ring slots (frames
kept), h heads, d head size.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from genie_gym.state import State, batch_axis

ROTARY_BASE = 100.0  # times in a window differ by a few frames


@dataclass(kw_only=True)
class KVCache(State):
    """Keys and values of the last R frames of each row, in a ring: frame f of a row lies in slot f mod R."""

    keys: Float[Tensor, "L B h R S d"] = batch_axis(1)
    values: Float[Tensor, "L B h R S d"] = batch_axis(1)

    @classmethod
    def empty(
        cls, layers: int, batch: int, heads: int, window: int, positions: int, head_size: int, like: Tensor
    ) -> KVCache:
        """On the device of `like`, in its type or in that of autocast."""
        kind = like.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else like.dtype
        shape = (layers, batch, heads, window, positions, head_size)
        return cls(keys=like.new_zeros(shape, dtype=dtype), values=like.new_zeros(shape, dtype=dtype))


class Attention(nn.Module):
    def __init__(self, model_dim: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(model_dim, 3 * model_dim)
        self.out = nn.Linear(model_dim, model_dim)

    def project(self, x: Float[Tensor, "B Q D"], rotation: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values [B, h, Q, d], queries and keys turned by their frame's time."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        return rotate(q, rotation), rotate(k, rotation), v

    def attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Float[Tensor, "B Q D"]:
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out(y.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Attention and feed-forward, each normalised before and added to its input."""

    def __init__(self, model_dim: int, num_heads: int):
        super().__init__()
        self.norm1 = nn.LayerNorm(model_dim)
        self.attention = Attention(model_dim, num_heads)
        self.norm2 = nn.LayerNorm(model_dim)
        self.expand = nn.Linear(model_dim, 4 * model_dim)
        self.contract = nn.Linear(4 * model_dim, model_dim)

    def forward(self, x: Tensor, rotation: Tensor, mask: Tensor) -> Tensor:
        x = x + self.attention.attend(*self.attention.project(self.norm1(x), rotation), mask)
        return x + self.feed_forward(x)

    def feed_forward(self, x: Tensor) -> Tensor:
        """Squared ReLU (So et al. 2021): as good as GELU here, and several times cheaper on a CPU."""
        hidden = F.relu(self.expand(self.norm2(x)))
        return self.contract(hidden * hidden)

    def forward_cached(
        self, x: Tensor, rotation: Tensor, mask: Tensor, keys: Tensor, values: Tensor, slot: Tensor
    ) -> Tensor:
        """One frame a row. Writes its keys and values into `slot` of the ring [B, h, R, S, d], then attends to the ring."""
        q, k, v = self.attention.project(self.norm1(x), rotation)
        rows = torch.arange(len(x), device=x.device)
        keys[rows, :, slot], values[rows, :, slot] = k.to(keys.dtype), v.to(values.dtype)
        x = x + self.attention.attend(q, keys.flatten(2, 3).to(q.dtype), values.flatten(2, 3).to(q.dtype), mask)
        return x + self.feed_forward(x)


def run_cached(
    blocks: nn.ModuleList, x: Float[Tensor, "B S D"], cache: KVCache, position: Int[Tensor, " B"], rotation: Tensor
) -> Float[Tensor, "B S D"]:
    """One frame a row, frame number `position`, through all blocks. Its keys and values are written into the ring, in
    place: a later call for the same position overwrites them."""
    slots, size = cache.keys.shape[3:5]
    held = torch.arange(slots, device=x.device) <= position[:, None]
    mask = held.repeat_interleave(size, dim=1)[:, None, None]
    slot = position % slots
    for layer, block in enumerate(blocks):
        assert isinstance(block, Block)
        x = block.forward_cached(x, rotation, mask, cache.keys[layer], cache.values[layer], slot)
    return x


def run_frames(
    blocks: nn.ModuleList, x: Float[Tensor, "B T S D"], frame_mask: Bool[Tensor, "T T"], rotation: Tensor
) -> Float[Tensor, "B T S D"]:
    """Whole clips through all blocks; `frame_mask` says which frames see which, `rotation` [1, T, d] their times."""
    size = x.shape[2]
    mask = frame_mask.repeat_interleave(size, 0).repeat_interleave(size, 1)
    rotation = rotation.repeat_interleave(size, 1)[:, None].to(x.dtype)
    y = x.flatten(1, 2)
    for block in blocks:
        y = block(y, rotation, mask)
    return y.unflatten(1, x.shape[1:3])


def rotation_of(times: Int[Tensor, "B T"], head_size: int) -> Float[Tensor, "B T d"]:
    """cos and sin of each time at d/2 frequencies (RoPE, Su et al. 2021), in float64 until episodes' ends."""
    half = head_size // 2
    frequencies = ROTARY_BASE ** -(torch.arange(half, device=times.device, dtype=torch.float64) / half)
    angles = times[..., None].double() * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=-1).float()


def rotate(x: Float[Tensor, "B h Q d"], rotation: Float[Tensor, "#B 1 #Q d"]) -> Float[Tensor, "B h Q d"]:
    """Turns pairs (i, i + d/2) of x by the angles whose cos and sin `rotation` holds."""
    cos, sin = rotation.chunk(2, dim=-1)
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1).to(x.dtype)
