"""`search.yaml`: what it may say, whoever has written it."""

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from trainables import plain_yaml
from trainables.constraint import constraint
from trainables.problems import expected
from trainables.ranges import Count, Natural

FILE = "search.yaml"


def bound(text: str) -> str:
    """Return a constraint as it is written.

    Raises:
        ValueError: If it is none.
    """
    constraint(text)
    return text


class Variant(TypedDict, total=False):
    """What is searched, as it would be typed, and what is fixed."""

    searched: dict[str, str]
    fixed: dict[str, dict[str, object]]
    published: dict[str, str]


class Keys(TypedDict, total=False):
    """Those keys of a study that anybody looks at."""

    trials: Count
    epochs: Count
    constraint: Annotated[str, AfterValidator(bound)] | None
    objectives: list[str]


class Level(TypedDict, total=False):
    """A whole run."""

    epochs: Count


class Study(Variant, total=False):
    """The file."""

    command: str
    space: str
    recipe: str
    variants: dict[str, Variant]
    study: Keys
    levels: list[Level]
    earlier_levels: Natural
    scheduler: dict[str, object]
    searcher: dict[str, object]
    versions: dict[str, object]
    machine: dict[str, object]
    git_commit: str | None


STUDY: TypeAdapter[Study] = TypeAdapter(Study)


def read(file: Path) -> Any:  # noqa: ANN401
    """Return what a `search.yaml` says, as it says it; what it leaves out its readers miss.

    Raises:
        YAMLError: If it cannot be read, or says something in a form that no study writes.
    """
    found = plain_yaml.read(file)
    try:
        STUDY.validate_python(found if isinstance(found, dict) else {})
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "what it holds"
        raise yaml.YAMLError(f"{where} {expected(error)}") from None
    return found
