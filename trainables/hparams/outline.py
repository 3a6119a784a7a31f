"""Outlines of modules: their signatures and docstrings, without the libraries that they import.

`--help`, completion and the check of a command line need the names, ranges and defaults of knobs,
but PyTorch and Ray take seconds to import. An outline executes only the parts of a file that define
signatures: imports of this project and of the standard library, constants, and functions without
their decorators. What comes from another library is a placeholder, so the functions cannot run.
`tests/contracts/test_outlines.py` compares the knobs of every member with those of the imported
module.
"""

import ast
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

PROJECT = ("trainables", "tuner", "search_spaces", "analysis")
IMPORTED = ("trainables.errors", "trainables.credentials", "trainables.io", "trainables.hparams")
"""Packages of the project that import no large library, so that they are imported themselves."""
LIGHT_LIBRARIES = ("pydantic", *sys.stdlib_module_names)


class Anything(type):
    """Metaclass of a placeholder, whose attributes are the placeholder too."""

    def __getattr__(cls, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return PLACEHOLDER


class PLACEHOLDER(metaclass=Anything):
    """What a library that is not imported would define; as a type it has no range."""


@cache
def load_outline(name: str) -> ModuleType:
    """Return the outline of a module of this project.

    Args:
        name: Dotted name, e.g. "trainables.methods.trades".

    Raises:
        LookupError: If there is no such module.
    """
    path = find_source(name)
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    module = ModuleType(name, ast.get_docstring(tree))
    module.__file__ = str(path)
    for statement in keep_signatures(tree.body):
        execute(statement, module)
    return module


def find_source(name: str) -> Path:
    """Return the file of a module, without importing the packages that contain it.

    Raises:
        LookupError: If there is none.
    """
    top, *inner = name.split(".")
    spec = importlib.util.find_spec(top)
    for root in (spec and spec.submodule_search_locations) or ():
        base = Path(root, *inner)
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return path
    raise LookupError(f"no module {name}.")


def keep_signatures(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module that can define a signature, functions undecorated."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef):
            statement.decorator_list = []
            yield statement
        elif isinstance(statement, ast.If | ast.Try):
            yield from keep_signatures(statement.body)
        elif isinstance(
            statement, ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign | ast.ClassDef
        ):
            yield statement


def execute(statement: ast.stmt, module: ModuleType) -> None:
    """Execute one statement in an outline; names that it cannot define become placeholders."""
    names = vars(module)
    if isinstance(statement, ast.ImportFrom):
        for alias in statement.names:
            names[alias.asname or alias.name] = find_import(str(statement.module), alias.name)
    elif isinstance(statement, ast.Import):
        for alias in statement.names:
            target = alias.name if alias.asname else alias.name.partition(".")[0]
            names[alias.asname or target] = find_module(target)
    elif isinstance(statement, ast.ClassDef):
        names[statement.name] = PLACEHOLDER
    else:
        code = compile(ast.Module([statement], []), str(module.__file__), "exec")
        try:
            exec(code, names)
        except Exception:  # it needs a library that is not imported
            names |= dict.fromkeys(assigned_names(statement), PLACEHOLDER)


def assigned_names(statement: ast.stmt) -> list[str]:
    """Return the names that a statement assigns or defines."""
    if isinstance(statement, ast.FunctionDef):
        return [statement.name]
    nodes = ast.walk(statement)
    return [
        node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]


def find_import(module: str, name: str) -> object:
    """Return what `from module import name` binds."""
    if module.partition(".")[0] in PROJECT:
        try:
            return find_module(f"{module}.{name}")
        except LookupError:
            pass
    return getattr(find_module(module), name, PLACEHOLDER)


def find_module(name: str) -> object:
    """Return a module, its outline, or a placeholder.

    Raises:
        LookupError: If the module would be of this project, and there is none.
    """
    top = name.partition(".")[0]
    if top in PROJECT and not f"{name}.".startswith(tuple(f"{each}." for each in IMPORTED)):
        return load_outline(name)
    if top not in (*PROJECT, *LIGHT_LIBRARIES):
        return PLACEHOLDER
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise LookupError(f"no module {name}.") from error
