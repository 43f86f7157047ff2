"""Where a world comes from, and what it is worth: what its folder keeps beside the networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from genie_gym.judgement import Judgement


@dataclass(frozen=True)
class Provenance:
    """`source` is what the training video was recorded from, as the video file says: held-out video is recorded from the
    same. `made` is how the world was made (`genie_gym.card.made_by_training`), `judgement` what it is worth, where that was
    measured."""

    source: Mapping[str, Any] = field(default_factory=dict)
    made: Mapping[str, Any] = field(default_factory=dict)
    judgement: Judgement | None = None
