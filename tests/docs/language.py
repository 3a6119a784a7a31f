"""Words that this project does not use, and the plain ones to write instead.

`python -m tests.docs.language` lists every finding. `--update` lowers the counts of the allow-list
to what is found and drops files without findings; it never raises a count. `--reset` writes the
allow-list anew.
"""

import ast
import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
ALLOWED = Path(__file__).with_name("language_allowed.txt")
SKIPPED_FOLDERS = {"reference", "results", "site", "dist"}
"""docs/reference is generated from docstrings, which are read themselves."""
SKIPPED_FILES = {"language.py", "test_language.py", "report.html"}
SUFFIXES = {".py", ".md", ".ipynb", ".yaml", ".yml", ".cff", ".html", ".js"}

WORDS = {
    r"told|tells?(?! apart)": "report, notify, log, load (by what it does)",
    r"(?<!AWS )(?<!into )account(?! (?:at|with|for|on)\b)|account of": "event log",
    r"(?<!Optuna's )journal(?!\.| storage)": "event log",
    r"(?:goes|go|went|gone|going) on(?! top)": "continue, resume",
    r"(?:take[ns]?|took|taking) up": "resume",
    r"lets? on|letting on": "resume a paused trial",
    r"com(?:e|es|ing) to(?! (?:an end|mind))|came to": "result, value, reach",
    r"rooms?": "capacity, slot, module (by meaning)",
    r"exam(?![\w.=`\"'])|exams": "validation attack",
    r"examin(?:e|es|ed|ing|ations?|er)": "validate, evaluate, validation attack",
    r"sentinel(?![\w.=`\"'])(?! (?:object|value))": "detector of catastrophic overfitting",
    r"a look|looks to|looked at": "a check, checked",
    r"(?<!negative_)slopes?": "gradient",
    r"ladders?|climbers?": "rung schedule, trial position",
    r"agendas?|vigils?|errands?|lifelines?|nephews?": "a plain noun: queue, watchdog, remote job",
    r"founding|founded": "creation",
    r"dear(?:er|est)?": "expensive, most expensive",
    r"withst(?:and|ands|ood|anding)|still stands?|what stands": "robust, still robust",
    r"fool(?:s|ed|ing)?": "misclassified, misclassify",
    r"doubt(?:s|ed|ful)?": "check, sanity check",
    r"mend(?:s|ed|ing)?": "repair",
    r"broken(?! pipe)": "corrupt",
    r"spare": "previous (checkpoint)",
    r"lent|loans?|borrow(?:s|ed|ing)?": "transferred trials, warm start",
    r"(?:by|than) chance|chance (?:loses|as much)|all chance": "random, random search",
    r"(?:an|one's|a user's|my) own|of (?:your|their|its|his|a user's|one's) own":
        "custom, user-supplied, separate",
    r"h(?:ang|angs|ung|anging) on": "depend on",
    r"flatter(?:s|ed|ing)?": "is optimistically biased",
    r"who(?:m|ever|soever)": "a plain subject: the process, the caller",
    r"nobody": "no process, no module, not ... by anything",
    r"if none|none if": "`None`: ...",
    r"if so|such as hang": "say what happens in which case",
    r"(?:is|are|be) done with": "finished, removed",
    r"afar": "remote",
    r"aloud": "prints a warning",
    r"strangers?": "incompatible trials, untrusted files",
}  # fmt: skip
"""Regular expression of what is not written to what is written instead; for prose."""

