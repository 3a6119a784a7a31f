"""Find the study that `resume=auto` resumes: the newest interrupted one of its space and method."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from yaml import YAMLError

from trainables.errors import InputError
from trainables.io.addresses import is_url, join_url
from trainables.io.remote_files import copy_file, wrap_access_errors
from tuner.config.plan import Plan
from tuner.config.settings import Settings
from tuner.layout import EVENT_LOG_FILE, SEARCH_FILE
from tuner.runtime.resume.compatibility import (
    StudyDescription,
    find_differences,
    keep_former_behaviour,
)
from tuner.state.trial import SEED_SEPARATOR
from tuner.storage.event_reader import read_valid_events
from tuner.storage.naming import (
    choose_results_folder,
    default_name,
    join_name,
    parent_folder,
    parse_folder_times,
)
from tuner.storage.remote_copy import ADDRESS_FILE, NANOSECONDS_PER_SECOND, strip_parameters
from tuner.storage.results_store import RESULTS_KEY, RemoteStore
from tuner.storage.safe_files import is_locked
from tuner.storage.search_yaml import SearchYaml, read_search_yaml, variants_of


@dataclass(frozen=True)
class StudyChoice:
    """The results folder of a study, and the studies that it was chosen from.

    Attributes:
        folder: The folder on this machine.
        interrupted: Other interrupted studies that the plan can resume, the newest first.
        different: Interrupted studies of its space and method that the plan cannot resume, e.g.
            because of another scheduler, the newest first.
        finished: Finished studies of its space and method, the newest first.
        running: Studies of its space and method that other processes of this machine are running,
            the newest first.
    """

    folder: Path
    interrupted: tuple[Path, ...] = ()
    different: tuple[Path, ...] = ()
    finished: tuple[Path, ...] = ()
    running: tuple[Path, ...] = ()


def choose_study(plan: Plan) -> StudyChoice:
    """Return the newest interrupted study that a plan can resume, or a new one.

    If it can resume none of its space and method, return the newest, so that the reasons are
    reported. Space and method are read from `search.yaml`, so that the folder may have any name.
    With a name, or without `resume=auto`, the plan itself determines the folder.
    """
    settings = plan.settings
    if settings.resume != "auto" or settings.name:
        return StudyChoice(choose_results_folder(plan))
    local = {folder: last_write(folder) for folder in list_studies(settings)}
    named = {folder: created for created, folder in parse_folder_times(plan, local)}
    if not is_url(settings.results):
        return newest_interrupted(plan, latest(local, named))
    store = RemoteStore(parent_folder(settings), settings.results, name="")
    with wrap_access_errors(store.uri, RESULTS_KEY):
        remote = last_remote_writes(store)
        named |= {folder: created for created, folder in parse_folder_times(plan, remote)}
        return newest_interrupted(plan, latest(local, remote, named), store)


def list_studies(settings: Settings) -> list[Path]:
    """Return the local folders below `results` that hold an event log.

    Working copies of other addresses are left out.
    """
    studies = []
    for log in parent_folder(settings).glob(f"*/{EVENT_LOG_FILE}"):
        mark = log.with_name(ADDRESS_FILE)
        address = mark.read_text() if mark.is_file() else ""
        at = join_url(settings.results, log.parent.name) if is_url(settings.results) else ""
        if strip_parameters(address) == strip_parameters(at):
            studies.append(log.parent)
    return studies


def last_write(folder: Path) -> datetime:
    """Return when the event log of a local folder was last written."""
    return datetime.fromtimestamp((folder / EVENT_LOG_FILE).stat().st_mtime)


def last_remote_writes(store: RemoteStore) -> dict[Path, datetime]:
    """Return when the event log of each study at an address was last written."""
    written = {}
    for folder in store.list_paths(store.folder):
        log = store.file_infos(folder).get(folder / EVENT_LOG_FILE)
        if log is not None:  # some file systems of fsspec have no times
            written[folder] = datetime.fromtimestamp((log.mtime_ns or 0) / NANOSECONDS_PER_SECOND)
    return written


def latest(*times: Mapping[Path, datetime]) -> dict[Path, datetime]:
    """Return the latest time of each folder."""
    return {
        folder: max(each[folder] for each in times if folder in each)
        for folder in set().union(*times)
    }


def newest_interrupted(
    plan: Plan, written: Mapping[Path, datetime], store: RemoteStore | None = None
) -> StudyChoice:
    """Return the study that was written last of those that a plan can resume, or a new one.

    Args:
        plan: The plan.
        written: When each folder was last written.
        store: The address that holds the folders; `None`: they are on this machine.
    """
    ordered = sorted(written, key=lambda folder: (written[folder], folder), reverse=True)
    default = {folder for _, folder in parse_folder_times(plan, ordered)}
    interrupted, different = list[Path](), list[Path]()
    finished, running = list[Path](), list[Path]()
    for folder in ordered:
        with TemporaryDirectory() as temporary:
            files = StudyFiles(folder, store, Path(temporary))
            content = fetch_search_yaml(files)
            if not (is_of_plan(content, plan) or (folder in default and not content)):
                continue
            if is_locked(folder / EVENT_LOG_FILE):
                running.append(folder)
            elif has_finished(files, content):
                finished.append(folder)
            else:
                (interrupted if can_resume(plan, folder, content) else different).append(folder)
    found = interrupted or different
    folder = found.pop(0) if found else choose_results_folder(plan)
    return StudyChoice(folder, *map(tuple, (interrupted, different, finished, running)))


def can_resume(plan: Plan, folder: Path, content: SearchYaml) -> bool:
    """Return whether a plan differs from a study in nothing that resuming it does not permit.

    A study that was killed before its `search.yaml` was written can be resumed.
    """
    if not content:
        return True
    description, plan = keep_former_behaviour(StudyDescription(folder, content), plan)
    return not any(find_differences(description, plan))


@dataclass(frozen=True)
class StudyFiles:
    """The files of a study, fetched where needed: its working copy here may be out of date.

    Attributes:
        folder: Its results folder on this machine.
        store: The address that holds it; `None`: it is on this machine.
        temporary: Where fetched files go.
    """

    folder: Path
    store: RemoteStore | None
    temporary: Path

    def fetch(self, name: str) -> Path:
        """Return the folder that holds a file: fetched, or else the one on this machine."""
        if self.store is not None:
            with suppress(OSError):
                source = self.store.remote_path(self.folder / name)
                copy_file(self.store.filesystem, source, self.temporary / name)
                return self.temporary
        return self.folder


def fetch_search_yaml(files: StudyFiles) -> SearchYaml:
    """Return the content of the `search.yaml` of a study; empty if it cannot be read."""
    with suppress(OSError, ValueError, YAMLError):
        return read_search_yaml(files.fetch(SEARCH_FILE) / SEARCH_FILE) or {}
    return {}


def is_of_plan(content: SearchYaml, plan: Plan) -> bool:
    """Return whether a `search.yaml` has the space and method of a plan."""
    with suppress(LookupError, TypeError):
        fixed = [each["fixed"] for each in variants_of(content).values()]
        name = join_name(content["space"], fixed)
        return name == default_name(plan)
    return False


def has_finished(files: StudyFiles, content: SearchYaml) -> bool:
    """Return whether a study has run all its trials to their ends.

    Args:
        files: Its files.
        content: The content of its `search.yaml`.
    """
    if "finished" in content or not content:
        return bool(content.get("finished"))
    try:  # written by an earlier version
        return is_log_complete(files.fetch(EVENT_LOG_FILE), content["study"]["trials"])
    except (InputError, LookupError):
        return False  # resuming it reports why


def is_log_complete(folder: Path, n_trials: int) -> bool:
    """Return whether an event log has the ends of at least `n_trials` configurations, and of all.

    Raises:
        InputError: If it cannot be read.
    """
    has_ended = dict(read_ends(folder))
    configurations = [number for number in has_ended if SEED_SEPARATOR not in number]
    return all(has_ended.values()) and len(configurations) >= n_trials


def read_ends(folder: Path) -> Iterator[tuple[str, bool]]:
    """Yield each trial that began, resumed or ended, and whether it ended."""
    for event in read_valid_events(folder):
        if event["event"] in {"began", "went_on", "ended"}:
            yield event["trial_id"], event["event"] == "ended"
