"""Text, English or Chinese, to typed values: `parse_prompt` gives a `WorldSpec`, `parse_event` an event.

What was understood, what was ignored and what was assumed is reported; text of which nothing is understood is refused.
"""

from __future__ import annotations

from genie_gym.errors import GenieGymError, did_you_mean
from genie_gym.text.grammar import Draft, Report, name_of, read
from genie_gym.text.lexicon import LEXICON
from genie_gym.text.spec import (
    CharacterAdd,
    CharacterSpec,
    Event,
    ObjectAdd,
    ObjectSpec,
    PhysicsModifier,
    SceneTransition,
    TimeOfDay,
    WeatherChange,
    WorldSpec,
)


def parse_prompt(text: str) -> tuple[WorldSpec, Report]:
    """The world that `text` describes.

    Returns:
        The spec (with what the text leaves open at its default) and the report.

    Raises:
        GenieGymError: for text that is empty, longer than 2,000 characters, or of which nothing is understood.
    """
    report = Report()
    draft = read(text, report)
    scenes = _scenes(draft)
    if "forest" in draft.scenes and "forest" not in scenes:
        draft.landmarks.append("forest")  # a wood beside the town, not a second scene
    for scene in scenes[1:]:
        if scene != scenes[0]:
            report.ignored.append(f"{name_of('scene', scene)} (a world has one scene: {name_of('scene', scenes[0])})")
    if not report.understood:
        raise GenieGymError(
            f"understood nothing in {_shortened(text)!r}; name a scene, weather, landmarks or objects, for example "
            f"'a rainy village with a well and three trees'." + _nearest(report)
        )
    default = WorldSpec()
    if not scenes:
        report.assumed.append(f"scene: {name_of('scene', default.scene)}")
    if draft.weather is None:
        report.assumed.append(f"weather: {default.weather}")
    if draft.hour is None:
        report.assumed.append(f"time: {default.time_of_day}")
    spec = WorldSpec(
        scene=scenes[0] if scenes else default.scene,
        weather=draft.weather or default.weather,
        hour=default.hour if draft.hour is None else draft.hour,
        landmarks=tuple(sorted(set(draft.landmarks))),
        objects=tuple(ObjectSpec(i.kind, i.count, i.position) for i in draft.items if i.category == "object"),
        characters=tuple(
            CharacterSpec(i.kind, i.behaviour or "wander", i.count, i.position)
            for i in draft.items
            if i.category == "character"
        ),
        without=tuple(sorted(set(draft.without))),
        gravity=default.gravity if draft.gravity is None else draft.gravity,
        friction=default.friction if draft.friction is None else draft.friction,
    )
    return spec, report


def parse_event(text: str, report: Report | None = None) -> Event:
    """The one event that `text` asks for: "it starts to rain", "add two crates on the left", 「变成夜晚」.

    Args:
        report: filled with what was understood and ignored, where given.

    Raises:
        GenieGymError: where the text names no event, or several.
    """
    report = report if report is not None else Report()
    draft = read(text, report)
    events: list[Event] = []
    if draft.weather is not None:
        events.append(WeatherChange(draft.weather))
    if draft.hour is not None:
        events.append(TimeOfDay(draft.hour))
    for item in draft.items:
        where = "ahead" if item.position is None else item.position
        if item.category == "object":
            events.append(ObjectAdd(item.kind, item.count, where))
        else:
            events.append(CharacterAdd(item.kind, item.behaviour or "wander", item.count, where))
    events += [SceneTransition(scene) for scene in _scenes(draft)]
    if draft.gravity is not None or draft.friction is not None:
        events.append(PhysicsModifier(draft.gravity, draft.friction))
    anchors = {item.position for item in draft.items}
    landmarks = [name for name in draft.landmarks if name not in anchors]
    if len(events) == 1 and not landmarks:
        return events[0]
    if events:
        raise GenieGymError(
            f"{_shortened(text)!r} asks for several things ({'; '.join(report.understood)}); give one event."
        )
    if landmarks:
        raise GenieGymError(f"a {landmarks[0]} is a landmark and cannot appear at run time; name it in the prompt.")
    raise GenieGymError(
        f"no event in {_shortened(text)!r}; say for example 'it starts to rain', 'night falls', 'add a crate', 'a dog "
        f"appears', 'go to the desert' or 'low gravity'." + _nearest(report)
    )


def _scenes(draft: Draft) -> list[str]:
    """The scenes that compete: a forest beside another one is a wood there, and a street in a flood is a flooded street."""
    scenes = list(dict.fromkeys(draft.scenes))
    if "flooded_street" in scenes and "modern_street" in scenes:
        scenes.remove("modern_street")
    return [scene for scene in scenes if scene != "forest"] or scenes


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def _nearest(report: Report) -> str:
    words = [word for word in report.ignored if word.isalpha() and len(word) > 2]
    near = did_you_mean(words[0], [w for w in LEXICON if w.isascii()]) if words else ""
    return near if "Did you mean" in near else ""
