"""A search validates its knobs and reads the files of a study once, and passes them on."""

from collections import Counter
from pathlib import Path

import pytest
from optuna.storages.journal import JournalFileBackend

from trainables.hparams.knobs import Knob
from trainables.io import safe_yaml
from tuner.search import main

WORDS = (
    *("space=weight_decay", "model=small_cnn", "data.validation=60", "data.limit=120"),
    *("attack.steps=1", "exam.steps=2", "epochs=2", "concurrency=1", "name=study"),
)
VALIDATIONS = 100
"""Most validations in the driver, however many trials there are. The recipe, the space and the
command line set 11 values: each is validated to explain what is wrong with it, and the 10 that are
not searched again to convert them; the other end of the searched range makes 2. The study has up to
8 keys, and `EPOCHS` of space and recipe takes 4. To try the network on the shape of an image, the
20 knobs of data, threat and model are bound, and the 11 of data again to count the classes of the
validation split and to describe the images. The 2 of the schedule are bound to find where the
learning rate drops. A trial validates its own in its own process. Before PyTorch is imported, the
command line is validated twice: to refuse mistyped words, and to decide whether Ray starts early.
"""
STORED_VALUES = 300
"""Most further validations on resume, which reads stored values as their knobs read them now: some
70 that the study fixes, and those of its two trials, with those that it searches, up to twice.
"""


@pytest.fixture
def counts(monkeypatch):
    """Count validated knobs by "knob", and files by name when they are opened to be loaded."""
    validations = Counter()

    def count(owner, method, key_of):
        real = getattr(owner, method)

        def counted(*args):
            validations[key_of(*args)] += 1
            return real(*args)

        monkeypatch.setattr(owner, method, counted)

    count(Knob, "validate", lambda *_: "knob")
    count(safe_yaml, "read_yaml", lambda file: file.name)
    count(JournalFileBackend, "__init__", lambda _, file: Path(file).name)
    return validations


@pytest.mark.slow
def test_a_search_validates_and_reads_once(tmp_path, machine, counts):
    assert main([*WORDS, f"results={tmp_path}", "trials=2"]) == 0
    assert 0 < counts.pop("knob") <= VALIDATIONS
    # a new study is built under a hidden name, so that an interrupted search leaves none or all
    assert counts == {".optuna.log": 1, "optuna.log": 1}

    counts.clear()
    assert main([*WORDS, f"results={tmp_path}", "trials=3", "resume=auto"]) == 0
    assert 0 < counts.pop("knob") <= VALIDATIONS + STORED_VALUES
    assert counts == {"search.yaml": 1, "optuna.log": 1}


def test_an_invalid_key_is_validated_again_to_explain_it(tmp_path, monkeypatch, capsys):
    """Twice before PyTorch is imported, which decides whether Ray starts, and twice as usual."""
    validated = []
    real = Knob.validate
    monkeypatch.setattr(Knob, "validate", lambda *args: validated.append(args) or real(*args))
    assert main([*WORDS, "trials=-1", f"results={tmp_path}"]) == 2
    assert "trials: must be" in capsys.readouterr().err
    assert sum(knob.name == "trials" for knob, _ in validated) == 4
