"""What is wrong with images and networks, found before a plan is run or previewed."""

import numpy as np
import pytest
from rich.console import Console

from trainables.data_pipeline.images import MissingDataError
from trainables.errors import InputError
from tuner.config.compose import compose_plan
from tuner.config.preflight.data_and_network import (
    check_data_and_networks,
    prepare_variant,
    print_data,
)
from tuner.config.preflight.dry_run import build_study_plan
from tuner.search import parse_search_arguments

SMALL = ["space=weight_decay", "data.limit=100", "data.validation=50"]


def plan(*words):
    return compose_plan(*parse_search_arguments([*SMALL, *words]))


def test_all_problems_are_told_at_once():
    messages = check_data_and_networks(
        plan("data.batch_size=1000", "threat.eps=1", "data.crop=28", "dry_run=true")
    )
    assert [line.partition(":")[0] for line in messages] == [
        "data.batch_size", "threat.eps", "data.crop",
    ]  # fmt: skip
    assert "must be below 1, the distance from black to white" in messages[1]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("data.batch_size=choice(50,1000)", "data.batch_size: must be at most 100"),
        ("threat.eps=grid(0.1,1)", "threat.eps: must be below 1"),
        ("data.cutout=grid(4,28)", "data.cutout: must be below 28"),
        ("data.crop=grid(4,28) data.padding=reflect", "data.crop: must be below 28"),
    ],
)
def test_the_largest_value_searched_is_looked_at(word, message):
    words = [*word.split(), "optimizer.weight_decay=0"]
    (problem,) = check_data_and_networks(plan(*words))
    assert message in problem


@pytest.mark.parametrize("knob", ["data.batch_size", "update.micro_batch"])
def test_single_images_are_refused_where_batchnorm_has_one_feature(tmp_path, knob):
    file = tmp_path / "net.py"
    file.write_text(
        "from torch import nn\n"
        "def build(shape, classes):\n"
        "    layers = nn.Conv2d(1, 4, 28), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, classes)\n"
        "    return nn.Sequential(*layers)\n"
    )
    (problem,) = check_data_and_networks(plan(f"model={file}", f"{knob}=1"))
    assert problem.startswith(f"{knob}: must be at least 2, because BatchNorm")
    assert not check_data_and_networks(plan(f"model={file}", f"{knob}=2"))
    assert not check_data_and_networks(plan(f"{knob}=1"))  # small_cnn has no BatchNorm


def test_a_missing_file_is_told_and_what_can_be_downloaded_is_not_by_a_plan_that_is_not_run(
    tmp_path,
):
    (message,) = check_data_and_networks(
        plan("data=arrays", f"data.path={tmp_path / 'none.npz'}", "dry_run=true")
    )
    assert message.startswith("data: no file")
    words = ["data=cifar10", f"data.root={tmp_path}", "data.download=false"]
    assert not check_data_and_networks(plan(*words, "dry_run=true"))
    (message,) = check_data_and_networks(plan(*words))
    assert message.startswith("data: CIFAR10 is missing or incomplete")
    with pytest.raises(MissingDataError):
        prepare_variant(plan(*words).variants[0])


DATA = "RECIPE = 'mnist5k'\ndef load(): "
MODEL = "from torch import nn\ndef build(shape, classes): "


@pytest.mark.parametrize(
    ("group", "text", "message"),
    [
        ("data", f"{DATA}raise KeyError('x')", "fails in load() (KeyError: 'x')"),
        ("data", f"{DATA}return 5", "must return a trainables.data_pipeline.images.Dataset, got 5"),
        ("model", f"{MODEL}raise KeyError('x')", "does not take images of 1x28x28 (KeyError: 'x')"),
        ("model", f"{MODEL}raise KeyError", "does not take images of 1x28x28 (KeyError)."),
        ("model", f"{MODEL}return 5", "build() must return a torch.nn.Module, got 5"),
        (
            "model",
            f"{MODEL}return nn.Sequential(nn.Flatten(), nn.Linear(784, 3))",
            "must return logits of shape (2, 10) for 2 images, got (2, 3)",
        ),
        ("model", f"{MODEL}return nn.Identity()", "got (2, 1, 28, 28)"),
    ],
)
def test_a_member_of_the_users_own_that_fails_is_told_by_its_file(tmp_path, group, text, message):
    (tmp_path / "mine.py").write_text(text)
    (problem,) = check_data_and_networks(plan(f"{group}={tmp_path / 'mine.py'}"))
    assert f"{group}: {tmp_path / 'mine.py'}" in problem
    assert message in problem


def test_a_network_that_no_memory_holds_is_refused():
    (message,) = check_data_and_networks(plan("model=resnet18", "model.width=200000"))
    assert message.startswith("model: resnet18 needs")


def test_photographs_that_cannot_be_decoded_are_refused(tmp_path):
    for split in ("train", "val"):
        for name in ("a", "b"):
            folder = tmp_path / split / name
            folder.mkdir(parents=True)
            for number in range(200):
                (folder / f"{number}.jpg").write_bytes(b"no photograph")
    words = ["data=imagenet", f"data.root={tmp_path}", "data.size=32", "data.batch_size=10"]
    (message,) = check_data_and_networks(plan(*words, "model=resnet18", "dry_run=true"))
    assert "cannot be decoded" in message


def test_a_step_of_training_that_fails_is_told(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from trainables.methods.pgd_at import inner as inner\n"
        "def outer(model, x, x_adv, y): raise KeyError('x')\n"
    )
    with pytest.raises(InputError, match=r"a step of training fails \(KeyError: 'x'\)\."):
        build_study_plan(plan(f"method={path}", "dry_run=true"), tmp_path, 1, 0.0)


def test_as_many_labels_as_images_are_refused(tmp_path):
    pixels, labels = np.zeros((200, 28, 28), np.uint8), np.arange(200) * 10**12
    splits = {"x_train": pixels, "y_train": labels, "x_test": pixels, "y_test": labels}
    np.savez(tmp_path / "mine.npz", **splits)
    (message,) = check_data_and_networks(plan("data=arrays", f"data.path={tmp_path / 'mine.npz'}"))
    assert "got 200 different labels for 200 images; are the labels classes?" in message


def test_what_was_understood_of_the_images_is_printed(tmp_path, capsys):
    """With further images, of which two are copies of test images."""
    rng = np.random.default_rng(0)
    pixels, labels = rng.integers(0, 256, (300, 28, 28), np.uint8), np.arange(300) % 3 * 10
    np.savez(
        tmp_path / "mine.npz",
        x_train=pixels[:240],
        y_train=labels[:240],
        x_test=pixels[240:],
        y_test=labels[240:],
    )
    more = np.concatenate([255 - pixels[:50], pixels[298:]])
    np.savez(tmp_path / "more.npz", x=more, y=labels[:52])
    words = [
        "data=arrays",
        f"data.path={tmp_path / 'mine.npz'}",
    ]
    words += [f"data.extra={tmp_path / 'more.npz'}", "data.extra_share=0.7"]
    print_data(plan(*words), Console(width=400))
    first, second = capsys.readouterr().out.splitlines()
    assert first == (
        "data arrays: images 1x28x28 in 3 classes; 100 for training (rarest class 33, commonest "
        "34), 50 for validation, 60 for tests; 50 further images, 70 % of each batch (2 copies "
        "of validation and test images are left out)."
    )
    assert second == "data arrays: labels 0, 10, 20 are numbered from 0 to 2."
