"""The recorded runs on which schedulers are compared."""

import pytest

from benchmarks.recorded_sets import load_sets
from trainables.errors import InputError


def test_how_to_write_missing_curves_is_said(tmp_path):
    with pytest.raises(InputError, match=r"found no file.*benchmarks\.digits_curves FOLDER"):
        list(load_sets("digits", tmp_path / "missing.csv.gz"))
