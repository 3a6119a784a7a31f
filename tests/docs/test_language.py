"""The words of code and pages: none that `tests/docs/language.py` replaces, but those allowed."""

import pytest

from tests.docs import language

ALLOWED = language.allowed()
FINDINGS = {
    path.relative_to(language.ROOT).as_posix(): list(language.findings(path))
    for path in language.files()
}


UPDATE = "run `python -m tests.docs.language --update`"


def test_no_file_has_more_replaced_words_than_the_list_allows():
    problems = []
    for name, found in FINDINGS.items():
        if len(found) > (most := ALLOWED.get(name, 0)):
            problems.append(f"{name}: {len(found)} words to replace, {most} allowed:")
            problems += [
                f"  {name}:{line}: {word!r}: write {advice}" for _, line, word, advice in found
            ]
    assert not problems, "\n".join(problems)


def test_the_list_allows_no_more_than_there_is():
    loose = [name for name, most in ALLOWED.items() if len(FINDINGS.get(name, ())) < most]
    assert not loose, f"{UPDATE}: {', '.join(loose)}"


@pytest.mark.parametrize(
    "text",
    [
        "The searcher is told.",
        "A trial that was cut off\n    goes on.",
        "The exam takes ten steps.",
        "A method of a user's own.",
        "Seconds; no limit if none.",
    ],
)
def test_an_idiom_is_found(text):
    assert [word for *_, word, _ in language.in_prose("x.md", 1, text)]


@pytest.mark.parametrize(
    "text",
    [
        "Set exam.steps=5 or the group's `exam`.",
        "The events began, went_on and kept are in journal.jsonl.",
        "An AWS account with keys; take memory into account.",
        "negative_slope=0.1 of LeakyReLU; a sentinel value.",
        "Optuna's journal storage; BrokenPipeError; tellable.",
    ],
)
def test_names_and_english_are_left_alone(text):
    assert not list(language.in_prose("x.md", 1, language.SPAN.sub(language.blank, text)))


def test_a_finding_has_its_line():
    (found,) = language.in_prose("x.md", 1, "One.\n\nTwo\nthree is told four.\n")
    assert found[:3] == ("x.md", 4, "told")
