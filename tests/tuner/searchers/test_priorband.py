"""PriorBand: its densities, its shares by hand, its recipes, and what it proposes."""

import math

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from ray import tune

from trainables.training.fidelity import Level
from tuner.config.compose import compose_plan
from tuner.config.plan import Variant
from tuner.config.priors import KnobPrior, attach_prior
from tuner.search import parse_search_arguments
from tuner.searchers.core.config_prior import Component, ConfigPrior, PriorBuilder, scale_prior
from tuner.searchers.core.density import Density, from_unit, to_unit
from tuner.searchers.core.factory import build_sampler_factory
from tuner.searchers.core.optuna_searcher import OptunaSearcher
from tuner.searchers.core.prior_sampler import PriorSampler
from tuner.searchers.core.recipe_centres import find_recipe_centres
from tuner.searchers.core.trial_subset import TrialSubset

UNIT = FloatDistribution(0, 1)


def test_a_density_on_a_range_is_a_truncated_normal():
    """At 0.5 with deviation 0.25 the cut normal keeps 0.9545 of its mass."""
    expected = 1 / (0.25 * math.sqrt(2 * math.pi)) / 0.954500
    assert Density(0.5, 0.25).value_at(UNIT, 0.5) == pytest.approx(expected, rel=1e-5)


def test_a_density_of_listed_values_is_relative_to_equal_ones():
    listed = CategoricalDistribution(["a", "b", "c"])
    density = Density("a", 0.75)
    assert density.value_at(listed, "a") == pytest.approx(3 * 0.75)
    assert density.value_at(listed, "b") == pytest.approx(3 * 0.125)
    rng = np.random.default_rng(0)
    drawn = [density.sample(listed, rng) for _ in range(400)]
    assert 0.68 < drawn.count("a") / 400 < 0.82
    assert {Density("a", 0.0).sample(listed, rng) for _ in range(50)} == {"b", "c"}


@pytest.mark.parametrize(
    ("distribution", "value", "unit"),
    [
        (FloatDistribution(1e-4, 1e-2, log=True), 1e-3, 0.5),
        (FloatDistribution(2, 4), 2.5, 0.25),
        (IntDistribution(1, 4), 2, 0.375),  # from 0.5 to 4.5
        (IntDistribution(1, 4), 1, 0.125),
    ],
)
def test_numbers_have_a_position_on_their_scale(distribution, value, unit):
    assert to_unit(distribution, value) == pytest.approx(unit)
    assert from_unit(distribution, unit) == pytest.approx(value)


def test_all_integers_are_equally_likely_without_a_prior():
    units = (np.arange(1000) + 0.5) / 1000
    drawn = [from_unit(IntDistribution(1, 4), float(unit)) for unit in units]
    assert [drawn.count(value) for value in (1, 2, 3, 4)] == [250] * 4


def test_the_spread_of_a_user_is_in_the_units_of_the_range():
    decades = scale_prior(tune.loguniform(1e-5, 1e-2), KnobPrior(1e-4, 10))
    assert decades.spread == pytest.approx(1 / 3)  # one of three decades
    linear = scale_prior(tune.uniform(0, 0.4), KnobPrior(0.1, 0.1))
    assert linear.spread == pytest.approx(1 / 4)
    steps = scale_prior(tune.qrandint(2, 10, 2), KnobPrior(4, 2))
    assert (steps.centre, steps.spread) == (2, pytest.approx(1 / 5))  # multiples 1 to 5 of 2
    assert scale_prior(tune.choice(["a", "b"]), KnobPrior("b", 0.7)) == Density("b", 0.7)


def sampler_of(prior, number=9, seed=0, eta=3):
    return PriorSampler(
        prior, TrialSubset(), seed=seed, number=number, eta=eta, local=0.25, startup=8,
        model=optuna.samplers.RandomSampler(seed=seed),
    )  # fmt: skip


def study_of(*trials):
    """Return a study with trials of one knob, x, and their values."""
    study = optuna.create_study(direction="maximize")
    for x, value in trials:
        study.add_trial(
            optuna.trial.create_trial(params={"x": x}, distributions={"x": UNIT}, value=value)
        )
    return study


AT_01 = ConfigPrior([Component("", 1.0, {("", "x"): Density(0.1, 0.05)})])


def test_the_uniform_share_falls_with_the_trials_that_have_ended():
    shares = {n: sampler_of(AT_01).mix(n, []).uniform for n in (0, 1, 2, 7, 8, 25, 26)}
    assert shares == {
        n: pytest.approx(1 / (1 + 3**rung))
        for n, rung in {0: 0, 1: 0, 2: 1, 7: 1, 8: 2, 25: 2, 26: 3}.items()
    }


def test_shares_follow_the_densities_at_the_best_trials():
    """Of six trials the best two count, the first twice."""
    trials = study_of((0.1, 0.5), (0.3, 0.4), *((0.9, 0.1) for _ in range(4))).trials
    shares = sampler_of(AT_01).mix(6, trials[:2])
    prior, around = AT_01.components[0], Component("", 1.0, {("", "x"): Density(0.1, 0.25)})
    one, other = (
        2 * each.value_at({"x": 0.1}, {"x": UNIT}, "") + each.value_at({"x": 0.3}, {"x": UNIT}, "")
        for each in (prior, around)
    )
    assert shares.uniform == pytest.approx(1 / 4)
    assert shares.prior == pytest.approx(3 / 4 * one / (one + other))
    assert shares.uniform + shares.prior + shares.incumbent == pytest.approx(1)


def test_a_wrong_prior_loses_its_share():
    trials = study_of((0.9, 0.5), (0.8, 0.4), *((0.1, 0.1) for _ in range(4))).trials
    assert sampler_of(AT_01).mix(6, trials[:2]).prior < 1e-6


