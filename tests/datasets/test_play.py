"""The one episode loop: what it asks for, what it hands over, and in which order."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from genie_gym.datasets.play import Assignment, SingleRow, VectorRows, play


class Counting(gym.Env):
    """Shows [seed, steps, last action]; ends after as many steps as its seed says."""

    observation_space = gym.spaces.Box(-1, 1000, (3,), np.int64)
    action_space = gym.spaces.Discrete(100)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seed, self.steps = (3 if seed is None else seed), (options or {}).get("begin_at", 0)
        return np.array([self.seed, self.steps, -1]), {"twice": 2 * self.seed}

    def step(self, action):
        self.steps += 1
        return (
            np.array([self.seed, self.steps, action]),
            10.0 * action,
            self.steps == self.seed,
            False,
            {"steps": self.steps},
        )


class Numbered:
    """Acts with its own number, and notes what it was shown."""

    def __init__(self, number):
        self.number, self.seen, self.begun = number, [], 0

    def begin(self):
        self.begun += 1

    def act(self, observation, info):
        self.seen.append((observation.tolist(), dict(info)))
        return self.number


def rows_of(count: int, mode: AutoresetMode = AutoresetMode.DISABLED) -> VectorRows:
    return VectorRows(gym.vector.SyncVectorEnv([Counting] * count, autoreset_mode=mode))


def queue_of(lengths: list[int]):
    waiting = iter([Assignment(lambda k=k: Numbered(k), "n", k, seed) for k, seed in enumerate(lengths)])
    return lambda row: next(waiting, None)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_every_episode_comes_once_and_whole(count):
    lengths = [4, 1, 6, 2, 5]
    found = {played.assignment.index: played for played in play(rows_of(count), queue_of(lengths))}
    assert found.keys() == set(range(5))
    for index, played in found.items():
        steps = lengths[index]
        assert [o.tolist() for o in played.observations] == [[steps, 0, -1]] + [[steps, t + 1, index] for t in range(steps)]
        assert [int(a) for a in played.actions] == [index] * steps
        assert played.rewards == [10.0 * index] * steps
        assert (played.terminated, played.truncated) == (True, False)
        assert played.behaviour.begun == 1
        assert [seen for seen, _ in played.behaviour.seen] == [o.tolist() for o in played.observations[:-1]]


def test_episodes_are_handed_over_as_they_end():
    ended = [played.assignment.index for played in play(rows_of(2), queue_of([5, 1, 1, 1]))]
    assert ended == [1, 2, 3, 0]


def test_what_is_handed_over_never_changes():
    played = next(play(rows_of(1), queue_of([3, 3])))
    kept = [o.copy() for o in played.observations]
    assert len({id(o) for o in played.observations}) == 4
    assert all(np.array_equal(a, b) for a, b in zip(kept, played.observations, strict=True))


def test_rows_that_reset_by_themselves_keep_their_last_observation():
    rows = rows_of(2, AutoresetMode.SAME_STEP)
    rows.reset(4)  # rows of 4 and 5 steps, and of 3 afterwards
    found = list(play(rows, queue_of([0] * 4)))
    assert [len(played.actions) for played in found] == [4, 5, 3, 3]
    assert [played.observations[-1].tolist()[:2] for played in found] == [[4, 4], [5, 5], [3, 3], [3, 3]]


def test_policies_see_their_own_rows_info():
    found = {p.assignment.index: p for p in play(rows_of(2), queue_of([4, 3]))}
    assert [found[k].behaviour.seen[0][1]["twice"] for k in (0, 1)] == [8, 6]


def test_a_single_environment_is_a_row():
    played = [p for p in play(SingleRow(Counting()), queue_of([2, 3]))]
    assert [len(p.actions) for p in played] == [2, 3]
    assert played[1].observations[-1].tolist() == [3, 3, 1]


def test_it_can_be_stopped_between_steps():
    asked = []

    def stop():
        asked.append(1)
        if len(asked) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(play(rows_of(1), queue_of([9]), stop))
    assert len(asked) == 3


@pytest.mark.parametrize("mode", [AutoresetMode.DISABLED, AutoresetMode.SAME_STEP])
def test_episodes_that_are_cut_off_say_so(mode):
    envs = gym.vector.SyncVectorEnv([lambda: gym.wrappers.TimeLimit(Counting(), 3)] * 2, autoreset_mode=mode)
    rows = VectorRows(envs)
    if rows.same_step:
        rows.reset(1)
    found = list(play(rows, queue_of([1, 2, 5, 4])))
    ends = {(len(p.actions), p.terminated, p.truncated) for p in found}
    assert len(found) == 4
    # Rows that reset by themselves go on with episodes of three steps: both at once.
    assert ends == ({(1, True, False), (2, True, False), (3, True, True)} if rows.same_step else
                    {(1, True, False), (2, True, False), (3, False, True)})  # fmt: skip
    assert all(p.observations[-1][1] == len(p.actions) for p in found)


@pytest.mark.parametrize("mode", [AutoresetMode.DISABLED, AutoresetMode.SAME_STEP])
def test_policies_see_the_info_of_the_observation_that_they_act_on(mode):
    rows = rows_of(3, mode)
    rows.reset(2)
    for played in play(rows, queue_of([2, 3, 4, 3, 2])):
        (first, at_reset), *later = played.behaviour.seen
        assert at_reset["twice"] == 2 * first[0]
        for observation, info in later:
            assert info == {"steps": observation[1]}


def test_the_view_is_what_episodes_keep_to_their_last_observation():
    def tens(observations):
        return np.array([None if o is None else o[:2] * 10 for o in observations], dtype=object)

    rows = VectorRows(rows_of(2, AutoresetMode.SAME_STEP).envs, tens)
    rows.reset(2)
    for played in play(rows, queue_of([0] * 3)):
        steps = len(played.actions)
        assert [o.tolist() for o in played.observations] == [[10 * steps, 10 * t] for t in range(steps + 1)]


def test_a_single_environment_gets_its_options_and_shows_each_observation():
    waiting = iter([Assignment(lambda: Numbered(7), seed=5, options={"begin_at": 2}), None])
    (played,) = play(SingleRow(Counting()), lambda row: next(waiting))
    assert [observation for observation, _ in played.behaviour.seen] == [[5, 2, -1], [5, 3, 7], [5, 4, 7]]
    assert [info.get("steps") for _, info in played.behaviour.seen] == [None, 3, 4]
