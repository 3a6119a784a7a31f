"""The import rules of the project, as tests."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "tuner": {"tuner", "search_spaces", "trainables"},
    "search_spaces": {"search_spaces"},
    "trainables": {"trainables"},
    "analysis": {
        "analysis",
        *(f"trainables.{name}" for name in ("report", "problems", "knobs", "misfit", "ranges")),
        *(f"tuner.{name}" for name in ("elsewhere", "working_copy")),  # what lies at an address
        *("trainables.io.safe_yaml", "tuner.storage.search_yaml"),
        "trainables.training.constraint",
        *(f"tuner.{name}" for name in ("columns", "command", "keys", "listing", "logs")),
        *(f"tuner.{name}" for name in ("typed", "words")),
        "search_spaces._published",
        *(f"tuner.{name}" for name in ("history", "journal", "lock", "rows")),  # of a running study
        "tuner.storage.safe_paths",
    },
}
LOOKS_AT_NETWORKS = {"trainables", "tuner"}
"""What diagnostics may import besides."""
FILES = sorted(p for k in MAY_IMPORT for p in (ROOT / k).rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Return the absolute module names that the file at `path` imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} uses a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


def covers(allowed: str, name: str) -> bool:
    return name == allowed or name.startswith(allowed + ".")


def looks_at_networks(path: Path) -> bool:
    within = path.relative_to(ROOT).parts
    return within[0] == "analysis" and within[1] in {"diagnose.py", "diagnostics"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path):
    package = path.relative_to(ROOT).parts[0]
    ours = {name for name in imports(path) if name.split(".")[0] in MAY_IMPORT}
    allowed = MAY_IMPORT[package] | (LOOKS_AT_NETWORKS if looks_at_networks(path) else set())
    # `from a.b import c` is recorded as both a.b and a.b.c, so a parent of an allowed name is fine
    wrong = {n for n in ours if not any(covers(a, n) or covers(n, a) for a in allowed)}
    assert not wrong, f"{path.relative_to(ROOT)} may not import {sorted(wrong)}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_trainable_and_the_tuner_know_ray(path):
    package = path.relative_to(ROOT).parts[0]
    knows = any(covers("ray", name) for name in imports(path))
    assert not knows or package in {"tuner", "search_spaces"} or path.name == "trainable.py"


def test_analysis_costs_neither_torch_nor_ray():
    paths = [p for p in (ROOT / "analysis").rglob("*.py") if not looks_at_networks(p)]
    names = [".".join(p.relative_to(ROOT).with_suffix("").parts) for p in paths]
    code = f"import sys, {', '.join(names)}; print({{'torch', 'ray'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