NAMES = {
    "told": "load_events, member_messages, update_bar",
    "found": "ensure_..., find_...",
    "whole": "write_atomically, valid_checkpoints, complete_trials",
    "measured": "measure_..., read_metrics",
    "known": "verb and noun",
    "shown": "format_value",
    "spoken": "format",
    "amount": "format_bytes",
    "clock": "format_duration",
    "hour": "format_finish_time",
    "within": "verb and noun, e.g. clip_to_domain",
    "over": "verb and noun",
    "in_full": "full_precision, absolute_path",
    "hasty": "check_...",
    "afar": "is_remote",
    "cheaper": "check_...",
    "aims": "valid_objectives",
    "cramped": "check_...",
    "overlarge": "check_...",
    "modeless": "check_...",
    "hopeless_radius": "check_...",
    "unlike": "check_...",
    "misplaced": "check_...",
    "unfit": "check_...",
    "allotted": "valid_gpu_share",
    "followed": "valid_trackers",
    "brief": "valid_name",
    "bound": "valid_constraint",
    "joinable": "valid_address",
    "standing": "robust_mask",
    "stands": "robust_mask",
    "withstood": "robust_mask",
    "judge": "run_attack",
    "verdict": "attack_state",
    "quick": "folded_view",
    "take_in": "fold_batchnorm",
    "traced": "trace_graph",
    "quietly": "install_import_handler",
    "as_usual": "restore_default",
    "impatiently": "second_sigint_exits",
    "noted": "capture_sigint",
    "leave": "exit_now",
    "knock": "probe_port",
    "silent": "wait_until_lost",
    "admitted": "check_access",
    "as_told": "load_auth_token",
    "answering": "resolve_address",
    "takes_up": "attach",
    "taken_up": "reattach",
    "renames": "rename",
    "lets_go": "detach",
    "lets_on": "resume",
    "tells": "report",
    "rewinds": "rewind_to_checkpoint",
    "heard": "last_reported",
    "believe": "apply_optuna_outcomes",
    "retell": "replay_events",
    "rewound": "rewind",
    "obey": "wait_for_interrupt",
    "news": "poll",
    "hung": "kill_reasons",
    "settle_": "mark_interrupted",
    "refused": "error_of",
    "begun": "new_progress",
    "recalled": "load_or_create_study",
    "greet": "print_resume_message",
    "pursue": "execute_study",
    "borrowed": "load_warm_start",
    "lent": "n_transferred",
    "loan": "transferred_trials",
    "strangers": "incompatible_trials",
    "home": "variant_of",
    "climb": "early_stopped_attack",
    "misfit": "value_errors",
    "moment": "position",
    "moment_of": "checkpoint_position",
    "headed": "with_head",
    "activated": "with_activation",
    "normalized": "with_normalization",
    "supply": "inject",
    "wants": "injected_names",
    "typed": "values",
    "plain": "parse_value",
    "unlucky": "never_started",
    "waited": "next_paused",
    "raced": "next_seed",
    "vigil": "hang_watchdog",
    "watch": "callbacks",
    "agenda": "trial_queue",
    "memory": "resume_state",
    "errand": "remote_job",
    "books": "persistence",
    "rule": "scheduler",
    "ladder": "rung_schedule",
    "course": "fidelity_plan",
    "climber": "trial_position",
    "tally": "seed_statistics",
    "pace": "throttle",
    "patience": "retry",
    "examiner": "evaluation_runner",
    "ledger": "table",
    "founding": "optuna_study",
    "recall": "state",
    "pursuit": "execute",
    "room": "capacity",
    "lifeline": "head_watchdog",
    "inside": "safe_files",
    "elsewhere": "remote_folders",
    "wider": "compatibility",
    "gauges": "prometheus",
    "sentinel": "overfitting_detector",
    "exam": "validation_attack",
    "trust": "trusted_code",
    "passes_": "attempt",
}
"""Names that a function, class or module does not have (in lower case), and what it may be called;
an underscore at the end excludes knobs and functions that members must define."""

VARIABLES = {
    "told": "report, notify, progress (by what it does)",
    "tell": "report, notify, log (by what it does)",
    "account": "event_log",
    "afar": "is_remote",
    "agenda": "trial_queue",
    "books": "recorder",
    "lent": "transferred",
    "loan": "transferred",
    "loans": "transferred",
    "room": "capacity, slots",
    "slope": "gradient",
    "slopes": "gradients",
    "standing": "robust",
    "vigil": "watchdog",
    "watch": "callback",
}
"""Names that a parameter or a field does not have, and what it may be called."""

