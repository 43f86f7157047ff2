"""Statistics as LeRobot keeps them, of each episode and of a dataset: what its policies normalize by.

Legend: N values, k numbers of each, C channels, L levels.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Int, Shaped

QUANTILES = (0.01, 0.10, 0.50, 0.90, 0.99)
Stats = dict[str, np.ndarray]  # min, max, mean, std, count, q01, q10, q50, q90, q99


def stats_of_values(values: Shaped[np.ndarray, "N k"]) -> Stats:
    """Of numbers, over the frames of an episode."""
    numbers = values.astype(np.float64)
    quantiles = np.quantile(numbers, QUANTILES, axis=0)
    return {
        "min": numbers.min(0), "max": numbers.max(0), "mean": numbers.mean(0), "std": numbers.std(0),
        "count": np.array([len(numbers)]), **_named(quantiles),
    }  # fmt: skip


def stats_of_levels(histogram: Int[np.ndarray, "C L"], levels: Float[np.ndarray, " L"], frames: int) -> Stats:
    """Of pictures, of which is known how often each channel has each level: [C, 1, 1] each. Levels rise."""
    share = histogram / histogram.sum(1, keepdims=True)
    there = histogram > 0
    last = there.shape[1] - 1
    mean = share @ levels
    std = np.sqrt(np.maximum(share @ levels**2 - mean**2, 0))
    above = np.cumsum(share, 1) - 1e-12  # of rounding
    found = {
        "min": levels[there.argmax(1)], "max": levels[last - there[:, ::-1].argmax(1)], "mean": mean, "std": std,
        **_named(np.stack([levels[np.minimum((above >= q).argmax(1), last)] for q in QUANTILES])),
    }  # fmt: skip
    return {name: value[:, None, None] for name, value in found.items()} | {"count": np.array([frames])}


def _named(quantiles: np.ndarray) -> Stats:
    return {f"q{round(100 * q):02d}": value for q, value in zip(QUANTILES, quantiles, strict=True)}


def joined(first: Mapping[str, Stats], second: Mapping[str, Stats]) -> dict[str, Stats]:
    """Of what two such tables were made of, together; quantiles as LeRobot joins them, by their weighted mean."""
    return {key: _joined(first[key], second[key]) for key in first}


def _joined(first: Stats, second: Stats) -> Stats:
    count = first["count"] + second["count"]
    weight, other = first["count"] / count, second["count"] / count  # [1]: they fit all shapes
    mean = first["mean"] * weight + second["mean"] * other
    spread = first["std"] ** 2 + (first["mean"] - mean) ** 2, second["std"] ** 2 + (second["mean"] - mean) ** 2
    found = {name: first[name] * weight + second[name] * other for name in first if name.startswith("q")}
    return {
        "min": np.minimum(first["min"], second["min"]), "max": np.maximum(first["max"], second["max"]), "mean": mean,
        "std": np.sqrt(spread[0] * weight + spread[1] * other), "count": count, **found,
    }  # fmt: skip


def as_lists(stats: Mapping[str, Stats]) -> dict[str, dict[str, list]]:
    """As JSON and Parquet take them."""
    return {key: {name: value.tolist() for name, value in one.items()} for key, one in stats.items()}
