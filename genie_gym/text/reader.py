"""Text, English or Chinese, to typed values: `parse_prompt` gives a `WorldSpec`, `parse_event` an event.

What was understood, what was ignored and what was assumed is reported; text of which nothing is understood is refused.
"""

from __future__ import annotations

from genie_gym.errors import GenieGymError, did_you_mean
from genie_gym.text import spec
from genie_gym.text.grammar import Draft, Report, read
from genie_gym.text.lexicon import LEXICON, SCENE_NAMES


def parse_prompt(text: str) -> tuple[spec.WorldSpec, Report]:
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
        report.ignored.append(f"{SCENE_NAMES[scene]} (a world has one scene: {SCENE_NAMES[scenes[0]]})")
    if not report.understood:
        raise GenieGymError(
            f"understood nothing in {_shortened(text)!r}; name a scene, weather, landmarks or objects, for example "
            f"'a rainy village with a well and three trees'." + _nearest(report)
        )
    default = spec.WorldSpec()
    if not scenes:
        report.assumed.append(f"scene: {SCENE_NAMES[default.scene]}")
    if draft.weather is None:
        report.assumed.append(f"weather: {default.weather}")
    if draft.hour is None:
        report.assumed.append(f"time: {default.time_of_day}")
    world = spec.WorldSpec(
        scene=scenes[0] if scenes else default.scene,
        weather=draft.weather or default.weather,
        hour=default.hour if draft.hour is None else draft.hour,
        landmarks=tuple(sorted(set(draft.landmarks))),
        objects=tuple(spec.ObjectSpec(**item.values) for item in draft.items if item.category == "object"),
        characters=tuple(spec.CharacterSpec(**item.values) for item in draft.items if item.category == "character"),
        without=tuple(sorted(set(draft.without))),
    )
    return world.replace(**draft.physics), report


def parse_event(text: str, report: Report | None = None) -> spec.Event:
    """The one event that `text` asks for: "it starts to rain", "add two crates on the left", 「变成夜晚」.

    Args:
        report: filled with what was understood and ignored, where given.

    Raises:
        GenieGymError: where the text names no event, or several.
    """
    report = Report() if report is None else report
    draft = read(text, report)
    events: list[spec.Event] = []
    if draft.weather is not None:
        events.append(spec.WeatherChange(draft.weather))
    if draft.hour is not None:
        events.append(spec.TimeOfDay(draft.hour))
    for item in draft.items:
        added = spec.ObjectAdd if item.category == "object" else spec.CharacterAdd
        events.append(added(**item.values | {"position": item.position or "ahead"}))
    events += [spec.SceneTransition(scene) for scene in _scenes(draft)]
    if draft.physics:
        events.append(spec.PhysicsModifier(**draft.physics))
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
    """A hint to the known word nearest to the first unknown one, where there is one."""
    words = [word for word in report.ignored if word.isalpha() and len(word) > 2]
    hint = did_you_mean(words[0], [phrase for phrase in LEXICON if phrase.isascii()]) if words else ""
    return hint if "Did you mean" in hint else ""
