"""Worlds in real time: input, generation, rendering."""

from genie_gym.runtime.engine import Beginning as Beginning
from genie_gym.runtime.engine import Engine as Engine
from genie_gym.runtime.session import Frame as Frame
from genie_gym.runtime.session import RealtimeSession as RealtimeSession
