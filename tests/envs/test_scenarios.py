"""Scenarios are understood word by word, and environments begin in them."""

import pytest
from small_place import empty_place, small_world
from town_words import TOWN

from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.errors import GenieGymError
from genie_gym.prompt import parse_event, parse_prompt
from genie_gym.text.rules import parse_rule
from genie_gym.text.scenarios import SCENARIOS, USES, find_scenario
from genie_gym.text.spec import Rule, WorldSpec


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_what_a_scenario_asks_for_is_understood(scenario):
    _, report = parse_prompt(scenario.prompt)
    assert not report.ignored
    for _, event in scenario.events:
        if isinstance(event, str):
            parse_event(event, WorldSpec(weather="sunny"))
    for rule in scenario.rules:
        parse_rule(rule, TOWN)
    assert scenario.about.endswith(".")


def test_there_are_some_for_each_use():
    assert len(SCENARIOS) >= 20
    for use in USES:
        assert sum(one.use == use for one in SCENARIOS.values()) >= 5


def test_an_environment_begins_in_one_and_what_is_given_counts():
    world = small_world()
    envs = GenieVectorEnv(1, world, scenario="changing_weather", place=empty_place(), prompt="a village with a well")
    assert len(envs._schedule.due[0]) == 3
    assert "well" in envs.reports[0].understood[1]
    envs = GenieVectorEnv(1, world, scenario="sheep_herder", place=empty_place(), prompt="a village")
    assert envs._schedule.due == [[(1, Rule("sheep", reward=1.0))]]
    with pytest.raises(GenieGymError, match="roman_arena"):
        GenieVectorEnv(1, world, scenario="roman_arenas")
    assert find_scenario("roman_arena").prompt.startswith("an arena")
