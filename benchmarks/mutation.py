"""How many small changes of the formulas the tests notice.

    uv run --dev python -m benchmarks.mutation

Each change of `benchmarks.mutants` is made in memory, in a forked process that runs the tests
beside the changed module. A change that no test notices survives. Words are parts of paths; without
them every module below is changed. `--sample N` takes N changes of each module at random, and
`--fresh` forgets earlier results: without it, changes that were noticed are not tried again while
their module is the same, and survivors are not while their tests are the same too.

Survivors are kept in `mutation_survivors.json` beside this file, with a reason each, written by
hand. A reason that begins with "equivalent" says why no test can notice the change.
"""

import argparse
import gc
import hashlib
import importlib
import json
import os
import platform
import random
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest

from benchmarks.changed_module import ChangedModule
from benchmarks.mutants import Mutant, apply_mutant, find_mutants

ROOT = Path(__file__).parents[1]
SURVIVORS = Path(__file__).with_name("mutation_survivors.json")
RESULTS = ROOT / "results" / "mutation.jsonl"
TESTS = {
    "trainables/methods": ["tests/trainables/methods", "tests/contracts/test_methods.py"],
    "trainables/attacks": ["tests/trainables/attacks", "tests/contracts/test_attacks.py"],
    "trainables/updates": ["tests/trainables/updates", "tests/contracts/test_updates.py"],
    "trainables/criteria": ["tests/trainables/criteria"],
    "trainables/schedules": ["tests/trainables/schedules"],
    "trainables/eps_schedules": ["tests/trainables/schedules"],
    "trainables/threats": ["tests/trainables/threats"],
    "trainables/averages": ["tests/trainables/averages"],
    "trainables/robustness/validation_attack.py": [
        "tests/trainables/robustness/test_validation_attack.py"
    ],
    "trainables/training/checkpoint.py": ["tests/trainables/training/test_checkpoint.py"],
    "tuner/schedulers": ["tests/tuner/schedulers"],
}
"""Folders and modules that are changed, and the tests that run for each."""
DEFAULTS = "tests/contracts/test_published_defaults.py"
PROJECT = {"tuner", "trainables", "analysis", "search_spaces", "tests", "benchmarks", "docs"}
SLOWEST, LEAST_SECONDS = 10, 30
"""A process that takes this many times as long as without a change has noticed it."""
QUICK = [
    *("-x", "-q", "-n", "0", "--assert=plain"),
    *("-p", "no:cacheprovider", "-p", "no:unraisableexception"),
]
PASSED, NO_TESTS = 0, 5
"""Exit statuses of pytest."""


def run_tests(tests: list[str], finder: ChangedModule | None, limit: int) -> int:
    """Run tests in a forked process; return its status, not 0 if it crashed or was too slow."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    signal.alarm(limit)
    try:
        if finder:
            sys.meta_path.insert(0, finder)
        with Path(os.devnull).open("w") as nothing:
            os.dup2(nothing.fileno(), 1)
            os.dup2(nothing.fileno(), 2)
            status = int(pytest.main([*QUICK, *tests], plugins=[finder] if finder else []))
        if not finder:
            preloads().write_text("\n".join(sys.modules))
    except BaseException:  # the changed module can raise anything
        os._exit(1)
    os._exit(status)


def preloads() -> Path:
    """Return the file with the names of the modules that tests import from other packages."""
    RESULTS.parent.mkdir(exist_ok=True)
    return RESULTS.with_name("mutation_preloads.txt")


def measure_baseline(tests: list[str]) -> float:
    """Run tests without a change; return their seconds once what they import is loaded.

    Raises:
        SystemExit: If they fail.
    """
    for _ in range(2):  # the second time without the imports of the first
        start = time.perf_counter()
        if run_tests(tests, None, 600) != PASSED:
            sys.exit(f"{' '.join(tests)} fail without a change.")
        for name in preloads().read_text().split():
            if name.partition(".")[0] not in PROJECT:
                with suppress(Exception):
                    importlib.import_module(name)
        gc.freeze()
    return time.perf_counter() - start


def tests_of(path: Path, folder: str) -> list[str]:
    """Return the tests of a module: those beside it, its defaults and its own examples."""
    examples = [str(path.relative_to(ROOT))] if ">>>" in path.read_text() else []
    return [*TESTS[folder], *examples, *([DEFAULTS] if (ROOT / DEFAULTS).exists() else [])]


def modules(words: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Yield the modules to change whose path has one of some words, each with its folder."""
    for folder in TESTS:
        place = ROOT / folder
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            name = path.relative_to(ROOT).as_posix()
            if path.name != "__init__.py" and any(word in name for word in words or [""]):
                yield folder, path


