"""What counts as fooled, and how an attack goes on where it was."""

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from tests.oracles import TwoOfFive
from trainables.data_pipeline.images import Images
from trainables.evaluation.attack_state import AttackState, correct_mask, run_attack
from trainables.evaluation.attempt import TargetedAttempt
from trainables.threats.linf import Linf

THREAT = Linf(eps=0.1)


def images(number=10):
    """Return images whose means are 0.51, 0.53, ... on both sides of what 0.1 can undo."""
    levels = 255 * (0.51 + 0.02 * torch.arange(number))
    x = levels.round().to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)
    return Images(x=x.clone(), y=torch.zeros(number, dtype=torch.long))


def all_down(model, x, y, *, threat, rng):
    return (x - threat.eps).clamp(0, 1)


def verdict_of(passes, model=None, batch=3, seed=0, save=lambda *_: None, **settings):
    some = images()
    verdict = AttackState(torch.ones(len(some), dtype=torch.bool))
    verdict.batch = batch
    run_attack(
        model or TwoOfFive(4).eval(),
        some,
        passes,
        verdict,
        threat=THREAT,
        seed=seed,
        save=save,
        **settings,
    )
    return verdict


@pytest.mark.parametrize("batch", [1, 3, 100])
@pytest.mark.parametrize("mixed", [False, True])
def test_images_that_a_pass_carries_over_the_boundary_stand_no_longer(batch, mixed):
    """0.51 to 0.59 fall by 0.1 to below 0.5, the other five do not."""
    verdict = verdict_of([all_down], batch=batch, mixed=mixed)
    assert verdict.robust_mask.tolist() == [False] * 5 + [True] * 5
    assert verdict.number == 1
    assert verdict.rejected == 0


def test_what_is_fooled_is_not_attacked_again():
    seen = []

    def counted(model, x, y, *, threat, rng):
        seen.append(len(x))
        return all_down(model, x, y, threat=threat, rng=rng)

    verdict_of([counted, counted], batch=100)
    assert seen == [10, 5]


def test_classes_aimed_at_are_counted_where_they_are_reached(tmp_path):
    """Of the five that fall, 0.51 to 0.59, three were to be taken for class 1, which they are."""

    def aimed(model, x, y, *, threat, rng):
        return TargetedAttempt(
            all_down(model, x, y, threat=threat, rng=rng), 1 + torch.arange(len(x)) % 2
        )

    verdict = verdict_of([aimed], batch=100)
    assert verdict.aimed
    assert verdict.hit_target.nonzero()[:, 0].tolist() == [0, 2, 4]
    assert verdict.robust_mask.tolist() == [False] * 5 + [True] * 5
    verdict.save(tmp_path / "state")
    assert (
        AttackState.load(tmp_path / "state", verdict.attack_checkpoint).hit.tolist()
        == verdict.hit_target.tolist()
    )
    assert AttackState.load(tmp_path / "state", verdict.attack_checkpoint).aimed


def test_attempts_outside_the_budget_or_the_box_count_for_nothing():
    def too_far(model, x, y, *, threat, rng):
        return x - 1.5 * threat.eps

    def outside(model, x, y, *, threat, rng):
        return x - 2

    for attempt in (too_far, outside):
        verdict = verdict_of([attempt])
        assert verdict.robust_mask.all()
        assert verdict.rejected > 0


def test_a_success_that_the_network_does_not_confirm_is_none():
    """A view that errs: what it takes for fooled is attacked again on the network itself."""
    asked = []

    def lazy(model, x, y, *, threat, rng):
        asked.append(type(model).__name__)
        return x

    verdict = verdict_of([lazy])
    assert verdict.robust_mask.all()
    assert set(asked) == {"View"}


