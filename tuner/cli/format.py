"""Format values, durations, times of day and sizes for people."""

from datetime import datetime, timedelta


def format_value(value: object) -> str:
    """Format the value of a knob for a table column, floats to three digits.

    >>> format_value(0.00012345), format_value("relu"), format_value([1, 2])
    ('0.000123', 'relu', '[1, 2]')
    """
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def format_percent(accuracy: float) -> str:
    """Format a fraction in [0, 1] in percent.

    >>> format_percent(0.7525)
    '75.2'
    """
    return f"{100 * accuracy:.1f}"


def format_duration(seconds: float) -> str:
    """Format a duration in seconds as H:MM:SS.

    >>> format_duration(75.4)
    '0:01:15'
    """
    return str(timedelta(seconds=round(seconds)))


def format_finish_time(seconds: float) -> str:
    """Format the time of day `seconds` from now, with the date if that is not today."""
    now = datetime.now()
    finish = now + timedelta(seconds=seconds)
    return f"{finish:%H:%M}" if finish.date() == now.date() else f"{finish:%a %d %b %H:%M}"


def format_bytes(number: float) -> str:
    """Format a number of bytes with a decimal unit.

    >>> format_bytes(999), format_bytes(1_250_000), format_bytes(20e9)
    ('999 B', '1.25 MB', '20 GB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} TB"
