"""Numbers, moments and amounts as a person reads them."""

from datetime import datetime, timedelta


def format_value(value: object) -> str:
    """Return the value of a knob, short enough for a column.

    >>> format_value(0.00012345), format_value("relu"), format_value([1, 2])
    ('0.000123', 'relu', '[1, 2]')
    """
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def format_percent(accuracy: float) -> str:
    """Return a fraction in percent.

    >>> format_percent(0.7525)
    '75.2'
    """
    return f"{100 * accuracy:.1f}"


def format_duration(seconds: float) -> str:
    """Return a duration.

    >>> format_duration(75.4)
    '0:01:15'
    """
    return str(timedelta(seconds=round(seconds)))


def format_finish_time(seconds: float) -> str:
    """Return the time of day after so many seconds, with the day if it is not today."""
    now = datetime.now()
    then = now + timedelta(seconds=seconds)
    return f"{then:%H:%M}" if then.date() == now.date() else f"{then:%a %d %b %H:%M}"


def format_bytes(number: float) -> str:
    """Return a number of bytes, short enough for a line.

    >>> format_bytes(999), format_bytes(1_250_000), format_bytes(20e9)
    ('999 B', '1.25 MB', '20 GB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} TB"