def test_what_only_the_view_gets_wrong_is_attacked_again(monkeypatch):
    class Wrong(nn.Module):
        def forward(self, x):
            return torch.eye(5)[[1] * len(x)]

    monkeypatch.setattr(
        "trainables.evaluation.attack_state.folded_view", lambda model, **_: Wrong()
    )
    asked = []

    def attempt(model, x, y, *, threat, rng):
        asked.append((type(model).__name__, len(x)))
        moved = x if isinstance(model, Wrong) else x - threat.eps
        return moved.clamp(0, 1)

    verdict = verdict_of([attempt], batch=100)
    assert asked == [("Wrong", 10), ("TwoOfFive", 10)]
    assert verdict.robust_mask.tolist() == [False] * 5 + [True] * 5


def randomly(model, x, y, *, threat, rng):
    return threat.project(threat.random_point(x, rng), x)


@pytest.mark.parametrize("stop_after", [1, 4, 6])
def test_killed_after_any_chunk_an_attack_goes_on_to_the_same_end(tmp_path, stop_after):
    class KilledError(Exception):
        pass

    file = tmp_path / "state.safetensors"
    chunks = []

    def save(verdict, size):
        verdict.save(file)
        chunks.append(size)
        if len(chunks) == stop_after:
            raise KilledError

    passes = [randomly, randomly, randomly]
    whole = verdict_of(passes)
    assert not whole.robust_mask.all()
    with pytest.raises(KilledError):
        verdict_of(passes, save=save)
    verdict = AttackState.load(file, torch.ones(10, dtype=torch.bool))
    run_attack(
        TwoOfFive(4).eval(),
        images(),
        passes,
        verdict,
        threat=THREAT,
        seed=0,
        save=lambda *_: None,
    )
    assert verdict.robust_mask.tolist() == whole.robust_mask.tolist()


def test_a_broken_state_is_told(tmp_path):
    file = tmp_path / "state.safetensors"
    file.write_bytes(b"no safetensors")
    with pytest.raises(ValueError, match="remove it"):
        AttackState.load(file, torch.ones(10, dtype=torch.bool))


@pytest.mark.parametrize(
    ("masks", "numbers", "said"),
    [
        ({}, None, "aimed: Field required"),
        ({}, {"number": "{"}, "number: Invalid JSON"),
        ({}, {"batch": "-1"}, "batch: Input should be greater"),
        ({"hit": None}, {}, "tensor hit"),
        ({"standing": torch.ones(3, dtype=torch.bool)}, {}, r"standing: must be torch.bool \(4,\)"),
        ({"standing": torch.ones(4)}, {}, "got torch.float32"),
        ({"standing": torch.ones(4, dtype=torch.bool)}, {}, "images that are not attacked"),
        ({"attacked": torch.zeros(4, dtype=torch.bool)}, {}, "attacked: lacks images"),
    ],
)
def test_a_state_of_another_attack_is_told(tmp_path, masks, numbers, said):
    """Of four images three are attacked; whatever does not fit that was not kept of it."""
    file, attacked = tmp_path / "state", torch.tensor([True, True, True, False])
    AttackState(attacked).save(file)
    assert AttackState.load(file, attacked).robust_mask.tolist() == attacked.tolist()
    with safe_open(file, framework="pt") as opened:
        about = opened.metadata()
    kept = {name: t for name, t in (load_file(file) | masks).items() if t is not None}
    save_file(kept, file, metadata=None if numbers is None else about | numbers)
    with pytest.raises(ValueError, match=f"{said}.*remove it to attack anew"):
        AttackState.load(file, attacked)


def test_memory_that_runs_out_halves_the_batch():
    sizes = []

    def greedy(model, x, y, *, threat, rng):
        sizes.append(len(x))
        if len(x) > 3:
            raise torch.OutOfMemoryError
        return x

    verdict = verdict_of([greedy], batch=10)
    assert sizes == [10, 5, 2, 2, 2, 2, 2]
    assert verdict.batch_size == 2


def test_not_even_one_image():
    def impossible(model, x, y, *, threat, rng):
        raise torch.OutOfMemoryError

    with pytest.raises(torch.OutOfMemoryError):
        verdict_of([impossible], batch=2)


def test_correct_is_what_the_clean_images_are():
    some = images()
    some.y[3] = 1
    assert correct_mask(TwoOfFive(4), some, 4).tolist() == [True] * 3 + [False] + [True] * 6
