"""Where a results folder lies: on this machine, or at an address such as s3://bucket/path too."""

import shutil
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from pyarrow.fs import FileType, PyFileSystem, copy_files
from ray import tune

from trainables.io.remote_files import join_url, wrap_access_errors
from trainables.training.checkpoint import folder_bytes
from tuner.layout import CHECKPOINT_PATTERN, EVENT_LOG_FILE, TRIALS_FOLDER
from tuner.storage.event_reader import load_events
from tuner.storage.remote_copy import WorkingCopy

RESULTS_KEY = "results"


class LocalStore:
    """A results folder that all machines of the study see by the same path.

    Attributes:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __str__(self) -> str:
        """Return what the commands after a search are told to find it."""
        return str(self.folder)

    def to_address(self, path: Path | str) -> str:
        """Return where trials find a file of the folder."""
        return str(path)

    def to_local_path(self, address: str) -> str:
        """Return where in the folder the file lies that trials find at an address."""
        return address

    def ray_storage(self, ray_folder: Path) -> dict[str, Any]:
        """Return how Ray is told where its files go."""
        return {"storage_path": str(ray_folder)}

    def count_runs(self) -> int:
        """Return how often the study has been run."""
        return len(list((self.folder / TRIALS_FOLDER).glob("*")))

    def checkpoint_path(self, checkpoint: tune.Checkpoint) -> str:
        """Return where in the folder a trial's checkpoint lies."""
        return str(checkpoint.path)

    def copy_checkpoint(self, path: str, ray_folder: Path, number: str) -> str:
        """Return where trials find a copy of the checkpoint of a trial, made among Ray's files.

        Raises:
            OSError: If the storage refuses it.
        """
        copy = Path(tempfile.mkdtemp(prefix=f"of-{number}-", dir=ray_folder))
        try:
            shutil.copytree(path, copy, dirs_exist_ok=True)
        except OSError:
            shutil.rmtree(copy, ignore_errors=True)
            raise
        return str(copy)

    def delete_checkpoint(self, path: str) -> None:
        """Delete a checkpoint that no trial will go on from."""
        shutil.rmtree(path, ignore_errors=True)

    def list_all_checkpoints(self) -> list[Path]:
        """Return the checkpoints that all trials have left."""
        return list((self.folder / TRIALS_FOLDER).glob(f"*/*/{CHECKPOINT_PATTERN}"))

    def list_checkpoints(self, folder: Path) -> list[Path]:
        """Return the checkpoints in a folder of a trial."""
        return list(folder.glob(CHECKPOINT_PATTERN))

    def checkpoint_bytes(self, path: Path) -> int:
        """Return the bytes of a checkpoint, none if it is being deleted."""
        return folder_bytes(path)

    def fetch_checkpoint(self, path: str) -> None:
        """See that a checkpoint can be read in the folder."""

    def fetch_trial_checkpoints(self, path: str) -> None:
        """See that a checkpoint can be read in the folder, and those beside it."""

    def fetch_for_resume(self) -> None:
        """See that all of it can be read that a study needs to go on."""


class RemoteStore(WorkingCopy, LocalStore):
    """A results folder at an address, and this machine's working copy of it.

    Checkpoints go to the address alone, unless they are needed here; `tuner.storage.uploader` brings
    everything else there.
    """

    def __init__(self, folder: Path, results: str, name: str | None = None) -> None:
        """Know both.

        Args:
            folder: The working copy.
            results: The address that holds results folders.
            name: Of the results folder there; that of the copy if none, all of them if empty.
        """
        below_it = filter(None, [folder.name if name is None else name])
        super().__init__(folder, join_url(results, *below_it))
        self.listed_sizes = Counter[Path]()

    def __str__(self) -> str:
        """Return the address, which is the same on every machine."""
        return self.uri

    def ray_storage(self, ray_folder: Path) -> dict[str, object]:
        """Return how Ray is told where its files go, which asks pyarrow alone."""
        if isinstance(self.filesystem, PyFileSystem):
            return {
                "storage_path": self.remote_path(ray_folder),
                "storage_filesystem": self.filesystem,
            }
        return {"storage_path": self.to_address(ray_folder)}

    def count_runs(self) -> int:
        """Return how often the study has been run."""
        return len(self.list_paths(self.folder / TRIALS_FOLDER))

    def checkpoint_path(self, checkpoint: tune.Checkpoint) -> str:
        """Return where in the folder a trial's checkpoint would lie."""
        return str(self.folder / Path(checkpoint.path).relative_to(self._filesystem_and_path[1]))

    def copy_checkpoint(self, path: str, ray_folder: Path, number: str) -> str:
        """Return where trials find a copy of the checkpoint of a trial, made among Ray's files."""
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
        """Delete a checkpoint that no trial will go on from."""
        LocalStore.delete_checkpoint(self, path)
        with suppress(OSError):  # as here, what cannot be deleted is left
            if self.filesystem.get_file_info(self.remote_path(path)).type is FileType.Directory:
                self.filesystem.delete_dir(self.remote_path(path))

    def list_all_checkpoints(self) -> list[Path]:
        """Return the checkpoints that all trials have left."""
        return self.list_checkpoints(self.folder / TRIALS_FOLDER)

    def list_checkpoints(self, folder: Path) -> list[Path]:
        """Return the checkpoints in a folder of a trial, or of several."""
        sizes = Counter[Path]()
        for path, info in self.file_infos(folder, recursive=True).items():
            if info.is_file and path.parent.match(CHECKPOINT_PATTERN):
                sizes[path.parent] += info.size
        self.listed_sizes |= sizes
        return list(sizes)

    def checkpoint_bytes(self, path: Path) -> int:
        """Return the bytes of a checkpoint: as it was listed, if it has just been."""
        listed = self.listed_sizes.pop(path, 0)
        return listed or sum(
            info.size or 0 for info in self.file_infos(path, recursive=True).values()
        )

    def fetch_trial_checkpoints(self, path: str) -> None:
        """Copy a checkpoint from the address, and those beside it."""
        # by name, because what fsspec cannot list it takes for empty
        if self.filesystem.get_file_info(self.remote_path(path)).type is FileType.Directory:
            self.fetch_checkpoint(path)
        for each in self.list_paths(Path(path).parent):
            if each.match(CHECKPOINT_PATTERN):
                self.fetch_checkpoint(str(each))

    def fetch_for_resume(self) -> None:
        """Copy what the study needs to go on, where more of it is at the address than here."""
        with wrap_access_errors(self.uri, RESULTS_KEY):
            self.refresh()
            journal = self.folder / EVENT_LOG_FILE
            for record in load_events(self.folder)[0].values() if journal.exists() else ():
                for path in filter(None, [record.checkpoint, record.previous_checkpoint]):
                    if record.status == "running":
                        self.fetch_trial_checkpoints(path)

    def has_files(self) -> bool:
        """Return whether there is anything at the address."""
        with wrap_access_errors(self.uri, RESULTS_KEY):
            return bool(self.list_paths(self.folder))

    def create_folder(self) -> None:
        """Make the folder at the address, and so see that something can be written there."""
        with wrap_access_errors(self.uri, RESULTS_KEY):
            self.filesystem.create_dir(self._filesystem_and_path[1], recursive=True)
            self.created_folders.add(self.folder)
