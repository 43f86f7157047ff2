"""Text, English or Chinese, to typed values: `parse_prompt` gives a `WorldSpec`, `parse_event` an event.

What was understood, what was ignored and what was assumed is reported; text of which nothing is understood is refused.
"""

from __future__ import annotations

from rapidfuzz.distance import OSA

from genie_gym.errors import GenieGymError
from genie_gym.text import spec
from genie_gym.text.amounts import NORMAL, RANGES
from genie_gym.text.draft import Draft, Item
from genie_gym.text.grammar import Report, read
from genie_gym.text.languages import READ
from genie_gym.text.pushing import is_about_pushing, parse_pushable
from genie_gym.text.rules import is_rule, parse_rule
from genie_gym.text.strangers import untold
from genie_gym.text.vocabulary import Vocabulary, with_article

_EMPTY = ("filler", "determiner", "stop", "comma", "number", "and")
# What is done in a weather, or felt about it, and asks for none.
_FEELINGS = {
    "hate", "hates", "dislike", "loathe", "miss", "remember", "dream", "annoys", "annoy", "bores", "boring",
    "hope", "wonder", "why", "how", "what", "paint", "burn", "eat", "buy", "sell", "draw", "photograph",
    "sing", "talk", "tell", "ask", "call", "讨厌", "讨", "恨", "烦", "梦", "画", "为什么", "怎么",
}  # fmt: skip
SLOWLY = 3.0  # seconds in which weather comes where a text says that it does so slowly


def parse_prompt(text: str, vocabulary: Vocabulary) -> tuple[spec.WorldSpec, Report]:
    """The world that `text` describes, in the words of `vocabulary`.

    Returns:
        The spec (with what the text leaves open at its default) and the report.

    Raises:
        GenieGymError: for text that is empty, longer than 2,000 characters, or of which nothing is understood.
    """
    report = Report()
    draft = read(text, vocabulary, report)
    scenes = _scenes(draft, vocabulary)
    for scene in scenes[1:]:
        report.ignored.append(f"{vocabulary.label(scene)} (a world has one scene: {vocabulary.label(scenes[0])})")
    asked, without = _asked_and_excluded(draft, vocabulary, report)
    landmarks = {item.kind for item in asked if item.category == "landmark"}
    landmarks |= set(draft.scenes) & set(vocabulary.landmarks) - set(scenes)  # a wood beside the town, not a second scene
    default = vocabulary.complete(spec.WorldSpec())
    hour = _hour(draft, default, report)
    physics = {name: value for name, value in _physics(draft, default, report).items() if _in_range(name, value, report)}
    if not report.understood:
        raise GenieGymError(
            f"understood nothing in {_shortened(text)!r}; name a scene, weather, landmarks or objects in {READ}, for "
            f"example {vocabulary.example!r}."
            + (f" There are {draft.unshown}." if draft.unshown else "")
            + _nearest(report, vocabulary)
        )
    if not scenes:
        report.left_open["scene"] = f"scene: {vocabulary.label(default.scene)}"
    if draft.weather is None:
        report.left_open["weather"] = f"weather: {default.weather}"
    if hour is None:
        report.left_open["hour"] = f"time: {default.time_of_day}"
    report.assumed += report.left_open.values()
    report.ignored += untold(draft.said, report)
    world = spec.WorldSpec(
        scene=scenes[0] if scenes else default.scene,
        weather=draft.weather or default.weather,
        hour=default.hour if hour is None else hour,
        landmarks=tuple(sorted(landmarks)),
        objects=tuple(spec.ObjectSpec(**item.values) for item in asked if item.category == "object"),
        characters=tuple(spec.CharacterSpec(**item.values) for item in asked if item.category == "character"),
        without=tuple(sorted(without)),
    )
    return world.replace(**physics), report


