"""A study: plan it, run it, resume it."""

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from trainables.errors import InputError
from trainables.hparams.trusted_code import check_trusted, find_code_files, trust_files
from trainables.io.addresses import parent_url
from tuner.api.arguments import KNOBS, flatten_keys, read_arguments
from tuner.api.result import Result
from tuner.cli.command import FAILED
from tuner.cli.console import SafeConsole
from tuner.cli.signals import INTERRUPT_STATUS
from tuner.config.compose import compose_plan
from tuner.config.plan import Plan
from tuner.config.preflight.dry_run import StudyPlan
from tuner.config.study_file import CONFIG_KEY, merge_files
from tuner.launch import launch
from tuner.layout import SEARCH_FILE
from tuner.runtime.checked_study import preview_study
from tuner.runtime.outcome import REPAIR_HINT
from tuner.runtime.resume.compatibility import read_description
from tuner.search import VOCABULARY
from tuner.storage.remote_copy import ADDRESS_FILE
from tuner.storage.remote_folders import fetch_results_folder

COMMAND = ("attuner", "search")


class Study:
    """A search and its results: `Study(space="weight_decay", trials=12).run()`.

    Attributes:
        folder: The results folder on this machine; `None`: the study has not run.
    """

    def __init__(self, *, knobs: Mapping[str, object] | None = None, **keys: object) -> None:
        """Check the keys; nothing runs yet.

        Args:
            knobs: Further keys, such as those with dots:
                `{"optimizer.weight_decay": tune.loguniform(1e-5, 1e-2)}`.
            keys: Keys of the command line: `space="weight_decay"`, `data="cifar10"`,
                `trials=40`. A value is a Python value, a domain of Ray Tune, or the text that one
                would type, such as "8/255" or "uniform(1,12)". A group may be a mapping,
                `method={"name": "trades", "beta": 3}`.

        Raises:
            InputError: If any key or value is invalid; `problems` has all of them.
        """
        self._keys: Mapping[str, object] | None = keys | ({KNOBS: knobs} if knobs else {})
        self._trust = tuple(list_code_files(self._given()))
        compose(self._given(), self._trust)
        self.folder: Path | None = None

    def __repr__(self) -> str:
        """Return the keys, or the folder that was loaded."""
        if self._keys is None:
            return f"Study.load({str(self.folder)!r})"
        flat = dict(flatten_keys(self._keys, VOCABULARY))
        words = [f"{key}={value!r}" for key, value in flat.items() if key.isidentifier()]
        if dotted := {key: value for key, value in flat.items() if not key.isidentifier()}:
            words.append(f"{KNOBS}={dotted!r}")
        return f"Study({', '.join(words)})"

    def plan(self) -> StudyPlan:
        """Return what the study will run and what it should cost; takes seconds.

        Raises:
            InputError: If the study cannot run on this machine; `problems` has all reasons.
        """
        return preview_study(compose(self._given(), self._trust)[0], SafeConsole(quiet=True))

    def run(self, *, progress: bool = True) -> Result:
        """Run the study to its end and return its results.

        Ctrl-C, or the stop button of a notebook, ends it cleanly: it is saved, and `resume`
        continues it.

        Args:
            progress: Whether to show the trials as they run.

        Raises:
            InputError: If the study cannot run, stopped early because of an error, or all of its
                trials failed; `problems` has all reasons.
            KeyboardInterrupt: If the study was interrupted.
        """
        return self._run(self._given(), progress=progress)

    def resume(self, *, progress: bool = True, **changes: object) -> Result:
        """Run what is left of an interrupted study, or extend a finished one.

        A study that has not run in this process resumes the newest interrupted one with the same
        space and method.

        Args:
            progress: Whether to show the trials as they run.
            changes: Keys that replace those of the study: more `trials`, `epochs` or `seeds`, or
                wider ranges.

        Raises:
            InputError: If the study cannot be resumed with these keys, and as for `run`.
            KeyboardInterrupt: If the study was interrupted again.
        """
        keys = dict(flatten_keys(self._given(), VOCABULARY))
        keys |= dict(flatten_keys(changes, VOCABULARY))
        self._trust = (*self._trust, *list_code_files(changes))
        if self._keys is not None:
            self._keys = keys  # the changes hold from now on; a loaded study finds them in its file
        place = locate(self.folder) if self.folder else {}
        return self._run(keys | place | {"resume": "auto"}, progress=progress)

    @property
    def result(self) -> Result:
        """The results so far, read from the folder.

        Raises:
            InputError: If the study has not run.
        """
        if self.folder is None:
            raise InputError(["result: the study has not run; call run() first."])
        return Result(self.folder, trust=self._trust)

    @classmethod
    def load(cls, folder: Path | str, *, trust: Iterable[Path | str] = ()) -> "Study":
        """Return the study of a results folder: its `result`, and `resume` to continue it.

        Args:
            folder: The results folder or its address, such as s3://bucket/studies/NAME.
            trust: Python files that the results may name and that may run.

        Raises:
            InputError: If the folder holds no study.
        """
        path = fetch_results_folder(folder)
        if not (path / SEARCH_FILE).is_file():
            raise InputError([f"{folder}: holds no {SEARCH_FILE}; name a results folder."])
        study = cls.__new__(cls)
        study.folder = path.absolute()
        study._trust = tuple(map(str, [trust] if isinstance(trust, str | Path) else trust))
        study._keys = None  # read when it is resumed, so that results of any version can be loaded
        return study

    def _given(self) -> Mapping[str, object]:
        """Return the keys of the study; of one that was loaded, those that resume it.

        Raises:
            InputError: If the folder does not say them.
        """
        if self._keys is not None:
            return self._keys
        assert self.folder is not None
        return read_command(self.folder) | locate(self.folder) | {"resume": "auto"}

    def _run(self, keys: Mapping[str, object], *, progress: bool) -> Result:
        """Run the study of these keys and return its results.

        Raises:
            InputError: If it could not run to its end.
            KeyboardInterrupt: If it was interrupted.
        """
        plan, command = compose(keys, self._trust)
        outcome = launch(plan, command, SafeConsole(quiet=not progress))
        self.folder = outcome.folder
        hint = f"study.resume() or Study.load({str(self.folder)!r}).resume()"
        if outcome.status == INTERRUPT_STATUS:
            raise KeyboardInterrupt(f"The study is saved; to continue it, call {hint}.")
        if outcome.reason:
            raise InputError([f"stopped early: {outcome.reason}. {REPAIR_HINT} Then call {hint}."])
        if outcome.status == FAILED:
            raise InputError(list(describe_failures(self.result)))
        return self.result


