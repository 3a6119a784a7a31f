"""The catastrophic-overfitting detector: on toy networks and in a trial."""

import pytest
import torch

from tests.oracles import Halfspace, replace_component, tiny_config
from tests.trainables.training.test_trial import metrics_of
from trainables.data_pipeline.images import Images
from trainables.robustness import overfitting_detector
from trainables.robustness.overfitting_detector import (
    BEST,
    MIN_FGSM_ACCURACY,
    Check,
    detect_collapse,
    fgsm_pgd_accuracies,
    is_collapse,
    select_images,
)
from trainables.threats.l2 import L2
from trainables.threats.linf import Linf
from trainables.training import checkpoint
from trainables.training.trial import Trial
from tuner.config.newer_knobs import find_newer_knobs


class Bent(torch.nn.Module):
    """One pixel; wrong only a little above 0.5, where a step of 0.1 from 0.5 skips.

    The loss of the right class, 1, grows with the pixel all the way.
    """

    def forward(self, x):
        z = x.flatten(1)[:, 0]
        margin = torch.where((z > 0.52) & (z < 0.598), -1.0, 1.0) - z
        return torch.stack([-margin, margin], dim=1) / 2


def pixels(*values):
    return torch.tensor(values).view(-1, 1, 1, 1)


def ones(x):
    return torch.ones(len(x)).long()


BENT, SAFE, WRONG = 0.5, 0.2, 0.55
"""Pixels: misclassified after several steps only; robust; misclassified without an attack."""


@pytest.mark.parametrize("threat", [Linf(eps=0.1), L2(eps=0.1)])
def test_on_a_halfspace_several_steps_are_no_stronger_than_one(threat):
    """The boundary is at 0.4: 0.35 is wrong, 0.45 and 0.49 are within 0.1 of it, 0.6 is not."""
    x = pixels(0.35, 0.45, 0.49, 0.6)
    model = Halfspace(torch.ones(1), bias=-0.4)
    assert fgsm_pgd_accuracies(model, x, ones(x), threat=threat, steps=5) == (0.25, 0.25)


def test_several_steps_find_what_one_leaps_over():
    x = pixels(BENT, BENT, SAFE, WRONG)
    assert fgsm_pgd_accuracies(Bent(), x, ones(x), threat=Linf(eps=0.1), steps=5) == (0.75, 0.25)


def test_pgd_takes_steps_of_half_the_radius_from_anywhere_in_the_ball():
    """From 0.4 to 0.6, evenly: one step of 0.05 reaches what is wrong from above 0.47, and from
    0.598 on it is past that: 0.36 are robust to one step. Two reach it from 0.42: 0.11."""
    x = torch.full((4000, 1, 1, 1), BENT)
    for steps, expected in ((1, 0.36), (2, 0.11)):
        one, several = fgsm_pgd_accuracies(Bent(), x, ones(x), threat=Linf(eps=0.1), steps=steps)
        assert one == 1.0
        assert several == pytest.approx(expected, abs=0.03)  # four standard deviations of 4,000


class Untraceable(torch.nn.Module):
    """A network with BatchNorm that has no view, because its graph depends on its input."""

    def __init__(self):
        super().__init__()
        self.norm, self.last = torch.nn.BatchNorm2d(1), torch.nn.Linear(1, 2)

    def forward(self, x):
        features = self.norm(x).flatten(1)
        return self.last(features if features.sum() > 0 else -features)


def test_a_check_changes_nothing():
    model, x = Untraceable(), pixels(0.1, 0.5, 0.9)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    fgsm_pgd_accuracies(model, x, ones(x), threat=Linf(eps=0.1), steps=5)
    torch.testing.assert_close(dict(model.state_dict()), before, rtol=0, atol=0)
    assert model.training
    assert all(p.requires_grad and p.grad is None for p in model.parameters())


def check_steps(steps, x, memory=None, **knobs):
    """Return the detector's result after each of some updates."""
    memory = {} if memory is None else memory
    settings = {"threat": Linf(eps=0.1), "memory": memory, "every": 10, "fallen": 0} | knobs
    model = Bent()
    return [detect_collapse(model, model, (x, ones(x)), step=step, **settings) for step in steps]


