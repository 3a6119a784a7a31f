"""A table with caption, lines and notes, as text, Markdown, LaTeX or HTML."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from jinja2 import Environment
from rich.table import Table
from rich.text import Text

HTML_TEMPLATE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string("""\
<table>
<caption>{{ sheet.caption }}</caption>
<thead><tr>
{% for heading in sheet.headings %}
<th scope="col">{{ heading }}</th>
{% endfor %}
</tr></thead>
<tbody>
{% for line in sheet.lines %}
<tr><th scope="row">{{ line.label }}{% if line.marks %}<sup>{{ line.marks|join(", ") }}</sup>\
{% endif %}</th>
{% for value in line.values %}
<td>{{ value or "-" }}</td>
{% endfor %}
</tr>
{% endfor %}
</tbody>
</table>
{% if sheet.notes %}
<ol class="notes">
{% for note in sheet.notes %}
<li>{{ note }}</li>
{% endfor %}
</ol>
{% endif %}
{% if sheet.verdicts %}
<ul class="verdicts">
{% for verdict in sheet.verdicts %}
<li>{{ verdict }}</li>
{% endfor %}
</ul>
{% endif %}
""")
LATEX_ESCAPES = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
}
SIGNED_NUMBER = re.compile(r"[+-]\d+(\.\d+)?")


@dataclass(frozen=True)
class TableLine:
    """One line of a table.

    Attributes:
        label: What it is of.
        values: One a heading but the first; empty where there is none.
        marks: Numbers of the notes that are of it.
    """

    label: str
    values: tuple[str, ...]
    marks: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TextTable:
    """A table.

    Attributes:
        caption: What it shows.
        headings: The first is that of the labels.
        lines: In order.
        notes: Numbered from 1, below it.
        verdicts: Sentences below the notes.
    """

    caption: str
    headings: tuple[str, ...]
    lines: tuple[TableLine, ...]
    notes: tuple[str, ...] = ()
    verdicts: tuple[str, ...] = ()

    def html(self) -> str:
        """Return the table as HTML, with caption, notes and verdicts."""
        return HTML_TEMPLATE.render(sheet=self)

    def markdown(self) -> str:
        """Return the table as GitHub's Markdown."""
        rows = [
            [
                escape_markdown(line.label) + format_markdown_marks(line.marks),
                *map(escape_markdown, fill_values(line)),
            ]
            for line in self.lines
        ]
        table = [list(map(escape_markdown, self.headings)), build_ruler(self.headings), *rows]
        parts = [
            f"**{escape_markdown(self.caption)}**",
            "\n".join(f"| {' | '.join(row)} |" for row in table),
            "\n".join(f"{number}. {escape_markdown(n)}" for number, n in enumerate(self.notes, 1)),
            "\n".join(f"- {escape_markdown(verdict)}" for verdict in self.verdicts),
        ]
        return "\n\n".join(part for part in parts if part) + "\n"

    def latex(self) -> str:
        """Return the table as a LaTeX float, which needs booktabs."""
        rows = [
            [
                escape_latex(line.label) + format_latex_marks(line.marks),
                *map(format_signed, fill_values(line)),
            ]
            for line in self.lines
        ]
        body = "\n".join(f"    {' & '.join(row)} \\\\" for row in rows)
        below = [
            f"{format_latex_marks((n,))}\\,{escape_latex(note)}"
            for n, note in enumerate(self.notes, 1)
        ]
        below += map(escape_latex, self.verdicts)
        return "\n".join([
            r"\begin{table}",
            r"  \centering",
            f"  \\caption{{{escape_latex(self.caption)}}}",
            f"  \\begin{{tabular}}{{l{'r' * (len(self.headings) - 1)}}}",
            r"    \toprule",
            f"    {' & '.join(map(escape_latex, self.headings))} \\\\",
            r"    \midrule",
            body,
            r"    \bottomrule",
            r"  \end{tabular}",
            *(f"\n  {{\\footnotesize {text}\\par}}" for text in below),
            r"\end{table}",
            "",
        ])

    def text(self) -> Iterable[Table | Text]:
        """Yield the lines of the table for a terminal; a heading names the source of numbers."""
        kinds = list(dict.fromkeys(name.partition(": ")[2] for name in self.headings[1:]))
        alone = len(kinds) < 2
        table = Table(box=None, pad_edge=False)
        for place, name in enumerate(self.headings if alone else [self.headings[0], *kinds]):
            table.add_column(Text(name), justify="right" if place else "left")
        for line in self.lines:
            label = line.label + "".join(f" [{mark}]" for mark in line.marks)
            table.add_row(*map(Text, [label, *(fill_values(line) if alone else [])]))
            for name, row in [] if alone else group_by_measurement(self.headings, line):
                table.add_row(*map(Text, (f"  {name}", *(row.get(kind, "") for kind in kinds))))
        yield Text(self.caption)
        yield table
        yield from (Text(f"[{number}] {note}") for number, note in enumerate(self.notes, 1))
        yield from (Text(f"- {verdict}") for verdict in self.verdicts)


def group_by_measurement(
    headings: Sequence[str], line: TableLine
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the measurements of a line that have values, with the values by their source."""
    found: dict[str, dict[str, str]] = {}
    for heading, value in zip(headings[1:], line.values, strict=True):
        name, _, kind = heading.partition(": ")  # headings name both
        found.setdefault(name, {})[kind] = value
    for name, row in found.items():
        if any(row.values()):
            yield name, {kind: value or "-" for kind, value in row.items()}


def fill_values(line: TableLine) -> list[str]:
    """Return the values of a line, with a dash for each missing one."""
    return [value or "-" for value in line.values]


def build_ruler(headings: Sequence[str]) -> list[str]:
    """Return the line below the headings, which sets the alignment of the columns."""
    return ["---", *["---:"] * (len(headings) - 1)]


def escape_markdown(text: str) -> str:
    r"""Return a text with the special characters of Markdown escaped.

    >>> print(escape_markdown("a|b_c<d>"))
    a\|b\_c\<d\>
    """
    return re.sub(r"([\\`*_{}\[\]<>|&~#$])", r"\\\1", " ".join(text.split()))


def escape_latex(text: str) -> str:
    r"""Return a text with the special characters of LaTeX escaped.

    >>> print(escape_latex("50 % of a_b & c"))
    50 \% of a\_b \& c
    """
    return "".join(LATEX_ESCAPES.get(sign, sign) for sign in " ".join(text.split()))


def format_signed(text: str) -> str:
    """Return a value for LaTeX, with the minus sign of numbers."""
    return f"${text}$" if SIGNED_NUMBER.fullmatch(text) else escape_latex(text)


def format_markdown_marks(marks: Sequence[int]) -> str:
    """Return marks for Markdown."""
    return f"<sup>{', '.join(map(str, marks))}</sup>" if marks else ""


def format_latex_marks(marks: Sequence[int]) -> str:
    """Return marks for LaTeX."""
    return f"\\textsuperscript{{{', '.join(map(str, marks))}}}" if marks else ""