def parse_event(text: str, vocabulary: Vocabulary, now: spec.WorldSpec | None = None) -> tuple[spec.Event, Report]:
    """The one event that `text` asks for, in the words of `vocabulary`: "it starts to rain", "two hours later", "remove the
    crates", 「变成夜晚」.

    Args:
        now: what the world is like. What is relative ("double the gravity") is counted from it, and weather that stops must
            be the one that there is. Weather that stops leaves the vocabulary's first one.

    Returns:
        The event and the report.

    Raises:
        GenieGymError: where the text names no event, several, or one that cannot be.
    """
    if is_rule(text):
        return parse_rule(text, vocabulary)
    if is_about_pushing(text):
        return parse_pushable(text, vocabulary)
    report = Report()
    draft = read(text, vocabulary, report, event=True)
    if draft.refusals:
        raise GenieGymError(f"cannot do {_shortened(text)!r}: {draft.refusals[0]}.")
    removing = any(item.removed for item in draft.items)
    if draft.strangers and not _is_plain(draft) and (removing or not draft.verbs - {"move"}):
        raise GenieGymError(
            f"no event in {_shortened(text)!r}: {draft.strangers[0]!r} is not known; {_event_kinds(vocabulary)}"
            + _nearest(report, vocabulary)
        )
    events = [*_atmosphere_events(draft, vocabulary, now, report), *_thing_events(draft, report)]
    events += [spec.SceneTransition(scene) for scene in _scenes(draft, vocabulary)]
    physics = _physics(draft, now, report)
    if physics:
        events.append(spec.PhysicsModifier(**physics))
    landmarks = [item.kind for item in draft.items if item.category == "landmark" and not item.anchor and not item.removed]
    if len(events) == 1 and not landmarks and not draft.rivals:
        return events[0], report
    if events:
        several = _shortened("; ".join(report.understood), 200)
        raise GenieGymError(f"{_shortened(text)!r} asks for several things ({several}); give one event.")
    if landmarks:
        raise GenieGymError(
            f"a {landmarks[0]} is a landmark: it can be removed, but not appear or change later; name it in the prompt."
        )
    unshown = f" ({draft.unshown})" if draft.unshown else ""
    raise GenieGymError(
        f"no event in {_shortened(text)!r}{unshown}; {_event_kinds(vocabulary)}" + _nearest(report, vocabulary)
    )


def _is_plain(draft: Draft) -> bool:
    """Whether a text names one weather, hour or scene and no thing: "a thick mist rolls in off the river" means it, whatever
    mist does; but not where something unknown is done in it ("dance in the rain"), or felt about it."""
    first = next((token for token in draft.said if token.concept.category not in _EMPTY), None)
    if first is not None and first.text in draft.strangers:
        return False
    named = (draft.weather is not None) + (draft.hour is not None) + bool(draft.scenes)
    asked = not (draft.items or draft.ended or draft.rivals or draft.verbs - {"move"})
    return named == 1 and asked and _FEELINGS.isdisjoint(draft.strangers)


def scene_warning(text: str, report: Report, vocabulary: Vocabulary) -> str | None:
    """What to warn of where no scene was understood in a prompt; None where one was.

    Args:
        report: what became of the prompt in the world that shows it (`World.report_of`): it says what is shown instead.
    """
    if "scene" not in report.left_open:
        return None
    scenes = ", ".join(vocabulary.label(scene) for scene in vocabulary.scenes)
    left_open = report.left_open["scene"]
    return f"no scene was understood in {_shortened(text)!r}: it is left open ({left_open}). There are: {scenes}."


def _event_kinds(vocabulary: Vocabulary) -> str:
    """What events there are, each with an example."""
    known = vocabulary
    examples = (("add {}", known.objects), ("{} appears", known.characters), ("remove {}", known.landmarks))
    things = ", ".join(repr(how.format(with_article(known.label(names[0])))) for how, names in examples if names)
    return (
        "events change the weather ('it starts to rain', 'the rain stops'), the time ('night falls', 'two hours later'), "
        f"{things and f'things ({things}), '}the scene ('go to the {known.label(known.scenes[-1])}') or physics ('half the "
        "gravity')."
    )


def _scenes(draft: Draft, vocabulary: Vocabulary) -> list[str]:
    """The scenes that compete. One that is a landmark as well stands beside another one: a wood near a village. And one that
    has another's word in its name is a kind of it: a street in a flood is a flooded street."""
    scenes = list(dict.fromkeys(draft.scenes))
    words = {name: words for category, name, note, words in vocabulary.words if category == "scene" and not note}
    for scene in draft.scenes:
        ends = tuple(f" {word}" for word in words.get(scene, ()))
        if any(vocabulary.label(other).endswith(ends) for other in scenes if other != scene):
            scenes = [other for other in scenes if other != scene]
    return [scene for scene in scenes if scene not in vocabulary.landmarks] or scenes


def _asked_and_excluded(draft: Draft, vocabulary: Vocabulary, report: Report) -> tuple[list[Item], set[str]]:
    """The things that a world is to have, and the kinds that it must not have. What is said first of a kind counts."""
    asked: list[Item] = []
    without: set[str] = set()
    for item in draft.items:
        kinds = vocabulary.kinds(item.group)
        if item.removed and {*kinds} & {other.kind for other in asked}:
            report.ignored.append(f"no {item.said} (asked for before)")
        elif item.removed:
            without |= {*kinds}
            report.understood.append(f"no {item.said}: without {', '.join(kinds)}")
        elif item.category == "crowd":
            report.ignored.append(f"{item.said} (say which: {', '.join(kinds)})")
        elif item.kind in without:
            report.ignored.append(f"{item.said} (excluded before)")
        else:
            asked.append(item)
            _understand(item, report)
    return asked, without