def test_a_collapse_is_reported_at_the_second_check():
    assert check_steps([9, 10, 11, 19, 20], pixels(BENT)) == [0, 0, 0, 0, 10]


def test_a_network_that_recovers_has_not_collapsed():
    memory = {}
    assert check_steps([10], pixels(BENT), memory) == [0]
    assert check_steps([20], pixels(SAFE), memory) == [0]
    assert check_steps([30, 40], pixels(BENT), memory) == [0, 30]


def test_the_share_is_of_the_images_robust_to_one_step():
    """Of four images robust to one step, one is robust to several; the fifth is misclassified."""
    x = pixels(BENT, BENT, BENT, SAFE, WRONG)
    assert check_steps([10, 20], x, share=0.26) == [0, 10]
    assert check_steps([10, 20], x, share=0.25) == [0, 0]


def test_low_fgsm_accuracy_is_no_collapse():
    few = pixels(*[BENT] * 2, *[WRONG] * 18)
    assert MIN_FGSM_ACCURACY == 2 / 20
    assert check_steps([10, 20], few) == [0, 10]
    assert check_steps([10, 20], torch.cat([few, pixels(WRONG)])) == [0, 0]


@pytest.mark.parametrize(
    ("check", "best_pgd", "best_kept", "expected"),
    [
        # without an average: 0.1 is a quarter of 0.4 and below 0.9 of the best, 0.2
        ((0.5, 0.1, 0.1), 0.2, 0.2, True),
        ((0.5, 0.1, 0.1), 0.11, 0.11, False),  # 0.1 is not below 0.099
        ((0.4, 0.1, 0.1), 0.2, 0.2, False),  # a quarter of the accuracy under FGSM
        ((0.5, 0.01, 0.01), 0.09, 0.09, False),  # it has never learned
        # an average that was as good as the trained network
        ((0.5, 0.01, 0.44), 0.5, 0.5, True),
        ((0.5, 0.01, 0.46), 0.5, 0.5, False),  # it survives
        ((0.5, 0.48, 0.1), 0.5, 0.5, False),  # no collapse
        # an average that was not
        ((0.5, 0.01, 0.2), 0.5, 0.4, False),  # it still catches up
        ((0.5, 0.01, 0.09), 0.5, 0.4, True),  # it has lost three quarters
        ((0.5, 0.01, 0.01), 0.5, 0.2, False),  # it has not begun to catch up
    ],
)
def test_a_collapse_by_hand(check, best_pgd, best_kept, expected):
    fgsm, pgd, kept = check
    found = is_collapse(
        Check(fgsm=fgsm, pgd=pgd, kept=kept),
        best_pgd=best_pgd,
        best_kept=best_kept,
        share=0.25,
        fallen=0.9,
    )
    assert found == expected


def test_a_network_falls_from_its_own_best():
    """Four robust images, then collapses; without the first check it has nothing to fall from."""
    for first, expected in ((SAFE, 20), (BENT, 0)):
        memory = {}
        assert check_steps([10], pixels(*[first] * 4), memory, fallen=0.9) == [0]
        assert check_steps([20, 30], pixels(BENT), memory, fallen=0.9) == [0, expected]


def test_what_is_saved_decides(monkeypatch):
    """The trained network collapses after the first check, its average after the second."""
    trained, average = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)
    seen = {trained: iter([(0.6, 0.5)] + [(0.9, 0.0)] * 4)}
    seen[average] = iter([(0.6, 0.5), (0.6, 0.5), (0.6, 0.4), (0.6, 0.3), (0.6, 0.2)])
    monkeypatch.setattr(
        overfitting_detector, "fgsm_pgd_accuracies", lambda model, *_, **__: next(seen[model])
    )
    memory, x = {}, pixels(BENT)
    for step, expected in ((10, 0), (20, 0), (30, 0), (40, 30)):
        found = detect_collapse(
            trained, average, (x, ones(x)), threat=Linf(eps=0.1), memory=memory, step=step, every=10
        )
        assert found == expected


