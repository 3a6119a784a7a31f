"""Error messages for invalid values of knobs, with a suggestion of what to type."""

import re
from collections.abc import Iterator

from trainables.hparams.knobs import Knob


def check_value(path: str, knob: Knob, value: object) -> Iterator[str]:
    """Yield a problem if `value` is invalid for the knob at `path`."""
    try:
        knob.validate(value)
    except ValueError as error:
        hint = suggest_pixel_scale(path, knob, value) + suggest_share_of_run(knob, value)
        yield f"{path}: {error}.{hint}"


def suggest_pixel_scale(path: str, knob: Knob, value: object) -> str:
    """Return a suggestion if a length was given in grey levels (0 to 255) rather than in [0, 1]."""
    limited = knob.allowed_values.endswith("<= 1") and knob.name in ("eps", "step_size")
    if limited and isinstance(value, int | float) and 1 < value <= 255:
        return f" Pixels are in [0, 1]: did you mean {path}={value:g}/255?"
    return ""


def suggest_share_of_run(knob: Knob, value: object) -> str:
    """Return a suggestion if a share of the run was given as a number of epochs."""
    shares = value if isinstance(value, list | tuple) else [value]
    has_epochs = any(isinstance(share, int | float) and share > 1 for share in shares)
    if has_epochs and re.search(r"[Ss]hares? of the run", knob.description):
        return " It is a share of the run: write 100/110 for epoch 100 of 110."
    return ""
