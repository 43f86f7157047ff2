"""What `genie-gym evaluate` measures of a Genie 2 world: what every world shares, and what a place must do: show what comes
into view, follow keys, stop at walls, be the same on return, know its depth and what it sees, stand still, keep its shape,
and be what a prompt asks for.

World steps at 128 clips: fidelity 1,792, ahead 2,304, keyboard 2,176, stillness 384, walls 1,152, revisits 88,320,
consistency 480, drift 11,520, graphs 768 and prompts 11,136: 120,032, of up to 32 rows at a time; and 11,420 transitions
that actions are read off. Worlds with tasks: some 10,000 more.
"""

from __future__ import annotations

from functools import partial

from genie_gym.evaluation.ahead import ahead
from genie_gym.evaluation.consistency import consistency
from genie_gym.evaluation.drift import AT, drift
from genie_gym.evaluation.fidelity import fidelity
from genie_gym.evaluation.flicker import flicker
from genie_gym.evaluation.keyboard import keyboard, stillness
from genie_gym.evaluation.measure import Measure
from genie_gym.evaluation.prompts import prompts
from genie_gym.evaluation.revisits import revisits
from genie_gym.evaluation.tasks import task_outcomes, task_play
from genie_gym.evaluation.walls import walls
from genie_gym.genie2.seen import graphs, semantics

MEASURES: tuple[Measure, ...] = (
    ahead,  # first, since it asks for the longest clips: video that is too short is refused before anything is played
    fidelity,
    keyboard,
    stillness,
    walls,
    revisits,
    consistency,
    task_outcomes,
    task_play,
    partial(drift, share=1 / 16, at=(*AT, 1440)),
    flicker,
    semantics,
    graphs,
    prompts,
)
