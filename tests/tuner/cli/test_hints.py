"""Mistyped words get a hint or are understood; a key typed twice is an error."""

import pytest

from trainables.hparams.knobs import read_knobs
from tuner.config.settings import Settings
from tuner.evaluate import main as evaluate
from tuner.search import main
from tuner.train import main as train


def error_of(capsys, *words, command=main):
    """Return the error message of a command, which must fail."""
    assert command(list(words)) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(("word", "hint"), [
    ("method=TRADES", "Did you mean 'trades'?"),
    ("method=PGD-AT", "Did you mean 'pgd_at'?"),
    ("scheduler=ASHA", "Did you mean 'asha'?"),
    ("data=CIFAR10", "Did you mean 'cifar10'?"),
    ("data=CIFAR-10", "Did you mean 'cifar10'?"),
    ("data=mine.npz", "data=arrays data.path=mine.npz"),
    ("optimizer.wd=0.1", "Did you mean 'weight_decay'?"),
    ("wd=0.1", "Did you mean optimizer.weight_decay?"),
    ("bs=128", "Did you mean data.batch_size?"),
    ("epsilon=8/255", "Did you mean threat.eps?"),
    ("Weight-Decay=0.1", "Did you mean optimizer.weight_decay?"),
    ("num_samples=4", "Did you mean 'trials'?"),
    ("optimizer.weight_decay=0.1,0.01", "write optimizer.weight_decay=grid(0.1,0.01)."),
])  # fmt: skip
def test_a_hint(word, hint, capsys):
    assert hint in error_of(capsys, "space=weight_decay", word)


@pytest.mark.parametrize(("key", "text", "value"), [
    ("time_budget", "2h30m", 9000.0), ("time_budget", "90min", 5400.0),
    ("report_limit", "1d 2h 3m 4s", 93784.0), ("disk_budget", "20G", 20e9),
    ("disk_budget", "2Gi", 2.0 * 2**30),
])  # fmt: skip
def test_units(key, text, value):
    assert read_knobs(Settings)[key].validate(text) == value


@pytest.mark.parametrize("text", ["inf", "nan", "-1", "h", "2h30", "1e999"])
def test_a_time_must_be_finite(text, capsys):
    assert "time_budget: " in error_of(capsys, "space=weight_decay", f"time_budget={text}")


@pytest.mark.parametrize("command", [main, train, evaluate])
def test_a_key_typed_twice_is_refused(command, capsys):
    message = error_of(capsys, "seed=1", "seed=2", "results=x", "seed=3", command=command)
    assert "seed: typed 3 times; write it once." in message


@pytest.mark.parametrize(("command", "word"), [
    (main, "replay=/dev/zero"), (train, "config=/dev/zero"), (evaluate, "weights=/dev/zero"),
    (main, "warm_start=/dev/zero"), (main, "data.path=/dev/zero"),
])  # fmt: skip
def test_a_device_is_not_read(command, word, capsys):
    more = ["data=arrays"] if word.startswith("data") else []
    assert "must be a file or a folder" in error_of(capsys, word, *more, command=command)


def test_links_out_of_a_folder_are_not_all_listed(tmp_path, capsys):
    for number in range(100):
        (tmp_path / str(number)).symlink_to("/")
    message = error_of(capsys, str(tmp_path), command=evaluate)
    assert message.count("is a link to") == 5
    assert "has more such links; is it a results folder?" in message
