"""Networks of other software: how an evaluation finds out how they normalise images."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from trainables.data_pipeline.images import Dataset, Images
from trainables.evaluation.normalization import NormalizationComparison
from trainables.networks.normalize import with_normalization
from trainables.training.checkpoint import load_model
from tuner.evaluate import main
from tuner.evaluation import table
from tuner.evaluation.foreign import ForeignNetwork, choose_normalization
from tuner.export import main as export_command

N, CLASSES = 60, 2
MEAN, STD = 0.5, 0.1


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Return a file of grey images: a quarter, of class 0, is darker.

    Their pixels are about 0.78 and 0.98, normalised about -1.7 and 0.6.
    """
    rng = np.random.default_rng(0)
    y = (np.arange(2 * N) % 4 > 0).astype(int)
    x = np.where(y[:, None, None], 250, 200) + rng.integers(-4, 5, (2 * N, 8, 8))
    x = x.astype(np.uint8)
    file = tmp_path_factory.mktemp("data") / "grey.npz"
    np.savez(file, x_train=x[:N], y_train=y[:N], x_test=x[N:], y_test=y[N:])
    return file


def write_weights(file, shift, scale=1.0, **buffers):
    """Write a `small_cnn` that compares the sum of the pixels with `shift` of each."""
    net = small_cnn()
    with torch.no_grad():
        for p in net.parameters():
            p.zero_()
        net[0].weight[0, 0].fill_(1 / 16)  # the mean of 4 x 4 pixels
        net[0].bias[0] = 100.0
        net[2].weight[0, 0].fill_(1 / 16)
        net[5].weight[0, : 2 * 2].fill_(0.25)
        net[7].weight[:, 0] = torch.tensor([-1.0, 1.0]) * scale
        # the edges are padded, so that the threshold is what an image of this brightness gives
        inside = net[:7](torch.full((1, 1, 8, 8), shift))[0, 0]
        net[7].bias.copy_(torch.tensor([1.0, -1.0]) * inside * scale)
    torch.save({**net.state_dict(), **buffers}, file)


def small_cnn():
    from trainables.models.small_cnn import build  # noqa: PLC0415  # only here

    net = build((1, 8, 8), CLASSES)
    assert isinstance(net, nn.Sequential)
    return net


def evaluate(tmp_path, images, *words):
    return main([
        f"weights={tmp_path / 'net.pt'}", "model=small_cnn", "data=arrays",
        f"data.path={images}", "threat=linf", "threat.eps=0.01", "suite=fgsm",
        f"results={tmp_path / 'out'}", *words,
    ])  # fmt: skip


def normalization(tmp_path):
    rows = pd.read_parquet(tmp_path / "out" / table.FILE)
    return rows["normalization"].iloc[-1], rows["clean_accuracy"].iloc[-1]


@pytest.mark.parametrize(("shift", "chosen"), [(0.0, "data"), (0.88, "none")])
def test_the_clearly_better_normalisation_is_taken_and_said(
    shift, chosen, tmp_path, images, capsys
):
    write_weights(tmp_path / "net.pt", shift)
    assert evaluate(tmp_path, images) == 0
    output = capsys.readouterr().out
    assert f"Normalisation is {chosen}: the file does not say" in output
    assert f"100.0 % with model.normalize={chosen}" in output
    about, accuracy = normalization(tmp_path)
    assert about.partition(":")[0] == chosen
    assert accuracy == 1


def test_a_choice_that_is_not_clear_is_refused(tmp_path, images, capsys):
    write_weights(tmp_path / "net.pt", 0.0, scale=0.0)
    assert evaluate(tmp_path, images) == 2
    error = capsys.readouterr().err
    assert "the 95 % intervals overlap" in error
    assert "model.normalize=data, none, or a mean and a deviation such as 0.5,0.25" in error
    assert evaluate(tmp_path, images, "model.normalize=none") == 0
    assert normalization(tmp_path)[0] == "none"
    assert evaluate(tmp_path, images, "model.normalize=0.49,0.2") == 0
    assert normalization(tmp_path)[0] == "given: mean 0.49, std 0.2"


def test_the_normalisation_of_the_file_is_taken_unless_another_is_typed(tmp_path, images, capsys):
    own = {"mu": torch.tensor([MEAN]), "sigma": torch.tensor([STD])}
    write_weights(tmp_path / "net.pt", 3.8, **own)
    assert evaluate(tmp_path, images) == 0
    assert "Normalisation is that of the file: mean 0.5, std 0.1" in capsys.readouterr().out
    assert normalization(tmp_path) == ("file: mean 0.5, std 0.1", 1)
    assert evaluate(tmp_path, images, "model.normalize=none") == 0
    assert normalization(tmp_path)[0] == "none"
    assert "replaces the normalisation of the file" in capsys.readouterr().out


