"""Measurements that may fail without taking others with them."""

from collections.abc import Callable

from benchmarks.gpu.settings import Deadline, Values

OUT_OF_TIME: Values = {"error": "out of time"}


def attempt(measure: Callable[[], Values], deadline: Deadline) -> Values:
    """Return what `measure` returns, or an error: its own, or that no time is left."""
    if deadline.seconds_left() < 0:
        return OUT_OF_TIME
    try:
        return measure()
    except ModuleNotFoundError as error:
        return {"error": f"{error.name} is not installed"}
    except Exception as error:  # what is measured can raise anything
        return {"error": describe_error(error)}


def describe_error(error: Exception) -> str:
    """Return type and first line of an error."""
    return ": ".join([type(error).__name__, *str(error).splitlines()[:1]])
