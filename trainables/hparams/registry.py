"""A folder is the registry: `methods/trades.py` is the method "trades"."""

import importlib
import importlib.util
import os
import pkgutil
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from trainables.errors import InputError, did_you_mean
from trainables.hparams.ranges import absolute_path
from trainables.hparams.trusted_code import check_trusted, is_code_file


def list_members(folder: str) -> list[str]:
    """Return the members of the package `folder`, sorted, and those of installed packages.

    A leading underscore hides a file.
    """
    package = importlib.import_module(folder)
    found = {module.name for module in pkgutil.iter_modules(package.__path__) if not module.ispkg}
    return sorted(name for name in found | find_plugins(folder).keys() if not name.startswith("_"))


@cache
def find_plugins(folder: str) -> dict[str, EntryPoint]:
    """Return what installed packages add to `folder`: entry points of the group `attuner.FOLDER`.

    A package adds the method "mine" with, in its pyproject.toml,
    `[project.entry-points."attuner.trainables.methods"]` and `mine = "my_package.mine"`.
    """
    return {each.name: each for each in entry_points(group=f"attuner.{folder}")}


def load_member(folder: str, name: str) -> ModuleType:
    """Return the member `name` of `folder`, or the user's own file that `name` is a path to.

    Args:
        folder: Dotted name of a package, e.g. "trainables.methods".
        name: File name without its suffix, e.g. "trades", or a path that ends in ".py".

    Returns:
        The imported module.

    Raises:
        LookupError: If there is no such member or file; the message lists the members.
    """
    if is_code_file(name):
        return load_file(Path(os.path.expanduser(name)))
    known = list_members(folder)
    if name not in known:
        kind = folder.rpartition(".")[2]
        raise LookupError(
            f"no {name!r} in {kind}.{did_you_mean(name, known)} There are: {', '.join(known)}."
        )
    if name in find_plugins(folder):
        plugin: ModuleType = find_plugins(folder)[name].load()
        return plugin
    return importlib.import_module(f"{folder}.{name}")


def load_file(path: Path) -> ModuleType:
    """Return the module that the file at `path` defines, if it may be imported.

    Raises:
        LookupError: If there is no file, or it fails when imported.
        InputError: If nobody trusts it.
    """
    try:
        found = path.is_file()
        if not found and shipped_path(path).is_file():
            path, found = shipped_path(path), True
    except OSError as error:
        raise LookupError(f"no file {path} ({error.strerror}).") from None
    if problems := list(check_trusted([str(path)])):
        raise InputError(problems)
    if not found:
        raise LookupError(f"no file {path}.")
    spec = importlib.util.spec_from_file_location(path.stem, path.resolve())
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a user's file can fail in any way
        raise LookupError(f"{path} cannot be imported: {type(error).__name__}: {error}.") from error
    return module


def shipped_path(path: Path) -> Path:
    """Return where the copy of a user's file lies that a node of a cluster was sent.

    It is relative to the folder that a trial runs in there.
    """
    return Path("files", *absolute_path(path).parts[1:])
