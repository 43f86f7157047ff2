"""A world that is nothing like Genie 1 goes through everything that is built on the contract, unchanged."""

import json

import gymnasium as gym
import h5py
import minari
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from PIL import Image
from safetensors.torch import load_file
from small_place import empty_place, small_world
from tiny_world import TinyWorld

import genie_gym
from genie_gym.agents.sb3 import SB3VecEnv
from genie_gym.cli import main
from genie_gym.datasets.video import Episode, VideoDataset, VideoWriter
from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.envs.world_env import GenieEnv
from genie_gym.errors import GenieGymError
from genie_gym.evaluation import bench as bench_module
from genie_gym.evaluation.evaluate import evaluate
from genie_gym.pretrained import load_world, save_world
from genie_gym.text.spec import TimeOfDay, WeatherChange
from genie_gym.text.tokens import Report
from genie_gym.world import Prediction, StartPool, WorldState


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """Walks of the square that are longer than a clip, as real video."""
    path = tmp_path_factory.mktemp("video") / "tiny.h5"
    envs = GenieVectorEnv(1, TinyWorld())
    rng = np.random.default_rng(0)
    with VideoWriter(path, 48, 48, 10.0, {"kind": "test"}) as writer:
        for _ in range(4):
            frames = [envs.reset(seed=int(rng.integers(1000)))[0][0]]
            actions = rng.uniform(-1, 1, (24, 3)).astype(np.float32)
            for action in actions:
                observation, _, terminated, _, info = envs.step(action[None])
                frames.append((info["final_obs"] if terminated[0] else observation)[0])
            writer.append(Episode(np.stack(frames), actions, actions[:, 2], np.zeros(24, bool)))
    return path


@pytest.fixture(scope="module")
def worlds():
    """Worlds that have nothing in common but the contract, and options of environments around them."""
    return [(TinyWorld(), {}), (small_world(), {"place": empty_place(12.0)})]


def test_every_world_is_an_environment(worlds):
    for world, options in worlds:
        check_env(GenieEnv(world, obs=("rgb", *world.extras), **options))
        envs = GenieVectorEnv(2, world, max_episode_steps=4, **options)
        rng = np.random.default_rng(0)
        moves = [envs.controls.spec.sample(rng, 2).numpy() for _ in range(6)]
        first = [envs.reset(seed=[1, 2])[0], *(envs.step(move)[0] for move in moves)]
        again = [envs.reset(seed=[1, 2])[0], *(envs.step(move)[0] for move in moves[:3])]
        saved = envs.save_state()
        rest = [envs.step(move)[0] for move in moves[3:]]
        assert all(np.array_equal(a, b) for a, b in zip(first, again + rest, strict=True))
        envs.load_state(saved)
        assert all(np.array_equal(envs.step(move)[0], frames) for move, frames in zip(moves[3:], rest, strict=True))


def test_every_world_is_kept_in_a_folder(worlds, tmp_path, tiny_folder):
    for number, (world, options) in enumerate(worlds):
        save_world(world, tmp_path / str(number))
        loaded = load_world(tmp_path / str(number), "cpu")
        assert loaded.config_dict() == world.config_dict()
        frames = GenieEnv(loaded, **options).reset(seed=0)[0]
        assert np.abs(frames.astype(int) - GenieEnv(world, **options).reset(seed=0)[0]).max() <= 2


def test_gymnasiums_own_check(tiny_folder):
    check_env(gym.make("Tiny-v0", render_mode="rgb_array").unwrapped, skip_render_check=False)
    check_env(GenieEnv(TinyWorld(), obs=("rgb", "depth")))


def test_spaces_are_the_worlds_and_extras_go_where_they_are_asked():
    envs = GenieVectorEnv(3, TinyWorld(), obs=("rgb", "depth"))
    observations, info = envs.reset(seed=0)
    assert envs.single_action_space == gym.spaces.Box(-1, 1, (3,), np.float32)
    assert envs.observation_space.contains(observations)
    assert "depth" not in info
    envs = GenieVectorEnv(3, TinyWorld())
    frames, info = envs.reset(seed=0)
    assert np.array_equal(frames, observations["rgb"])
    assert np.array_equal(info["depth"], observations["depth"])
    assert info["_depth"].all()
    with pytest.raises(GenieGymError, match="Did you mean 'depth'"):
        GenieVectorEnv(1, TinyWorld(), obs=("rgb", "dept"))


