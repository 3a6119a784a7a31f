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
        self.printed = [TemporaryFile(), TemporaryFile()]  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tuner.errand"],
            stdin=subprocess.PIPE,
            stdout=self.printed[0],
            stderr=self.printed[1],
            env=os.environ | {"COLUMNS": str(columns)},
            start_new_session=True,
        )
        self.read = [0, 0]
        context = ray.get_runtime_context()
        about = plan, list(typed), context.gcs_address, dict(context.runtime_env)
        assert self.process.stdin is not None
        pickle.dump(about, self.process.stdin)
        self.process.stdin.flush()  # and it is left open: at its end the search ends

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
        self.process.send_signal(signal.SIGINT)


def pickled(plan: Plan) -> bytes:
    """Return a plan as an errand takes it; a user's own space may have functions in it."""
    found: bytes = cloudpickle.dumps(plan)  # type: ignore[no-untyped-call]
    return found


def outlive_nobody() -> None:
    """Interrupt this process when its input ends, which the actor holds open."""
    os.read(sys.stdin.fileno(), 1)  # past Python's buffer, whose lock its end would wait for
    os.kill(os.getpid(), signal.SIGINT)


def main() -> int:
    """Run what is sent; return the exit status."""
    # Ray keeps Ctrl-C from what it starts
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    plan, typed, head, environment = pickle.load(sys.stdin.buffer)
    threading.Thread(target=outlive_nobody, daemon=True).start()

    def search(words: Sequence[str], console: Console) -> int:
        as_told()
        ray.init(address=head, runtime_env=environment, **QUIET)
        found: Plan = cloudpickle.loads(plan)
        return pursue(found, words, console)

    return command(typed, usage, search)


if __name__ == "__main__":
    sys.exit(main())