def compose(keys: Mapping[str, object], trust: Iterable[str] = ()) -> tuple[Plan, tuple[str, ...]]:
    """Return the plan of a study, and the command that runs the same.

    Args:
        keys: Its keys, as given.
        trust: Python files that may run.

    Raises:
        InputError: If any is invalid, or names a Python file that is not trusted.
    """
    with trust_files(trust):
        if problems := list(check_trusted(list_code_files(keys))):
            raise InputError(problems)
    line = read_arguments(keys, VOCABULARY)
    if files := line.arguments.get(CONFIG_KEY):
        typed = {key: value for key, value in line.arguments.items() if key != CONFIG_KEY}
        names = [name.strip() for name in str(files).split(",")]
        line = merge_files(replace(line, arguments=typed), names, VOCABULARY)
    problems = list(line.problems)
    if line.arguments.get("dry_run"):
        problems.append("dry_run: call plan() in place of run().")
    return compose_plan(line.arguments, problems), (*COMMAND, *line.words)


def list_code_files(keys: Mapping[str, object]) -> list[str]:
    """Return the Python files that the keys of a study name."""
    flat = flatten_keys(keys, VOCABULARY)
    return list(find_code_files([str(v) if isinstance(v, Path) else v for _, v in flat]))


def locate(folder: Path) -> dict[str, object]:
    """Return the keys that name a results folder on this machine, or the address it copies."""
    address = folder / ADDRESS_FILE
    parent = parent_url(address.read_text()) if address.is_file() else str(folder.parent)
    return {"name": folder.name, "results": parent}


def read_command(folder: Path) -> dict[str, object]:
    """Return the keys of the command that ran a study.

    Raises:
        InputError: If its `search.yaml` cannot be read, or it was no search.
    """
    try:
        words = shlex.split(read_description(folder).content.get("command", ""))
    except ValueError as error:
        raise InputError([f"{folder}: its recorded command cannot be read ({error})."]) from None
    if not {"search", "tuner.search"} & set(words[:3]):
        raise InputError([
            f"{folder}: was not run by a search, but by {shlex.join(words[:3]) or 'nothing'}; "
            "run that command with resume=auto to resume it."
        ])
    return {key: text for key, equals, text in (w.partition("=") for w in words) if equals}


def describe_failures(result: Result) -> Iterator[str]:
    """Yield the errors of a study whose trials all failed, each once."""
    trials = result.trials
    for error, rows in trials.groupby("error", sort=False):
        yield f"trial {', '.join(rows['trial_id'])} failed: {error}"
