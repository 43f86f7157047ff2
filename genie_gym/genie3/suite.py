"""What `genie-gym evaluate` measures of a Genie 3 world: is there what a prompt asks for, at first and after a walk. It
begins in places, and in no frames: measures that begin in real frames are not for it.

World steps at 128 clips: 11,136, of up to 16 rows at a time.
"""

from __future__ import annotations

from genie_gym.evaluation.measure import Measure
from genie_gym.evaluation.prompts import prompts

MEASURES: tuple[Measure, ...] = (prompts,)