def test_the_final_extras_are_those_of_the_ended_episode():
    envs = GenieVectorEnv(2, TinyWorld(), max_episode_steps=2)
    envs.reset(seed=3)
    right = np.tile(np.float32([1, 0, 0]), (2, 1))
    envs.step(right)
    _, _, _, truncated, info = envs.step(right)
    assert truncated.any()
    assert not np.array_equal(info["final_info"]["depth"], info["depth"])


@pytest.mark.parametrize(
    "actions", [np.zeros((2, 2)), np.zeros(2), np.full((2, 3), 1.5), np.array([[np.nan, 0, 0], [0, 0, 0]])]
)
def test_wrong_vectors_get_one_clear_error(actions):
    envs = GenieVectorEnv(2, TinyWorld())
    envs.reset(seed=0)
    with pytest.raises(GenieGymError, match="actions must"):
        envs.step(actions)


def test_an_event_changes_its_rows_from_the_next_step_on_until_the_episode_ends():
    envs = GenieVectorEnv(3, TinyWorld(), max_episode_steps=3)
    rest = np.zeros((3, 3), np.float32)
    envs.reset(seed=5)
    event, report = envs.apply_event("thick fog comes up", rows=[1])
    assert event == WeatherChange("foggy")
    assert any("one strength" in item or "shown as fog" in item for item in report.assumed)
    frames = envs.step(rest)[0]
    assert frames.max((1, 2, 3)).tolist() == [250, 100, 250]
    saved = envs.save_state()
    assert envs.apply_event(WeatherChange("snowy")) == (WeatherChange("snowy"), Report())
    assert envs.step(rest)[0].max((1, 2, 3)).tolist() == [200, 200, 200]
    envs.load_state(saved)
    several = envs.apply_event(["it starts to rain", None, WeatherChange("foggy")])
    assert [found and found[0] for found in several] == [WeatherChange("rainy"), None, WeatherChange("foggy")]
    assert envs.step(rest)[0].max((1, 2, 3)).tolist() == [150, 100, 100]
    with pytest.raises(GenieGymError, match="names a row twice"):
        envs.apply_event(["rain", "fog"], rows=[0, 0])
    with pytest.raises(GenieGymError, match="2 events for 3 rows"):
        envs.apply_event(["rain", None])
    with pytest.raises(GenieGymError, match="TimeOfDay cannot happen"):
        envs.apply_event([WeatherChange("sunny"), TimeOfDay(12.0)], rows=[0, 2])
    envs.load_state(saved)
    envs.apply_event(WeatherChange("snowy"))
    assert envs.step(rest)[0].max((1, 2, 3)).tolist() == [200, 200, 200]
    assert envs.load_state(saved).max((1, 2, 3)).tolist() == [250, 100, 250]
    for _ in range(3):
        frames = envs.step(rest)[0]
    assert frames.max((1, 2, 3)).tolist() == [250, 250, 250]
    with pytest.raises(GenieGymError, match="TimeOfDay cannot happen in this world; it knows WeatherChange"):
        envs.apply_event(TimeOfDay(12.0))
    with pytest.raises(GenieGymError, match="no row 3"):
        envs.apply_event("rain", rows=[3])
    with pytest.raises(GenieGymError, match="call reset"):
        GenieVectorEnv(1, TinyWorld()).apply_event("rain")


def test_prompts_reach_the_world_and_worlds_without_refuse_them(debug_world):
    envs = GenieVectorEnv(2, TinyWorld(), prompt="a foggy village", max_episode_steps=2)
    assert envs.reset(seed=0)[0].max((1, 2, 3)).tolist() == [100, 100]
    other = envs.reset(seed=0, options={"prompt": ["a sunny village", "a rainy village"]})[0]
    assert other.max((1, 2, 3)).tolist() == [250, 150]
    for _ in range(2):
        frames = envs.step(np.zeros((2, 3), np.float32))[0]
    assert frames.max((1, 2, 3)).tolist() == [250, 150]  # they stand until they are changed
    with pytest.raises(GenieGymError, match="takes no prompt"):
        GenieVectorEnv(2, debug_world, prompt="a village")
    with pytest.raises(GenieGymError, match="3 prompts for 2 rows"):
        envs.reset(options={"prompt": ["a village"] * 3})


