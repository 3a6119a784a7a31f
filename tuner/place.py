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

from trainables.address import below, reaching
from tuner.history import told
from tuner.journal import FILE as JOURNAL
from tuner.working_copy import TRIALS, WorkingCopy

CHECKPOINTS = "checkpoint_*"
"""In the folder of a trial, as Ray names them."""
KEY = "results"


class Local:
    """A results folder that all machines of the study see by the same path.

    Attributes:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __str__(self) -> str:
        """Return what the commands after a search are told to find it."""
        return str(self.folder)

    def address(self, path: Path | str) -> str:
        """Return where trials find a file of the folder."""
        return str(path)

    def inside(self, address: str) -> str:
        """Return where in the folder the file lies that trials find at an address."""
        return address

    def storage(self, files: Path) -> dict[str, Any]:
        """Return how Ray is told where its files go."""
        return {"storage_path": str(files)}

    def runs(self) -> int:
        """Return how often the study has been run."""
        return len(list((self.folder / TRIALS).glob("*")))

    def kept(self, checkpoint: tune.Checkpoint) -> str:
        """Return where in the folder a trial's checkpoint lies."""
        return str(checkpoint.path)

    def copied(self, path: str, files: Path, number: str) -> str:
        """Return where trials find a copy of the checkpoint of a trial, made among Ray's files.

        Raises:
            OSError: If the storage refuses it.
        """
        copy = Path(tempfile.mkdtemp(prefix=f"of-{number}-", dir=files))
        try:
            shutil.copytree(path, copy, dirs_exist_ok=True)
        except OSError:
            shutil.rmtree(copy, ignore_errors=True)
            raise
        return str(copy)

    def remove(self, path: str) -> None:
        """Delete a checkpoint that no trial will go on from."""
        shutil.rmtree(path, ignore_errors=True)

    def left(self) -> list[Path]:
        """Return the checkpoints that all trials have left."""
        return list((self.folder / TRIALS).glob(f"*/*/{CHECKPOINTS}"))

    def checkpoints(self, folder: Path) -> list[Path]:
        """Return the checkpoints in a folder of a trial."""
        return list(folder.glob(CHECKPOINTS))

    def size(self, path: Path) -> int:
        """Return the bytes of a checkpoint, none if it is being deleted."""
        return size(path)

    def fetch(self, path: str) -> None:
        """See that a checkpoint can be read in the folder."""

    def bring(self, path: str) -> None:
        """See that a checkpoint can be read in the folder, and those beside it."""

    def pull(self) -> None:
        """See that all of it can be read that a study needs to go on."""


class Remote(WorkingCopy, Local):
    """A results folder at an address, and this machine's working copy of it.

    Checkpoints go to the address alone, unless they are needed here; `tuner.mirror` brings
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
        super().__init__(folder, below(results, *below_it))
        self.sizes = Counter[Path]()

    def __str__(self) -> str:
        """Return the address, which is the same on every machine."""
        return self.uri

    def storage(self, files: Path) -> dict[str, object]:
        """Return how Ray is told where its files go, which asks pyarrow alone."""
        if isinstance(self.files, PyFileSystem):
            return {"storage_path": self.there(files), "storage_filesystem": self.files}
        return {"storage_path": self.address(files)}

    def runs(self) -> int:
        """Return how often the study has been run."""
        return len(self.listed(self.folder / TRIALS))

    def kept(self, checkpoint: tune.Checkpoint) -> str:
        """Return where in the folder a trial's checkpoint would lie."""
        return str(self.folder / Path(checkpoint.path).relative_to(self._found[1]))

    def copied(self, path: str, files: Path, number: str) -> str:
        """Return where trials find a copy of the checkpoint of a trial, made among Ray's files."""
        copy = files / f"of-{number}-{uuid4().hex}"
        source, target = self.there(path), self.there(copy)
        self.files.create_dir(target)
        copy_files(source, target, source_filesystem=self.files, destination_filesystem=self.files)
        return self.address(copy)

    def remove(self, path: str) -> None:
        """Delete a checkpoint that no trial will go on from."""
        Local.remove(self, path)
        with suppress(OSError):  # as here, what cannot be deleted is left
            if self.files.get_file_info(self.there(path)).type is FileType.Directory:
                self.files.delete_dir(self.there(path))

    def left(self) -> list[Path]:
        """Return the checkpoints that all trials have left."""
        return self.checkpoints(self.folder / TRIALS)

    def checkpoints(self, folder: Path) -> list[Path]:
        """Return the checkpoints in a folder of a trial, or of several."""
        sizes = Counter[Path]()
        for path, info in self.infos(folder, deep=True).items():
            if info.is_file and path.parent.match(CHECKPOINTS):
                sizes[path.parent] += info.size
        self.sizes |= sizes
        return list(sizes)

    def size(self, path: Path) -> int:
        """Return the bytes of a checkpoint: as it was listed, if it has just been."""
        listed = self.sizes.pop(path, 0)
        return listed or sum(info.size or 0 for info in self.infos(path, deep=True).values())

    def bring(self, path: str) -> None:
        """Copy a checkpoint from the address, and those beside it."""
        # by name, because what fsspec cannot list it takes for empty
        if self.files.get_file_info(self.there(path)).type is FileType.Directory:
            self.fetch(path)
        for each in self.listed(Path(path).parent):
            if each.match(CHECKPOINTS):
                self.fetch(str(each))

    def pull(self) -> None:
        """Copy what the study needs to go on, where more of it is at the address than here."""
        with reaching(self.uri, KEY):
            self.refresh()
            journal = self.folder / JOURNAL
            for record in told(self.folder)[0].values() if journal.exists() else ():
                for path in filter(None, [record.checkpoint, record.spare]):
                    if record.status == "running":
                        self.bring(path)

    def anything(self) -> bool:
        """Return whether there is anything at the address."""
        with reaching(self.uri, KEY):
            return bool(self.listed(self.folder))

    def make(self) -> None:
        """Make the folder at the address, and so see that something can be written there."""
        with reaching(self.uri, KEY):
            self.files.create_dir(self._found[1], recursive=True)
            self.made.add(self.folder)


def size(folder: Path) -> int:
    """Return the bytes of the files in a folder, none if it is being deleted."""
    try:
        return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    except FileNotFoundError:
        return 0
