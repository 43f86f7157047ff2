"""Imports run one way, and `import genie_gym` stays light."""

import ast
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "genie_gym"
# Each room and what it may import. `errors` and `devices` are everybody's.
ALLOWED = {
    "models": {"models"},
    "world_model": {"models"},
    "rollout": {"models", "world_model"},
    "pretrained": {"world_model"},
    "visual": set(),
    "text": {"text"},
    "prompt": {"text"},
    "evaluation": {"models", "world_model", "rollout", "pretrained", "visual", "datasets", "envs", "text"},
    "training": {"models", "world_model", "rollout", "visual", "evaluation", "datasets"},
    "envs": {"models", "world_model", "pretrained", "envs", "text"},
    "datasets": {"envs.registration", "datasets", "agents", "visual", "world_model"},
    "agents": {"datasets", "agents", "envs.registration"},
}


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("genie_gym."):
            found.add(node.module.removeprefix("genie_gym."))
    return found


def test_imports_run_one_way():
    for room, allowed in ALLOWED.items():
        files = list((PACKAGE / room).resolve().rglob("*.py")) or [PACKAGE / f"{room}.py"]
        for path in files:
            for module in imports_of(path) - {"errors", "devices"}:
                names = {module, module.split(".")[0]}
                assert module.split(".")[0] == room or names & allowed, f"{path.name} imports genie_gym.{module}"


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
