"""Imports run one way, in no circle, and `import genie_gym` stays light."""

import ast
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "genie_gym"
EVERYBODY = {"errors", "files", "settings", "devices"}
# Each room and what it may import besides itself and what everybody may.
ALLOWED = {
    "text": set(),
    "prompt": {"text"},
    "state": set(),
    "actions": set(),
    "models": {"state"},
    "world": {"actions", "models", "state", "text"},
    "rollout": {"world"},
    "families": set(),
    "pretrained": {"families", "world"},
    "visual": set(),
    "envs": {"models", "pretrained", "state", "text", "visual", "world"},
    "datasets": {"envs.registration", "envs.simulators", "agents.policies", "visual"},
    "agents": {"datasets", "envs.registration", "envs.simulators"},
    "training": {"datasets.video", "families", "models", "pretrained", "visual", "world"},
    "evaluation": {"actions", "datasets", "envs", "families", "models", "rollout", "text", "visual", "world"},
    "genie1": {"actions", "datasets.video", "evaluation", "models", "training", "visual", "world"},
}
FAMILIES = ("genie1",)


def imports_of(path: Path) -> set[str]:
    """Modules of the package that a file imports, those for annotations alone included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("genie_gym."):
            found.add(node.module.removeprefix("genie_gym."))
    return found


def modules() -> dict[str, Path]:
    """Every module of the package, without `genie_gym.` before it."""
    found = {}
    for path in [p for folder in (PACKAGE, *PACKAGE.glob("*/")) for p in folder.resolve().rglob("*.py")]:
        within = path.relative_to(PACKAGE) if path.is_relative_to(PACKAGE) else path.relative_to(PACKAGE.parent)
        found[".".join(within.with_suffix("").parts).removesuffix(".__init__")] = path
    return found


def test_imports_run_one_way():
    for module, path in modules().items():
        room = module.split(".")[0]
        for other in imports_of(path) if room in ALLOWED else ():
            prefixes = {".".join(other.split(".")[:n]) for n in range(1, 4)}
            assert prefixes & (ALLOWED[room] | EVERYBODY | {room}), f"{module} imports genie_gym.{other}"


def test_no_imports_go_in_a_circle():
    graph = {m: imports_of(p) & modules().keys() for m, p in modules().items() if not m.startswith("envs.sim.")}
    while graph:
        free = {module for module, others in graph.items() if not others & (graph.keys() - {module})}
        assert free, f"these import each other: {sorted(graph)}"
        graph = {module: others - free for module, others in graph.items() if module not in free}


def test_nothing_outside_a_family_imports_it():
    for module, path in modules().items():
        if module.split(".")[0] not in FAMILIES:
            assert not {other.split(".")[0] for other in imports_of(path)} & set(FAMILIES), module


def test_simulators_know_no_neural_network():
    for path in (PACKAGE / "envs" / "sim").rglob("*.py"):
        assert "torch" not in path.read_text()
        assert all(name == "errors" or name.startswith(("text.", "envs.sim.")) for name in imports_of(path)), path.name


def test_importing_the_package_imports_no_torch_and_registers_the_ids():
    code = "import sys, gymnasium, genie_gym; assert 'torch' not in sys.modules; assert 'Genie1-v0' in gymnasium.registry"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_nothing_at_the_top_level_shadows_other_packages():
    root = PACKAGE.parent
    for name in ("envs", "agents", "datasets"):
        assert not (root / name / "__init__.py").exists()
        assert (PACKAGE / name).is_symlink()