def test_the_first_trial_is_the_centre_and_the_next_are_uniform():
    study = study_of()
    trial = optuna.trial.create_trial(value=0.0)
    assert sampler_of(AT_01, number=0).sample_independent(study, trial, "x", UNIT) == 0.1
    drawn = [
        sampler_of(AT_01, number=number, seed=seed).sample_independent(study, trial, "x", UNIT)
        for number in (1, 2, 3)
        for seed in range(100)
    ]
    assert np.mean(drawn) == pytest.approx(0.5, abs=0.06)


def test_around_the_best_trial_at_least_one_knob_changes():
    known = {"x": UNIT, "y": CategoricalDistribution(["a", "b"])}
    study = optuna.create_study(direction="maximize")
    for value in (0.1, 0.2, 0.3, 0.9):
        params = {"x": 0.9, "y": "a"}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=known, value=value))
    n_incumbent = 0
    for seed in range(60):
        sampler = sampler_of(AT_01, number=4, seed=seed)
        choice = sampler.choose(study)
        if choice.policy == "incumbent":
            n_incumbent += 1
            trial = optuna.trial.create_trial(value=0.0)
            drawn = {
                name: sampler.sample_independent(study, trial, name, distribution)
                for name, distribution in known.items()
            }
            assert drawn != {"x": 0.9, "y": "a"}
    assert n_incumbent > 20


def plan_of(*words):
    return compose_plan(*parse_search_arguments([*words, "searcher=priorband"]))


def centres_of(plan):
    return {each.name: each for each in find_recipe_centres(plan.variants, plan.recipe)}


def test_recipes_of_the_same_task_are_centres_and_agreement_counts():
    plan = plan_of("data=cifar10", "optimizer.weight_decay=loguniform(1e-5,1e-2)")
    centres = centres_of(plan)
    key = ("", "optimizer.weight_decay")
    assert next(iter(centres)) == "cifar10"
    assert centres["cifar10"].weight == 4  # its method and its network
    assert centres["madry2018"].weight == 2  # its method
    assert centres["madry2018"].values[key] == 2e-4
    assert centres["zhang2019_trades"].weight == 1  # 0.031 is about 8/255
    assert not {"svhn", "mnist", "imagenet"} & set(centres)


def test_values_of_another_optimizer_or_outside_the_range_say_nothing():
    adam = plan_of("data=cifar10", "optimizer=adamw", "optimizer.weight_decay=loguniform(1e-5,1)")
    assert not any(each.values for each in centres_of(adam).values())
    narrow = plan_of("data=cifar10", "optimizer.weight_decay=loguniform(4e-4,1e-2)")
    assert not centres_of(narrow)["madry2018"].values


def test_the_recipe_of_a_study_is_a_centre_even_if_no_other_fits():
    plan = plan_of("optimizer.lr=loguniform(1e-3,1e-1)")
    assert list(centres_of(plan)) == ["mnist5k"]
    assert centres_of(plan)["mnist5k"].values == {("", "optimizer.lr"): 9e-3}


def test_a_prior_of_the_user_replaces_that_of_the_recipes():
    domain = attach_prior(tune.loguniform(1e-5, 1e-2), KnobPrior(1e-3, 2))
    variants = [Variant(label="", fixed={}, searched={"optimizer.weight_decay": domain})]
    for recipes in (True, False):
        prior = PriorBuilder(variants, "cifar10").build(recipes=recipes, spread=0.1)
        assert {
            density.centre for each in prior.components for density in each.densities.values()
        } == {1e-3}


def test_variants_have_their_own_knobs_and_a_recipe_prefers_its_own():
    plan = plan_of("data=cifar10", "optimizer=choice(sgd,adamw)", "optimizer.lr=loguniform(1e-3,1)")
    (centre,) = (each for each in centres_of(plan).values() if each.name == "cifar10")
    assert centre.variant == "optimizer=sgd"
    search = OptunaSearcher(
        plan.variants, build_sampler_factory(plan), listed=False, levels=(Level(1),)
    )
    configs = [search.suggest(str(number)) for number in range(12)]
    assert (configs[0]["optimizer"]["name"], configs[0]["optimizer"]["lr"]) == ("sgd", 0.1)
    assert {config["optimizer"]["name"] for config in configs} == {"sgd", "adamw"}


def test_all_kinds_of_domains_keep_to_their_values():
    domains = {
        "optimizer.lr": tune.qloguniform(0.01, 0.1, 0.01),
        "attack.steps": tune.lograndint(1, 10),
        "attack.start": tune.choice(["zero", "uniform"]),
        "data.crop": tune.qrandint(2, 10, 2),
    }
    centres = {"optimizer.lr": (0.05, 2), "attack.steps": (4, 1.5), "data.crop": (4, 1.0)}
    searched = {
        path: attach_prior(domain, KnobPrior(*centres[path])) if path in centres else domain
        for path, domain in domains.items()
    }
    variants = [Variant(label="", fixed={}, searched=searched)]
    prior = PriorBuilder(variants).build(recipes=False, spread=0.1)
    search = OptunaSearcher(
        variants, lambda number: sampler_of(prior, number, number), listed=False, levels=(Level(1),)
    )
    configs = [search.suggest(str(number)) for number in range(40)]
    assert configs[0]["optimizer"]["lr"] == pytest.approx(0.05)
    assert (configs[0]["attack"]["steps"], configs[0]["data"]["crop"]) == (4, 4)
    assert {config["attack"]["steps"] for config in configs} <= set(range(1, 10))
    assert {config["data"]["crop"] for config in configs} <= {2, 4, 6, 8, 10}
    assert {config["attack"]["start"] for config in configs} == {"zero", "uniform"}
