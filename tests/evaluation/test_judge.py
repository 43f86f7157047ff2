"""Judgements and names of worlds that are known to be right, or wrong in one way.

Legend: B rows, T time, H W image.
"""

import numpy as np
import pytest
import torch
from tiny_world import TinyWorld

from genie_gym.actions import DiscreteActions
from genie_gym.datasets.video import Episode, VideoDataset, VideoWriter
from genie_gym.errors import GenieGymError
from genie_gym.evaluation.judge import judge
from genie_gym.world import Prediction, WorldState
from tests.evaluation.test_measures import Blind, Deaf, Oracle, walks


def judged(world, data):
    return judge(world, data, "training video", clips=8)


def test_a_perfect_world_has_no_faults_and_its_actions_their_names(tmp_path):
    found = judged(Oracle(), walks(tmp_path / "v.h5"))
    assert found.sentences() == []
    assert (found.clips, found.frames, found.codes) == (8, 10, 4)
    assert found.rollout_psnr == 60
    assert found.action_meanings() == ["left", "right", "up", "down"]
    assert judged(Oracle(), walks(tmp_path / "again.h5")) == found


def test_a_blind_world_is_worse_than_copying(tmp_path):
    found = judged(Blind(), walks(tmp_path / "v.h5"))
    assert "worse than copying the first frame" in found.sentences()[0]
    assert set(found.effects.values()) == {"still 1", "still 2", "still 3", "still 4"}


def test_a_deaf_world_is_found_out(tmp_path):
    found = judged(Deaf(), walks(tmp_path / "v.h5"))
    assert any("its actions do nothing" in sentence for sentence in found.sentences())
    assert found.difference == 0


def test_short_episodes_are_judged_on_fewer_frames(tmp_path):
    found = judged(Oracle(), walks(tmp_path / "v.h5", steps=3))
    assert found.frames == 3
    assert found.rollout_psnr == 60
    assert found.delta_psnr is not None
    with VideoWriter(tmp_path / "single.h5", 48, 48, 10.0, {}) as writer:
        writer.append(Episode(np.zeros((1, 48, 48, 3), np.uint8)))
    assert judged(Oracle(), VideoDataset(tmp_path / "single.h5")).rollout_psnr is None


def test_worlds_that_read_no_actions_have_their_actions_tried_all_the_same(tmp_path):
    class Mute(Oracle):
        infer_actions = None

    class Closed(Mute):
        takes_frames = False

    for world in (Mute(), Closed()):
        found = judged(world, walks(tmp_path / f"{type(world).__name__}.h5"))
        assert found.rollout_psnr is None
        assert found.action_meanings() == ["left", "right", "up", "down"]

    class MuteAndDeaf(Deaf):
        infer_actions = None

    assert "lead to pictures that differ in 0.00%" in judged(MuteAndDeaf(), walks(tmp_path / "d.h5")).sentences()[0]


def test_vectors_have_names_for_their_ends(tmp_path):
    found = judged(TinyWorld(), walks(tmp_path / "v.h5"))
    assert found.action_meanings() is None
    assert found.action_spread > 0.1
    assert found.effects["axis 0 +1"].startswith("right")
    assert found.effects["axis 1 -1"].startswith("up")
    assert found.effects["rest"].startswith("still")
    assert found.effects["axis 2 +1"].startswith("still")  # it does nothing that one sees


class Scrolling(TinyWorld):
    """A camera over a wide picture; each code moves it, two of them the same way at different speed; one goes this way from
    some starts and that way from others."""

    actions = DiscreteActions(6)
    moves = torch.tensor([[0, 0], [1, 0], [4, 0], [0, -2], [2, 2], [0, 0]])
    map = torch.from_numpy(np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8))

    def reset(self, seed, start=None):
        place = 76 + torch.stack([seed % 5, seed % 3], 1)
        return self._at(seed, torch.zeros_like(seed), place)

    def step(self, state, actions):
        turn = torch.where(state.seed[:, None] % 2 == 0, 3, -3) * (actions[:, None] == 5)
        following = self._at(state.seed, state.position + 1, state.extras["place"] + self.moves[actions] + turn)
        ends = torch.zeros(len(actions), dtype=torch.bool)
        return following, Prediction(frames=following.frames, rewards=torch.zeros(len(actions)), terminated=ends)

    def _at(self, seed, position, place):
        frames = torch.stack([self.map[y : y + 48, x : x + 48] for x, y in place.tolist()])
        return WorldState(frames=frames, extras={"place": place}, position=position, seed=seed)


def test_a_camera_that_moves_is_told_from_a_thing_that_moves(tmp_path):
    class Mute(Scrolling):
        infer_actions = None

    meanings = judged(Mute(), walks(tmp_path / "v.h5")).action_meanings()
    assert meanings == ["still", "view right, slow", "view right, fast", "view up", "view down right", "mixed"]


def test_a_small_ball_is_seen_to_move(tmp_path):
    class Ball(Scrolling):
        infer_actions = None
        actions = DiscreteActions(6)  # the last one goes this way or that
        moves = torch.tensor([[0, 0], [0, -2], [0, 2], [0, 0], [0, 0], [0, 0]])

        def _at(self, seed, position, place):
            frames = torch.zeros(len(place), 48, 48, 3, dtype=torch.uint8)
            for frame, (x, y) in zip(frames, (place - 54).tolist(), strict=True):
                frame[y : y + 2, x : x + 2] = 200
            return WorldState(frames=frames, extras={"place": place}, position=position, seed=seed)

    assert judged(Ball(), walks(tmp_path / "v.h5")).action_meanings() == [
        "still 1",
        "up",
        "down",
        "still 2",
        "still 3",
        "mixed",
    ]


def test_video_of_another_size_is_refused(tmp_path):
    with VideoWriter(tmp_path / "v.h5", 32, 32, 15.0, {}) as writer:
        writer.append(Episode(np.zeros((20, 32, 32, 3), np.uint8)))
    with pytest.raises(GenieGymError, match="32x32, the world 48x48"):
        judged(Oracle(), VideoDataset(tmp_path / "v.h5"))
