"""Weights of other software: their names, wrappers and normalisation, and files that are none."""

import argparse
import importlib
import itertools
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tests.trainables.training import published_names
from tests.trainables.training.published_names import ARCHITECTURES
from trainables.errors import InputError
from trainables.networks.normalize import with_normalization
from trainables.training.foreign_weights import load_foreign_weights
from trainables.training.weight_files import harmless_globals

SHAPE = (3, 32, 32)


def build(member, classes=10, shape=SHAPE, **knobs):
    net = importlib.import_module(f"trainables.models.{member}").build(shape, classes, **knobs)
    return with_normalization(net, [0.5] * shape[0], [0.25] * shape[0]).eval()


def randomise(model):
    """Give each tensor other numbers, so that each that is loaded wrongly changes the logits."""
    generator = torch.Generator().manual_seed(0)
    for name, tensor in model.state_dict().items():
        if name.startswith("1.") and tensor.is_floating_point():
            spread = 1 / max(1, tensor[0].numel()) ** 0.5 if tensor.dim() > 1 else 0.2
            drawn = spread * torch.randn(tensor.shape, generator=generator)
            tensor.copy_(drawn + 1 if name.endswith(("running_var", "weight")) * (tensor.dim() < 2)
                         else drawn)  # fmt: skip
            if name.endswith("running_var"):
                tensor.abs_()
    return model


def reverse(weights):
    return dict(reversed(weights.items()))


