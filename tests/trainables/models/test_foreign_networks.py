"""Networks of torchvision and timm: their stems, sizes and heads, and the view that attacks use."""

import pytest
import torch

from tests.oracles import tiny_config
from trainables.models import timm, torchvision
from trainables.networks.folded_view import FoldedView, folded_view
from trainables.networks.normalize import with_normalization
from trainables.training import checkpoint
from trainables.training.trial import Trial

pytest.importorskip("timm", reason="needs the extra timm")

VIT = {"network": "vit_tiny_patch16_224", "resize": 32, "patch": 8}
CONVNEXT = {"network": "convnext_atto", "resize": 32}


def build(member, shape=(1, 28, 28), **knobs):
    torch.manual_seed(0)
    channels = shape[0]
    net = member.build(shape, 7, **knobs)
    return with_normalization(net, [0.5] * channels, [0.25] * channels).eval().requires_grad_(False)


@pytest.mark.parametrize(
    ("member", "knobs"),
    [
        (timm, VIT),
        (timm, CONVNEXT),
        (torchvision, {"network": "shufflenet_v2_x0_5", "resize": 32}),
    ],
)
def test_the_view_of_attacks_equals_the_network(member, knobs):
    model = build(member, **knobs)
    view = folded_view(model)
    assert isinstance(view, FoldedView)
    x = torch.rand(3, 1, 28, 28, requires_grad=True)
    torch.testing.assert_close(view(x), model(x), rtol=1e-4, atol=1e-5)
    slopes = [torch.autograd.grad(net(x).square().sum(), x)[0] for net in (view, model)]
    torch.testing.assert_close(*slopes, rtol=1e-3, atol=1e-5)
    assert slopes[1].any()


def test_a_network_that_cannot_be_traced_is_attacked_itself():
    model = build(timm, (3, 32, 32), network="swin_tiny_patch4_window7_224", patch=2)
    assert folded_view(model) is model


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28)])
def test_transformers_are_built_for_the_size_of_the_images(shape):
    assert build(timm, shape, **VIT | {"resize": None, "patch": 4})(
        torch.rand(2, *shape)
    ).shape == (2, 7)


def test_images_that_a_transformer_does_not_take_say_what_to_type():
    with pytest.raises(
        ValueError, match=r"multiple of 16 pixels, got 28x28; write model.resize=32"
    ):
        torchvision.build((1, 28, 28), 10, network="vit_b_16")
    with torch.device("meta"):
        model = torchvision.build((1, 28, 28), 10, network="vit_b_16", resize=32)
        assert model(torch.empty(2, 1, 28, 28)).shape == (2, 10)


@pytest.mark.parametrize("member", [timm, torchvision])
def test_unknown_networks_are_refused_with_a_hint(member):
    with pytest.raises(ValueError, match=r"Did you mean '?resnet18'?"):
        member.valid_network("resnet81")


def test_an_unknown_version_of_a_network_of_timm_is_refused():
    assert timm.valid_network("vit_tiny_patch16_224.augreg_in21k")
    with pytest.raises(ValueError, match="no such version of vit_tiny_patch16_224; write vit_tiny"):
        timm.valid_network("vit_tiny_patch16_224.bogus")


@pytest.mark.parametrize(("network", "side"), [("googlenet", 32), ("inception_v3", 75)])
def test_networks_with_auxiliary_heads_return_logits_in_training(network, side, monkeypatch):
    monkeypatch.setattr(torch.nn.init, "trunc_normal_", lambda tensor, **_: tensor)  # seconds
    net = torchvision.build((3, side, side), 7, network=network)
    assert net.train()(torch.rand(2, 3, side, side)).shape == (2, 7)
    assert not any("aux" in name.lower() for name, _ in net.named_modules())


@pytest.mark.slow
@pytest.mark.parametrize(
    "model",
    [
        {"name": "timm", **VIT},
        {"name": "torchvision", "network": "convnext_tiny", "resize": 32},
    ],
    ids=["vit", "convnext"],
)
def test_transformers_and_convnext_train_for_an_epoch(model, tmp_path):
    """On resized digits; their checkpoints load into the same network."""
    trial = Trial(tiny_config(model=model, epochs=1, data__limit=60, data__validation=20))
    (report,) = trial.run_epochs()
    assert not report.diverged
    checkpoint.save(trial, tmp_path)
    loaded = checkpoint.load_model(tmp_path)
    x = torch.rand(2, 1, 28, 28)
    torch.testing.assert_close(loaded(x), trial.average.evaluation_model().eval()(x))


def test_names_of_timm_load_by_name(tmp_path):
    """A file of timm has the names of the network behind the resizing."""
    from trainables.training.foreign_weights import load_foreign_weights  # noqa: PLC0415

    source, target = build(timm, **CONVNEXT), build(timm, **CONVNEXT)
    torch.nn.init.normal_(target[1][1].head.fc.weight)
    torch.save(source[1][1].state_dict(), tmp_path / "net.pth")
    load_foreign_weights(tmp_path / "net.pth", target)
    x = torch.rand(2, 1, 28, 28)
    torch.testing.assert_close(target(x), source(x), rtol=0, atol=0)
