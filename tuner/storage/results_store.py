"""Results stores: a results folder on this machine, or at an address such as s3://bucket/path."""

import shutil
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import NotRequired, TypedDict
from uuid import uuid4

from pyarrow.fs import FileType, PyFileSystem, copy_files
from ray import tune

from trainables.io.addresses import join_url
from trainables.io.remote_files import wrap_access_errors
from trainables.training.checkpoint import folder_bytes
from tuner.layout import CHECKPOINT_PATTERN, EVENT_LOG_FILE, TRIALS_FOLDER
from tuner.storage.event_reader import load_events
from tuner.storage.remote_copy import WorkingCopy

RESULTS_KEY = "results"
COPY_PATTERN = "of-*"
"""Copies of a checkpoint of another trial, in the folder of a run."""


class RayStorage(TypedDict):
    """The keyword arguments for Ray's storage path."""

    storage_path: str
    storage_filesystem: NotRequired[PyFileSystem]


class LocalStore:
    """A results folder that all machines of the study see by the same path.

    Attributes:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __str__(self) -> str:
        """Return the path or address to type in later commands."""
        return str(self.folder)

    def to_address(self, path: Path | str) -> str:
        """Return the path or address of a file of the folder, as trials use it."""
        return str(path)

    def to_local_path(self, address: str) -> str:
        """Return the path in the folder of a file that trials use by its address."""
        return address

    def ray_storage(self, ray_folder: Path) -> RayStorage:
        """Return the keyword arguments for Ray's storage path."""
        return {"storage_path": str(ray_folder)}

    def count_runs(self) -> int:
        """Return the number of runs of the study."""
        return len(list((self.folder / TRIALS_FOLDER).glob("*")))

    def checkpoint_path(self, checkpoint: tune.Checkpoint) -> str:
        """Return the path in the folder of a trial's checkpoint."""
        return str(checkpoint.path)

    def copy_checkpoint(self, path: str, ray_folder: Path, number: str) -> str:
        """Copy a checkpoint of a trial into Ray's folder; return the address of the copy.

        Raises:
            OSError: If the storage fails.
        """
        copy = Path(tempfile.mkdtemp(prefix=f"of-{number}-", dir=ray_folder))
        try:
            shutil.copytree(path, copy, dirs_exist_ok=True)
        except OSError:
            shutil.rmtree(copy, ignore_errors=True)
            raise
        return str(copy)

    def delete_checkpoint(self, path: str) -> None:
        """Delete a checkpoint that no trial will resume from."""
        shutil.rmtree(path, ignore_errors=True)

    def list_all_checkpoints(self) -> list[Path]:
        """Return the checkpoints of all trials."""
        return list((self.folder / TRIALS_FOLDER).glob(f"*/*/{CHECKPOINT_PATTERN}"))

    def list_copies(self) -> list[Path]:
        """Return the copies of checkpoints that trials started from."""
        return list((self.folder / TRIALS_FOLDER).glob(f"*/{COPY_PATTERN}"))

    def list_checkpoints(self, folder: Path) -> list[Path]:
        """Return the checkpoints in a folder of a trial."""
        return list(folder.glob(CHECKPOINT_PATTERN))

    def checkpoint_bytes(self, path: Path) -> int:
        """Return the bytes of a checkpoint, 0 if it is being deleted."""
        return folder_bytes(path)

    def fetch_checkpoint(self, path: str) -> None:
        """Make a checkpoint available in the folder."""

    def fetch_trial_checkpoints(self, path: str) -> None:
        """Make a checkpoint available in the folder, and the others beside it."""

    def fetch_for_resume(self) -> None:
        """Make everything available in the folder that resuming the study needs."""