def test_start_frames_belong_to_the_environment_not_to_the_world():
    world = TinyWorld()
    pool = np.zeros((1, 48, 48, 3), np.uint8)
    pool[0, :8, :8] = 200
    mine, other = GenieVectorEnv(2, world, start_frames=pool, max_episode_steps=1), GenieVectorEnv(2, world)
    first = mine.reset(seed=0)[0]
    assert first[:, 2, 2, 0].all()
    assert not other.reset(seed=0)[0][:, 2, 2, 0].any()
    assert mine.step(np.ones((2, 3), np.float32))[0][:, 2, 2, 0].all()  # the next episodes start there too
    assert not len(world.starts)


def test_generate_writes_what_minari_opens(tiny_folder, tmp_path, monkeypatch):
    arguments = ["generate", "--env", "Tiny-v0", "--episodes", "6", "--num-envs", "2", "--policy", "sticky"]
    assert main([*arguments, "--out", str(tmp_path / "set-v0"), "--option", "obs", "('rgb', 'depth')"]) == 0
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    for episode in minari.load_dataset("set-v0").iterate_episodes():
        steps = len(episode.actions)
        assert episode.actions.shape == (steps, 3)
        assert episode.observations["depth"].shape == (steps + 1, 48, 48)
        assert np.allclose(episode.rewards, episode.actions[:, 2])
    with h5py.File(tmp_path / "set-v0" / "data" / "shard-00000.hdf5") as file:
        assert file["episode_0/observations/rgb"].dtype == np.uint8
    assert Image.open(tmp_path / "set-v0" / "contact_sheet.png").width > 100
    assert main([*arguments, "--out", str(tmp_path / "other"), "--policy", "prior"]) == 2


def test_benchmark_and_bench(tiny_folder, tmp_path, monkeypatch):
    arguments = ["benchmark", "--env", "Tiny-v0", "--agents", "random", "ppo", "--episodes", "4", "--num-envs", "2"]
    assert main([*arguments, "--ppo-steps", "128", "--out", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "benchmark.json").read_text())["results"].keys() == {"random", "ppo"}
    for name, value in {"EARLY": 2, "LATE": 6, "WINDOW": 2}.items():
        monkeypatch.setattr(bench_module, name, value)
    assert main(["bench", "--env", "Tiny-v0", "--num-envs", "2", "--json", str(tmp_path / "bench.json")]) == 0
    assert json.loads((tmp_path / "bench.json").read_text())["frames_per_second"] > 0


def test_evaluate_and_sheet(tiny_folder, video, tmp_path):
    out = tmp_path / "numbers.json"
    assert main(["evaluate", str(tiny_folder), "--data", str(video), "--clips", "8", "--json", str(out)]) == 0
    numbers = json.loads(out.read_text())
    assert numbers["rollout_psnr_10"] > numbers["copy_last_psnr_10"] + 3
    assert numbers["delta_psnr_4"] > 3
    assert numbers["code_effect_agreement"] > 0.5
    assert 0.2 < numbers["action_spread"] < 0.7
    assert "tokenizer_psnr" not in numbers
    assert "reward_auc" not in numbers
    assert (
        main(["sheet", str(tiny_folder), "--data", str(video), "--frames", "4", "--out", str(tmp_path / "sheet.png")]) == 0
    )
    assert Image.open(tmp_path / "sheet.png").height > 7 * 48


def test_worlds_that_read_no_actions_are_told_what_that_means(tiny_folder, video):
    class Mute(TinyWorld):
        infer_actions = None

    with pytest.raises(GenieGymError, match="reads no actions off frames"):
        evaluate(Mute(), VideoDataset(video))


def test_families_are_known_by_one_name_each(tiny_folder):
    assert isinstance(load_world(tiny_folder), TinyWorld)
    genie_gym.register_family("tiny", "tiny_world:TinyWorld")  # once more is no harm
    with pytest.raises(GenieGymError, match="there is a family 'tiny' already"):
        genie_gym.register_family("tiny", "elsewhere:World")