PROSE = re.compile("|".join(rf"(?P<w{i}>\b(?:{w})\b)" for i, w in enumerate(WORDS)), re.IGNORECASE)
ADVICE = list(WORDS.values())
CODE = re.compile(r"```.*?```|`[^`\n]*\n?[^`\n]*`|^(?: {4}|\t)[^\n]*$", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"`[^`\n]*\n?[^`\n]*`")
Finding = tuple[str, int, str, str]
"""File, line, what stands there, and what to write."""


def files() -> list[Path]:
    """Return the files to read, in order."""
    return sorted(
        path
        for path in ROOT.rglob("*")
        if path.suffix in SUFFIXES
        and path.name not in SKIPPED_FILES
        and not any(
            part in SKIPPED_FOLDERS or (part.startswith(".") and part != ".ci")
            for part in path.relative_to(ROOT).parts[:-1]
        )
    )


def findings(path: Path) -> Iterator[Finding]:
    """Yield what to replace in a file."""
    name = path.relative_to(ROOT).as_posix()
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        yield from in_names(name, text)
        for line, prose in python_prose(text):
            yield from in_prose(name, line, SPAN.sub(blank, prose))
    elif path.suffix == ".md":
        yield from in_prose(name, 1, CODE.sub(blank, text))
    else:
        yield from in_prose(name, 1, SPAN.sub(blank, text))


def blank(match: re.Match[str]) -> str:
    """Return the line ends of a match alone, so that lines keep their numbers."""
    return "`" + "\n" * match[0].count("\n") + "`"


def python_prose(text: str) -> Iterator[tuple[int, str]]:
    """Yield the comments, docstrings and messages of a module, each with its first line.

    A string without a space is a key or a name rather than prose.
    """
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def in_prose(name: str, first: int, prose: str) -> Iterator[Finding]:
    """Yield the findings of a text whose first line has the number `first`."""
    for match in PROSE.finditer(re.sub(r"(?<=\S)\n[ \t#]*(?=\S)", keep_length, prose)):
        assert match.lastgroup is not None
        line = first + prose.count("\n", 0, match.start())
        yield name, line, " ".join(match[0].split()), ADVICE[int(match.lastgroup[1:])]


def keep_length(match: re.Match[str]) -> str:
    """Return spaces in place of a line end, so that two words in two lines are found."""
    return " " + "\0" * (len(match[0]) - 1)


def in_names(name: str, text: str) -> Iterator[Finding]:
    """Yield the findings among the names that a module defines, and its own."""
    stem = Path(name).stem.removeprefix("test_").removeprefix("_")
    if stem in NAMES:
        yield name, 1, f"module {stem}", NAMES[stem]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", node.name).lower().strip("_")
            if snake in NAMES:
                yield name, node.lineno, node.name, NAMES[snake]
        elif (variable := variable_of(node)) in VARIABLES:
            yield name, node.lineno, variable, VARIABLES[variable]


def variable_of(node: ast.AST) -> str:
    """Return the name of a parameter or a field; nothing for other nodes."""
    if isinstance(node, ast.arg):
        return node.arg
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    return ""


def allowed() -> dict[str, int]:
    """Return how many findings each file may have."""
    if not ALLOWED.exists():
        return {}
    lines = (line.rsplit(" ", 1) for line in ALLOWED.read_text(encoding="utf-8").splitlines())
    return {path: int(count) for path, count in lines}


def write_allowed(counts: dict[str, int]) -> None:
    """Write the allow-list."""
    text = "".join(f"{path} {count}\n" for path, count in sorted(counts.items()) if count)
    ALLOWED.write_text(text, encoding="utf-8")


def main(words: list[str]) -> int:
    """Print or update; return an exit status."""
    found = [each for path in files() for each in findings(path)]
    counts = Counter(name for name, *_ in found)
    if words == ["--reset"]:
        write_allowed(dict(counts))
    elif words == ["--update"]:
        write_allowed({name: min(counts[name], most) for name, most in allowed().items()})
    elif not words:
        for name, line, said, advice in found:
            print(f"{name}:{line}: {said!r}: write {advice}")
    else:
        print(__doc__)
        return 2
    print(f"{len(found)} findings in {len(counts)} files")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
