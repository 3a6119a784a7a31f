"""Sections of the reference pages: the groups of components, their members and knobs."""

import pkgutil
import re
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType

from docs.render import coded, escaped, first_line, knob_table, prose, table, typed_value
from trainables.components import GROUPS
from trainables.hparams import registry
from trainables.hparams.group import Group
from trainables.hparams.knobs import read_knobs
from tuner.config.domains import format_domain, is_domain
from tuner.config.study_groups import STUDY_GROUPS

ALL_GROUPS = {**GROUPS, **STUDY_GROUPS}


def group(name: str, title: str) -> str:
    """Return the section of a group: its members, their knobs, and the knobs of every member."""
    found = ALL_GROUPS[name]
    if not found.package:
        meaning = found.description[:1].upper() + found.description[1:]
        own = knob_table(found.common_knobs(), f"{name}.")
        return f"## {title}\n\n{meaning}. Knobs: `{name}.KNOB=VALUE`.\n\n{own}"
    chosen = f"`{name}=NAME` chooses {escaped(found.description)}; `{name}.KNOB=VALUE` sets a knob."
    return f"## {title}\n\n{chosen}\n\n{members(found, name + '=', name + '.')}"


def members(found: Group, choice: str, prefix: str) -> str:
    """Return the members of a group: a table of all, and a section for each.

    Args:
        found: The group.
        choice: What is typed before the name of a member, such as "attack=".
        prefix: What is typed before the name of a knob, such as "attack."; "{}" is the member.
    """
    assert found.package is not None
    modules = {name: found.load(name) for name in member_names(found.package)}
    common = found.common_knobs()
    overview = table((choice.rstrip("="), "description"), first_lines(choice.rstrip("="), modules))
    parts = [overview]
    for name, module in modules.items():
        own = {key: knob for key, knob in found.member_knobs(name).items() if key not in common}
        parts.append(f"### `{choice}{name}`\n\n{prose(module)}")
        if companions := assignments(getattr(module, "COMPANIONS", {})):
            parts.append(f"Sets {coded(companions)} unless you set them.")
        if own:
            parts.append(knob_table(own, prefix.format(name)))
    if common:
        parts.append(f"### Knobs of every `{choice}`\n\n{knob_table(common, prefix)}")
    return "\n\n".join(parts)


def member_names(folder: str) -> list[str]:
    """Return the members of a registry that this repository holds; plugins are left out."""
    package = import_module(folder)
    found = [each.name for each in pkgutil.iter_modules(package.__path__) if not each.ispkg]
    return sorted(name for name in found if not name.startswith("_"))


def summary(key: str, folder: str) -> str:
    """Return a table of the members of a registry."""
    modules = {name: registry.load_member(folder, name) for name in member_names(folder)}
    return table((key, "meaning"), [(f"`{k}`", first_line(m)) for k, m in modules.items()])


def first_lines(key: str, modules: Mapping[str, ModuleType]) -> list[tuple[str, str]]:
    """Return rows of links to the sections of members, with the first line of their docstrings."""
    return [
        (f"[`{name}`](#{key.replace('=', '')}{name})", first_line(module))
        for name, module in modules.items()
    ]


def assignments(layer: Mapping[str, Mapping[str, object]]) -> list[str]:
    """Return the settings of a space or recipe, each as it would be typed."""
    return [
        f"{name if knob == 'name' else f'{name}.{knob}'}="
        f"{rounded(format_domain(value)) if is_domain(value) else typed_value(value)}"
        for name, values in layer.items()
        for knob, value in values.items()
    ]


def rounded(domain: str) -> str:
    """Return the text of a domain with at most six digits per number.

    >>> rounded("grid(0, 0.09090909090909091)")
    'grid(0, 0.0909091)'
    """
    return re.sub(r"\d+\.\d{7,}", lambda number: f"{float(number[0]):.6g}", domain)


def settings_table(settings: type) -> str:
    """Return the keys of a command in a table."""
    return knob_table(read_knobs(settings), "", title="key")
