"""Schema and reader of `search.yaml`."""

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from trainables.errors import format_validation_error
from trainables.hparams.ranges import Count, Natural
from trainables.io import safe_yaml
from trainables.training.constraint import parse_constraint


def valid_constraint(text: str) -> str:
    """Return a constraint as it is written.

    Raises:
        ValueError: If it is none.
    """
    parse_constraint(text)
    return text


class VariantSection(TypedDict, total=False):
    """What is searched, as it would be typed, and what is fixed."""

    searched: dict[str, str]
    fixed: dict[str, dict[str, object]]
    published: dict[str, str]


class SettingsSection(TypedDict, total=False):
    """Those keys of a study that anybody looks at."""

    trials: Count
    epochs: Count
    constraint: Annotated[str, AfterValidator(valid_constraint)] | None
    objectives: list[str]


class LevelSection(TypedDict, total=False):
    """A whole run."""

    epochs: Count


class SearchYaml(VariantSection, total=False):
    """The file."""

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


SEARCH_YAML: TypeAdapter[SearchYaml] = TypeAdapter(SearchYaml)


def read_search_yaml(file: Path) -> Any:  # noqa: ANN401
    """Return what a `search.yaml` says, as it says it; what it leaves out its readers miss.

    Raises:
        YAMLError: If it cannot be read, or says something in a form that no study writes.
    """
    found = safe_yaml.read_yaml(file)
    try:
        SEARCH_YAML.validate_python(found if isinstance(found, dict) else {})
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "what it holds"
        raise yaml.YAMLError(f"{where} {format_validation_error(error)}") from None
    return found
