"""Schema and reader of `search.yaml`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, cast

import yaml
from pydantic import AfterValidator, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from trainables.credentials import redact_values
from trainables.errors import format_validation_error
from trainables.hparams.ranges import Count, Fraction, Natural
from trainables.io import safe_yaml
from trainables.training.constraint import parse_constraint


def valid_constraint(text: str) -> str:
    """Return a constraint unchanged.

    Raises:
        ValueError: If it is not a valid constraint.
    """
    parse_constraint(text)
    return text


class ClassesSection(TypedDict, total=False):
    """Classes of the validation split."""

    classes: Count
    largest_share: Fraction


class VariantSection(TypedDict, total=False):
    """Searched knobs, as typed on the command line, fixed groups, and the validation split."""

    searched: dict[str, str]
    priors: dict[str, str]
    fixed: dict[str, dict[str, object]]
    published: dict[str, str]
    validation_classes: ClassesSection


class SettingsSection(TypedDict, total=False):
    """The study keys that are read."""

    trials: Count
    epochs: Count
    constraint: Annotated[str, AfterValidator(valid_constraint)] | None
    objectives: list[str]


class LevelSection(TypedDict, total=False):
    """A fidelity level."""

    epochs: Count


class SearchYaml(VariantSection, total=False):
    """The content of `search.yaml`."""

    command: str
    space: str
    recipe: str
    variants: dict[str, VariantSection]
    study: SettingsSection
    levels: list[LevelSection]
    earlier_levels: Natural
    scheduler: dict[str, object]
    searcher: dict[str, object]
    versions: dict[str, object]
    machine: dict[str, object]
    git_commit: str | None
    finished: bool


SEARCH_YAML: TypeAdapter[SearchYaml] = TypeAdapter(SearchYaml)


def variants_of(content: SearchYaml) -> Mapping[str, VariantSection]:
    """Return the variants of a study by label; a study without variants is one, labelled ""."""
    return content.get("variants") or {"": content}


def read_search_yaml(file: Path) -> SearchYaml | None:
    """Return the content of a `search.yaml`, validated; `None`: it is no mapping.

    Keys may be missing, and there may be others, such as those of later versions.

    Earlier versions wrote the credentials of addresses, which are redacted here.

    Raises:
        YAMLError: If it cannot be read or is invalid.
    """
    content = safe_yaml.read_yaml(file)
    if not isinstance(content, dict):
        return None
    try:
        SEARCH_YAML.validate_python(content)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "its content"
        raise yaml.YAMLError(f"{where} {format_validation_error(error)}") from None
    # the validated copy lacks the other keys
    return cast(SearchYaml, redact_values(content))
