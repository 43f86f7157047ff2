"""A prompt as worlds are given it: the text, and what was understood of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from genie_gym.text.spec import WorldSpec
from genie_gym.text.tokens import Report


@dataclass(frozen=True)
class Prompt:
    """`spec` and `report` are what the world's vocabulary makes of the `text`, which is as it was given, for worlds that
    read it by themselves. A spec alone is a prompt that nobody put into words: all of it counts."""

    spec: WorldSpec
    text: str = ""
    report: Report = field(default_factory=Report)

    @property
    def left_open(self) -> frozenset[str]:
        """Fields of `spec` that the text says nothing of."""
        return frozenset(self.report.left_open)
