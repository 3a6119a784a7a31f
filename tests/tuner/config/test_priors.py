"""Priors of knobs: how they are typed, and files of them."""

import re

import pytest
from ray import tune

from trainables.errors import InputError
from tuner.config.compose import compose_plan
from tuner.config.domain_parser import parse_value_or_domain
from tuner.config.domains import format_domain
from tuner.config.priors import KnobPrior, find_prior, format_with_prior
from tuner.search import parse_search_arguments


def test_a_prior_without_a_range_has_two_deviations_to_both_sides():
    domain = parse_value_or_domain("prior(9e-4, 3)")
    assert find_prior(domain) == KnobPrior(9e-4, 3)
    assert (domain.lower, domain.upper) == pytest.approx((1e-4, 81e-4))
    assert format_domain(domain).startswith("loguniform(")  # what other searchers see


@pytest.mark.parametrize(
    "text",
    [
        "prior(0.0005, 3, loguniform(1e-05, 0.01))",
        "prior(0.1, 0.05, uniform(0, 0.4))",
        "prior(10, 2, lograndint(1, 40))",
        "prior(4, 2, qrandint(2, 10, 2))",
        "prior(relu, 0.7, choice(relu, gelu))",
    ],
)
def test_a_prior_is_written_as_it_is_typed(text):
    assert format_with_prior(parse_value_or_domain(text)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prior(1)", "expected prior(VALUE,SPREAD) or prior(VALUE,SPREAD,DOMAIN), got prior(1)."),
        ("prior(.5,inf)", "with a number as SPREAD"),
        ("prior(0,3)", "needs a value above 0 and a factor above 1"),
        ("prior(5e-4,1)", "needs a value above 0 and a factor above 1"),
        ("prior(1e300,1e300)", "finite ends"),
        ("prior(1,2,grid(1,2))", "needs a range or choice(...) as DOMAIN"),
        ("prior(1,2,prior(1,2))", "needs a range or choice(...) as DOMAIN"),
        ("prior(1,2,3)", "needs a range or choice(...) as DOMAIN"),
        ("prior(5,2,uniform(0,1))", "needs a value in uniform(0, 1), got 5."),
        ("prior(.5,-2,uniform(0,1))", "a standard deviation above 0 on the linear range"),
        ("prior(.5,1,loguniform(.1,1))", "a factor above 1 on the logarithmic range"),
        ("prior(relu,1,choice(relu,gelu))", "a probability, above 0 and below 1"),
        ("prior(elu,.5,choice(relu,gelu))", "needs a value in choice(relu, gelu), got elu."),
        ("prior(1,2,uniform(3,1))", "Did you mean uniform(1,3)?"),
    ],
)
def test_a_prior_that_makes_no_sense_says_why(text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_value_or_domain(text)


def compose(*words):
    return compose_plan(*parse_search_arguments(list(words)))


DECAY = "optimizer.weight_decay=loguniform(1e-5,1e-2)"


def test_a_file_gives_priors_to_searched_knobs(tmp_path):
    file = tmp_path / "prior.yaml"
    file.write_text("optimizer.weight_decay: [5e-4, 3]\nmodel.activation: [gelu, 0.7]\n")
    plan = compose(
        DECAY, "model.activation=choice(relu,gelu)", "searcher=priorband", f"searcher.prior={file}"
    )
    searched = plan.variants[0].searched
    assert find_prior(searched["optimizer.weight_decay"]) == KnobPrior(5e-4, 3)
    assert find_prior(searched["model.activation"]) == KnobPrior("gelu", 0.7)
    assert format_domain(searched["optimizer.weight_decay"]) == "loguniform(1e-05, 0.01)"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("", "must have lines such as `optimizer.weight_decay: [5e-4, 3]`"),
        ("[1, 2]", "must have lines such as"),
        ("a: [", "cannot be read"),
        ("optimizer.weight_decai: [5e-4, 3]", "Did you mean 'optimizer.weight_decay'?"),
        ("optimizer.weight_decay: 5e-4", "must have optimizer.weight_decay: [VALUE, SPREAD]"),
        ("optimizer.weight_decay: [5e-4, wide]", "must have optimizer.weight_decay: [VALUE,"),
        ("optimizer.weight_decay: [5e-4, 0.5]", "needs a spread that is a factor above 1"),
        ("optimizer.weight_decay: [1, 3]", "needs a value in loguniform(1e-05, 0.01), got 1."),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(tmp_path, content, message):
    file = tmp_path / "prior.yaml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(InputError) as error:
        compose(DECAY, "searcher=priorband", f"searcher.prior={file}")
    assert "searcher.prior: " in str(error.value)
    assert message in str(error.value)


def test_a_prior_is_written_once(tmp_path):
    file = tmp_path / "prior.yaml"
    file.write_text("optimizer.weight_decay: [5e-4, 3]")
    with pytest.raises(InputError, match="has a prior in its domain"):
        compose(
            "optimizer.weight_decay=prior(5e-4,3)", "searcher=priorband", f"searcher.prior={file}"
        )


@pytest.mark.parametrize("searcher", ["tpe", "random", "qmc"])
def test_other_searchers_take_a_prior_as_its_range(searcher):
    plan = compose("optimizer.weight_decay=prior(9e-4,3)", f"searcher={searcher}")
    assert format_domain(plan.variants[0].searched["optimizer.weight_decay"]) == format_domain(
        tune.loguniform(9e-4 / 9, 9e-4 * 9)
    )


def test_only_priorband_takes_a_file():
    with pytest.raises(InputError, match="It is a knob of searcher=priorband"):
        compose(DECAY, "searcher=tpe", "searcher.prior=p.yaml")
