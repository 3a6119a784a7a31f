"""Arguments that repeat a study, read from its search.yaml."""

import shlex
from collections.abc import Mapping

from trainables.hparams.group import group_values

NOT_REPEATED = ("name", "resume", "dry_run", "results", "address")
"""Settings of a study that a repetition chooses anew."""
UNNAMED_SPACES = ("custom", "train")
"""Names of studies without a space."""


def is_search_yaml(content: Mapping[str, object]) -> bool:
    """Return whether a file is the search.yaml of a study."""
    return {"command", "study", "scheduler", "searcher"} <= content.keys()


def repeat_study(content: Mapping[str, object], problems: list[str]) -> dict[str, object]:
    """Return the arguments of a study as a file has them.

    A study of one variant has all its values resolved; those of several variants follow from the
    words that were typed.

    Args:
        content: The content of search.yaml.
        problems: Extended by what is wrong.
    """
    study = group_values(content, "study").items()
    arguments: dict[str, object] = {
        **{key: content[key] for key in ("space", "recipe") if key in content},
        **{key: value for key, value in study if key not in NOT_REPEATED},
        "scheduler": group_values(content, "scheduler"),
        "searcher": group_values(content, "searcher"),
    }
    if arguments.get("space") in UNNAMED_SPACES:
        del arguments["space"]
    if "variants" in content:
        return arguments | words_of_command(str(content["command"]), problems)
    fixed = group_values(content, "fixed")
    groups: dict[str, dict[str, object]] = {name: {**group_values(fixed, name)} for name in fixed}
    searched = {**group_values(content, "searched"), **group_values(content, "priors")}
    for path, domain in searched.items():
        group, _, knob = path.partition(".")
        groups.setdefault(group, {})[knob] = domain
    return arguments | groups


def words_of_command(command: str, problems: list[str]) -> dict[str, object]:
    """Return the arguments of a recorded command by their keys."""
    try:
        words = [word for word in shlex.split(command) if "=" in word]
    except ValueError as error:
        problems.append(f"command: cannot be read ({error}).")
        return {}
    keys = (word.partition("=")[::2] for word in words)
    typed: dict[str, object] = {
        key: text for key, text in keys if key not in {*NOT_REPEATED, "config"}
    }
    if any(word.startswith("config=") for word in words):
        problems.append("command: reads other files; name those with config= instead.")
    return typed
