"""Write the reference pages of `docs/reference/` from the code: `python -m docs.generate`.

Signatures give types, ranges and defaults; docstrings give meanings and papers. The pages are
committed. `--check` writes nothing and fails if a page differs from the code. `--gpu-hours` also
writes the page of GPU-hours, which takes about two minutes; the other pages take seconds.
"""

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from docs.gpu_hours_page import gpu_hours_page
from docs.pages import PAGES

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"
GPU_HOURS = "gpu_hours.md"
"""The page that takes minutes."""
NOTE = "<!-- Generated from the code by `python -m docs.generate`. Do not edit. -->"
WITH_EXAMPLES = ("extend.md",)
"""Pages of `docs/` that show files of `examples/`."""
EXAMPLE = re.compile(r"(<!-- (examples/\w+\.py) -->\n```python\n).*?(```\n)", flags=re.DOTALL)


def reference() -> dict[Path, str]:
    """Return every generated file, but for the page of GPU-hours, and its text."""
    pages = {REFERENCE / name: page(build()) for name, (_, build) in PAGES.items()}
    pages[REFERENCE / "README.md"] = page(contents())
    for name in WITH_EXAMPLES:
        file = ROOT / "docs" / name
        pages[file] = with_examples(file.read_text(encoding="utf-8"))
    return pages


def page(text: str) -> str:
    """Return a text as a generated file."""
    return f"{NOTE}\n\n{text.strip()}\n"


def contents() -> str:
    """Return the first page of the reference."""
    links = "\n".join(f"- [{title}]({name})" for name, (title, _) in PAGES.items())
    return f"""# Reference

Every key, knob, component and column, generated from the signatures and docstrings of the code by
`python -m docs.generate`. `attuner search --help` prints the same in a terminal.

{links}
- [GPU-hours of the papers' tables]({GPU_HOURS})

A knob is set by its path (`attack.steps=7`) and searched by a domain in its place
(`'attack.steps=randint(1,11)'`). The knobs that you leave out have the value of the
[recipe](recipes.md), else the default in these tables. A number may be a fraction (`8/255`).
Ranges are written as intervals: `[0, 1)` contains 0 and does not contain 1.
"""


def with_examples(text: str) -> str:
    """Return a page with the examples that it names as they are now."""

    def shown_example(match: re.Match[str]) -> str:
        source = (ROOT / match[2]).read_text(encoding="utf-8").strip()
        return f"{match[1]}{source}\n{match[3]}"

    return EXAMPLE.sub(shown_example, text)


def stale(pages: Mapping[Path, str]) -> list[str]:
    """Return the files that differ from `pages`, lack, or are generated no longer."""
    wrong = [
        path
        for path, text in pages.items()
        if not path.exists() or text != path.read_text(encoding="utf-8")
    ]
    extra = [p for p in REFERENCE.glob("*") if p not in pages and p.name != GPU_HOURS]
    return sorted(str(path.relative_to(ROOT)) for path in [*wrong, *extra])


def main(words: list[str]) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m docs.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if stale")
    parser.add_argument("--gpu-hours", action="store_true", help="write that page too (2 minutes)")
    options = parser.parse_args(words)
    pages = reference()
    if options.gpu_hours:
        pages[REFERENCE / GPU_HOURS] = page(gpu_hours_page())
    found = stale(pages)
    for name in found:
        print(f"{name} is stale" if options.check else f"{name} is written")
    if options.check:
        if found:
            print("Run `python -m docs.generate` and commit the result.")
        return int(bool(found))
    REFERENCE.mkdir(exist_ok=True)
    for name in found:
        if ROOT / name in pages:
            (ROOT / name).write_text(pages[ROOT / name], encoding="utf-8")
        else:
            (ROOT / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
