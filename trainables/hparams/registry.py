"""The registry of members: the file `methods/trades.py` is the method "trades"."""

import importlib
import importlib.util
import os
import pkgutil
from functools import cache
from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from types import ModuleType

from trainables.errors import InputError, did_you_mean
from trainables.hparams.outline import find_source, load_outline
from trainables.hparams.ranges import absolute_path
from trainables.hparams.trusted_code import check_trusted, is_code_file

FORMER_NAMES = {
    "conflicts": "clashes",
    "unused": "idles",
    "warnings": "cautions",
    "GRADIENT_STEPS": "SLOPES",
}
"""What files of members may define besides their functions, by its name in earlier versions."""


def find_hook(module: ModuleType | None, name: str) -> object:
    """Return what a member defines under `name`, or under its former name; `None`: it does not."""
    return getattr(module, name, None) or getattr(module, FORMER_NAMES[name], None)


def list_members(folder: str) -> list[str]:
    """Return the sorted names of the members in the package `folder` and in installed plugins.

    Files with a leading underscore are not members.
    """
    names = find_modules(folder).keys() | find_plugins(folder).keys()
    return sorted(name for name in names if not name.startswith("_"))


@cache
def find_modules(folder: str) -> dict[str, str]:
    """Return the dotted names of the modules of a package by their names.

    Those of the packages that its `MEMBER_PACKAGES` lists are members too.
    """
    folders = (*getattr(load_outline(folder), "MEMBER_PACKAGES", ()), folder)
    return {
        module.name: f"{package}.{module.name}"
        for package in folders
        for module in pkgutil.iter_modules([str(find_source(package).parent)])
        if not module.ispkg
    }


@cache
def find_plugins(folder: str) -> dict[str, EntryPoint]:
    """Return the plugins of `folder` by name: entry points of the group `attuner.FOLDER`.

    A package adds the method "mine" with these lines in its pyproject.toml:
    `[project.entry-points."attuner.trainables.methods"]` and `mine = "my_package.mine"`.
    """
    group = f"attuner.{folder}"
    return {entry.name: entry for entry in installed_plugins() if entry.group == group}


@cache
def installed_plugins() -> tuple[EntryPoint, ...]:
    """Return the plugins of all installed packages, read once, as there can be hundreds."""
    entries = (entry for package in distributions() for entry in package.entry_points)
    return tuple(entry for entry in entries if entry.group.startswith("attuner."))


def locate_member(folder: str, name: str) -> str:
    """Return the dotted name of the module of a member.

    Raises:
        KeyError: If there is no such member.
    """
    plugins = find_plugins(folder)
    return plugins[name].module if name in plugins else find_modules(folder)[name]


def missing_member(folder: str, name: str) -> str:
    """Return that a package has no member of a name, and which it has; "": it has one."""
    members = list_members(folder)
    if name in members:
        return ""
    kind = folder.rpartition(".")[2]
    hint = did_you_mean(name, members)
    if name.endswith(".npz") and "arrays" in members:
        hint = f" Custom images: data=arrays data.path={name}."
    return f"no {name!r} in {kind}.{hint} There are: {', '.join(members)}."


def load_member(folder: str, name: str) -> ModuleType:
    """Return the member `name` of `folder`, or the custom file at the path `name`.

    Args:
        folder: Dotted name of a package, e.g. "trainables.methods".
        name: File name without its suffix, e.g. "trades", or a path ending in ".py".

    Returns:
        The imported module.

    Raises:
        LookupError: If there is no such member or file; the message lists the members.
    """
    if is_code_file(name):
        return load_file(Path(os.path.expanduser(name)))
    if problem := missing_member(folder, name):
        raise LookupError(problem)
    if name in find_plugins(folder):
        plugin: ModuleType = find_plugins(folder)[name].load()
        return plugin
    return importlib.import_module(find_modules(folder)[name])


def load_file(path: Path) -> ModuleType:
    """Return the module of the file at `path`, if it is trusted.

    Raises:
        LookupError: If there is no file, or importing it fails.
        InputError: If the file is not trusted.
    """
    try:
        exists = path.is_file()
        if not exists and shipped_path(path).is_file():
            path, exists = shipped_path(path), True
    except OSError as error:
        raise LookupError(f"no file {path} ({error.strerror}).") from None
    if problems := list(check_trusted([str(path)])):
        raise InputError(problems)
    if not exists:
        raise LookupError(f"no file {path}.")
    spec = importlib.util.spec_from_file_location(path.stem, path.resolve())
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a custom file can raise anything
        raise LookupError(f"{path} cannot be imported: {type(error).__name__}: {error}.") from error
    return module


def shipped_path(path: Path) -> Path:
    """Return the path of a custom file's copy on a cluster node, relative to a trial's folder."""
    return Path("files", *absolute_path(path).parts[1:])
