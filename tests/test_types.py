"""The types of components: mypy finds a misspelled function and swapped arguments."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAD = """
from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer

from trainables.bound_components import Components
from trainables.step_context import StepContext


def check(
    components: Components,
    context: StepContext,
    model: Module,
    optimizer: Optimizer,
    x: Tensor,
    x_adv: Tensor,
    y: Tensor,
) -> None:
    method, attack, update = components.method, components.attack, components.update
"""
RIGHT = (
    "method.outer(model, x, x_adv, y).backward()",
    "attack.perturb(lambda x: (x, x), x, y).sum()",
    "update.update(model, optimizer, x, y).item()",
    "x[: components.data.batch_size * update.replays]",
    "context.method.outer(model, x, x_adv, y)",
)
WRONG = {
    "method.outter(model, x_adv, y)": '"BoundMethod" has no attribute "outter"',
    "method.outer(model, x_adv, y)": 'Too few arguments for "__call__" of "OuterObjective"',
    "method.outer(x, model, x_adv, y)": 'Argument 1 to "__call__" of "OuterObjective"',
    "method.inner(model, x, y)(x)": '"None" not callable',
    "attack.perturb(x, x, y)": 'has incompatible type "Tensor"; expected "Callable',
    "update.update(model, x, x_adv, y)": 'Argument 2 to "__call__" of "WeightUpdate"',
    "components.metod.outer(model, x, x_adv, y)": '"Components" has no attribute "metod"',
    "x[: components.data.batchsize]": '"BoundData" has no attribute "batchsize"',
    "components.exam.measure_accuracies(model, x)": 'Missing named argument "threat"',
    "context.threshold": '"StepContext" has no attribute "threshold"',
    'context.progress = "half"': "Incompatible types in assignment",
}


@pytest.fixture
def errors(tmp_path):
    """Return a function from statements to the errors that mypy reports, by statement."""

    def run(statements):
        lines = [*HEAD.splitlines(), *(f"    {each}" for each in statements)]
        file = tmp_path / "snippet.py"
        file.write_text("\n".join(lines) + "\n")
        # in a separate process, because mypy raises the recursion limit of the one that it runs in
        command = [sys.executable, "-m", "mypy", "--no-error-summary", "--no-pretty", str(file)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        output = done.stdout
        assert not done.stderr
        found = {}
        for number, message in re.findall(r":(\d+): error: (.*)", output):
            found.setdefault(lines[int(number) - 1].strip(), []).append(message)
        return found

    return run


def test_right_calls_pass_and_wrong_ones_are_errors(errors):
    found = errors([*RIGHT, *WRONG])
    assert found.keys() == WRONG.keys()
    for statement, message in WRONG.items():
        assert any(message in each for each in found[statement]), (statement, found[statement])