class RemoteStore(WorkingCopy, LocalStore):
    """A results folder at an address, and this machine's working copy of it.

    Checkpoints are written to the address only, and fetched where needed. `tuner.storage.uploader`
    uploads everything else.
    """

    def __init__(self, folder: Path, results: str, name: str | None = None) -> None:
        """Build the address of the results folder.

        Args:
            folder: The working copy.
            results: The address that holds results folders.
            name: Name of the results folder there; `None`: that of the working copy; empty: the
                store covers all results folders at the address.
        """
        parts = filter(None, [folder.name if name is None else name])
        super().__init__(folder, join_url(results, *parts))
        self.listed_sizes = Counter[Path]()

    def __str__(self) -> str:
        """Return the address, which is the same on every machine."""
        return self.uri

    def ray_storage(self, ray_folder: Path) -> RayStorage:
        """Return the keyword arguments for Ray's storage path.

        Ray opens addresses by pyarrow only, so that a file system of fsspec is passed on.
        """
        if isinstance(self.filesystem, PyFileSystem):
            return {
                "storage_path": self.remote_path(ray_folder),
                "storage_filesystem": self.filesystem,
            }
        return {"storage_path": self.to_address(ray_folder)}

    def count_runs(self) -> int:
        """Return the number of runs of the study."""
        return len(self.list_paths(self.folder / TRIALS_FOLDER))

    def checkpoint_path(self, checkpoint: tune.Checkpoint) -> str:
        """Return the path in the folder that a fetched checkpoint of a trial has."""
        return str(self.folder / Path(checkpoint.path).relative_to(self._filesystem_and_path[1]))

    def copy_checkpoint(self, path: str, ray_folder: Path, number: str) -> str:
        """Copy a checkpoint of a trial into Ray's folder; return the address of the copy."""
        copy = ray_folder / f"of-{number}-{uuid4().hex}"
        source, target = self.remote_path(path), self.remote_path(copy)
        self.filesystem.create_dir(target)
        copy_files(
            source,
            target,
            source_filesystem=self.filesystem,
            destination_filesystem=self.filesystem,
        )
        return self.to_address(copy)

    def delete_checkpoint(self, path: str) -> None:
        """Delete a checkpoint that no trial will resume from."""
        LocalStore.delete_checkpoint(self, path)
        with suppress(OSError):  # as in a local store, what cannot be deleted stays
            if self.filesystem.get_file_info(self.remote_path(path)).type is FileType.Directory:
                self.filesystem.delete_dir(self.remote_path(path))

    def list_all_checkpoints(self) -> list[Path]:
        """Return the checkpoints of all trials."""
        return self.list_checkpoints(self.folder / TRIALS_FOLDER)

    def list_copies(self) -> list[Path]:
        """Return the copies of checkpoints that trials started from."""
        runs = self.list_paths(self.folder / TRIALS_FOLDER)
        return [path for run in runs for path in self.list_paths(run) if path.match(COPY_PATTERN)]

    def list_checkpoints(self, folder: Path) -> list[Path]:
        """Return the checkpoints in a folder of a trial, or in a folder of several trials."""
        sizes = Counter[Path]()
        for path, info in self.file_infos(folder, recursive=True).items():
            if info.is_file and path.parent.match(CHECKPOINT_PATTERN):
                sizes[path.parent] += info.size
        self.listed_sizes |= sizes
        return list(sizes)

    def checkpoint_bytes(self, path: Path) -> int:
        """Return the bytes of a checkpoint, taken from the last listing if it is in there."""
        listed = self.listed_sizes.pop(path, 0)
        return listed or sum(
            info.size or 0 for info in self.file_infos(path, recursive=True).values()
        )

    def fetch_trial_checkpoints(self, path: str) -> None:
        """Fetch a checkpoint and the others beside it from the address."""
        # asked by name: fsspec reports a folder that it cannot list as empty
        if self.filesystem.get_file_info(self.remote_path(path)).type is FileType.Directory:
            self.fetch_checkpoint(path)
        for other in self.list_paths(Path(path).parent):
            if other.match(CHECKPOINT_PATTERN):
                self.fetch_checkpoint(str(other))

    def fetch_for_resume(self) -> None:
        """Fetch what resuming the study needs, where the address has more than the local copy."""
        with wrap_access_errors(self.uri, RESULTS_KEY):
            self.refresh()
            if not (self.folder / EVENT_LOG_FILE).exists():
                return
            for record in load_events(self.folder)[0].values():
                for path in filter(None, [record.checkpoint, record.previous_checkpoint]):
                    if record.status == "running":
                        self.fetch_trial_checkpoints(path)

    def has_files(self) -> bool:
        """Return whether the address holds any file."""
        with wrap_access_errors(self.uri, RESULTS_KEY):
            return bool(self.list_paths(self.folder))

    def create_folder(self) -> None:
        """Create the folder at the address.

        Raises:
            InputError: If it cannot be written to.
        """
        with wrap_access_errors(self.uri, RESULTS_KEY):
            self.filesystem.create_dir(self._filesystem_and_path[1], recursive=True)
            self.created_folders.add(self.folder)
