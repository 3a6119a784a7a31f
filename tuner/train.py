"""Train one configuration without a search: `python -m tuner.train recipe=rice2020 seeds=3`."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import yaml
from rich.console import Console

from trainables.components import GROUPS
from trainables.errors import InputError
from trainables.hparams.group import Groups, group_values
from trainables.hparams.trusted_code import check_trusted, find_code_files, trust_files
from trainables.io import safe_yaml
from trainables.io.addresses import is_url
from trainables.io.remote_files import read_bytes
from tuner.cli.parse import CommandLine
from tuner.cli.run import run_command
from tuner.cli.schema import settings_of
from tuner.commands.train import COMMAND, TrainSettings
from tuner.config.compose import compose_plan
from tuner.config.newer_knobs import NewerKnobs, find_newer_knobs, set_knobs
from tuner.config.spaces import Space, check_layer
from tuner.launch import launch

KEPT_STUDY_KEYS = ("seed", "precision", "graphs", "deterministic", "compile", "constraint", "init")
"""Keys of a study that best/config.yaml holds."""


def main(words: Sequence[str]) -> int:
    """Run the command; return its exit status.

    Args:
        words: Command line without the program.
    """
    return run_command(words, COMMAND, train)


def train(line: CommandLine, console: Console) -> int:
    """Compose the plan and launch it; return the exit status.

    Raises:
        InputError: If an argument is invalid.
    """
    defaults = {"scheduler": {"name": "none"}, "searcher": {"name": "random"}, "trials": 1}
    _, problems = settings_of(line, TrainSettings)
    arguments = dict(line.arguments)
    if any(problem.startswith("config:") for problem in problems):
        raise InputError(problems)
    file = arguments.pop("config", None)
    if "trust" in arguments and file is None:
        problems.append("trust: goes with config=; files named on the command line are trusted.")
    with nullcontext() if file is None else trust_files(find_code_files(arguments)):
        base, kept = (None, {}) if file is None else load_config(str(file), arguments, problems)
        newer = NewerKnobs() if base is None else find_newer_knobs_of_winner(base.layer, arguments)
        if base is not None:
            base = replace(base, layer=set_knobs(base.layer, newer.former))
        plan = compose_plan({**defaults, **kept, **arguments}, problems, base=base, single=True)
        notes = (f"config: {text}" for text in newer.describe(file))
        plan = replace(plan, warnings=(*plan.warnings, *notes))
        return launch(plan, ["attuner", "train", *line.words], console).status


def find_newer_knobs_of_winner(groups: Groups, arguments: Mapping[str, object]) -> NewerKnobs:
    """Return the knobs with a former value that a winner's configuration is older than.

    A winner's configuration has every other knob; one that was written by hand may lack any.

    Args:
        groups: The configuration.
        arguments: Arguments of the command line, which override it.
    """
    newer = find_newer_knobs(groups)
    incomplete = {path.partition(".")[0] for path in newer.defaults}
    return NewerKnobs({
        path: value
        for path, value in newer.former.items()
        if path.partition(".")[0] not in incomplete
        and path.partition(".")[2] not in group_values(arguments, path.partition(".")[0])
    })


def load_config(
    name: str, arguments: Mapping[str, object], problems: list[str]
) -> tuple[Space, dict[str, object]]:
    """Return the fixed groups of a configuration file, and its keys of the study.

    Args:
        name: Path or address of the file.
        arguments: Arguments of the command line, which override the file.
        problems: Problems found so far; reported together with those of the file.

    Raises:
        InputError: If the file holds no configuration, or names a Python file that is not trusted.
    """
    if "recipe" in arguments:
        problems.append("config: replaces a recipe; leave recipe= out.")
    try:
        return read_config_file(name, arguments)
    except InputError as error:
        raise InputError([*problems, *error.problems]) from None


def read_config_file(name: str, arguments: Mapping[str, object]) -> tuple[Space, dict[str, object]]:
    """Return the fixed groups of a configuration file, and its keys of the study.

    Raises:
        InputError: If the file holds no configuration, or names a Python file that is not trusted.
    """
    try:
        text = read_bytes(name).decode() if is_url(name) else Path(name).read_text()
        config = safe_yaml.parse_yaml(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0]
        raise InputError([f"config: {name} cannot be read ({reason})."]) from None
    if not isinstance(config, Mapping) or "epochs" not in config:
        raise InputError([f"config: {name} is no configuration such as best/config.yaml."])
    layer = {group: values for group, values in config.items() if group in GROUPS}
    if problems := [f"config: {name} {problem}" for problem in check_layer(layer, "it")]:
        raise InputError(problems)
    names = ({**layer[group], **group_values(arguments, group)}.get("name") for group in layer)
    if problems := list(check_trusted(names)):
        raise InputError(problems)
    kept = {key: config[key] for key in KEPT_STUDY_KEYS if key in config}
    return Space(layer=layer, epochs=config["epochs"]), kept


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
