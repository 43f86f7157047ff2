import pytest

from genie_gym.errors import GenieGymError
from genie_gym.evaluation import bench as module


def test_keys_and_that_time_is_measured(monkeypatch, debug_world):
    monkeypatch.setattr(module, "EARLY", 2)
    monkeypatch.setattr(module, "LATE", 6)
    monkeypatch.setattr(module, "WINDOW", 2)
    monkeypatch.setattr("genie_gym.envs.vector_env.load_world", lambda *args: debug_world)
    results = module.bench("Genie1-v0", 2, device="cpu")
    assert results.keys() >= {"frames_per_second", "num_envs", "gflops", "gemm_gflops", "step_ms_at_10", "step_ms_at_1000"}
    assert all(value > 0 for value in results.values())
    assert results["gflops"] == pytest.approx(results["gflop_per_frame"] * results["frames_per_second"])


def test_what_cannot_be_benched():
    with pytest.raises(GenieGymError, match="neither a learned world"):
        module.bench("CartPole-v1", 2)
    with pytest.raises(GenieGymError, match="Did you mean 'Genie1-v0'"):
        module.bench("Genie1-v9", 2)
