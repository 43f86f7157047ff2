"""Prompts: what a judge says of what was asked for. The judge here reads it off the corner of a frame."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from place_world import CAMERA, KEYS, PlaceWorld, at, draw, room_video
from town_words import LANDMARKS, SCENES, TOWN, WEATHERS

from genie_gym.datasets.video import Episode
from genie_gym.errors import GenieGymError
from genie_gym.evaluation.measure import NOTES, EvaluateConfig, Evaluation
from genie_gym.evaluation.named import cells_of, names_of, trained_namer
from genie_gym.evaluation.namer import KINDS, Examples, Namer, NamerConfig, Told, learn_names, names_of_kinds, shown_by_cells
from genie_gym.evaluation.prompt_cases import LONG, SHORT, draw_prompt, play_prompt, wander_keys
from genie_gym.evaluation.prompts import apart, prompts, score_prompts
from genie_gym.evaluation.scripted import scripted_cases
from genie_gym.models.unet import UNetConfig
from genie_gym.places.place import Place, Thing
from genie_gym.text.spec import TIMES, WorldSpec

SOURCE = {"kind": "gymnasium", "env_id": "GenieSim/Town-v0", "env_kwargs": {}}


class Label(Namer):
    """Judge of frames that say in their corner what they show: three names, then a landmark's number, from 1."""

    def tell(self, frames: torch.Tensor) -> Told:
        corner = frames[:, 0, 0].numpy().astype(int)
        names = {kind: corner[:, k] for k, kind in enumerate(KINDS)}
        landmarks = frames[:, 0, 1, :1].numpy() == np.arange(len(LANDMARKS)) + 1
        return Told(names, landmarks, landmarks.astype(float))


def label(frames: torch.Tensor, specs: list[WorldSpec]) -> torch.Tensor:
    for frame, spec in zip(frames, specs, strict=True):
        names = [SCENES.index(spec.scene), WEATHERS.index(spec.weather), list(TIMES).index(spec.time_of_day)]
        frame[0, 0] = torch.tensor(names)
        frame[0, 1, 0] = LANDMARKS.index(spec.landmarks[0]) + 1
    return frames


class Obedient(PlaceWorld):
    """Shows what it is asked for, elsewhere for each seed."""

    vocabulary = TOWN

    def reset(self, seed, start=None):
        self.asked = [prompt.spec for prompt in start.prompts]
        place = torch.stack([at(0, 0, 40.0 * float(s % 9)) for s in seed])
        return self._state(place, place, torch.zeros_like(seed), seed)

    def show(self, place):
        frames, depth = draw(place)
        return label(frames, self.asked), depth


class Deaf(Obedient):
    def reset(self, seed, start=None):
        state = super().reset(seed, start)
        self.asked = [TOWN.complete(WorldSpec(landmarks=("castle",)))] * len(seed)
        return self._state(state.place, state.first, state.position, seed)


