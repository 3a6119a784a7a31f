"""Files with the arguments of a search: `config=study.yaml`, or several, `config=a.yaml,b.yaml`.

A file is read as the words of a command line. Later files override earlier ones, and the command
line overrides all. `search.yaml` of a study, and sweeps of W&B and Hydra, are files too.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, cast

import yaml
from pydantic import Field

from trainables.hparams.group import group_values
from trainables.hparams.ranges import PathText
from trainables.hparams.trusted_code import find_code_files
from trainables.io import safe_yaml
from tuner.cli.parse import CommandLine, Vocabulary, merge_nested, parse_command_line
from tuner.cli.values import OptionalCommaList
from tuner.config.earlier_study import is_search_yaml, repeat_study
from tuner.config.hydra_sweep import is_hydra_sweep, read_hydra_sweep
from tuner.config.wandb_sweep import is_wandb_sweep, read_wandb_sweep
from tuner.layout import SEARCH_FILE

CONFIG_KEY = "config"


@dataclass(frozen=True, kw_only=True)
class FileSettings:
    """The key that names the files.

    Attributes:
        config: YAML files with arguments, separated by commas; later ones override earlier ones,
            and the command line overrides all. Also search.yaml of a study, to repeat it, and
            sweeps of W&B and Hydra.
    """

    config: Annotated[tuple[Annotated[PathText, Field(min_length=1)], ...], OptionalCommaList] = ()


@dataclass(frozen=True, kw_only=True)
class StudyFile:
    """The arguments in a file.

    Attributes:
        arguments: Arguments as nested dictionaries.
        problems: What is wrong, without the name of the file.
        notes: What was ignored.
        is_trusted: Whether Python files that it names may run; else they must be typed too.
    """

    arguments: Mapping[str, object]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    is_trusted: bool = True


def parse_with_files(words: Sequence[str], vocabulary: Vocabulary) -> CommandLine:
    """Parse a command line whose arguments may come from files.

    Args:
        words: Command line without the program.
        vocabulary: Keys and groups, without `config`.
    """
    typed = [word for word in words if word.partition("=")[0] != CONFIG_KEY]
    names = [word.partition("=")[2] for word in words if word not in typed]
    line = parse_command_line(typed, vocabulary, takes_folders=False)
    line = replace(line, words=tuple(words))
    if len(names) > 1:
        problem = f"{CONFIG_KEY}: typed {len(names)} times; write {CONFIG_KEY}=a.yaml,b.yaml."
        return replace(line, problems=(*line.problems, problem))
    return merge_files(line, [name.strip() for name in "".join(names).split(",")], vocabulary)


def merge_files(line: CommandLine, names: Sequence[str], vocabulary: Vocabulary) -> CommandLine:
    """Return a command line on top of the arguments in files."""
    merged, sources = dict[str, object](), dict[str, str]()
    problems, notes = list(line.problems), list[str]()
    for name in filter(None, names):
        file = load_study_file(Path(name), vocabulary)
        problems += [f"{CONFIG_KEY}: {name}: {text}" for text in file.problems]
        if not file.is_trusted:
            typed = set(find_code_files(line.arguments))
            problems += [
                f"{CONFIG_KEY}: {name}: names {code}, which would be run as code. Read it, then "
                "name it on the command line too."
                for code in dict.fromkeys(find_code_files(file.arguments))
                if code not in typed
            ]
        notes += [f"{CONFIG_KEY}: {name}: {text}" for text in file.notes]
        overlay_arguments(merged, file.arguments, vocabulary)
        sources |= dict.fromkeys(list_keys(file.arguments), name)
    overlay_arguments(merged, line.arguments, vocabulary)
    typed_keys = set(list_keys(line.arguments))
    return replace(
        line,
        arguments=merged,
        problems=tuple(problems),
        notes=(*line.notes, *notes),
        sources={key: name for key, name in sources.items() if key not in typed_keys},
    )


def overlay_arguments(
    below: dict[str, object], upper: Mapping[str, object], vocabulary: Vocabulary
) -> None:
    """Overwrite arguments; if another member is chosen, knobs of the former one are dropped."""
    for name, group in vocabulary.groups.items():
        values, former = group_values(upper, name), group_values(below, name)
        if "name" in values and "name" in former and values["name"] != former["name"]:
            common = group.common_knobs()
            below[name] = {knob: value for knob, value in former.items() if knob in common}
    merge_nested(below, upper)


def list_keys(arguments: Mapping[str, object]) -> list[str]:
    """Return the keys of nested arguments as they are typed."""
    return [
        key if knob in {None, "name"} else f"{key}.{knob}"
        for key, value in arguments.items()
        for knob in (value if isinstance(value, Mapping) else [None])
    ]


def load_study_file(path: Path, vocabulary: Vocabulary) -> StudyFile:
    """Return the arguments in a file; its problems if it cannot be read."""
    try:
        content = safe_yaml.read_yaml(path.expanduser())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0]
        return StudyFile(arguments={}, problems=(f"cannot be read ({reason}).",))
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        expected = "expected keys with values, such as `space: weight_decay`"
        return StudyFile(arguments={}, problems=(f"{expected}, got {type(content).__name__}.",))
    notes: list[str] = []
    problems: list[str] = []
    content = cast("dict[str, object]", content)
    is_study = is_search_yaml(content)
    if is_study:
        content = repeat_study(content, problems)
    elif is_wandb_sweep(content):
        content = read_wandb_sweep(content, notes, problems)
    elif is_hydra_sweep(content):
        content = read_hydra_sweep(content, notes, problems)
    line = parse_command_line(list_words(content), vocabulary, takes_folders=False)
    return StudyFile(
        arguments=line.arguments,
        problems=(*problems, *line.problems),
        notes=tuple(notes),
        # results may come from an untrusted source, whatever keys their files have
        is_trusted=not is_study and path.name != SEARCH_FILE,
    )


def list_words(content: Mapping[str, object], prefix: str = "") -> list[str]:
    """Return nested values as words of a command line.

    >>> list_words({"method": {"name": "trades", "beta": "uniform(1,12)"}, "trials": 4})
    ['method=trades', 'method.beta=uniform(1,12)', 'trials=4']
    """
    words: list[str] = []
    for key, value in content.items():
        if isinstance(value, Mapping):
            words += list_words(value, f"{prefix}{key}.")
        else:
            path = prefix.removesuffix(".") if prefix and key == "name" else f"{prefix}{key}"
            words.append(f"{path}={format_word(value)}")
    return words


def format_word(value: object) -> str:
    """Return a value of a file as it is typed.

    >>> format_word(True), format_word([0.5, 0.75]), format_word("8/255"), format_word(None)
    ('true', '[0.5, 0.75]', '8/255', 'none')
    """
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value)


def name_sources(problems: Sequence[str], sources: Mapping[str, str]) -> list[str]:
    """Return problems with the files that their keys come from."""
    keys = [problem.partition(":")[0] for problem in problems]
    return [
        f"{problem} (from {sources[key]})" if key in sources else problem
        for key, problem in zip(keys, problems, strict=True)
    ]