def test_an_average_is_checked_only_where_it_matters(monkeypatch):
    checked = []

    def check(model, *_, **__):
        checked.append(model)
        return 0.9, 0.5

    monkeypatch.setattr(overfitting_detector, "fgsm_pgd_accuracies", check)
    for average, fallen, expected in (("none", 0.9, 3), ("ema", 0.9, 6), ("ema", 0.0, 3)):
        checked.clear()
        sentinel = {"every": 1, "fallen": fallen}
        config = tiny_config(attack={"name": "fgsm"}, sentinel=sentinel, average={"name": average})
        trial = Trial(config)
        trial.run_epoch()
        kept = trial.average.evaluation_model()
        assert [model is kept for model in checked].count(True) == (3 if fallen else 0)
        assert len(checked) == expected


def test_older_studies_compare_with_nothing():
    newer = find_newer_knobs({"sentinel": {"every": 250, "pgd_steps": 5, "share": 0.25}})
    assert newer.former == {"sentinel.fallen": 0.0}


def test_the_best_is_updated_in_place():
    """A CUDA graph is discarded if a tensor of the memory is replaced."""
    memory = {}
    check_steps([10], pixels(SAFE), memory)
    address = memory[BEST].data_ptr()
    check_steps([20], pixels(BENT), memory)
    assert memory[BEST].data_ptr() == address
    assert memory[BEST].tolist() == [1.0, 1.0]


def test_the_detector_can_be_turned_off():
    assert check_steps(range(1, 50), pixels(BENT), every=0) == [0] * 49


def test_the_images_are_always_the_same_and_not_augmented():
    train = Images(x=torch.arange(50, dtype=torch.uint8).view(-1, 1, 1, 1), y=torch.arange(50))
    before = torch.get_rng_state()
    (x, y), (again, _) = (select_images(train, images=20) for _ in range(2))
    assert torch.equal(x, again)
    assert torch.equal(torch.get_rng_state(), before)
    assert len(set(y.tolist())) == 20
    torch.testing.assert_close(x.flatten(), y / 255)
    assert len(select_images(train, images=256)[1]) == 50


@pytest.mark.parametrize(
    ("changes", "is_checked"),
    [
        ({"attack": {"name": "fgsm"}}, True),
        ({"attack": {"name": "fgsm_rs"}}, True),
        ({"attack": {"name": "n_fgsm"}}, True),
        ({"attack": {"name": "pgd", "steps": 1}}, True),
        ({"attack": {"name": "pgd", "steps": 2}}, False),
        ({"attack": {"name": "adam"}}, False),
        ({"attack": {"name": "dynamic", "steps": 1}}, True),
        ({"attack": {"name": "friendly", "steps": 1}}, True),
        ({"attack": {"name": "fgsm"}, "update": {"name": "awp"}}, True),
        ({"update": {"name": "free"}}, True),
        ({"update": {"name": "yopo"}, "attack": {"name": "fgsm"}}, False),
        ({"update": {"name": "yopo", "passes": 1}}, True),
        ({"method": {"name": "trades"}, "attack": {"name": "pgd", "steps": 1}}, True),
        ({"method": {"name": "standard"}, "attack": {"name": "fgsm"}}, False),
        ({"method": {"name": "cure"}, "update": {"name": "free"}}, False),
        ({"attack": {"name": "fgsm"}, "sentinel": {"every": 0}}, False),
    ],
)
def test_only_one_step_attacks_are_checked(changes, is_checked):
    assert (Trial(tiny_config(**changes)).detector_images is not None) == is_checked


def test_a_custom_attack_without_slopes_is_not_checked(tmp_path):
    path = tmp_path / "mine.py"
    source = "from trainables.attacks import fgsm\nperturb = fgsm.perturb\n"
    path.write_text(source)
    assert Trial(tiny_config(attack={"name": str(path)})).detector_images is None
    path.write_text(f"{source}SLOPES=1\n")
    assert Trial(tiny_config(attack={"name": str(path)})).detector_images is not None