def _understand(item: Item, report: Report) -> None:
    if item.category == "landmark":
        report.understood.append(f"{item.said}: landmark {item.kind}")
        return
    report.understood.append(f"{item.said}: {item.category} {item.count} x {item.kind}")
    if item.number is None and item.plural:
        report.assumed.append(f"{item.text}: {item.count} of them")


def _thing_events(draft: Draft, report: Report) -> list[spec.Event]:
    events: list[spec.Event] = []
    for item in draft.items:
        if item.removed:
            removal = spec.ObjectRemove(**item.removal)
            events.append(removal)
            report.understood.append(f"{item.text}: remove {removal.count} x {removal.kind}")
        elif item.anchor or item.category == "landmark":
            continue
        elif item.category == "crowd" or not item.added:
            raise GenieGymError(
                f"cannot do that with {item.text!r}: things can be added and removed, and not changed or moved."
            )
        else:
            added = spec.ObjectAdd if item.category == "object" else spec.CharacterAdd
            events.append(added(**item.values | {"position": item.position or "ahead"}))
            _understand(item, report)
    return events


def _atmosphere_events(draft: Draft, vocabulary: Vocabulary, now: spec.WorldSpec | None, report: Report) -> list[spec.Event]:
    events: list[spec.Event] = []
    seconds = SLOWLY if draft.slowly else 0.0
    if draft.weather is not None:
        events.append(spec.WeatherChange(draft.weather, seconds))
    elif draft.ended:
        if now is not None and now.weather and now.weather not in draft.ended:
            raise GenieGymError(f"the weather is not {draft.ended[0]}: it is {now.weather} already.")
        events.append(spec.WeatherChange(vocabulary.weathers[0], seconds))
    if draft.slowly and events:
        report.understood.append(f"{draft.slowly}: within {SLOWLY:g} seconds")
    elif draft.slowly:
        report.ignored.append(f"{draft.slowly} (weather alone comes slowly)")
    hour = _hour(draft, now, report)
    if hour is not None:
        events.append(spec.TimeOfDay(hour))
    return events


def _hour(draft: Draft, now: spec.WorldSpec | None, report: Report) -> float | None:
    """The hour that is named, so many hours later or earlier, or the next darker or brighter time of day."""
    hour = draft.hour
    if draft.shift is not None:
        since = hour if hour is not None else _now(now, "the time").hour
        hour = round((since + draft.shift) % 24, 4)
        report.understood.append(f"{draft.later} ({draft.shift:+g} h): time {hour:g} h")
    elif hour is None and draft.light is not None:
        hour = _lit(_now(now, "the light").hour, draft.light)
        report.understood.append(f"{draft.later}: time {hour:g} h")
    return hour


def _lit(hour: float, light: str) -> float:
    times, name = spec.TIMES, spec.time_name(hour)
    if light == "darker" and name != "night":
        return times["dusk"] if name == "day" else times["night"]
    if light == "brighter" and name == "night":
        return times["dawn"]
    if light == "brighter" and abs(hour - times["day"]) > 0.5:
        return times["day"]
    raise GenieGymError(f"it cannot get {light}: it is {name} already ({hour:g} h).")


def _physics(draft: Draft, now: spec.WorldSpec | None, report: Report) -> dict[str, float]:
    values = {}
    for name, (words, amount) in draft.amounts.items():
        present = NORMAL[name] if amount.base is not None else getattr(_now(now, f"the {name}"), name)
        values[name] = amount.of(present)
        report.understood.append(f"{words}: {name} {values[name]:g}")
        if amount.assumed:
            report.assumed.append(f"{words}: {amount.assumed}")
    return values


def _in_range(name: str, value: float, report: Report) -> bool:
    low, high = RANGES[name]
    if not low <= value <= high:
        words = report.understood.pop(
            next(k for k, item in enumerate(report.understood) if item.endswith(f": {name} {value:g}"))
        )
        report.ignored.append(f"{words.rpartition(': ')[0]} (must lie between {low:g} and {high:g})")
    return low <= value <= high


def _now(now: spec.WorldSpec | None, what: str) -> spec.WorldSpec:
    if now is None:
        raise GenieGymError(
            f"what {what} is now is not known here; say what it is to be, for example 'gravity 5' or 'night'."
        )
    return now


def _shortened(text: str, length: int = 60) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."


def _nearest(report: Report, vocabulary: Vocabulary) -> str:
    """A hint to the known word that is spelled nearly like the first unknown one, where there is one."""
    words = [word for word in report.ignored if word.isalpha() and word.isascii() and len(word) > 2]
    names = sorted(vocabulary.lexicon.names)
    near = [name for name in names if words and OSA.distance(words[0], name, score_cutoff=2) <= len(words[0]) // 5]
    return f" Did you mean {near[0]!r}?" if near else ""
