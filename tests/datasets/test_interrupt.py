import os
import signal

import pytest

from genie_gym.datasets.interrupt import Interrupt
from genie_gym.datasets.record_simulator import record_simulator
from genie_gym.datasets.recording import Recording
from genie_gym.datasets.video import VideoDataset, VideoWriter


def test_one_ctrl_c_waits_and_a_second_does_not():
    before = signal.getsignal(signal.SIGINT)
    with Interrupt() as interrupt:
        interrupt.check()
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupt.asked
        with pytest.raises(KeyboardInterrupt):
            interrupt.check()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupted_recording_is_kept_and_goes_on(tmp_path, monkeypatch):
    append = VideoWriter.append

    def append_then_interrupt(self, episode):
        append(self, episode)
        if self.num_episodes == 2:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(VideoWriter, "append", append_then_interrupt)
    recording = Recording(
        env_id="GenieSim/Arm-v0", mix={"wander": 1.0}, truth=("agent",), max_episode_steps=10, size=(16, 16), num_envs=1
    )
    with pytest.raises(KeyboardInterrupt):
        record_simulator(recording, tmp_path / "v.h5", 1000)
    assert len(VideoDataset(tmp_path / "v.h5")) == 2
    monkeypatch.undo()
    record_simulator(recording, tmp_path / "v.h5", 40, resume=True)
    assert len(VideoDataset(tmp_path / "v.h5")) == 4
