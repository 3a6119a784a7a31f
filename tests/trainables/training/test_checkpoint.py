"""Checkpoints: what a trial resumes from, and which networks load."""

import json
import pickle
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tests.oracles import TINY_CONFIG, make_report, tiny_config
from tests.trainables.training.test_trial import metrics_of
from trainables.data_pipeline.images import ImageFormat
from trainables.errors import InputError
from trainables.networks.averaging import Ensemble
from trainables.robustness.validation_attack import measure_accuracies
from trainables.training import checkpoint
from trainables.training.checkpoint import load_model
from trainables.training.foreign_weights import load_foreign_weights
from trainables.training.trial import Trial

FILES = ("model.safetensors", "state.pt", "metrics.json")


def small_config(**changes):
    """Return a configuration that trains on 60 images, with a momentum."""
    sgd = {"name": "sgd", "lr": 0.1, "momentum": 0.8, "weight_decay": 1e-3}
    small = {"data__validation": 20, "data__limit": 60, "data__batch_size": 30, "optimizer": sgd}
    return tiny_config(**small | changes)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return a trial after two epochs with every field set, and the folder of its checkpoint."""
    folder = tmp_path_factory.mktemp("saved")
    trial = Trial(small_config(average={"name": "ema", "decay": 0.5}), level=3)
    trial.run_epoch()
    trial.best_weights = {key: each + 1 for key, each in trial.best_weights.items()}
    trial.best_report = make_report(1, 0.9)
    trial.run_epoch()
    trial.diverged, trial.collapsed_at, trial.micro_batch = True, 7, 11
    trial.memory["delta"] = torch.rand(3)
    checkpoint.save(trial, folder)
    return SimpleNamespace(trial=trial, folder=folder, global_rng=torch.get_rng_state())


def test_everything_is_restored_but_the_knobs(saved):
    """A trial that resumes with other knobs keeps its own: the learning rate of PBT, say."""
    sgd = {"name": "sgd", "lr": 0.3, "momentum": 0.5, "weight_decay": 1e-2}
    trial = Trial(small_config(average={"name": "ema", "decay": 0.5}, optimizer=sgd))
    knobs = [dict(group) for group in trial.optimizer.state_dict()["param_groups"]]
    torch.manual_seed(999)  # another process would have another generator
    checkpoint.restore(trial, saved.folder)
    before = saved.trial
    for name in ("epoch", "gradient_passes", "diverged", "collapsed_at", "micro_batch"):
        assert getattr(trial, name) == getattr(before, name), name
    assert trial.epoch == 2
    assert trial.best_report == before.best_report
    for one, other in (
        (trial.model.state_dict(), before.model.state_dict()),
        (trial.average.state_dict(), before.average.state_dict()),
        (trial.best_weights, before.best_weights),
        (trial.memory, before.memory),
        (trial.optimizer.state_dict()["state"], before.optimizer.state_dict()["state"]),
    ):
        torch.testing.assert_close(dict(one), dict(other), rtol=0, atol=0)
    assert trial.optimizer.state_dict()["state"]
    assert trial.optimizer.state_dict()["param_groups"] == knobs
    assert (knobs[0]["lr"], knobs[0]["momentum"], knobs[0]["weight_decay"]) == (0.3, 0.5, 1e-2)
    assert torch.equal(trial.rng.get_state(), before.rng.get_state())
    assert torch.equal(torch.get_rng_state(), saved.global_rng)


def test_without_a_size_in_it_a_checkpoint_leaves_the_configured_micro_batch(saved, tmp_path):
    for name in FILES:
        (tmp_path / name).write_bytes((saved.folder / name).read_bytes())
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    torch.save(state | {"micro_batch": None}, tmp_path / "state.pt")
    changes = {"average": {"name": "ema"}, "update__micro_batch": 8}
    trial = Trial(small_config(**changes))
    checkpoint.restore(trial, tmp_path)
    assert trial.micro_batch == 8


def test_the_files_are_those_that_earlier_versions_wrote(saved):
    assert {path.name for path in saved.folder.iterdir()} == set(FILES)
    assert checkpoint.read_level(saved.folder) == 3
    assert checkpoint.checkpoint_position(saved.folder) == (3, 2)
    assert json.loads((saved.folder / "metrics.json").read_text())["val_robust_accuracy"] == 0.9
    metadata = checkpoint.read_metadata(saved.folder / FILES[0])
    assert len(metadata.pop("sha256")) == 64
    assert metadata == {
        "model": saved.trial.config["model"],
        "shape": saved.trial.dataset.image_format.shape,
        "classes": 10,
    }


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", [None, b"", b"{"])
def test_a_checkpoint_without_one_of_its_files_has_no_position(saved, tmp_path, name, content):
    for each in FILES:
        (tmp_path / each).write_bytes((saved.folder / each).read_bytes())
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert checkpoint.checkpoint_position(tmp_path) is None


@pytest.mark.parametrize("way", ["folder", "file", "text", "address"])
def test_the_best_weights_load_from_a_folder_a_file_or_an_address(saved, way):
    path = {
        "folder": saved.folder,
        "file": saved.folder / FILES[0],
        "text": str(saved.folder),
        "address": f"file://{saved.folder}",
    }[way]
    model = load_model(path)
    assert not model.training
    torch.testing.assert_close(dict(model.state_dict()), saved.trial.best_weights, rtol=0, atol=0)
    last = load_model(path, last=True)
    assert not last.training
    torch.testing.assert_close(
        dict(last.state_dict()),
        dict(saved.trial.average.evaluation_model().state_dict()),
        rtol=0,
        atol=0,
    )


def test_a_network_of_a_trusted_file_loads(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        '"""Mine."""\nfrom torch import nn\n'
        "def build(shape, classes):\n"
        "    pixels = shape[0] * shape[1] * shape[2]\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(pixels, classes))\n"
    )
    trial = Trial(small_config(model={"name": str(path)}))
    trial.run_epoch()
    folder = tmp_path / "kept"
    folder.mkdir()
    checkpoint.save(trial, folder)
    with pytest.raises(InputError, match=r"mine\.py"):
        load_model(folder)
    torch.testing.assert_close(
        dict(load_model(folder, trust=[path]).state_dict()), trial.best_weights, rtol=0, atol=0
    )
    path.write_text('"""Mine."""\ndef build(shape, classes):\n    raise ValueError("one\\ntwo")\n')
    with pytest.raises(
        InputError, match=r"mine\.py cannot be built for images of .* \(ValueError: one\)"
    ):
        load_model(folder, trust=[path])


@pytest.mark.parametrize("left_out", ["model", "shape", "classes", None])
def test_weights_that_do_not_name_their_network_are_refused(saved, tmp_path, left_out):
    with safe_open(saved.folder / FILES[0], framework="pt") as opened:
        metadata = {key: text for key, text in opened.metadata().items() if key != left_out}
    file = tmp_path / FILES[0]
    save_file(load_file(saved.folder / FILES[0]), file, metadata=metadata if left_out else None)
    assert checkpoint.read_metadata(file) == {}
    with pytest.raises(InputError, match="does not say of what network it is"):
        load_model(file)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": {"name": "small_cn"}}, r"problem:\n  model: .*small_cn"),
        ({"model": {"name": "small_cnn", "wdth": 3}}, "wdth"),
        ({"model": {"name": "lenet"}}, r"model\.safetensors is of another network"),
        ({"classes": 3}, r"must be \(3, "),
        ({"shape": (1, 2, 2)}, "another network|cannot be built"),
    ],
)
def test_weights_of_another_network_are_refused(saved, tmp_path, changes, said):
    about = checkpoint.read_metadata(saved.folder / FILES[0]) | changes
    metadata = {key: json.dumps(value) for key, value in about.items()}
    save_file(load_file(saved.folder / FILES[0]), tmp_path / FILES[0], metadata=metadata)
    with pytest.raises(InputError, match=said):
        load_model(tmp_path)
    if "lenet" in metadata["model"]:
        (tmp_path / FILES[1]).write_bytes((saved.folder / FILES[1]).read_bytes())
        with pytest.raises(InputError, match=r"state\.pt is of another network"):
            load_model(tmp_path, last=True)


def test_the_normalisation_of_a_loaded_network_is_that_of_its_weights():
    """Until they are loaded it changes nothing."""
    images = ImageFormat(shape=(3, 4, 4), classes=2, mean=(0.0,) * 3, std=(1.0,) * 3)
    built = checkpoint.build_model(Trial(TINY_CONFIG).components.model, "small_cnn", images)
    assert (built[0].mean.unique().tolist(), built[0].std.unique().tolist()) == ([0.0], [1.0])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "last_epoch needs .*, and there is none"),
        (b"half", "which is corrupt"),
        ([1], "which is corrupt"),
        ({"examined": None}, "which is corrupt"),
        ({"other": {}}, "which is corrupt"),
        ({"examined": {"a": 1}}, "which is corrupt"),
    ],
)
def test_the_last_weights_are_refused_where_there_are_none(tmp_path, content, said):
    if isinstance(content, bytes):
        (tmp_path / "state.pt").write_bytes(content)
    elif content is not None:
        torch.save(content, tmp_path / "state.pt")
    with pytest.raises(InputError, match=said):
        checkpoint.load_last_weights(tmp_path)


@pytest.mark.parametrize("bare", [False, True])
def test_weights_from_elsewhere_may_have_a_normalisation(saved, tmp_path, bare):
    source = Trial(small_config(seed=5)).model
    target = Trial(small_config()).model
    weights = (source[1] if bare else source).state_dict()
    torch.save(weights, tmp_path / "weights.pt")
    load_foreign_weights(tmp_path / "weights.pt", target)
    torch.testing.assert_close(
        dict((target[1] if bare else target).state_dict()), dict(weights), rtol=0, atol=0
    )
    torch.save({"x": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(InputError, match="of another network"):
        load_foreign_weights(tmp_path / "other.pt", target)


def test_weights_of_several_networks_are_an_ensemble():
    """Of three members, whose layers all have tensors named members.N."""
    build = lambda: torch.nn.Linear(1, 1)  # noqa: E731
    assert isinstance(
        checkpoint.build_for_weights({"weight": torch.zeros(1)}, build), torch.nn.Linear
    )
    names = [f"members.{n}.{key}" for n in range(3) for key in ("weight", "bias")]
    many = checkpoint.build_for_weights(dict.fromkeys([*names, "n"], torch.zeros(1)), build)
    assert isinstance(many, Ensemble)
    assert len(many.members) == 3


def test_bytes_of_a_folder(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "a").write_bytes(b"123")
    (tmp_path / "inner" / "b").write_bytes(b"45")
    assert checkpoint.folder_bytes(tmp_path) == 5
    assert checkpoint.folder_bytes(tmp_path / "absent") == 0


def test_bytes_of_a_folder_that_is_being_deleted(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"123")
    monkeypatch.setattr(type(tmp_path), "is_file", lambda _: True)
    monkeypatch.setattr(type(tmp_path), "rglob", lambda self, _: [self / "a", self / "gone"])
    assert checkpoint.folder_bytes(tmp_path) == 0


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_a_resumed_trial_is_the_same(tmp_path, optimizer):
    config = tiny_config(optimizer={"name": optimizer, "lr": 1e-3})
    straight = Trial(config)
    expected = [metrics_of(report) for report in straight.run_epochs()]

    first = Trial(config)
    rows = [metrics_of(first.run_epoch()) for _ in range(2)]
    checkpoint.save(first, tmp_path)
    torch.manual_seed(999)  # another process would have another generator
    second = Trial(config)
    checkpoint.restore(second, tmp_path)
    rows += [metrics_of(report) for report in second.run_epochs()]

    assert rows == expected
    for name, tensor in straight.model.state_dict().items():
        torch.testing.assert_close(second.model.state_dict()[name], tensor, rtol=0, atol=0)
    assert second.best_report == replace(
        straight.best_report,
        seconds=second.best_report.seconds,
        exam_seconds=second.best_report.exam_seconds,
    )


def test_weights_load_in_two_lines_and_score_as_reported(tmp_path):
    trial = Trial(tiny_config(model={"name": "small_cnn", "activation": "softplus"}))
    best = max(trial.run_epochs(), key=lambda report: report.score())
    checkpoint.save(trial, tmp_path)
    model = load_model(tmp_path)
    assert not model.training
    scored = measure_accuracies(model, trial.validation_images, threat=trial.threat, steps=2)
    assert (scored.clean, scored.robust) == (best.val_clean_accuracy, best.val_robust_accuracy)


def test_normalisation_is_the_first_layer_and_travels_with_the_weights(tmp_path):
    trial = Trial(TINY_CONFIG)
    trial.model[0].mean.fill_(0.25)
    trial.run_epoch()
    checkpoint.save(trial, tmp_path)
    assert load_model(tmp_path / "model.safetensors")[0].mean.item() == 0.25


def test_a_checkpoint_holds_no_code(tmp_path):
    trial = Trial(TINY_CONFIG)
    trial.run_epoch()
    checkpoint.save(trial, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "model.safetensors",
        "metrics.json",
        "state.pt",
    }
    with safe_open(tmp_path / "model.safetensors", framework="pt") as file:
        assert set(file.metadata()) == {"model", "shape", "classes", "sha256"}

    class Planted:
        def __reduce__(self):
            return (print, ("run",))

    torch.save({"epoch": Planted()}, tmp_path / "state.pt")
    for read in (partial(checkpoint.restore, Trial(TINY_CONFIG)), checkpoint.read_level):
        with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
            read(tmp_path)


def test_no_weights_is_one_clear_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"name a folder that holds model\.safetensors"):
        load_model(tmp_path)