def cases(steps: int, count: int) -> list[Episode]:
    found = []
    for number in range(count):
        rng = np.random.default_rng([number, steps])
        spec = draw_prompt(rng, TOWN)
        keys = wander_keys(steps, {name: number for number, name in enumerate(KEYS)}, rng)
        frames, _ = draw(torch.stack([at(0, 0, 9.0 * k) for k in range(2 + steps // 6)]))
        about = {"spec": spec.replace(landmarks=spec.landmarks[:1]).to_json(), "keys": keys.tolist()}
        found.append(Episode(label(frames, [spec] * len(frames)).numpy(), description=about))
    return found


@pytest.fixture(scope="module")
def walks():
    return [cases(SHORT, 12), cases(LONG, 12)]


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """An evaluation of a world, on video that does not matter here."""
    data = room_video(tmp_path_factory.mktemp("room") / "v.h5", PlaceWorld(), episodes=1)
    return lambda world: Evaluation(world, data, EvaluateConfig(), np.random.default_rng(0))


def test_a_world_that_shows_what_it_is_asked_for_does_as_the_simulator(walks, given):
    numbers = score_prompts(given(Obedient()), walks, Label(TOWN))
    for kind in KINDS:
        for when in ("", "_48"):
            assert numbers[f"prompt_{kind}_accuracy{when}"] == numbers[f"prompt_{kind}_accuracy{when}_real"] == 1
    for when in ("", "_48", "_300"):
        assert numbers[f"prompt_landmark_seen{when}"] == numbers[f"prompt_landmark_seen{when}_real"] == 1
    assert numbers["prompt_landmark_chance_300"] < 0.3
    assert numbers["prompt_landmark_walks_300"] == 1
    assert numbers["prompt_landmark_walks_chance_300"] == 0  # each shows the one it asks for alone
    assert (numbers["prompt_scene_chance"], numbers["prompt_time_chance"], numbers["prompt_cases"]) == (0.1, 0.25, 24)
    assert numbers["prompt_diversity"] > 5
    assert numbers[NOTES] == []


def test_landmarks_that_the_world_tells_of_are_counted(walks, given):
    class Telling(Obedient):
        takes_places = True

        def __init__(self):
            self.places = lambda state: [
                Place(things=(Thing(spec.landmarks[0], (5, 0, 1), (1, 1, 2)),)) for spec in self.asked
            ]

        def learn(self, frames, poses):
            pass

    assert "prompt_landmark_present" not in score_prompts(given(Obedient()), walks, Label(TOWN))
    numbers = score_prompts(given(Telling()), walks, Label(TOWN))
    assert numbers["prompt_landmark_present"] == 1
    assert numbers["prompt_landmark_present_interval"] == (1, 1)


def test_a_world_that_does_not_listen_is_at_chance_and_that_is_said(walks, given):
    numbers = score_prompts(given(Deaf()), walks, Label(TOWN))
    assert numbers["prompt_scene_accuracy_48"] < 0.4
    assert numbers["prompt_landmark_seen_300"] < 0.4
    assert numbers["prompt_scene_accuracy_interval"][0] <= numbers["prompt_scene_accuracy"]
    said = [note.partition(" asked for")[0] for note in numbers[NOTES]]
    assert said == [*(f"the {kind}" for kind in KINDS), "landmarks"]


def test_a_judge_that_sees_no_landmarks_is_not_relied_on(walks, given):
    class Blind(Label):
        def tell(self, frames):
            told = super().tell(frames)
            return Told(told.names, np.zeros_like(told.landmarks), told.odds)

    (note,) = score_prompts(given(Obedient()), walks, Blind(TOWN))[NOTES]
    assert note.startswith("landmarks can hardly be told: the judge sees 0% of those asked for")


def test_a_world_that_cannot_be_asked_is_not_measured_and_that_is_said(walks, given):
    class Wordless(Obedient):
        def reset(self, seed, start=None):
            raise GenieGymError("this world does not know what its start frames are like; give frames to start from.")

    notes = score_prompts(given(Wordless()), walks, Label(TOWN))[NOTES]
    assert notes[0].startswith("prompts were not measured: this world does not know")
    assert prompts(given(PlaceWorld())) == {NOTES: ["prompts were not measured: the world takes none"]}


def test_what_goes_wrong_on_the_way_is_no_refusal(walks, given):
    class Breaks(Obedient):
        def step(self, state, actions):
            raise GenieGymError("it broke.")

    with pytest.raises(GenieGymError, match="it broke"):
        score_prompts(given(Breaks()), walks, Label(TOWN))


def test_views_differ_by_what_stands_where_and_not_by_texture():
    view = torch.zeros(1, 90, 160, 3, dtype=torch.uint8)
    chequered, half = view.clone(), view.clone()
    chequered[:, ::2, ::2], half[:, :, 80:] = 40, 40
    assert apart(view, view)[0] == 0
    assert apart(view, half)[0] == pytest.approx(20)
    assert apart(chequered, torch.roll(chequered, 1, 2))[0] < 0.1


def test_a_cell_shows_what_is_in_its_middle():
    classes = ["sky", *LANDMARKS, "dog"]
    semantic = torch.zeros(1, 10, 12, dtype=torch.uint8)
    semantic[0, 5:, :4], semantic[0, 5:, 8:] = classes.index("well"), classes.index("dog")
    told, shown = cells_of(semantic, classes, TOWN)[0], shown_by_cells(TOWN)
    assert [[shown[number] for number in row] for row in told.tolist()] == [["sky"] * 3, ["well", "sky", "other"]]


def test_names_and_landmarks_are_learned_from_frames():
    rng, count, kinds = np.random.default_rng(0), 96, names_of_kinds(TOWN)
    names = {kind: torch.from_numpy(rng.integers(len(told), size=count)) for kind, told in kinds.items()}
    frames = torch.zeros(count, 32, 48, 3, dtype=torch.uint8)
    for k, kind in enumerate(KINDS):
        frames[..., k] = (names[kind] * 200 // len(kinds[kind]))[:, None, None]
    cells = torch.full((count, 8, 12), shown_by_cells(TOWN).index("sky"), dtype=torch.uint8)
    cells[::2, :4, :4], frames[::2, :16, :16] = 3, 255
    examples = Examples(frames, names, cells)
    config = NamerConfig(UNetConfig((16, 16, 16), patch=4), epochs=40, learning_rate=1e-2)
    namer = learn_names(examples, examples, TOWN, config, torch.device("cpu"))
    told = namer.tell(frames)
    assert (told.names["time"] == names["time"].numpy()).mean() > 0.9
    assert told.landmarks[::2, 3].all()
    assert told.landmarks[(examples.shown(len(LANDMARKS)) == 0).numpy()].mean() <= 1 / 48  # one of so few


def test_a_judge_is_made_once_for_a_simulator(tmp_path):
    world = PlaceWorld()
    world.provenance, world.vocabulary = replace(world.provenance, source=SOURCE), TOWN
    first = trained_namer(world, tmp_path, num_frames=40)
    (kept,) = tmp_path.glob("*.safetensors")
    written = kept.stat().st_mtime_ns
    again = trained_namer(world, tmp_path, num_frames=40)
    assert kept.stat().st_mtime_ns == written
    assert not list(tmp_path.glob("*.h5"))
    frames = torch.zeros(2, CAMERA.height, CAMERA.width, 3, dtype=torch.uint8)
    np.testing.assert_array_equal(first.tell(frames).odds, again.tell(frames).odds)


def test_the_simulator_shows_what_is_asked_for(tmp_path):
    world = PlaceWorld()
    world.provenance, world.vocabulary = replace(world.provenance, source=SOURCE), TOWN
    asked = []

    def play(scripted, rng):
        case = play_prompt(scripted, rng, TOWN, SHORT)
        asked.append(scripted.sim.world_spec)
        return case

    (case,) = scripted_cases(world, "prompts", 1, play, tmp_path)
    spec = WorldSpec.from_json(case.description["spec"])
    assert case.frames.shape == (10, CAMERA.height, CAMERA.width, 3)
    assert (asked[0].scene, asked[0].landmarks) == (spec.scene, spec.landmarks)
    told = names_of({"scene": spec.scene, "weather": spec.weather, "hour": spec.hour}, TOWN)
    assert told["scene"] == SCENES.index(spec.scene)
    assert apart(*torch.from_numpy(case.frames[:2])[:, None])[0] > 1  # another layout
    assert len(case.description["keys"]) == SHORT
