"""Frames in a window."""

import gymnasium as gym
import numpy as np
import pytest

import genie_gym  # noqa: F401
from genie_gym.errors import GenieGymError

pygame = pytest.importorskip("pygame")


def test_a_window_shows_what_one_sees(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    env = gym.make("Genie3-v0", prompt="a village", action_mode="keyboard", render_mode="human")
    frame, _ = env.reset(seed=0)
    frame, *_ = env.step(1)
    assert env.render() is None
    shown = pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1)
    factor = shown.shape[0] // frame.shape[0]
    assert shown.shape == (frame.shape[0] * factor, frame.shape[1] * factor, 3)
    means = shown.reshape(frame.shape[0], factor, frame.shape[1], factor, 3).mean((1, 3))
    assert np.abs(means - frame).mean() < 6
    env.close()
    assert pygame.display.get_surface() is None


def test_where_there_is_no_screen_that_is_said_and_simulators_go_on(monkeypatch):
    for name in ("SDL_VIDEODRIVER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    arm = gym.make("GenieSim/Arm-v0")
    arm.reset(seed=0)
    env = gym.make("Genie1-v0", render_mode="human")
    with pytest.warns(UserWarning, match="no screen"):
        env.reset(seed=0)
    env.close()
    arm.reset(seed=1)
    arm.close()


def test_where_no_window_opens_a_sentence_says_so(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "nonsense")
    env = gym.make("Genie3-v0", prompt="a village", render_mode="human")
    with pytest.raises(GenieGymError, match="no window opens here"):
        env.reset(seed=0)
    with pytest.raises(GenieGymError, match="render_mode"):
        gym.make("Genie3-v0", render_mode="ascii")
