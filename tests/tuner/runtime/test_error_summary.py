"""What is kept of an exception that ended a trial."""

import traceback

import pytest

from tuner.runtime.ray_adapters import summarize_error


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("short", "ValueError: short"),
        ("shapes differ:\n  12 and 13\nsee above", "ValueError: shapes differ: 12 and 13"),
        ("\nfirst line\nsecond line", "ValueError: first line"),
        ("", "ValueError"),
        ("nothing follows:", "ValueError: nothing follows:"),
        (
            "Error(s) in loading state_dict for Network:\n\tsize mismatch for 1.weight: 16.\n\tetc",
            "ValueError: Error(s) in loading state_dict for Network: "
            "size mismatch for 1.weight: 16.",
        ),
    ],
)
def test_type_and_first_line_of_the_message_are_kept(tmp_path, message, expected):
    try:
        raise ValueError(message)
    except ValueError:
        text = "ray::ImplicitFunc.train() (pid=1)\n" + traceback.format_exc()
    (tmp_path / "error.txt").write_text(text)
    assert summarize_error(str(tmp_path / "error.txt")) == expected


def test_without_a_traceback_the_last_line_is_kept(tmp_path):
    (tmp_path / "error.txt").write_text("Trainable runner reuse\nrequires reset_config()\n")
    assert summarize_error(str(tmp_path / "error.txt")) == "requires reset_config()"
    assert summarize_error(None) == "ended without a message"
