"""Import one module with other code than that of its file, without writing the file."""

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType


class ChangedModule(importlib.abc.MetaPathFinder):
    """Finds one module with other code than that of its file."""

    def __init__(self, name: str, path: Path, tree: ast.Module) -> None:
        self.name, self.path = name, path
        self.code = compile(tree, str(path), "exec")

    def pytest_sessionstart(self) -> None:
        """Move before pytest's finder, which would load the module from its file for doctests."""
        sys.meta_path.insert(0, self)

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the specification of the changed module, and `None` for others."""
        if fullname != self.name:
            return None
        loader = ChangedLoader(fullname, str(self.path))
        loader.code = self.code
        return importlib.util.spec_from_file_location(fullname, self.path, loader=loader)


class ChangedLoader(importlib.machinery.SourceFileLoader):
    """Loads a module from given code."""

    code: CodeType

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002
        """Return the code, whatever the file and its cache hold."""
        return self.code