def test_a_missing_network_is_suggested(tmp_path, images, capsys):
    write_weights(tmp_path / "net.pt", 0.0)
    words = [f"weights={tmp_path / 'net.pt'}", "data=arrays", f"data.path={images}"]
    assert main([*words, "threat=linf", "threat.eps=0.01"]) == 2
    assert "net.pt fits model=small_cnn; write it" in capsys.readouterr().err
    torch.save({"odd": torch.zeros(3, 3)}, tmp_path / "net.pt")
    assert main([*words, "threat=linf", "threat.eps=0.01"]) == 2
    assert "model: needs a name, one of" in capsys.readouterr().err


def test_intervals_that_do_not_overlap_decide():
    """Wilson's intervals of 180 and 165 of 200 are [0.851, 0.934] and [0.767, 0.872]."""
    assert NormalizationComparison({"data": 180, "none": 165}, 200).best is None
    assert NormalizationComparison({"data": 180, "none": 150}, 200).best == "data"


def test_a_table_of_an_earlier_version_has_no_normalisation(tmp_path):
    frame = table.TABLE.build_frame().drop(columns="normalization")
    frame.to_parquet(tmp_path / table.FILE)
    assert table.read_table(tmp_path).columns.isin(["normalization"]).any()


class Brightness(nn.Module):
    """Chooses class 1 if the mean pixel is above a threshold."""

    def __init__(self, threshold):
        super().__init__()
        self.threshold = threshold

    def forward(self, x):
        score = x.mean(dim=(1, 2, 3)) - self.threshold
        return torch.stack([-score, score], dim=1)


def grey_dataset():
    """Return black and white images that are not normalised: half of them 0, half 255."""
    y = torch.arange(100) % 2
    images = Images(x=(255 * y).to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2), y=y)
    return Dataset(train=images, test=images, classes=2, mean=(0.0,), std=(1.0,))


@pytest.mark.parametrize(
    ("threshold", "chosen"),
    [(0.5, "none"), (-0.2, "0.5,0.5006")],  # black and white are 0 and 1, or -1 and 1 if normalised
)
def test_unusual_normalisation_must_be_clearly_better(threshold, chosen):
    """Mean 0.5; deviation of 400 pixels with n - 1: sqrt(400 * 0.25 / 399) = 0.50063."""

    def build(normalize):
        return with_normalization(Brightness(threshold), [0.0], [1.0], normalize=normalize)

    network = ForeignNetwork(build=build, notes=(), has_normalization=False)
    choice, reason = choose_normalization(network, grey_dataset(), "cpu")
    assert choice == chosen
    assert "100.0 % with model.normalize=0.5,0.5006" in reason


def export(tmp_path, images, *words):
    return export_command([
        f"weights={tmp_path / 'net.pt'}", "model=small_cnn", "data=arrays",
        f"data.path={images}", "threat=linf", f"results={tmp_path / 'out'}", *words,
    ])  # fmt: skip


def test_an_export_has_the_network_its_normalisation_and_its_accuracies(tmp_path, images, capsys):
    write_weights(tmp_path / "net.pt", 0.0)
    assert evaluate(tmp_path, images) == 0
    assert export(tmp_path, images, "threat.eps=0.01", "name=A title") == 0
    output = capsys.readouterr().out
    assert f"Exported net.pt to {tmp_path / 'out/export'}." in output
    assert "Normalisation in the export: data: mean" in output
    network = load_model(tmp_path / "out/export")
    with np.load(images) as file:
        x = torch.from_numpy(file["x_test"]).float()[:, None] / 255
        assert network(x).argmax(dim=1).tolist() == file["y_test"].tolist()
    card = (tmp_path / "out/export/README.md").read_text()
    assert "trained with other software" in card
    assert "| fgsm |" in card
    assert str(tmp_path) not in card
    entry = json.loads((tmp_path / "out/export/model_info.json").read_text())
    assert (entry["clean_acc"], entry["additional_data"]) == ("100.00", "")


def test_an_export_says_how_weights_are_evaluated_that_never_were(tmp_path, images, capsys):
    write_weights(tmp_path / "net.pt", 0.0)
    to = tmp_path / "released"
    assert export(tmp_path, images, "threat.eps=0.01", f"to={to}") == 0
    given = "weights=net.pt model=small_cnn data=arrays data.path=grey.npz threat=linf"
    assert f"attuner evaluate {given} threat.eps=0.01" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "threat.eps: "),
        (["threat.eps=0.01", "model=lenet"], "weights: "),
        (["threat.eps=0.01", "results/search"], "results/search: give a folder or weights="),
        (["threat.eps=0.01", "weights=none.pt"], "weights: there is no file "),
        (["threat.eps=0.01", "model.depth=3"], "model.depth: "),
    ],
)
def test_weights_that_cannot_be_exported_are_refused(words, message, tmp_path, images, capsys):
    write_weights(tmp_path / "net.pt", 0.0)
    assert export(tmp_path, images, *words) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_search_is_exported_without_a_network_on_the_command_line(capsys):
    assert export_command(["results/search", "model=lenet", "results=out"]) == 2
    error = capsys.readouterr().err
    assert "model: goes with weights=." in error
    assert "results: goes with weights=." in error