@pytest.mark.parametrize(
    ("model", "update"),
    [
        ({"name": "preact_resnet18", "width": 1}, {"name": "alternate", "mode": "train"}),
        ({"name": "small_cnn"}, {"name": "free", "replays": 2}),
    ],
)
def test_the_detector_does_not_change_training(model, update):
    changes = {"model": model, "update": update, "attack": {"name": "fgsm_rs"}, "epochs": 2}
    changes |= {"data__limit": 60, "data__validation": 20}
    reports, ends = [], []
    for every in (0, 1):
        trial = Trial(tiny_config(**changes, sentinel={"every": every}))
        rows = [metrics_of(report) for report in trial.run_epochs()]
        assert len(rows) == 2
        ends.append((trial.model.state_dict(), trial.rng.get_state(), torch.get_rng_state()))
        reports.append(rows)
    assert reports[0] == reports[1]
    torch.testing.assert_close(*ends, rtol=0, atol=0)


def collapsing_trial(at, seen, **changes):
    """Return a trial whose detector reports a collapse after update `at`."""
    trial = Trial(tiny_config(attack={"name": "fgsm"}, **changes))

    def check(model, kept, detector_images, *, step):
        seen.append(step)
        return (step == at) * (at - 1)

    replace_component(trial, "sentinel", detect_collapse=check)
    return trial


def test_a_collapse_ends_the_epoch_and_the_trial():
    """Three batches an epoch, of 50, 50 and 20 images: the fifth update is in the second one."""
    seen = []
    trial = collapsing_trial(5, seen)
    first, second = trial.run_epochs()
    assert seen == [1, 2, 3, 4, 5]
    assert (first.collapsed_at, second.collapsed_at) == (0, 4)
    assert (first.epoch, second.epoch) == (1, 2)
    assert second.gradient_passes == pytest.approx(2 + 2 * 100 / 120)
    assert 0 < second.val_clean_accuracy < 1
    assert trial.best_report in (first, second)


def test_a_collapsed_trial_does_not_continue_when_resumed(tmp_path):
    trial = collapsing_trial(5, [])
    list(trial.run_epochs())
    checkpoint.save(trial, tmp_path)
    again = Trial(tiny_config(attack={"name": "fgsm"}))
    checkpoint.restore(again, tmp_path)
    assert again.collapsed_at == 4
    assert not list(again.run_epochs())


def test_the_first_of_two_checks_is_saved(tmp_path, monkeypatch):
    """Each check finds a collapse, after updates 2 and 4: in the first epoch and in the second."""
    monkeypatch.setattr(overfitting_detector, "fgsm_pgd_accuracies", lambda *_, **__: (0.9, 0.0))
    config = tiny_config(attack={"name": "fgsm"}, sentinel={"every": 2, "fallen": 0})
    first = Trial(config)
    assert first.run_epoch().collapsed_at == 0
    checkpoint.save(first, tmp_path)
    second = Trial(config)
    checkpoint.restore(second, tmp_path)
    assert [report.collapsed_at for report in second.run_epochs()] == [2]
    assert [report.collapsed_at for report in Trial(config).run_epochs()] == [0, 2]


def test_a_check_uses_the_radius_of_the_update(monkeypatch):
    """Updates 1 and 6 of 12, half a step in: eps is warmed up over the first half."""
    radii = []

    def check(model, x, y, *, threat, steps):
        radii.append(threat.eps)
        return 0.0, 0.0

    monkeypatch.setattr(overfitting_detector, "fgsm_pgd_accuracies", check)
    trial = Trial(tiny_config(attack={"name": "fgsm"}, sentinel={"every": 1}))
    trial.run_epoch()
    trial.run_epoch()
    assert radii[0] == pytest.approx(0.1 * 0.5 / 6)
    assert radii[5] == pytest.approx(0.1 * 5.5 / 6)
