"""Learned worlds as batched Gymnasium environments. Importing this package registers their ids (and imports no torch)."""

from genie_gym.envs.packages import spare_old_gym
from genie_gym.envs.registration import register_all, register_simulator, register_world
from genie_gym.families import register_family
from genie_gym.threads import wait_briefly

__all__ = ["register_family", "register_simulator", "register_world"]
__version__ = "0.1.0"

wait_briefly()  # before anything imports torch
spare_old_gym()
register_all()
