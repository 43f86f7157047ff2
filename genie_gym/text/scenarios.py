"""Scenarios: named prompts with what happens in them and what there is to do, for the three uses of worlds that one can
prompt: prototyping of games, data for embodied agents, and education. Each says in plain words where a place only comes near
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from genie_gym.errors import check_name
from genie_gym.text.spec import Event, TimePasses, WeatherChange

USES = ("prototyping", "embodied data", "education")


@dataclass(frozen=True)
class Scenario:
    """One named world.

    Args:
        name: as `gym.make(..., scenario=name)` takes it. use: one of `USES`. prompt: what the world is like.
        about: what it is for, and where the place only approximates it.
        events: (step, event or text). task: of the world's tasks; "" for none. rules: texts, see `genie_gym.text.rules`.
    """

    name: str
    use: str
    prompt: str
    about: str
    events: tuple[tuple[int, Event | str], ...] = ()
    task: str = ""
    rules: tuple[str, ...] = ()

    def options(self) -> dict[str, Any]:
        """As environments take it."""
        return {"prompt": self.prompt, "events": list(self.events), "rules": list(self.rules), "task": self.task or None}


_P, _D, _E = USES
SCENARIOS: dict[str, Scenario] = {
    one.name: one
    for one in (
        Scenario("medieval_town", _P, "中世纪城镇,有集市、城堡、森林",
                 "A town to walk about in; the forest is a stand of trees among the houses."),
        Scenario("coin_hunt", _P, "a sunny arena with a statue", "Five coins to find; they are discs that hang in the air.",
                 task="collect_coins"),
        Scenario("crate_puzzle", _P, "a village in the morning with two barrels",
                 "Push the crate onto the mark. What is pushed slides and never tips over.", task="push_crate"),
        Scenario("dont_touch_the_water", _P, "a sunny village with a bridge",
                 "Who touches water loses. Shallow ponds are all the water that most villages have.",
                 rules=("touching water ends the game and you lose",)),
        Scenario("snowman_collector", _P, "a snowfield at noon with eight snowmen",
                 "Each snowman brings a point and is gone. Nothing says how many are left.",
                 rules=("every snowman you touch disappears and gives 1 point",)),
        Scenario("sheep_herder", _P, "a village with five sheep",
                 "Touch the sheep for a point each; they wander and do not flee.",
                 rules=("touching a sheep gives 1 point",)),
        Scenario("ghost_harbour", _P, "a foggy harbour at midnight with a lighthouse",
                 "A mood to walk in: nobody haunts it, and the lighthouse does not turn."),
        Scenario("moon_walk", _P, "a desert at night with moon gravity and two robots",
                 "Jumps are as high as on the moon; sky and sand are a desert's, and cacti grow there."),
        Scenario("ice_rink", _P, "a snowfield at noon, slippery, with three crates",
                 "One slides, and so does what one pushes against; there is no ice to see."),
        Scenario("escort", _P, "a medieval town at dusk with a knight that follows me",
                 "Someone to lead: it follows, and walls may hold it up."),
        Scenario("find_the_well", _D, "a village with a well", "Object navigation with a goal that can be seen from far.",
                 task="find:well"),
        Scenario("find_the_church", _D, "a snowy village with a church", "The same under snow, which hides the ways.",
                 task="find:church"),
        Scenario("beacon_in_the_street", _D, "a modern street in the morning with three cones",
                 "Point navigation to a beacon; cars stand, traffic there is none.", task="reach_beacon"),
        Scenario("rooms_at_home", _D, "rooms indoors with two tables, four chairs and a ball",
                 "Doors are open, and nothing can be grasped; cupboards stay shut."),
        Scenario("crowded_market", _D, "a medieval town at noon with a market and eight people",
                 "People wander and give way to nobody; they do not buy."),
        Scenario("night_rain", _D, "a rainy modern street at midnight with four lamps",
                 "Reflections of lamps in puddles are not drawn."),
        Scenario("changing_weather", _D, "a village with a windmill",
                 "Rain, fog and snow come within a second each, to make policies bear it. The mill stands still.",
                 events=((48, WeatherChange("rainy", 1.0)), (96, WeatherChange("foggy", 1.0)),
                         (144, WeatherChange("snowy", 1.0)))),
        Scenario("foggy_forest", _D, "a foggy forest at dawn with two dogs", "Localisation where one hardly sees."),
        Scenario("roman_arena", _E, "an arena at noon with a statue and eight people",
                 "An oval of stone with steps and gates, as large as a playground: no seats for thousands, nobody fights."),
        Scenario("flooded_street", _E, "a flooded street in the rain",
                 "Knee-deep water that slows one down. It neither flows nor rises, and nothing drifts away."),
        Scenario("safety_drill", _E, "a modern street at night with five people and two cones",
                 "Find the way to the assembly point, a beacon, in the dark. There is no alarm, no smoke, no crowd.",
                 task="reach_beacon"),
        Scenario("egypt", _E, "a desert at noon with a pyramid",
                 "One pyramid, as high as a house or two, and nothing inside."),
        Scenario("a_day_at_the_harbour", _E, "a harbour at dawn with a lighthouse",
                 "An hour passes in a second: how light and shadows go round in a day. The tide does not.",
                 events=((1, TimePasses(60.0)),)),
        Scenario("gravity_lesson", _E, "a sunny arena",
                 "Jump under the gravity of the moon, of Mars, of Jupiter, one after another.",
                 events=((1, "moon gravity"), (96, "mars gravity"), (192, "jupiter gravity"))),
        Scenario("winter_comes", _E, "a village at noon",
                 "Snow falls and lies after a few seconds. Trees keep their leaves, and ponds do not freeze.",
                 events=((24, "snow slowly begins to fall"),)),
    )
}  # fmt: skip


def find_scenario(name: str) -> Scenario:
    """Raises `GenieGymError` for a name that there is not; says the nearest one."""
    check_name("scenario", name, tuple(SCENARIOS))
    return SCENARIOS[name]
