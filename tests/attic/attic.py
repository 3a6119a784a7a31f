"""A file system that only fsspec knows, by an entry point, and that all processes share."""

from fsspec.implementations.local import LocalFileSystem


class Attic(LocalFileSystem):
    """A folder of this machine, as attic://PATH."""

    protocol = "attic"

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(str(path).removeprefix("attic://"))
