"""Which knobs matter, where that is known."""

import numpy as np
import pandas as pd
import pytest
from optuna.importance import PedAnovaImportanceEvaluator

from analysis import importance
from analysis.importance import compute_importances, compute_interactions
from analysis.importance_sample import Sample
from analysis.knob_domains import KnobDomain, list_domain
from tests.analysis.by_hand import epoch_rows, study_frames, trial_row

KNOBS = ("optimizer.lr", "data.batch_size", "optimizer.weight_decay")
SAID = {
    "searched": {
        "optimizer.lr": "loguniform(1e-4, 1)",
        "data.batch_size": "choice(32, 64, 128)",
        "optimizer.weight_decay": "uniform(0, 1)",
    }
}


def drawn(function, n=40, status="completed", epochs_each=1):
    """Return a study of trials drawn at random, whose accuracy is a function of their knobs."""
    rng = np.random.default_rng(1)
    trials, runs = [], []
    for number in range(n):
        lr, size, decay = rng.random(), rng.integers(3), rng.random()
        knobs = {
            "optimizer__lr": 10 ** (4 * lr - 4),
            "data__batch_size": 32 * 2**size,
            "optimizer__weight_decay": decay,
        }
        trials.append(trial_row(f"{number:04d}", status, **knobs))
        runs.append(epoch_rows(f"{number:04d}", *[function(lr, size / 2, decay)] * epochs_each))
    return study_frames(trials, runs, knobs=KNOBS, **SAID)


def test_importances_use_the_scale_of_the_search():
    """0.3 lr + 0.1 decay, both uniform: variances 9 to 1, the learning rate on its log scale.

    A forest of 200 trials smooths its steps, so that a twentieth is allowed.
    """
    found = compute_importances(drawn(lambda lr, _, decay: 0.3 * lr + 0.1 * decay, n=200))
    assert found["knob"].tolist()[:2] == ["optimizer.lr", "optimizer.weight_decay"]
    shares = dict(zip(found["knob"], found["importance"], strict=True))
    assert shares["optimizer.lr"] == pytest.approx(0.9, abs=0.05)
    assert shares["optimizer.weight_decay"] == pytest.approx(0.1, abs=0.05)
    assert shares["data.batch_size"] < 0.01
    assert found["importance"].sum() == pytest.approx(1)
    assert found.loc[0, "ped_anova"] == found["ped_anova"].max()


@pytest.mark.parametrize(
    ("n", "quantile"), [(8, 0.5), (10, 0.5), (40, 0.125), (50, 0.1), (80, 0.1)]
)
def test_importance_is_the_mean_of_five_forests_and_the_best_tenth_are_good(
    monkeypatch, n, quantile
):
    """Shares 1/10 to 5/10: mean 0.3, squared differences 4, 1, 0, 1 and 4 hundredths, over 4."""
    asked = []

    class Forest:
        def __init__(self, *, n_trees, seed):
            self.share = {"lr": seed + 1.0, "decay": 9.0 - seed}

        def evaluate(self, study, knobs):
            assert len(study.trials) == n
            return self.share

    def evaluator(*, target_quantile):
        asked.append(target_quantile)
        return PedAnovaImportanceEvaluator(target_quantile=target_quantile)

    monkeypatch.setattr(importance, "FanovaImportanceEvaluator", Forest)
    monkeypatch.setattr(importance, "PedAnovaImportanceEvaluator", evaluator)
    rng = np.random.default_rng(0)
    values = pd.DataFrame({"lr": rng.random(n), "decay": rng.random(n)})
    domain = KnobDomain(low=0.0, high=1.0)
    first, second = importance.rank_knobs(
        Sample("s", "", {"lr": domain, "decay": domain}, ("lr", "decay"), values, rng.random(n), "")
    )
    assert asked == [pytest.approx(quantile)]
    assert (first["knob"], second["knob"]) == ("decay", "lr")
    assert second["importance"] == pytest.approx(0.3)
    assert second["std"] == pytest.approx((0.1 / 4) ** 0.5)
    assert second["n"] == n


def test_a_listed_knob_counts_by_its_values():
    found = compute_importances(drawn(lambda lr, size, _: 0.5 * size + 0.01 * lr))
    assert found.loc[0, "knob"] == "data.batch_size"
    assert found.loc[0, "importance"] > 0.9


def test_the_same_trials_give_the_same_importances():
    frames = drawn(lambda lr, size, decay: lr * size + decay)
    assert compute_importances(frames).equals(compute_importances(frames))


def test_a_sum_has_no_interactions_and_a_product_has():
    """Of a product of centred inputs all is interaction; its spread is 0.3 / 12, and 15 % of it."""
    adds = compute_interactions(
        drawn(lambda lr, size, decay: 0.3 * lr + 0.2 * size + 0.1 * decay**2)
    )
    assert adds["h"].max() < 0.01
    assert adds["effect"].max() < 0.005
    product = compute_interactions(
        drawn(lambda lr, _, decay: 0.5 + 0.3 * (lr - 0.5) * (decay - 0.5), n=60)
    )
    assert set(product.loc[0, ["knob", "other"]]) == {"optimizer.lr", "optimizer.weight_decay"}
    assert product.loc[0, "h"] > 0.7
    assert product.loc[0, "effect"] == pytest.approx(0.3 / 12, rel=0.15)
    assert product.loc[1, "effect"] < 0.005


def test_a_knob_that_only_some_trials_have_is_ranked_among_them():
    """Adam has beta1, on which all hangs; SGD has none."""
    rng = np.random.default_rng(0)
    trials, runs = [], []
    for number in range(60):
        name = "adam" if number % 2 else "sgd"
        lr, beta = rng.random(2)
        only = {"optimizer__beta1": beta} if name == "adam" else {}
        trials.append(trial_row(f"{number:04d}", optimizer=name, optimizer__lr=lr, **only))
        runs.append(epoch_rows(f"{number:04d}", beta / 2 if only else 0.9))
    knobs = ("optimizer", "optimizer.lr", "optimizer.beta1")
    found = compute_importances(study_frames(trials, runs, knobs=knobs)).set_index("knob")
    assert found.loc["optimizer", ["among", "n"]].tolist() == ["", 60]
    assert found.loc["optimizer", "importance"] > 0.9
    assert found.loc["optimizer.beta1", ["among", "n"]].tolist() == ["optimizer=adam", 30]
    assert found.loc["optimizer.beta1", "importance"] > 0.9


@pytest.mark.parametrize("decisive", ["method", "optimizer.lr"])
def test_a_knob_with_21_words_is_ranked(decisive):
    """Three runs of each word; indicators of 21 words would take fANOVA 2^21 points a tree."""
    rng = np.random.default_rng(0)
    effects, trials, runs = rng.random(21), [], []
    for number in range(63):
        lr, word = rng.random(), number % 21
        trials.append(trial_row(f"{number:04d}", method=f"m{word}", optimizer__lr=lr))
        robust = effects[word] if decisive == "method" else lr
        runs.append(epoch_rows(f"{number:04d}", 0.5 * robust))
    found = compute_importances(study_frames(trials, runs, knobs=("method", "optimizer.lr")))
    assert found.loc[0, "knob"] == decisive
    assert found.loc[0, "importance"] > 0.99  # the other knob has no effect at all


def test_words_are_ordered_by_their_mean_score():
    domain = list_domain(["a", "b", "c", "unused"])
    ordered = domain.order_by(["a", "a", "b", "c"], np.array([0.8, 1.0, 0.2, 0.4]))
    assert ordered.values == ("b", "c", "unused", "a")  # means 0.2, 0.4, 0.6 (of all) and 0.9