def test_torch_output_of_a_dict():
    envs = GenieVectorEnv(2, TinyWorld(), obs=("rgb", "depth"), output="torch")
    observations, _ = envs.reset(seed=0)
    assert all(isinstance(part, torch.Tensor) for part in observations.values())


class Keeper(TinyWorld):
    """A world as careless as one may be: it keeps what it is given, and orders its extras as they come."""

    extras = {"p": gym.spaces.Box(0, 9, (), np.float32), "q": gym.spaces.Box(0, 9, (), np.float32)}
    starts = StartPool(np.full((1, 48, 48, 3), 7, np.uint8))

    def reset(self, seed, start=None):
        frames = torch.from_numpy(self.starts.frames).expand(len(seed), -1, -1, -1)
        if start is not None and start.frames is not None:
            frames = start.frames
        zeros = torch.zeros_like(seed)
        extras = {"p": torch.full(seed.shape, 1.0), "q": torch.full(seed.shape, 2.0)}
        return WorldState(frames=frames, extras=extras, position=zeros, seed=seed)

    def step(self, state, actions):
        extras = {"q": torch.full(state.seed.shape, 4.0), "p": torch.full(state.seed.shape, 3.0)}
        frames = torch.zeros_like(state.frames)
        following = WorldState(frames=frames, extras=extras, position=state.position + 1, seed=state.seed)
        ends = torch.zeros(len(actions), dtype=torch.bool)
        return following, Prediction(frames=frames, rewards=actions[:, 0], terminated=ends, extras=extras)


def test_nothing_is_written_through_to_the_caller_or_the_world():
    world = Keeper()
    envs = GenieVectorEnv(2, world, autoreset_mode="DISABLED")
    mine = np.full((2, 48, 48, 3), 99, np.uint8)
    envs.reset(seed=0, options={"start_frames": mine})
    envs.reset(options={"reset_mask": np.array([True, False])})
    assert (mine == 99).all()
    assert (world.starts.frames == 7).all()


def test_extras_keep_their_names_whatever_their_order():
    envs = GenieVectorEnv(2, Keeper(), max_episode_steps=2)
    _, info = envs.reset(seed=[0, 1])
    assert (info["p"].tolist(), info["q"].tolist()) == ([1, 1], [2, 2])
    envs.step(np.zeros((2, 3), np.float32))
    _, _, _, truncated, info = envs.step(np.zeros((2, 3), np.float32))
    assert truncated.all()
    assert (info["p"].tolist(), info["q"].tolist()) == ([1, 1], [2, 2])
    assert (info["final_info"]["p"].tolist(), info["final_info"]["q"].tolist()) == ([3, 3], [4, 4])


def test_states_of_another_world_are_refused(as_users_call):
    envs = GenieVectorEnv(2, TinyWorld())
    envs.reset(seed=0)
    other = GenieVectorEnv(2, Keeper())
    other.reset(seed=0)
    with pytest.raises(GenieGymError, match="another world"):
        envs.load_state(other.save_state())
    with pytest.raises(GenieGymError, match="save_state"):
        envs.load_state(None)


def test_a_world_computes_where_its_networks_are():
    class WithNetwork(Keeper):
        def __init__(self):
            self.network = torch.nn.Linear(3, 3)

        def parts(self):
            return {"network": self.network}

    world = WithNetwork()
    assert world.device == torch.device("cpu")
    world.network.to("meta")
    assert world.device == torch.device("meta")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"obs": 5}, "obs is a name"),
        ({"obs": ()}, "at least one"),
        ({"max_episode_steps": 0}, "max_episode_steps"),
        ({"num_envs": 2.5}, "num_envs"),
        ({"render_mode": "human"}, "render_mode"),
        ({"autoreset_mode": "sometimes"}, "autoreset_mode"),
        ({"start_frames": [[1], [2, 3]]}, "start_frames"),
        ({"start_frames": np.zeros((1, 48, 48, 3), np.uint8), "init_image": np.zeros((4, 4, 3), np.uint8)}, "not both"),
        ({"prompt": "xyzzy"}, "understood nothing"),
    ],
)
def test_odd_options_get_one_sentence(options, words, as_users_call):
    with pytest.raises(GenieGymError, match=words):
        GenieVectorEnv(**{"num_envs": 1, "world": TinyWorld()} | options)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"options": {"start_frame": np.zeros((48, 48, 3), np.uint8)}}, "Did you mean 'start_frames'"),
        ({"options": {"prompt": 5}}, "prompt is text"),
        ({"options": {"reset_mask": [1, 0]}}, "reset_mask"),
        ({"seed": [1.5, 2.5]}, "a seed is"),
        ({"seed": 2**63}, "a seed is"),
        ({"seed": [1, 2, 3]}, "3 seeds for 2 rows"),
    ],
)
def test_odd_resets_get_one_sentence(arguments, words, as_users_call):
    with pytest.raises(GenieGymError, match=words):
        GenieVectorEnv(2, TinyWorld()).reset(**arguments)


