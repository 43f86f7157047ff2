"""Random numbers that belong to a row: a function of (row's seed, row's counter, index), no generator to carry about.

Counter-based, after Salmon et al. 2011 ("Parallel random numbers: as easy as 1, 2, 3"), with SplitMix64's finaliser
(Steele et al. 2014) as the mixing function. One call serves all rows; a row's numbers do not depend on the others, on
the batch size or on the device; saving a row's state is saving two integers.

Legend: B rows, n numbers a row.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

PRIME = 1_099_511_627_933  # with no pool does it have a divisor in common
_GOLDEN = -7046029254386353131  # 0x9E3779B97F4A7C15 as a signed integer
_MIX1 = -4658895280553007687  # 0xBF58476D1CE4E5B9
_MIX2 = -7723592293110705685  # 0x94D049BB133111EB


def _shift(x: Tensor, bits: int) -> Tensor:
    """Logical shift right of int64."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def hash64(x: Int[Tensor, "*shape"]) -> Int[Tensor, "*shape"]:
    """SplitMix64's next output for the state x."""
    x = x + _GOLDEN
    x = (x ^ _shift(x, 30)) * _MIX1
    x = (x ^ _shift(x, 27)) * _MIX2
    return x ^ _shift(x, 31)


def uniform(seed: Int[Tensor, " B"], counter: Int[Tensor, " B"], stream: int, count: int) -> Float[Tensor, "B n"]:
    """`count` numbers in (0, 1) for each row. `stream` keeps uses of the same step apart."""
    index = torch.arange(count, device=seed.device)
    key = hash64(hash64(hash64(seed) + counter) + stream)
    bits = _shift(hash64(key[:, None] + index * _GOLDEN), 40)  # 24 bits: what float32 holds exactly
    return ((bits.float() + 0.5) / (1 << 24)).clamp(max=1 - 2**-24)  # the sum rounds up to 1 where all bits are set


def normal(seed: Int[Tensor, " B"], counter: Int[Tensor, " B"], stream: int, count: int) -> Float[Tensor, "B n"]:
    """The same as `uniform`, normally distributed."""
    return math.sqrt(2) * torch.erfinv(2 * uniform(seed, counter, stream, count) - 1)


def integers(seed: Int[Tensor, " B"], counter: Int[Tensor, " B"], stream: int, high: int) -> Int[Tensor, " B"]:
    """One integer in [0, high) for each row."""
    return _shift(hash64(hash64(hash64(seed) + counter) + stream), 1) % high


def episode_seeds(row_seeds: Int[Tensor, " B"], episodes: Int[Tensor, " B"]) -> Int[Tensor, " B"]:
    """The seed of each row's episode of this number."""
    return hash64(hash64(row_seeds) + episodes)


def episode_draws(row_seeds: Int[Tensor, " B"], episodes: Int[Tensor, " B"]) -> Int[Tensor, " B"]:
    """A number for each row's episode, to choose by modulo the size of a pool: those of consecutive seeds, and of
    consecutive episodes of a row, then differ until the pool is through."""
    return row_seeds + episodes * PRIME
