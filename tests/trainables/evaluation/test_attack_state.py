"""Which images count as misclassified, and how an interrupted attack resumes."""

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from tests.oracles import TwoOfFive
from trainables.data_pipeline.images import Images
from trainables.evaluation.attack_state import AttackState
from trainables.evaluation.attempt import TargetedAttempt, correct_mask, run_attack
from trainables.threats.linf import Linf

THREAT = Linf(eps=0.1)


def images(number=10):
    """Return images with means 0.51, 0.53, ...: only the first five can be attacked by 0.1."""
    pixels = 255 * (0.51 + 0.02 * torch.arange(number))
    x = pixels.round().to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)
    return Images(x=x.clone(), y=torch.zeros(number, dtype=torch.long))


def darken(model, x, y, *, threat, rng):
    return (x - threat.eps).clamp(0, 1)


def run_on_images(passes, model=None, batch=3, seed=0, save=lambda *_: None, **settings):
    some = images()
    state = AttackState(torch.ones(len(some), dtype=torch.bool))
    state.batch = batch
    run_attack(
        model or TwoOfFive(4).eval(),
        some,
        passes,
        state,
        threat=THREAT,
        seed=seed,
        save=save,
        **settings,
    )
    return state


@pytest.mark.parametrize("batch", [1, 3, 100])
@pytest.mark.parametrize("mixed", [False, True])
def test_images_that_an_attempt_moves_over_the_boundary_are_not_robust(batch, mixed):
    """0.51 to 0.59 fall by 0.1 to below 0.5, the other five do not."""
    state = run_on_images([darken], batch=batch, mixed=mixed)
    assert state.robust_mask.tolist() == [False] * 5 + [True] * 5
    assert state.number == 1
    assert state.rejected == 0


def test_a_misclassified_image_is_not_attacked_again():
    seen = []

    def count(model, x, y, *, threat, rng):
        seen.append(len(x))
        return darken(model, x, y, threat=threat, rng=rng)

    run_on_images([count, count], batch=100)
    assert seen == [10, 5]


def test_reached_target_classes_are_counted(tmp_path):
    """Of the five misclassified images, 0.51 to 0.59, three have the target 1 and reach it."""

    def targeted(model, x, y, *, threat, rng):
        return TargetedAttempt(
            darken(model, x, y, threat=threat, rng=rng), 1 + torch.arange(len(x)) % 2
        )

    state = run_on_images([targeted], batch=100)
    assert state.aimed
    assert state.hit.nonzero()[:, 0].tolist() == [0, 2, 4]
    assert state.robust_mask.tolist() == [False] * 5 + [True] * 5
    state.save(tmp_path / "state")
    assert AttackState.load(tmp_path / "state", state.attacked).hit.tolist() == state.hit.tolist()
    assert AttackState.load(tmp_path / "state", state.attacked).aimed


def test_attempts_outside_the_ball_or_the_pixel_range_are_rejected():
    def too_far(model, x, y, *, threat, rng):
        return x - 1.5 * threat.eps

    def outside(model, x, y, *, threat, rng):
        return x - 2

    for attempt in (too_far, outside):
        state = run_on_images([attempt])
        assert state.robust_mask.all()
        assert state.rejected > 0


def test_the_attack_sees_the_folded_view():
    asked = []

    def lazy(model, x, y, *, threat, rng):
        asked.append(type(model).__name__)
        return x

    state = run_on_images([lazy])
    assert state.robust_mask.all()
    assert set(asked) == {"FoldedView"}


def test_an_image_that_only_the_view_misclassifies_is_attacked_again(monkeypatch):
    class Wrong(nn.Module):
        def forward(self, x):
            return torch.eye(5)[[1] * len(x)]

    monkeypatch.setattr("trainables.evaluation.attempt.graphed_view", lambda model, **_: Wrong())
    asked = []

    def attempt(model, x, y, *, threat, rng):
        asked.append((type(model).__name__, len(x)))
        moved = x if isinstance(model, Wrong) else x - threat.eps
        return moved.clamp(0, 1)

    state = run_on_images([attempt], batch=100)
    assert asked == [("Wrong", 10), ("TwoOfFive", 10)]
    assert state.robust_mask.tolist() == [False] * 5 + [True] * 5


def randomly(model, x, y, *, threat, rng):
    return threat.project(threat.random_point(x, rng), x)


@pytest.mark.parametrize("stop_after", [1, 4, 6])
def test_an_attack_killed_after_any_chunk_resumes_to_the_same_result(tmp_path, stop_after):
    class KilledError(Exception):
        pass

    file = tmp_path / "state.safetensors"
    chunks = []

    def save(state, size):
        state.save(file)
        chunks.append(size)
        if len(chunks) == stop_after:
            raise KilledError

    passes = [randomly, randomly, randomly]
    uninterrupted = run_on_images(passes)
    assert not uninterrupted.robust_mask.all()
    with pytest.raises(KilledError):
        run_on_images(passes, save=save)
    state = AttackState.load(file, torch.ones(10, dtype=torch.bool))
    run_attack(
        TwoOfFive(4).eval(),
        images(),
        passes,
        state,
        threat=THREAT,
        seed=0,
        save=lambda *_: None,
    )
    assert state.robust_mask.tolist() == uninterrupted.robust_mask.tolist()


def test_a_corrupt_state_is_an_error(tmp_path):
    file = tmp_path / "state.safetensors"
    file.write_bytes(b"no safetensors")
    with pytest.raises(ValueError, match="remove it"):
        AttackState.load(file, torch.ones(10, dtype=torch.bool))


@pytest.mark.parametrize(
    ("masks", "numbers", "problem"),
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
def test_a_state_of_another_attack_is_an_error(tmp_path, masks, numbers, problem):
    """Three of four images are attacked; masks that do not fit are of another attack."""
    file, attacked = tmp_path / "state", torch.tensor([True, True, True, False])
    AttackState(attacked).save(file)
    assert AttackState.load(file, attacked).robust_mask.tolist() == attacked.tolist()
    with safe_open(file, framework="pt") as opened:
        about = opened.metadata()
    kept = {name: t for name, t in (load_file(file) | masks).items() if t is not None}
    save_file(kept, file, metadata=None if numbers is None else about | numbers)
    with pytest.raises(ValueError, match=f"{problem}.*remove it to restart the attack"):
        AttackState.load(file, attacked)


def test_memory_that_runs_out_halves_the_batch():
    sizes = []

    def greedy(model, x, y, *, threat, rng):
        sizes.append(len(x))
        if len(x) > 3:
            raise torch.OutOfMemoryError
        return x

    state = run_on_images([greedy], batch=10)
    assert sizes == [10, 5, 2, 2, 2, 2, 2]
    assert state.batch == 2


def test_an_image_that_does_not_fit_is_an_error():
    def impossible(model, x, y, *, threat, rng):
        raise torch.OutOfMemoryError

    with pytest.raises(torch.OutOfMemoryError):
        run_on_images([impossible], batch=2)


def test_the_correct_mask_is_of_the_clean_images():
    some = images()
    some.y[3] = 1
    assert correct_mask(TwoOfFive(4), some, 4).tolist() == [True] * 3 + [False] + [True] * 6