def test_rows_of_an_event_are_numbers_or_a_mask(as_users_call):
    envs = GenieVectorEnv(3, TinyWorld())
    envs.reset(seed=0)
    envs.apply_event("fog", rows=np.array([False, True, False]))
    assert envs.step(np.zeros((3, 3), np.float32))[0].max((1, 2, 3)).tolist() == [250, 100, 250]
    envs.apply_event("snow", rows=[])
    for rows in ([0.5], 1, "0", [[0]], [None]):
        with pytest.raises(GenieGymError, match="rows are whole numbers"):
            envs.apply_event("fog", rows=rows)


def test_what_became_of_a_prompt_is_kept():
    report = GenieVectorEnv(1, TinyWorld(), prompt="a foggy village with a zeppelin").reports[0]
    assert report is not None
    assert any("zeppelin" in ignored for ignored in report.ignored)


def test_64_episodes_with_depth_and_pose_open_in_minari(tiny_folder, tmp_path, monkeypatch):
    arguments = [
        "generate",
        "--env",
        "Tiny-v0",
        "--num-envs",
        "16",
        "--max-episode-steps",
        "6",
        "--out",
        str(tmp_path / "d-v0"),
    ]
    assert main([*arguments, "--option", "obs", "('rgb', 'depth', 'pose')"]) == 0
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    dataset = minari.load_dataset("d-v0")
    env = dataset.recover_environment()
    assert len(dataset) == 64
    assert dataset.observation_space == env.observation_space
    for episode in dataset.iterate_episodes():
        seen = episode.observations
        assert {name: (values.dtype, values.shape[1:]) for name, values in seen.items()} == {
            "rgb": (np.uint8, (48, 48, 3)), "depth": (np.float32, (48, 48)), "pose": (np.float32, (4, 4)),
        }  # fmt: skip
        assert {len(values) for values in seen.values()} == {len(episode.actions) + 1}
    first = env.reset(seed=int(next(iter(dataset.storage.get_episode_metadata([episode.id])))["seed"]))[0]
    assert all(np.array_equal(value, episode.observations[name][0]) for name, value in first.items())


def test_a_generated_dataset_of_dictionaries_resumes(tiny_folder, tmp_path):
    arguments = ["generate", "--env", "Tiny-v0", "--num-envs", "2", "--episodes", "4", "--out", str(tmp_path / "set")]
    arguments += ["--option", "obs", "('rgb', 'depth')"]
    assert main(arguments) == 0
    assert main([*arguments, "--resume"]) == 0
    assert main(["generate", "--env", "Tiny-v0", "--out", str(tmp_path / "x"), "--option", "wings", "2"]) == 2


def test_weights_that_half_precision_cannot_hold_are_kept(tmp_path):
    class Heavy(TinyWorld):
        def __init__(self):
            self.network = torch.nn.Linear(1, 1)

        def parts(self):
            return {"network": self.network}

    world = Heavy()
    torch.nn.init.constant_(world.network.weight, 1e6)
    save_world(world, tmp_path)
    assert load_file(tmp_path / "network.safetensors")["weight"].item() == 1e6


def test_sb3_ends_episodes_of_dictionaries():
    envs = SB3VecEnv(GenieVectorEnv(2, TinyWorld(), obs=("rgb", "depth"), max_episode_steps=1))
    envs.reset()
    envs.step_async(np.zeros((2, 3), np.float32))
    infos = envs.step_wait()[3]
    assert infos[0]["terminal_observation"]["depth"].shape == (48, 48)
    with pytest.raises(GenieGymError, match="NumPy"):
        SB3VecEnv(GenieVectorEnv(2, TinyWorld(), output="torch"))
