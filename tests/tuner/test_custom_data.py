"""Studies on custom data: two classes from a file, and further training images."""

import numpy as np
import pandas as pd
import pytest
import torch

from analysis.report.__main__ import main as report
from trainables.data import mnist5k
from trainables.data_pipeline.images import Images
from tuner.evaluate import main as evaluate
from tuner.export import main as export
from tuner.search import main as search

SMALL = ["attack.steps=1", "exam.steps=2", "epochs=1", "trials=2", "scheduler=none"]


def write(path, train, test=None):
    """Write splits under MedMNIST's names, with labels (N, 1) from 1."""
    arrays = {}
    for name, split in (("train", train), ("test", test)):
        if split:
            arrays[f"{name}_images"] = split.x[:, 0].numpy()
            arrays[f"{name}_labels"] = split.y[:, None].numpy() + 1
    np.savez(path, **arrays)
    return path


def keep_classes(images, classes):
    rows = (images.y < classes).nonzero()[:, 0]
    return images[rows]


@pytest.mark.slow
def test_two_classes_from_a_file_to_the_report_and_the_export(tmp_path, machine, capsys):
    digits = mnist5k.load()
    file = write(tmp_path / "two.npz", keep_classes(digits.train, 2), keep_classes(digits.test, 2))
    words = ["space=weight_decay", "data=arrays", f"data.path={file}", "data.validation=100"]
    words += ["model=small_cnn", "threat.eps=0.1", *SMALL, f"results={tmp_path}", "name=study"]
    assert search(words) == 0
    out = capsys.readouterr().out
    assert (
        "data arrays: images 1x28x28 in 2 classes; 700 for training (350 per class), 100 for "
        "validation, 200 for tests." in out
    )
    assert "data arrays: labels 1, 2 are numbered from 0 to 1." in out
    folder = tmp_path / "study"
    suite = "suite=fgsm,pgd_3,cw_pgd_3,multi_targeted_3,apgd_ce,apgd_dlr,apgd_t,fab_t,square"
    knobs = ["apgd_ce.steps=3", "fab_t.steps=3", "square.queries=20"]
    assert evaluate([str(folder), suite, *knobs, "images=60"]) == 0
    out = capsys.readouterr().out
    assert "left out: apgd_dlr needs at least 3 classes, got 2." in out
    assert "left out: apgd_t needs at least 4 classes, got 2." in out
    rows = pd.read_parquet(folder / "evaluation.parquet")
    expected = "fgsm pgd_3 cw_pgd_3 multi_targeted_3 apgd_ce fab_t square"
    assert " ".join(rows.attack) == expected
    assert report([str(folder)]) == 0
    assert export([str(folder)]) == 0
    assert "logits of 2 classes" in (folder / "export/README.md").read_text()


def test_a_suite_that_needs_more_classes_is_refused(tmp_path, capsys):
    network = tmp_path / "net.py"
    network.write_text(
        'from torch import nn\n\n\ndef build(shape, classes):\n    """Return a network."""\n'
        "    return nn.Sequential(nn.Flatten(), nn.Linear(784, classes))\n"
    )
    torch.save(
        torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 2)).state_dict(),
        tmp_path / "net.pt",
    )
    digits = mnist5k.load()
    file = write(tmp_path / "two.npz", keep_classes(digits.train, 2), keep_classes(digits.test, 2))
    words = [f"weights={tmp_path / 'net.pt'}", f"model={network}", "data=arrays"]
    words += [f"data.path={file}", "threat=linf", "threat.eps=0.1"]
    assert evaluate([*words, "suite=apgd_dlr,apgd_t", f"results={tmp_path / 'out'}"]) == 2
    err = capsys.readouterr().err
    assert "suite: apgd_dlr needs at least 3 classes, got 2." in err
    assert "suite: apgd_t needs at least 4 classes, got 2." in err


@pytest.mark.slow
def test_a_search_over_the_share_of_synthetic_digits(tmp_path, machine, capsys):
    """Half of the training digits count as synthetic."""
    digits = mnist5k.load()
    half = torch.arange(len(digits.train)) % 2 == 0
    file = write(tmp_path / "half.npz", digits.train[half.nonzero()[:, 0]], digits.test)
    synthetic = digits.train[(~half).nonzero()[:, 0]]
    extra = write(tmp_path / "synthetic.npz", Images(x=synthetic.x, y=synthetic.y))
    words = ["data=arrays", f"data.path={file}", f"data.extra={extra}", "data.validation=200"]
    words += ["data.extra_share=grid(0.0,0.5,0.7)", "model=small_cnn", "threat.eps=0.1"]
    words += [*SMALL[:3], "scheduler=none", f"results={tmp_path}", "name=study"]
    assert search(words) == 0
    out = capsys.readouterr().out
    assert "1,800 for training" in out
    assert "2,000 further images, a searched share of each batch" in out
    trials = pd.read_parquet(tmp_path / "study/trials.parquet")
    assert sorted(trials["data.extra_share"]) == [0.0, 0.5, 0.7]
    assert trials.val_robust_accuracy.nunique() == 3  # the share makes a difference
    assert trials.gradient_passes.nunique() == 1  # and an epoch costs the same
    assert export([str(tmp_path / "study")]) == 0
    share = trials.loc[trials.val_robust_accuracy.idxmax(), "data.extra_share"]
    used = f"and {100 * share:.0f} % of each batch from synthetic.npz" if share else "no other"
    assert used in (tmp_path / "study/export/README.md").read_text()
