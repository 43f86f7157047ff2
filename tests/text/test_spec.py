import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genie_gym.errors import GenieGymError
from genie_gym.text.spec import (
    BEHAVIOURS,
    CHARACTERS,
    FRICTION_RANGE,
    GRAVITY_RANGE,
    GROUPS,
    LANDMARKS,
    MAX_COUNT,
    OBJECTS,
    PLACES,
    SCENES,
    WEATHERS,
    CharacterAdd,
    CharacterSpec,
    ObjectAdd,
    ObjectRemove,
    ObjectSpec,
    PhysicsModifier,
    SceneTransition,
    TimeOfDay,
    WeatherChange,
    WorldSpec,
    event_from_json,
    event_to_json,
    time_name,
)

positions = st.none() | st.sampled_from((*PLACES, *LANDMARKS)) | st.tuples(st.floats(-32, 32), st.floats(-32, 32))
counts = st.integers(1, 5)
objects = st.builds(ObjectSpec, st.sampled_from(OBJECTS), counts, positions)
characters = st.builds(CharacterSpec, st.sampled_from(CHARACTERS), st.sampled_from(BEHAVIOURS), counts, positions)
specs = st.builds(
    WorldSpec,
    scene=st.sampled_from(SCENES),
    weather=st.sampled_from(WEATHERS),
    hour=st.floats(0, 24),
    landmarks=st.lists(st.sampled_from(LANDMARKS), unique=True, max_size=4).map(tuple),
    objects=st.lists(objects, max_size=4).map(tuple),
    characters=st.lists(characters, max_size=4).map(tuple),
    without=st.lists(st.sampled_from(OBJECTS), max_size=3).map(tuple),
    gravity=st.floats(*GRAVITY_RANGE),
    friction=st.floats(*FRICTION_RANGE),
    seed=st.none() | st.integers(0, 2**63 - 1),
)
events = (
    st.builds(WeatherChange, st.sampled_from(WEATHERS))
    | st.builds(TimeOfDay, st.floats(0, 24))
    | st.builds(ObjectAdd, st.sampled_from(OBJECTS), counts, positions)
    | st.builds(CharacterAdd, st.sampled_from(CHARACTERS), st.sampled_from(BEHAVIOURS), counts, positions)
    | st.builds(
        ObjectRemove, st.sampled_from((*OBJECTS, *LANDMARKS, *GROUPS)), counts | st.sampled_from(("half", "all")), positions
    )
    | st.builds(SceneTransition, st.sampled_from(SCENES))
    | st.builds(PhysicsModifier, st.floats(*GRAVITY_RANGE), st.none() | st.floats(*FRICTION_RANGE))
)


@given(specs)
def test_a_world_survives_json(spec):
    assert WorldSpec.from_json(spec.to_json()) == spec


@given(events)
def test_an_event_survives_json(event):
    again = event_from_json(event_to_json(event))
    assert again == event
    assert type(again) is type(event)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: WorldSpec(scene="forrest"), "Did you mean 'forest'"),
        (lambda: WorldSpec(weather="windy"), "unknown weather"),
        (lambda: WorldSpec(hour=25), "between 0 and 24"),
        (lambda: WorldSpec(gravity=0.0), "gravity must lie between"),
        (lambda: WorldSpec(friction=float("nan")), "friction must lie between"),
        (lambda: WorldSpec(landmarks=("well", "well")), "stands once"),
        (lambda: WorldSpec(seed=-1), "seed"),
        (lambda: WorldSpec(without=("dragons",)), "leave out"),
        (lambda: ObjectSpec("crate", 0), f"from 1 to {MAX_COUNT}"),
        (lambda: ObjectSpec("crate", 1, (99.0, 0.0)), "x and y"),
        (lambda: ObjectSpec("crate", 1, "nowhere"), "unknown place"),
        (lambda: CharacterSpec("dog", "fly"), "unknown behaviour"),
        (lambda: WorldSpec(objects=(ObjectSpec("crate", 20),) * 6), "at most 100"),
        (lambda: ObjectRemove("castel"), "Did you mean 'castle'"),
        (lambda: ObjectRemove("crate", 0), "from 1 to"),
        (lambda: ObjectRemove("crate", "most"), "from 1 to"),
        (lambda: PhysicsModifier(), "needs a gravity or a friction"),
        (lambda: WorldSpec.from_json("[]"), "is an object; got list"),
        (lambda: WorldSpec.from_json('{"planet": 1}'), "is not a world"),
        (lambda: WorldSpec.from_json('{"objects": [3]}'), "is not a world"),
        (lambda: event_from_json('{"type": "wether_change"}'), "Did you mean 'weather_change'"),
        (lambda: event_from_json('{"type": "weather_change"}'), "is not a weather_change event"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(make, message):
    with pytest.raises(GenieGymError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_hours_have_names():
    assert [time_name(h) for h in (0, 5, 7.9, 8, 16.9, 17, 19.9, 20, 24)] == [
        "night", "dawn", "dawn", "day", "day", "dusk", "dusk", "night", "night",
    ]  # fmt: skip


def test_random_worlds_are_valid_and_varied():
    rng = np.random.default_rng(0)
    drawn = [WorldSpec.random(rng) for _ in range(300)]
    assert {spec.scene for spec in drawn} == set(SCENES)
    assert {spec.weather for spec in drawn} == set(WEATHERS)
    assert {spec.time_of_day for spec in drawn} == {"dawn", "day", "dusk", "night"}
    assert all(WorldSpec.from_json(spec.to_json()) == spec for spec in drawn)
    assert all(json.loads(spec.to_json())["gravity"] == 9.81 for spec in drawn)
