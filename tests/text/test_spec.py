from dataclasses import dataclass
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from town_words import CHARACTERS, LANDMARKS, OBJECTS, SCENES, WEATHERS

from genie_gym.errors import GenieGymError
from genie_gym.text.spec import (
    BEHAVIOURS,
    FRICTION_RANGE,
    GRAVITY_RANGE,
    MAX_COUNT,
    PLACES,
    CharacterAdd,
    CharacterSpec,
    Event,
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
        ObjectRemove, st.sampled_from((*OBJECTS, *LANDMARKS, "people")), counts | st.sampled_from(("half", "all")), positions
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
        (lambda: WorldSpec(scene=" "), "the scene's name is a text of 1 to 60 characters; got ' '"),
        (lambda: WorldSpec(weather="x" * 61), "the weather's name"),
        (lambda: WorldSpec(hour=25), "between 0 and 24"),
        (lambda: WorldSpec(gravity=0.0), "gravity must lie between"),
        (lambda: WorldSpec(friction=float("nan")), "friction must lie between"),
        (lambda: WorldSpec(landmarks=("well", "well")), "stands once"),
        (lambda: WorldSpec(seed=-1), "seed"),
        (lambda: WorldSpec(landmarks=("",)), "the landmark's name"),
        (lambda: WorldSpec(without=(" ",)), "the thing to leave out's name"),
        (lambda: ObjectSpec("crate", 0), f"from 1 to {MAX_COUNT}"),
        (lambda: ObjectSpec("crate", 1, (99.0, 0.0)), "x and y"),
        (lambda: ObjectSpec("crate", 1, ""), "the place's name"),
        (lambda: ObjectSpec(""), "the object's name"),
        (lambda: CharacterSpec("dog", "fly"), "unknown behaviour"),
        (lambda: WorldSpec(objects=(ObjectSpec("crate", 20),) * 6), "at most 100"),
        (lambda: ObjectRemove(""), "the thing to remove's name"),
        (lambda: ObjectRemove("crate", 0), "from 1 to"),
        (lambda: ObjectRemove("crate", "most"), "from 1 to"),
        (lambda: PhysicsModifier(), "needs a gravity or a friction"),
        (lambda: WorldSpec.from_json("[]"), "is an object; got list"),
        (lambda: WorldSpec.from_json('{"planet": 1}'), "is not a world"),
        (lambda: WorldSpec.from_json('{"objects": [3]}'), "is not a world"),
        (lambda: event_from_json('{"type": "wether_change"}'), "Did you mean 'weather_change'"),
        (lambda: event_from_json('{"type": []}'), "unknown event"),
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


@dataclass(frozen=True)
class TapTurn(Event):
    """An event of another simulator."""

    type: ClassVar[str] = "tap_turn"
    share: float


def test_other_simulators_have_events_of_their_own():
    assert event_from_json(event_to_json(TapTurn(0.5))) == TapTurn(0.5)
    with pytest.raises(GenieGymError, match=r"test_spec has an event of the type 'tap_turn' already; give Tap another type"):
        type("Tap", (Event,), {"type": "tap_turn"})
