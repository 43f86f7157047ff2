"""Imports run one way, in no circle, and `import genie_gym` stays light."""

import ast
import subprocess
import sys
from collections.abc import Collection
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from genie_gym.families import FAMILIES as FAMILIES_BY_NAME

PACKAGE = Path(__file__).parent.parent / "genie_gym"
EVERYBODY = {"errors", "files", "settings", "devices", "progress", "resident", "rows", "threads"}
# Each room and what it may import besides itself and what everybody may.
ALLOWED = {
    "executor": set(),
    "text": set(),
    "prompt": {"envs.simulators", "text"},
    "state": set(),
    "actions": set(),
    "models": {"geometry", "state"},
    "geometry": {"state"},
    "places": {"geometry", "models", "state", "text"},
    "judgement": set(),
    "episode": {"places.place", "state", "text"},
    "keyboard": set(),
    "user_action": set(),
    "provenance": {"judgement"},
    "start_pool": {"episode", "models", "text"},
    "playable": {"actions", "episode", "text", "user_action"},
    "imagine": {"actions", "episode", "keyboard", "models", "playable", "text", "visual"},
    "world": {
        "episode",
        "geometry.scene_graph.scene",
        "imagine",
        "places.place",
        "playable",
        "provenance",
        "start_pool",
        "text",
    },
    "card": {"actions", "judgement", "world"},
    "rollout": {"world"},
    "families": set(),
    "pretrained": {"card", "families", "judgement", "text", "world"},
    "visual": set(),
    "envs": {"actions", "geometry", "imagine", "models", "places.place", "pretrained", "state", "text", "visual", "world"},
    "datasets": {
        "actions",
        "envs.packages",
        "envs.registration",
        "envs.simulators",
        "agents.policies",
        "executor",
        "geometry",
        "places",
        "text",
        "visual",
    },
    "agents": {"datasets", "envs.registration", "envs.simulators"},
    "training": {"card", "datasets.video", "evaluation", "families", "models", "pretrained", "visual", "world"},
    "evaluation": {
        "actions",
        "datasets",
        "envs",
        "families",
        "geometry",
        "imagine",
        "judgement",
        "keyboard",
        "models",
        "places",
        "pretrained",
        "rollout",
        "text",
        "visual",
        "world",
    },
    "runtime": {
        "actions",
        "datasets",
        "envs",
        "geometry.scene_graph.scene",
        "imagine",
        "keyboard",
        "models",
        "places.kernels",
        "playable",
        "pretrained",
        "text",
        "user_action",
        "visual",
        "world",
    },
    "web": {
        "datasets",
        "envs",
        "models",
        "pretrained",
        "runtime",
        "text",
        "user_action",
        "visual",
        "world",
    },
}
# A folder that is not listed is a family of worlds.
FAMILY = {
    "actions",
    "datasets.video",
    "evaluation",
    "geometry",
    "keyboard",
    "models",
    "playable",
    "places",
    "pretrained",
    "state",
    "text",
    "training",
    "user_action",
    "visual",
    "world",
}
ANYTHING = {"__init__", "__main__", "cli", "cli_data"}


def modules() -> dict[str, Path]:
    """Every module of the package, without `genie_gym.` before it."""
    found = {}
    for path in [p for folder in (PACKAGE, *PACKAGE.glob("*/")) for p in folder.resolve().rglob("*.py")]:
        within = path.relative_to(PACKAGE) if path.is_relative_to(PACKAGE) else path.relative_to(PACKAGE.parent)
        found[".".join(within.with_suffix("").parts).removesuffix(".__init__")] = path
    return found


def imports_of(code: str, known: Collection[str]) -> set[str]:
    """The known modules that a file imports, those for annotations alone included. `from package import name` means the
    module of that name where there is one, else the package itself."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name.removeprefix("genie_gym.") in known else str(node.module) for name in names}
    return {name.removeprefix("genie_gym.") for name in found} & set(known)


MODULES = modules()
FAMILIES = {name for name in (module.split(".")[0] for module in MODULES) if (PACKAGE / name).is_dir()} - ALLOWED.keys()
GRAPH = {module: imports_of(path.read_text(), MODULES) - {module} for module, path in MODULES.items()}


def test_imports_run_one_way():
    for module, others in GRAPH.items():
        room = module.split(".")[0]
        assert room in ALLOWED.keys() | EVERYBODY | FAMILIES | ANYTHING, f"{module} is in no room: say what it may import"
        allowed = FAMILY if room in FAMILIES else ALLOWED.get(room, set())
        for other in others if room not in ANYTHING else ():
            prefixes = {".".join(other.split(".")[:n]) for n in range(1, 5)}
            assert prefixes & (allowed | EVERYBODY | {room}), f"{module} imports genie_gym.{other}"


def test_families_are_found_by_themselves():
    ours = [str(family.world) for family in FAMILIES_BY_NAME.values() if str(family.world).startswith("genie_gym.")]
    assert {world.split(".")[1] for world in ours} == FAMILIES


def test_no_family_and_no_measure_imports_a_simulator():
    for module, others in GRAPH.items():
        if module.split(".")[0] in FAMILIES | {"agents", "evaluation", "training"}:
            assert not [other for other in others if other.startswith("envs.sim.")], module


def test_no_imports_go_in_a_circle():
    assert len(GRAPH) > 80
    TopologicalSorter(GRAPH).prepare()


def test_a_circle_behind_type_checking_is_found():
    code = {"a": "from b import thing", "b": "if TYPE_CHECKING:\n    from a import Thing"}
    with pytest.raises(CycleError):
        TopologicalSorter({name: imports_of(text, code) for name, text in code.items()}).prepare()


def test_nothing_outside_a_family_imports_it():
    for module, others in GRAPH.items():
        if module.split(".")[0] not in FAMILIES:
            assert not {other.split(".")[0] for other in others} & set(FAMILIES), module


def test_simulators_know_no_neural_network():
    for module in [module for module in MODULES if module.startswith("envs.sim.")]:
        assert "torch" not in MODULES[module].read_text()
        plain = {other for other in GRAPH[module] if not other.startswith(("text.", "envs.sim"))}
        assert plain <= {"errors", "files", "rows", "envs.time_limits", "places.place"}, module


def test_importing_the_package_imports_no_torch_and_registers_the_ids():
    code = "import sys, gymnasium, genie_gym; assert 'torch' not in sys.modules; assert 'Genie1-v0' in gymnasium.registry"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_nothing_at_the_top_level_shadows_other_packages():
    root = PACKAGE.parent
    for name in ("envs", "agents", "datasets"):
        assert not (root / name / "__init__.py").exists()
        assert (PACKAGE / name).is_symlink()
