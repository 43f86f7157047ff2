"""Scene, weather and time as a text names them, and what becomes of what: "the rain turns into snow", 「白天变成黑夜」."""

from __future__ import annotations

from typing import Any

from genie_gym.text.amounts import Asked
from genie_gym.text.places import PlaceReader
from genie_gym.text.tokens import Token


class StateReader(PlaceReader):
    """Reads what a world has one of. What a clause names before "into" gives way to what it names after it."""

    def take_turn(self, token: Token) -> None:
        """ "Turn", "from": an "into" or "to" may come; "becomes", 「变成」 are both."""
        if token.concept.value != "from":
            self.take_verb(token)
        self.clause.turning = True
        if token.concept.value == "into":
            self.take_into(token)

    def take_go(self, token: Token) -> None:
        self.take_verb(token)
        if self.clause.states:  # 「从村庄去沙漠」
            self.take_into(token)

    def take_into(self, token: Token) -> None:
        clause = self.clause
        weak = token.text in ("for", "with")  # they have other uses: "replace the rain with snow"
        if not clause.turning or (weak and not clause.states):
            return
        clause.asked.number = None  # "from 5 to 3"
        if clause.verb_word is not None:
            clause.verb_word.told = True
        named = clause if clause.states or clause.earlier is None else clause.earlier  # "rain, turn into snow"
        clause.sources, named.states = named.states, {}
        clause.becomes = not weak

    def take_to(self, token: Token) -> None:
        self.take_into(token)
        super().take_to(token)

    def _finish_turn(self) -> None:
        """Something named turns, and nothing is said of into what."""
        left = [text for named in self.clause.sources.values() for text, _ in named]
        if left and self.clause.becomes and self.event:
            self._refuse(f"say what {left[0]!r} is to become")

    def _name(self, category: str, text: str, value: Any) -> None:
        self.clause.states.setdefault(category, []).append((text, value))
        self._understood(text, self._meaning(category, value))

    def _replace(self, category: str) -> None:
        """What is named now comes of what was named before, which is so no longer."""
        for text, value in self.clause.sources.pop(category, ()):
            self._forget(category, text, value)
            self._understood(text, "what was before")

    def _forget(self, category: str, text: str, value: Any) -> None:
        draft = self.draft
        meant = f"{text}: {self._meaning(category, value)}"
        self.report.understood = [line for line in self.report.understood if line != meant]
        if category == "scene":
            draft.scenes.remove(value)
        elif category == "time":
            draft.hour = None
        else:
            draft.weather, draft.rivals, draft.season, self.clause.weathers = None, [], "", []

    def take_scene(self, token: Token) -> None:
        scene, clause = token.concept.value, self.clause
        leaves = clause.verb == "depart" or any(item.verb == "depart" for item in clause.items)
        if (clause.relation is not None and clause.relation.concept.category == "away") or (leaves and self.event):
            return  # where something goes away from
        if clause.negated or clause.verb in ("remove", "depart", "nothing"):
            other = next((self.vocabulary.label(name) for name in self.vocabulary.scenes if name != scene), "…")
            self._ignored(f"no {token.text}", f"say which scene instead of {self.vocabulary.label(scene)}")
            self._refuse(f"say where to go instead of {token.text}, for example 'go to the {other}'")
        else:
            self._replace("scene")
            self.draft.scenes.append(scene)
            if clause.verb_word is not None:
                clause.verb_word.told = True
            self._name("scene", token.text, scene)

    def take_weather(self, token: Token) -> None:
        text, weather, clause = token.text, token.concept.value, self.clause
        ends = (
            clause.negated or clause.ending or clause.verb == "remove" or (clause.clear is not None and weather != self.fair)
        )
        if clause.asked.off and clause.asked.quantity is None:
            ends, clause.asked = True, Asked()
        for word in (clause.clear, clause.ending, clause.verb_word) if ends else ():
            if word is not None:
                word.told = True
        clause.clear, clause.ending = None, None
        if clause.asked.quantity is None and clause.asked.more is not None:
            self._one_strength(" ".join(clause.asked.words), weather)
            clause.asked = Asked()
        self._drop_article()
        if clause.verb == "nothing":
            self._ignored(text, "not to happen")
        elif ends and weather == self.fair:
            self._ignored(f"no {text}", "say which weather instead")
        elif ends:
            self._understood(f"no {text}", f"not {weather}")
            self._end([weather])
        else:
            self._set_weather(text, weather)

    def _set_weather(self, text: str, weather: str) -> None:
        draft = self.draft
        self._replace("weather")
        if draft.season and draft.weather != weather:  # "a summer rain"
            season = draft.season
            self._forget("weather", season, draft.weather)
            self.report.assumed = [line for line in self.report.assumed if not line.startswith(f"{season}: ")]
            self.report.assumed.append(f"{season}: in {weather} weather")
        draft.season = ""
        if draft.weather in (None, weather):
            draft.weather = weather
        elif self.event:
            draft.rivals.append(weather)
        else:
            self._ignored(text, f"the weather is {draft.weather} already")
            return
        self.clause.weathers.append(weather)
        self._name("weather", text, weather)

    def take_season(self, token: Token) -> None:
        """Seasons are shown by their weather, if they have any, and if the text names no other one."""
        text, weather, clause, draft = token.text, token.concept.value, self.clause, self.draft
        self._replace("weather")
        if weather is None:
            shown = {"winter": "snowy", "summer": "sunny"}
            seasons = " and ".join(name for name, weather in shown.items() if weather in self.vocabulary.weathers)
            draft.unshown = f"no seasons{seasons and ' but '}{seasons}: {text} is not shown"
            self._ignored(text, draft.unshown)
        elif draft.weather in (None, weather) or clause.negated or clause.ending or clause.verb in ("remove", "nothing"):
            named = draft.weather
            self.take_weather(token)
            if draft.weather is not None and named is None:
                draft.season = text
                self.report.assumed.append(f"{text}: shown as {weather} weather")
        else:
            self.report.assumed.append(f"{text}: in {draft.weather} weather")

    def take_clouds(self, token: Token) -> None:
        clause = self.clause
        if clause.clear is not None or clause.ending or clause.negated or clause.verb == "remove":
            clause.ending = None
            self._clear_sky(token)
        else:
            clause.clouds = token

    def take_slow(self, token: Token) -> None:
        """Weather that comes slowly; of anything else it says nothing."""
        self.draft.slowly = token.text

    def take_time(self, token: Token) -> None:
        text, hour = token.text, token.concept.value
        if hour is None:
            self._ignored(text, "no time of day")
        elif self.clause.negated:
            self._ignored(f"no {text}", "say which time instead")
        else:
            self._set_hour(text, hour)

    def _set_hour(self, text: str, hour: float) -> None:
        self._replace("time")
        if self.draft.hour not in (None, hour):
            self._ignored(text, f"the time is {self.draft.hour:g} h already")
        else:
            self.draft.hour = hour
            self._name("time", text, hour)

    def take_shift(self, token: Token) -> None:
        if self.draft.shift is not None or self.clause.negated:
            self._ignored(token.text, "one change of the time")
        else:
            self.draft.shift, self.draft.later = token.concept.value, token.text

    def take_duration(self, token: Token) -> None:
        self._ignored(token.text, "later or earlier?")

    def take_light(self, token: Token) -> None:
        if self.clause.negated:
            self._ignored(f"not {token.text}", "say which time instead")
        else:
            self.draft.light, self.draft.later = token.concept.value, self.draft.later or token.text

    def _meaning(self, category: str, value: Any) -> str:
        if category == "time":
            return f"time {value:g} h"
        return f"{category} {self.vocabulary.label(value) if category == 'scene' else value}"
