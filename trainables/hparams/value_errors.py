"""What is wrong with the value of a knob, and what to type instead."""

import re
from collections.abc import Iterator

from trainables.hparams.knobs import Knob


def check_value(path: str, knob: Knob, value: object) -> Iterator[str]:
    """Yield what is wrong with `value` for `knob`, if anything."""
    try:
        knob.validate(value)
    except ValueError as error:
        yield f"{path}: {error}.{suggest_pixel_scale(path, knob, value)}{suggest_share_of_run(knob, value)}"


def suggest_pixel_scale(path: str, knob: Knob, value: object) -> str:
    """Return a remedy for who gave a length in grey levels of 255 rather than on [0, 1]."""
    limited = knob.allowed_values.endswith("<= 1") and knob.name in ("eps", "step_size")
    if limited and isinstance(value, int | float) and 1 < value <= 255:
        return f" Pixels are in [0, 1]: did you mean {path}={value:g}/255?"
    return ""


def suggest_share_of_run(knob: Knob, value: object) -> str:
    """Return a remedy for who gave a moment of the run in epochs."""
    moments = value if isinstance(value, list | tuple) else [value]
    counted = any(isinstance(each, int | float) and each > 1 for each in moments)
    if counted and re.search(r"[Ss]hares? of the run", knob.description):
        return " It is a share of the run: write 100/110 for epoch 100 of 110."
    return ""
