"""What the weights that ship can do, by behaviour: looks, obedience, life. The figures are in the world's card."""

import json

import numpy as np
import pytest
import torch

from genie_gym.evaluation.metrics import psnr
from genie_gym.pretrained import WORLDS_FOLDER, load_world, shipped_worlds
from genie_gym.rollout import rollout, row_seeds


@pytest.fixture(scope="module")
def world():
    return load_world("genie1", "cpu")


def test_files_are_small_enough_to_clone():
    for name in shipped_worlds():
        sizes = [path.stat().st_size for path in (WORLDS_FOLDER / name).iterdir()]
        assert max(sizes) <= 25_000_000
        assert sum(sizes) <= 80_000_000


def test_its_origin_is_recorded(world):
    assert world.config.source["env_id"] == "GenieSim/CoinRun-v0"
    assert int(world.outcome_head.label_count) > 0
    assert {(o.reward, o.terminated) for o in world.config.outcomes} == {(0.0, False), (0.0, True), (10.0, True)}
    assert len(world.starts) == 256
    assert "CoinRun" in (WORLDS_FOLDER / "genie1" / "README.md").read_text()
    assert json.loads((WORLDS_FOLDER / "genie1" / "manifest.json").read_text()).keys() >= {"config.json", "starts.h5"}


def test_it_says_of_itself_what_it_is_worth_and_what_its_actions_do(world):
    assert world.provenance.judgement.sentences() == []
    assert world.provenance.judgement.video == "held-out video"
    meanings = world.provenance.judgement.action_meanings()
    assert len(set(meanings)) == 8
    card = (WORLDS_FOLDER / "genie1" / "README.md").read_text()
    assert all(f"| {code} | {words} |" in card for code, words in enumerate(meanings))


@torch.no_grad()
def test_start_frames_are_rebuilt_well(world):
    starts = torch.from_numpy(world.starts.frames[:32])
    rebuilt = world.rebuild(starts[:, None])[:, 0]
    assert psnr(starts, rebuilt).mean() > 31


def test_held_actions_lead_to_different_places(world):
    """From the same start, the eight held actions make at least four clearly different pictures."""
    start = torch.from_numpy(world.starts.frames[:1]).expand(8, -1, -1, -1)
    frames = rollout(world, start, torch.arange(8)[:, None].expand(-1, 8))[:, -1].float()
    distance = (frames[:, None] - frames[None]).abs().mean((2, 3, 4))
    kinds: list[int] = []
    for code in range(8):
        if all(distance[code, other] > 4 for other in kinds):
            kinds.append(code)
    assert len(kinds) >= 4


def test_it_does_not_freeze(world):
    """Random play still moves after 64 frames."""
    actions = torch.from_numpy(np.random.default_rng(0).integers(8, size=(8, 72)))
    frames = rollout(world, torch.from_numpy(world.starts.frames[:8]), actions)[:, 60:].float()
    assert (frames.diff(dim=1).abs().mean((2, 3, 4)).amax(1) > 0.5).float().mean() >= 0.75


def test_rows_are_independent_to_the_bit(world):
    seeds = row_seeds(0, 4)
    first, second = torch.randint(0, 8, (4, 3)), torch.randint(0, 8, (4, 3))
    second[1] = first[1]
    states = world.reset(seeds), world.reset(seeds)
    for t in range(3):
        a, b = (world.step(state, actions[:, t])[0] for state, actions in zip(states, (first, second), strict=True))
        states = a, b
    assert torch.equal(states[0].frames[1], states[1].frames[1])
