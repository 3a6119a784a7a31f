"""Which package may import which, and what follows from it."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

TUNER = {
    "layout": (),
    "cli": ("layout",),
    "config": ("cli", "layout"),
    "state": ("config",),
    "storage": ("state", "config", "cli", "layout"),
    "schedulers": ("config",),
    "searchers": ("storage", "state", "config", "layout"),
    "trackers": (),
    "monitoring": ("state", "config", "cli"),
    "runtime": (
        *("monitoring", "searchers", "schedulers", "storage", "state", "config", "cli", "layout"),
    ),
    "replay": ("runtime", "schedulers", "searchers", "storage", "state", "config", "cli", "layout"),
    "evaluation": ("commands", "storage", "config", "cli", "layout"),
    "warm_launch": ("launch", "runtime", "config", "cli"),
    "launch": ("runtime", "replay", "searchers", "storage", "config", "cli"),
    "commands": ("config", "cli"),
    "search": ("config", "cli"),
    "api": (
        *("launch", "search", "commands", "runtime", "evaluation", "storage", "config", "cli"),
        "layout",
    ),
    "train": ("launch", "commands", "config", "cli", "layout"),
    "contracts": (),
    "check": ("contracts", "commands", "cli"),
    "evaluate": ("api", "commands", "cli"),
    "export": ("evaluation", "commands", "storage", "cli"),
    "attuner": ("cli",),
}
"""Each package or module of tuner/: those of tuner/ that it may import. All may import trainables,
but for `layout` and `trackers`."""

TRAINABLES = {
    "credentials": (),
    "errors": ("credentials",),
    "accuracy": (),
    "io": ("errors",),
    "hparams": ("io", "errors", "credentials"),
    "threat": ("hparams",),
    "protocols": ("threat",),
    "networks": ("hparams", "errors"),
    "data_pipeline": ("hparams", "errors", "io"),
    "scheduling": ("hparams",),
    "threats": ("threat", "hparams"),
    "data": ("data_pipeline", "hparams", "errors"),
    "models": ("networks", "hparams", "errors"),
    "criteria": ("networks", "hparams", "protocols"),
    "methods": ("protocols", "networks", "threat", "hparams", "criteria"),
    "attacks": ("protocols", "networks", "threats", "threat", "hparams"),
    "averages": ("networks", "hparams"),
    "teachers": ("networks", "hparams"),
    "optimizers": ("hparams",),
    "schedules": ("hparams",),
    "eps_schedules": ("hparams",),
    "updates": ("attacks", "protocols", "networks", "threats", "threat", "hparams"),
    "robustness": (
        *("accuracy", "attacks", "data_pipeline", "networks", "threats", "threat", "hparams"),
    ),
    "injection": ("hparams",),
    "bound_components": (
        *("accuracy", "protocols", "networks", "data_pipeline", "threat", "hparams"),
    ),
    "components": (
        *("robustness", "scheduling", "data_pipeline", "networks", "threat", "hparams", "errors"),
    ),
    "binding": (
        *("bound_components", "components", "step_context", "injection", "protocols", "hparams"),
        "errors",
    ),
    "step_context": ("bound_components", "injection", "networks", "protocols", "threat"),
    "training": (
        *("accuracy", "binding", "bound_components", "components", "step_context"),
        *("data_pipeline", "networks", "scheduling"),
        *("robustness", "threat", "hparams", "io", "errors", "protocols", "injection"),
    ),
    "evaluation": (
        *("methods", "attacks", "threats", "data_pipeline", "networks", "threat", "hparams"),
        "errors",
    ),
    "evaluations": (
        *("evaluation", "training", "robustness", "methods", "attacks", "threats", "networks"),
        *("threat", "hparams", "errors"),
    ),
}
"""Each package or module of trainables/: those of trainables/ that it may import."""

ANALYSIS = {
    "tuner.layout",
    "tuner.cli",
    "tuner.config.class_balance",
    "tuner.storage.event_reader",
    "tuner.storage.external_logs",
    "tuner.storage.frames",
    "tuner.storage.remote_folders",
    "tuner.storage.remote_copy",
    "tuner.storage.safe_files",
    "tuner.storage.search_yaml",
    "search_spaces.tables._published",
    "trainables.errors",
    "trainables.hparams",
    "trainables.io.safe_yaml",
    "trainables.training.constraint",
    "trainables.training.report",
}
"""What analysis/ may import besides itself; its diagnostics may import trainables/ and tuner/."""

SHARED = {
    "search_spaces.tables._published",
    "trainables.methods._gradient",
}
"""Modules whose underscore only hides them from the registry of their folder."""

TOPS = ("tuner", "trainables", "analysis", "search_spaces")
FILES = sorted(path for top in TOPS for path in (ROOT / top).rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in FILES}


def imports(path: Path, *, for_types: bool = True) -> Iterator[str]:
    """Yield the modules that a file imports: of this project, and others by their first name.

    Args:
        path: The file.
        for_types: Whether to include what is imported for type checkers alone.
    """
    tree = ast.parse(path.read_text())
    if not for_types:
        tree.body = [n for n in tree.body if ast.unparse(getattr(n, "test", n)) != "TYPE_CHECKING"]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} uses a relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES else str(node.module)


def unit(module: str) -> str:
    """Return the package or module directly under a top-level package that holds a module."""
    return module.split(".")[1] if "." in module else "__init__"


def is_diagnostic(path: Path) -> bool:
    within = path.relative_to(ROOT).parts
    return within[:2] == ("analysis", "diagnostics") or within in {
        ("analysis", "diagnose.py"),
        ("analysis", "commands", "diagnose.py"),
    }


@pytest.mark.parametrize("top", ["tuner", "trainables"])
def test_every_package_is_in_the_table(top):
    table = {"tuner": TUNER, "trainables": TRAINABLES}[top]
    there = {unit(name) for name in MODULES if name.startswith(f"{top}.")}
    assert there == set(table)


@pytest.mark.parametrize("table", [TUNER, TRAINABLES], ids=["tuner", "trainables"])
def test_the_table_has_no_cycle(table):
    """In an order in which each entry comes after all that it may import."""
    placed: set[str] = set()
    while left := set(table) - placed:
        ready = {name for name in left if set(table[name]) <= placed}
        assert ready, f"a cycle among {sorted(left)}"
        placed |= ready


def test_no_modules_import_each_other_in_a_circle():
    graph = {
        name: {n for n in imports(path, for_types=False) if n in MODULES and n != name}
        for name, path in MODULES.items()
    }
    placed: set[str] = set()
    while left := set(graph) - placed:
        ready = {name for name in left if graph[name] <= placed}
        assert ready, f"a cycle among {sorted(left)}"
        placed |= ready


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_follow_the_table(path):
    name = module_name(path)
    top = name.split(".")[0]
    for module in imports(path):
        other = module.split(".")[0]
        if other not in TOPS:
            continue
        if other == top and top in {"tuner", "trainables"}:
            table = {"tuner": TUNER, "trainables": TRAINABLES}[top]
            own = unit(name)
            allowed = {own, "__init__", *(table[own] if own != "__init__" else table["cli"])}
            # `import tuner` imports cli.signals alone; the others are for type checkers
            lazily = {"cli", "api", "config"} if own == "__init__" else set()
            assert unit(module) in allowed | lazily, f"{name} may not import {module}"
        elif top == "tuner":
            assert other in {"trainables", "search_spaces"}, f"{name} may not import {module}"
            assert unit(name) not in {"layout", "trackers"}, f"{name} may not import {module}"
        elif top in {"trainables", "search_spaces"}:
            assert other == top, f"{name} may not import {module}"
        elif other != "analysis" and not is_diagnostic(path):
            allowed_names = (each for each in ANALYSIS if f"{module}.".startswith(f"{each}."))
            assert any(allowed_names), f"{name} may not import {module}"


@pytest.mark.parametrize(("top", "most"), [("tuner", 15), ("trainables", 12)])
def test_few_modules_lie_at_the_root(top, most):
    assert len(list((ROOT / top).glob("*.py"))) <= most


def private_modules() -> set[str]:
    """Return the modules that the docstring of their package names after "Private:"."""
    found = set()
    for name, path in MODULES.items():
        if path.name == "__init__.py":
            text = ast.get_docstring(ast.parse(path.read_text())) or ""
            listed = re.search(r"^Private: ([^.]*)\.", text, re.MULTILINE)
            found |= (
                {f"{name}.{each}" for each in re.split(r",\s+", listed[1])} if listed else set()
            )
    return found


def test_private_modules_exist():
    assert private_modules()
    assert private_modules() <= MODULES.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_private_modules_are_imported_by_their_package_alone(path):
    name = module_name(path)
    for module in private_modules() & set(imports(path)):
        assert name.startswith(module.rpartition(".")[0]), f"{name} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_modules_with_an_underscore_are_private_to_their_top_level_package(path):
    top = module_name(path).split(".")[0]
    for module in set(imports(path)) & MODULES.keys() - SHARED:
        hidden = any(part.startswith("_") for part in module.split("."))
        assert not hidden or module.split(".")[0] == top, f"{path} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_trainable_and_the_tuner_know_ray(path):
    if any(module.split(".")[0] == "ray" for module in imports(path)):
        name = module_name(path)
        assert name.startswith(("tuner.", "search_spaces.")) or name.endswith(".ray_trainable")


@pytest.mark.parametrize("package", ["tuner/cli", "tuner/state", "tuner/trackers"])
def test_packages_without_torch_and_ray(package):
    """They import neither; what they import of this project may."""
    for path in (ROOT / package).rglob("*.py"):
        heavy = {module.split(".")[0] for module in imports(path)} & {"torch", "ray"}
        assert not heavy, f"{path.relative_to(ROOT)} imports {sorted(heavy)}"


def test_analysis_costs_neither_torch_nor_ray():
    names = [
        name
        for name, path in MODULES.items()
        if name.startswith("analysis") and not is_diagnostic(path)
    ]
    code = f"import sys, {', '.join(names)}; print({{'torch', 'ray'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
