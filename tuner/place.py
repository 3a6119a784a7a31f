"""Where a results folder lies: on this machine, or at an address such as s3://bucket/path too."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

from pyarrow.fs import FileSelector, FileSystem, FileType, copy_files
from ray import tune

from trainables.problems import InputError
from tuner.disk import CHECKPOINTS
from tuner.journal import FILE as JOURNAL
from tuner.journal import told

TRIALS = "trials"
"""Ray's own files, in the results folder."""


class Local:
    """A results folder that all machines of the study see by the same path.

    Attributes:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def address(self, path: Path | str) -> str:
        """Return where trials find a file of the folder."""
        return str(path)

    def inside(self, address: str) -> str:
        """Return where in the folder the file lies that trials find at an address."""
        return address

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

    def fetch(self, path: str) -> None:
        """See that a checkpoint can be read in the folder."""

    def bring(self, path: str) -> None:
        """See that a checkpoint can be read in the folder, and those beside it."""

    def pull(self) -> None:
        """See that all of it can be read that a study needs to go on."""


class Remote(Local):
    """A results folder at an address; `folder` is this machine's working copy.

    Checkpoints go to the address alone, unless they are needed here; `tuner.mirror` brings
    everything else there.

    Attributes:
        uri: The address of the results folder.
    """

    def __init__(self, folder: Path, results: str, name: str | None = None) -> None:
        """Know both.

        Args:
            folder: The working copy.
            results: The address that holds results folders.
            name: Of the results folder there; that of the copy if none, all of them if empty.
        """
        super().__init__(folder)
        self.made = set[Path]()
        self.uri = below(results, *filter(None, [folder.name if name is None else name]))

    @cached_property
    def _found(self) -> tuple[FileSystem, str]:
        with reaching(self.uri):
            files, root = FileSystem.from_uri(self.uri)
        return files, root

    @property
    def files(self) -> FileSystem:
        """What reads and writes at the address."""
        return self._found[0]

    def there(self, path: Path | str) -> str:
        """Return the path of a file of the folder, as `files` wants it."""
        return "/".join([self._found[1], *Path(path).relative_to(self.folder).parts])

    def address(self, path: Path | str) -> str:
        """Return where trials find a file of the folder."""
        return below(self.uri, *Path(path).relative_to(self.folder).parts)

    def inside(self, address: str) -> str:
        """Return where in the folder the file would lie that trials find at an address."""
        above = PurePosixPath(urlsplit(self.uri).path)
        return str(self.folder / PurePosixPath(urlsplit(address).path).relative_to(above))

    def runs(self) -> int:
        """Return how often the study has been run."""
        return len(self.listed(self.folder / TRIALS))

    def listed(self, path: Path) -> list[Path]:
        """Return what a folder holds at the address, as it would be called here."""
        selector = FileSelector(self.there(path), allow_not_found=True)
        with reaching(self.uri):
            return sorted(path / each.base_name for each in self.files.get_file_info(selector))

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
        super().remove(path)
        if self.files.get_file_info(self.there(path)).type is FileType.Directory:
            self.files.delete_dir(self.there(path))

    def fetch(self, path: str) -> None:
        """Copy a checkpoint from the address, unless it is here."""
        if Path(path).is_dir():
            return
        parent = Path(path).parent
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=parent, prefix=".") as partial:
            copy_files(self.there(path), partial, source_filesystem=self.files)
            shutil.copytree(partial, path)

    def bring(self, path: str) -> None:
        """Copy a checkpoint from the address, and those beside it."""
        for each in self.listed(Path(path).parent):
            if each.match(CHECKPOINTS):
                self.fetch(str(each))

    def pull(self) -> None:
        """Copy what the study needs to go on, if more of it is at the address than here."""
        with reaching(self.uri):
            self.brought()

    def brought(self) -> None:
        """Copy it."""
        journal = self.folder / JOURNAL
        size = self.files.get_file_info(self.there(journal)).size or 0
        if size > (journal.stat().st_size if journal.exists() else 0):
            for path in self.listed(self.folder):
                if path.name != TRIALS:
                    self.copy(path)
        for record in told(self.folder)[0].values() if journal.exists() else ():
            if record.checkpoint and record.status == "running":
                self.bring(record.checkpoint)

    def copy(self, path: Path) -> None:
        """Copy a file or a folder from the address."""
        is_folder = self.files.get_file_info(self.there(path)).type is FileType.Directory
        (path if is_folder else path.parent).mkdir(parents=True, exist_ok=True)
        copy_files(self.there(path), str(path), source_filesystem=self.files)

    def make(self) -> None:
        """Make the folder at the address, and so see that something can be written there."""
        with reaching(self.uri):
            self.files.create_dir(self._found[1], recursive=True)
            self.made.add(self.folder)

    def write(self, path: Path, content: bytes) -> None:
        """Write a file of the folder at the address."""
        if path.parent not in self.made:  # object stores have no folders, others want them first
            self.files.create_dir(self.there(path.parent), recursive=True)
            self.made.add(path.parent)
        with self.files.open_output_stream(self.there(path)) as stream:
            stream.write(content)


def remote(results: str) -> bool:
    """Return whether results go to an address rather than a folder."""
    return "://" in results


def below(address: str, *names: str) -> str:
    """Return the address of what lies below another.

    >>> below("s3://bucket/path?region=eu", "study", "trials")
    's3://bucket/path/study/trials?region=eu'
    """
    parts = urlsplit(address)
    return urlunsplit(parts._replace(path="/".join([parts.path.rstrip("/"), *names])))


@contextmanager
def reaching(uri: str) -> Iterator[None]:
    """Say so if an address cannot be used while inside.

    Raises:
        InputError: If it cannot.
    """
    try:
        yield
    except InputError:
        raise
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError([
            f"results: {uri} cannot be used ({reason}); write an address that pyarrow knows, such "
            "as s3://bucket/path?region=REGION, with the keys in the environment, or a folder."
        ]) from None