def digest(*paths: Path) -> str:
    """Return a hash of files, and of the files in folders."""
    files = [each for path in paths for each in (sorted(path.rglob("*.py")) or [path])]
    return hashlib.sha256(b"\0".join(each.read_bytes() for each in files)).hexdigest()[:12]


def earlier_results() -> dict[str, dict[str, str]]:
    """Return the last result of each change by its module and name."""
    lines = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    return {row["change"]: row for row in map(json.loads, lines)}


def try_module(
    folder: str, path: Path, mutants: list[Mutant], known: dict[str, dict[str, str]]
) -> Iterator[tuple[str, bool]]:
    """Try the changes of a module; yield the name of each, and whether a test noticed it."""
    source, tests = path.read_text(), tests_of(path, folder)
    name = path.relative_to(ROOT).as_posix()
    now = {"module": digest(path), "tests": digest(*(ROOT / each for each in tests))}
    limit = 0
    for mutant in mutants:
        change = f"{name}::{mutant.name}"
        last = known.get(change, {})
        if last.get("module") == now["module"] and (
            last["status"] == "noticed" or last["tests"] == now["tests"]
        ):
            yield change, last["status"] == "noticed"
            continue
        limit = limit or max(LEAST_SECONDS, int(SLOWEST * measure_baseline(tests)))
        dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        changed = ChangedModule(dotted, path, apply_mutant(source, mutant))
        status = run_tests(tests, changed, limit)
        assert status != NO_TESTS
        said = "survived" if status == PASSED else "noticed"
        with RESULTS.open("a") as file:
            file.write(json.dumps({"change": change, "status": said, **now}) + "\n")
        yield change, said == "noticed"


def main(words: list[str]) -> None:
    """Try the changes, print the score of each folder and keep the survivors."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutation", description=__doc__)
    parser.add_argument("words", nargs="*", help="parts of the paths of the modules to change")
    parser.add_argument("--sample", type=int, help="changes of each module, at random")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--fresh", action="store_true", help="forget earlier results")
    options = parser.parse_args(words)
    sys.dont_write_bytecode = False  # each process imports the same unchanged modules
    if options.fresh:
        RESULTS.unlink(missing_ok=True)
    known, survivors, counts = earlier_results(), [], dict[str, list[int]]()
    for folder, path in modules(options.words):
        mutants = find_mutants(path.read_text())
        if options.sample and options.sample < len(mutants):
            mutants = random.Random(options.seed).sample(mutants, options.sample)
        results = dict(try_module(folder, path, mutants, known))
        survived = [name for name, noticed in results.items() if not noticed]
        survivors += survived
        total, missed = counts.get(folder, [0, 0])
        counts[folder] = [total + len(results), missed + len(survived)]
        print(path.relative_to(ROOT), f"{len(results) - len(survived)}/{len(results)}", flush=True)
        print(*(f"  {name.partition('::')[2]}" for name in survived), sep="\n", flush=True)
    if not options.words:
        keep(counts, survivors, " ".join(["python -m benchmarks.mutation", *words]))


def keep(counts: dict[str, list[int]], survivors: list[str], command: str) -> None:
    """Write the scores and the survivors, with the reasons that were written before."""
    before = json.loads(SURVIVORS.read_text())["survivors"] if SURVIVORS.exists() else {}
    reasons = {name: before.get(name, "") for name in survivors}
    folders = {}
    for folder, (total, missed) in counts.items():
        same = sum(
            name.startswith(folder) and reason.startswith("equivalent")
            for name, reason in reasons.items()
        )
        score = round((total - missed) / (total - same), 4)
        folders[folder] = {
            "changes": total, "noticed": total - missed, "equivalent": same, "score": score,
        }  # fmt: skip
        print(f"{folder}: {folders[folder]}")
    kept = {
        "command": command,
        "date": str(date.today()),
        "hardware": f"{os.cpu_count()}-core {platform.machine()}",
        "folders": folders,
        "survivors": reasons,
    }
    SURVIVORS.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
