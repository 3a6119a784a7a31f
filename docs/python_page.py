"""The reference page of the names that `tuner` offers to Python, from signatures and docstrings."""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from functools import cached_property

import tuner
from docs.render import escaped, table
from trainables.hparams.knobs import parse_argument_docs
from tuner.api.evaluation import evaluate

NAMES = ("Study", "StudyPlan", "Result", "Best", "evaluate", "InputError")
"""Public names in the order of the page."""
HEADING = re.compile(r"^(Args|Attributes|Returns|Raises):\n", re.MULTILINE)


def python() -> str:
    """Return the page of the interface for Python."""
    assert sorted(NAMES) == sorted(tuner.__all__)
    listed = "\n\n".join(
        function_section(name, evaluate, "##")
        if name == "evaluate"
        else class_section(getattr(tuner, name))
        for name in NAMES
    )
    return f"""# Python

`from tuner import Study` imports a name of this page; [Python](../python.md) shows how to use them.
The keys of a study are those of the command line: [keys of a study](study.md) and the knobs of the
other pages. The keys of `evaluate` are those of
[`tuner.evaluate`](evaluation.md#keys-of-tunerevaluate).

{listed}"""


def class_section(owner: type) -> str:
    """Return the section of a class: its constructor, attributes, properties and methods."""
    parts = [f"## `{owner.__name__}`", describe(owner)]
    if attributes := parse_argument_docs(owner):
        parts.append(entry_table("attribute", attributes))
    if properties := dict(list_properties(owner)):
        parts.append(entry_table("property", properties))
    if owner is tuner.Study:  # the others are returned, not made
        parts.append(function_section(owner.__name__, owner.__init__, "###"))
    for name, method in vars(owner).items():
        function = method.__func__ if isinstance(method, classmethod) else method
        if inspect.isfunction(function) and not name.startswith("_"):
            place = owner.__name__ if isinstance(method, classmethod) else owner.__name__.lower()
            parts.append(function_section(f"{place}.{name}", function, "###"))
    return "\n\n".join(parts)


def list_properties(owner: type) -> Iterator[tuple[str, str]]:
    """Yield the name of each property of a class, and its meaning with its errors."""
    for name, member in vars(owner).items():
        if isinstance(member, property | cached_property):
            body, sections = split_docstring(member)
            raises = f" Raises {join_lines(sections['Raises'])}" if "Raises" in sections else ""
            yield name, join_lines(body) + raises


def function_section(name: str, function: Callable[..., object], level: str) -> str:
    """Return the section of a function: signature, meaning, arguments, returns, raises."""
    parts = [
        f"{level} `{name}()`",
        f"    {name}{signature(function)}",
        describe(function),
    ]
    if arguments := parse_argument_docs(function):
        parts.append(entry_table("argument", arguments))
    _, sections = split_docstring(function)
    parts += [
        f"**{title}** {escaped(join_lines(sections[title]))}"
        for title in ("Returns", "Raises")
        if title in sections
    ]
    return "\n\n".join(parts)


def signature(function: Callable[..., object]) -> str:
    """Return the signature of a function as its source has it, without `self`."""
    source = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(source, ast.FunctionDef)
    arguments = re.sub(r"^(self|cls)(, )?", "", ast.unparse(source.args)).replace("=", " = ")
    returns = "" if source.name == "__init__" else f" -> {ast.unparse(source.returns or source)}"
    return f"({arguments}){returns}".replace("-> 'Study'", "-> Study")


def describe(owner: object) -> str:
    """Return what a docstring says before its sections, as Markdown."""
    return escaped(split_docstring(owner)[0].strip())


def split_docstring(owner: object) -> tuple[str, dict[str, str]]:
    """Return what a docstring says before its sections, and each section by title."""
    body, *rest = HEADING.split(inspect.getdoc(owner) or "")
    return body, dict(zip(rest[::2], rest[1::2], strict=True))


def join_lines(text: str) -> str:
    """Return text in one line."""
    return re.sub(r"\s+", " ", text).strip()


def entry_table(title: str, entries: dict[str, str]) -> str:
    """Return names and meanings as a table."""
    rows = [(f"`{name}`", escaped(meaning)) for name, meaning in entries.items()]
    return table((title, "meaning"), rows)
