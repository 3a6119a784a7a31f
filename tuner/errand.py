"""A search that another machine has sent over Ray Client: `python -m tuner.errand`, by the head."""

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from tempfile import TemporaryFile

import ray
from ray import cloudpickle
from rich.console import Console

from tuner.cluster import QUIET, as_told
from tuner.command import command
from tuner.help import usage
from tuner.plan import Plan
from tuner.pursue import pursue

NEPHEW = ("/bin/sh", "-c", '"$@"; exit $?', "sh")
"""Starts a process that is no child of this one: when an actor goes, Ray kills its children."""


class Errand:
    """An actor with a search in a process of its own, where Ctrl-C means what it does elsewhere.

    When the actor goes, because its client has gone, the search is interrupted.
    """

    def __init__(self, plan: bytes, typed: Sequence[str], columns: int) -> None:
        """Start the search.

        Args:
            plan: What to run, pickled.
            typed: The command.
            columns: Width of the terminal that its lines are meant for.
        """
        # files, for who writes to a pipe that nobody reads any more cannot end well
        parcel, *self.printed = [TemporaryFile() for _ in range(3)]  # noqa: SIM115
        context = ray.get_runtime_context()
        pickle.dump((plan, list(typed), context.gcs_address, dict(context.runtime_env)), parcel)
        parcel.seek(0)
        listening, self.line = os.pipe()
        self.process = subprocess.Popen(
            [*NEPHEW, sys.executable, "-m", "tuner.errand", str(listening)],
            stdin=parcel,
            stdout=self.printed[0],
            stderr=self.printed[1],
            pass_fds=[listening],
            env=os.environ | {"COLUMNS": str(columns)},
            start_new_session=True,
        )
        os.close(listening)
        self.read = [0, 0]

    def news(self) -> tuple[bytes, bytes, int | None]:
        """Return what was printed since the last time, and the exit status if it is over."""
        status = self.process.poll()  # first, for nothing is printed after it
        return self.unread(0), self.unread(1), status

    def unread(self, number: int) -> bytes:
        """Return what was printed since the last time, as output or as an error."""
        size = os.fstat(self.printed[number].fileno()).st_size
        found = os.pread(self.printed[number].fileno(), size - self.read[number], self.read[number])
        self.read[number] += len(found)
        return found

    def interrupt(self) -> None:
        """Do as Ctrl-C does."""
        os.write(self.line, b"!")


def pickled(plan: Plan) -> bytes:
    """Return a plan as an errand takes it; a user's own space may have functions in it."""
    found: bytes = cloudpickle.dumps(plan)  # type: ignore[no-untyped-call]
    return found


def obey(line: int) -> None:
    """Interrupt this process, once: when the actor says so, or when it is there no more."""
    os.read(line, 1)
    os.kill(os.getpid(), signal.SIGINT)


def main() -> int:
    """Run what is sent; return the exit status."""
    # Ray keeps Ctrl-C from what it starts
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    plan, typed, head, environment = pickle.load(sys.stdin.buffer)
    threading.Thread(target=obey, args=[int(sys.argv[1])], daemon=True).start()

    def search(words: Sequence[str], console: Console) -> int:
        as_told()
        ray.init(address=head, runtime_env=environment, **QUIET)
        found: Plan = cloudpickle.loads(plan)
        return pursue(found, words, console)

    return command(typed, usage, tuple, search)


if __name__ == "__main__":
    sys.exit(main())