@torch.no_grad()
def assert_same_logits(model, other):
    x = torch.rand(2, *SHAPE, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(model(x), other(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_published_names_load_into_our_network(name, tmp_path):
    """Also in another order, so that only the names identify the layers."""
    member, knobs, rename = ARCHITECTURES[name]
    source, target = randomise(build(member, **knobs)), build(member, **knobs)
    weights = dict(source[1].state_dict())
    names = rename(list(weights))
    published = {names[mine]: tensor for mine, tensor in weights.items()}
    if member.startswith("densenet"):
        published = published_names.newest_first(
            published, published_names.DENSE_DEPTHS, published_names.DENSE_STEM
        )
    torch.save({"state_dict": reverse(published)}, tmp_path / "net.pt")
    loaded = load_foreign_weights(tmp_path / "net.pt", target)
    assert any("published" in note for note in loaded.notes)
    assert_same_logits(source, target)


def small():
    return randomise(build("resnet18", width=4))


PUBLISHED = ARCHITECTURES["kuangliu, TRADES, Madry ResNet18"][2]


def prefixed(prefix, **more):
    return lambda weights: {**more, **{f"{prefix}{name}": t for name, t in weights.items()}}


ONE = torch.ones(3, 1, 1)
WRAPPED = {
    "plain": lambda w: w,
    "state_dict": lambda w: {"epoch": 3, "state_dict": w, "acc": 0.5},
    "net": lambda w: {"net": prefixed("module.")(w), "acc": 93.2, "epoch": 7},
    "model": lambda w: {"model": w, "optimizer": {"state": {0: {"momentum_buffer": ONE}}}},
    "ema": lambda w: {"ema": w},
    "params": lambda w: {"params": w},
    "weights": lambda w: {"weights": w},
    "network": lambda w: {"network": w},
    "net_state_dict": lambda w: {"net_state_dict": w},
    "nested": lambda w: {"checkpoint": {"model": {"state_dict": w}}},
    "beside numbers": lambda w: w | {"epoch": 3},
    "parallel": prefixed("module."),
    "compiled": prefixed("_orig_mod."),
    "compiled and parallel": prefixed("module._orig_mod."),
    "lightning": lambda w: {
        "state_dict": prefixed("model.")(w),
        "hyper_parameters": {"lr": 0.1},
        "callbacks": {},
    },
    "lightning net": prefixed("net."),
    "with a teacher": lambda w: prefixed("net.")(w) | prefixed("teacher.")(w),
    "module.model": prefixed("module.model."),
    "behind a layer": prefixed("1."),
    "in a sequence": prefixed("0."),
    "averaged": prefixed("module.", n_averaged=torch.tensor(7)),
    "arguments": lambda w: {
        "state_dict": w,
        "args": argparse.Namespace(lr=0.1, path="x", best=np.float64(0.5)),
        "best": np.float32(0.5),
        "curve": np.ones(3),
    },
    "without counters": lambda w: {
        k: v for k, v in w.items() if not k.endswith("num_batches_tracked")
    },
}


@pytest.mark.parametrize("published", [False, True])
@pytest.mark.parametrize("wrapper", WRAPPED)
def test_wrappers_are_removed(wrapper, published, tmp_path):
    source, target = small(), build("resnet18", width=4)
    weights = dict(source[1].state_dict())
    if published:
        weights = {new: weights[mine] for mine, new in PUBLISHED(list(weights)).items()}
    torch.save(WRAPPED[wrapper](weights), tmp_path / "net.pt")
    loaded = load_foreign_weights(tmp_path / "net.pt", target)
    assert not loaded.has_normalization
    assert_same_logits(source, target)


MEAN, STD = torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0.5, 0.6, 0.7])
NORMALIZED = {
    "buffers mu and sigma": prefixed("", mu=MEAN.view(1, 3, 1, 1), sigma=STD.view(1, 3, 1, 1)),
    "mean and std of a wrapper": prefixed("model.", mean=MEAN, std=STD),
    "a layer": lambda w: {"0.mean": MEAN, "0.std": STD, **prefixed("1.")(w)},
    "a parallel layer": lambda w: {
        "module.normalize.mean": MEAN,
        "module.normalize.std": STD,
        **prefixed("module.model.")(w),
    },
    "beside the network": lambda w: {
        "state_dict": prefixed("module.")(w),
        "mean": MEAN,
        "std": STD,
    },
    "grey levels": prefixed("net.", mean=255 * MEAN, std=255 * STD),
    "MadryLab": lambda w: {
        "model": {
            "module.normalizer.new_mean": MEAN.view(3, 1, 1),
            "module.normalizer.new_std": STD.view(3, 1, 1),
            **prefixed("module.model.")(w),
            "module.attacker.normalize.new_mean": MEAN.view(3, 1, 1),
            "module.attacker.normalize.new_std": STD.view(3, 1, 1),
            **prefixed("module.attacker.model.")(w),
        }
    },
}


@pytest.mark.parametrize("form", NORMALIZED)
@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
def test_the_normalisation_of_a_file_is_used(form, suffix, tmp_path):
    source, target = small(), build("resnet18", width=4)
    content = NORMALIZED[form](dict(source[1].state_dict()))
    file = tmp_path / f"net.{suffix}"
    if suffix == "pt":
        torch.save(content, file)
    else:
        tensors = content.get("model", content)
        if "state_dict" in tensors:
            pytest.skip("such files have no entries")
        save_file({name: tensor.contiguous().clone() for name, tensor in tensors.items()}, file)
    loaded = load_foreign_weights(file, target)
    assert loaded.has_normalization
    torch.testing.assert_close(target[0].mean.flatten(), MEAN)
    torch.testing.assert_close(target[0].std.flatten(), STD)
    target[0] = source[0]
    assert_same_logits(source, target)


def sequence(*widths):
    layers = [nn.Linear(a, b) for a, b in itertools.pairwise(widths)]
    return nn.Sequential(nn.Identity(), nn.Sequential(*layers))


def test_unknown_names_are_matched_by_order(tmp_path):
    """Of two layers of one shape, too: the file keeps the order of layers."""
    source, target = sequence(4, 4, 4, 2), sequence(4, 4, 4, 2)
    names = ["first.weight", "first.bias", "then.weight", "then.bias", "out.weight", "out.bias"]
    tensors = dict(zip(names, source[1].state_dict().values(), strict=True))
    torch.save(tensors, tmp_path / "net.pt")
    loaded = load_foreign_weights(tmp_path / "net.pt", target)
    assert any("by order and shape: first.weight is 0.weight" in note for note in loaded.notes)
    x = torch.rand(3, 4)
    torch.testing.assert_close(target(x), source(x), rtol=0, atol=0)

    save_file(tensors, tmp_path / "net.safetensors")
    with pytest.raises(InputError, match=r"safetensors keep no order of layers"):
        load_foreign_weights(tmp_path / "net.safetensors", sequence(4, 4, 4, 2))


def test_another_order_is_refused_unless_shapes_are_unique(tmp_path):
    source = sequence(4, 3, 2)
    first, second = source[1]
    mixed = {
        "b.weight": second.weight, "b.bias": second.bias,
        "a.weight": first.weight, "a.bias": first.bias,
    }  # fmt: skip
    torch.save(mixed, tmp_path / "net.pt")
    target = sequence(4, 3, 2)
    load_foreign_weights(tmp_path / "net.pt", target)
    x = torch.rand(3, 4)
    torch.testing.assert_close(target(x), source(x), rtol=0, atol=0)

    twice = {"c.weight": second.weight, "a.weight": first.weight, "b.weight": first.weight}
    torch.save(twice, tmp_path / "net.pt")
    bare = nn.Sequential(nn.Identity(), nn.Sequential(*(
        nn.Linear(a, b, bias=False) for a, b in ((4, 3), (4, 3), (3, 2))
    )))  # fmt: skip
    with pytest.raises(InputError, match="neither names nor order"):
        load_foreign_weights(tmp_path / "net.pt", bare)


def test_weights_of_another_network_name_the_first_tensors_of_both(tmp_path):
    torch.save({"features.3.w": torch.zeros(2, 5), "b": torch.zeros(7)}, tmp_path / "net.pt")
    with pytest.raises(
        InputError, match=r"of another network: it has features\.3\.w \(2, 5\)"
    ) as e:
        load_foreign_weights(tmp_path / "net.pt", sequence(4, 3))
    assert "0.weight (3, 4)" in str(e.value)


def test_another_number_of_classes_is_said(tmp_path):
    source, target = small(), build("resnet18", 100, width=4)
    before = target[1][-1].weight.clone()
    torch.save(source[1].state_dict(), tmp_path / "net.pt")
    with pytest.raises(InputError, match="is a network for 10 classes, got data with 100"):
        load_foreign_weights(tmp_path / "net.pt", target)
    loaded = load_foreign_weights(tmp_path / "net.pt", target, replace_head=True)
    torch.testing.assert_close(target[1][-1].weight, before, rtol=0, atol=0)
    torch.testing.assert_close(target[1][0].weight, source[1][0].weight, rtol=0, atol=0)
    head = f"1.{len(target[1]) - 1}.weight"
    assert head not in loaded.names
    assert "1.0.weight" in loaded.names
    assert any("is new" in note for note in loaded.notes)


class Attack:
    """What a pickle that runs code is made of."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("is_zip", [True, False])
def test_code_in_a_file_is_never_run(is_zip, tmp_path):
    content = {"state_dict": sequence(4, 3).state_dict(), "args": Attack(tmp_path / "marker")}
    torch.save(content, tmp_path / "net.pt", _use_new_zipfile_serialization=is_zip)
    with pytest.raises(InputError, match=r"names code \(posix\.mkdir\), which is never run"):
        load_foreign_weights(tmp_path / "net.pt", sequence(4, 3))
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize("kind", ["V8", "O", "U2", "M8[s]"])
def test_data_types_whose_state_may_corrupt_memory_are_refused(kind, tmp_path):
    """The state here is as numpy writes it, so that even a reader that takes it survives."""
    dtype = np.dtype(kind)
    assert type(dtype) not in harmless_globals()
    assert type(np.dtype("f4")) in harmless_globals()
    torch.save({"state_dict": sequence(4, 3).state_dict(), "kind": dtype}, tmp_path / "net.pt")
    with pytest.raises(InputError, match="cannot be read as tensors: "):
        load_foreign_weights(tmp_path / "net.pt", sequence(4, 3))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<!DOCTYPE html><html>", "is a web page"),
        (b"\n<html lang='en'>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git lfs pull"),
        (b"", "is empty"),
        (b"half of a file", "expected a whole file"),
    ],
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_files_that_hold_no_weights_say_what_they_are(content, said, suffix, tmp_path):
    file = tmp_path / f"net{suffix}"
    file.write_bytes(content)
    if suffix == ".safetensors" and content.startswith(b"half"):
        said = "cannot be read as tensors"
    with pytest.raises(InputError, match=said):
        load_foreign_weights(file, sequence(4, 3))


def test_tensors_beside_the_network_are_named(tmp_path):
    source, target = sequence(4, 3), sequence(4, 3)
    torch.save({"state_dict": source[1].state_dict(), "grid": torch.eye(3)}, tmp_path / "net.pt")
    assert "Not used: top level." in load_foreign_weights(tmp_path / "net.pt", target).notes


def test_the_network_is_preferred_to_its_average(tmp_path):
    source, average = sequence(4, 3), sequence(4, 3)
    content = {"ema": average[1].state_dict(), "model": source[1].state_dict()}
    torch.save(content, tmp_path / "net.pt")
    target = sequence(4, 3)
    loaded = load_foreign_weights(Path(tmp_path / "net.pt"), target)
    torch.testing.assert_close(target[1][0].weight, source[1][0].weight, rtol=0, atol=0)
    assert "Not used: ema." in loaded.notes


def test_layers_of_other_sizes_name_the_first(tmp_path):
    torch.save(build("resnet18", width=8)[1].state_dict(), tmp_path / "net.pt")
    with pytest.raises(InputError, match=r"0\.weight must be \(4, 3, 3, 3\), got \(8, 3, 3, 3\)"):
        load_foreign_weights(tmp_path / "net.pt", build("resnet18", width=4))


@pytest.mark.parametrize("classes", [10, 100])
def test_a_last_layer_of_other_features_is_of_another_network(classes, tmp_path):
    torch.save(sequence(4, classes)[1].state_dict(), tmp_path / "net.pt")
    message = rf"0\.weight must be \(10, 5\), got \({classes}, 4\)"
    for replace_head in (False, True):
        with pytest.raises(InputError, match=message):
            load_foreign_weights(tmp_path / "net.pt", sequence(5, 10), replace_head=replace_head)


def test_the_unused_block_of_trades_is_left_out(tmp_path):
    """Its WideResNet has a second copy of the first block, which it never calls."""
    member, knobs, rename = ARCHITECTURES["TRADES, AWP, Rice, Bag of Tricks WideResNet"]
    source, target = randomise(build(member, **knobs)), build(member, **knobs)
    weights = dict(source[1].state_dict())
    published = {new: weights[mine] for mine, new in rename(list(weights)).items()}
    copies = {f"sub_{name}": t + 1 for name, t in published.items() if name.startswith("block1.")}
    assert copies
    torch.save(published | copies, tmp_path / "net.pt")
    loaded = load_foreign_weights(tmp_path / "net.pt", target)
    assert "Not used: sub_block1, a copy." in loaded.notes
    assert_same_logits(source, target)
