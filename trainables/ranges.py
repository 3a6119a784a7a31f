"""Number types that carry the range a knob may take; pydantic holds values to them."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Overshoot = Annotated[float, Field(ge=1, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Inside = Annotated[float, Field(gt=0, lt=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
Natural = Annotated[int, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Folder = Annotated[str, AfterValidator(lambda text: str(Path(text).expanduser().resolve()))]
"""A path; absolute once validated, because a trial does not run where the command was typed."""
