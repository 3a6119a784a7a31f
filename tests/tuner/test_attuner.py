"""The program `attuner`: its commands, help, completion and refusals, and what they import."""

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tuner import attuner
from tuner.attuner import COMMANDS, main
from tuner.cli.run import import_action
from tuner.commands.check import CHECKED_GROUPS
from tuner.contracts.member import CONTRACTS

LARGE = {"torch", "torchvision", "ray", "pandas"}
SCREEN = (24, 80)
"""Lines and columns of a terminal."""


def test_alone_it_lists_its_commands(capsys):
    assert main([]) == 0
    text = capsys.readouterr().out
    assert all(f"attuner {name} " in text and e.summary in text for name, e in COMMANDS.items())
    assert len(text.splitlines()) <= SCREEN[0]


def test_version_and_unknown_command(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"attuner {version('attuner')}\n"
    assert main(["serach"]) == 2
    assert "no command 'serach'. Did you mean 'search'?" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_a_screen(name, capsys):
    assert main([name, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < SCREEN[0]  # the prompt has the last line
    assert max(map(len, lines)) <= SCREEN[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_an_action_that_python_can_run_too(name):
    entry = COMMANDS[name]
    assert entry.load().name == name
    assert callable(import_action(entry.action, ""))
    module = entry.action.partition(":")[0]
    assert getattr(sys.modules[module], "main", None) or name == "search"


def test_check_knows_the_groups_with_a_contract():
    assert set(CHECKED_GROUPS) == set(CONTRACTS)


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("spaces", ["weight_decay  ", "trades_beta"]),
        ("recipes", ["rice2020", "mnist5k"]),
        ("methods", ["trades ", "TRADES (Zhang et al., 2019"]),
        ("criteria", ["criterion: the loss of an example", "cross_entropy"]),
        ("data", ["data: images", "mnist5k", "data.batch_size"]),
        ("sentinel", ["sentinel.every"]),
        ("schedulers", ["asha", "halving"]),
        ("trades", ["method=trades", "method.beta  float >= 0  [6]", "attack.start=gaussian"]),
        ("method=trades", ["method=trades", "method.beta"]),
        ("--trades", ["method=trades"]),
        ("beta", ["method=trades method.beta", "method=mart method.beta"]),
        ("attack.steps", ["attack=pgd attack.steps"]),
        ("step_size", ["attack=pgd attack.step_size"]),
        ("trials", ["trials  int >= 1 or none"]),
        ("domains", ["loguniform(LOW,HIGH)"]),
        ("keys", ["time_budget", "report_limit"]),
        ("weight_decay", ["space=weight_decay", "optimizer.weight_decay"]),
    ],
)
def test_help_goes_deeper_by_topic(topic, expected, capsys):
    assert main(["search", "--help", topic]) == 0
    text = capsys.readouterr().out
    for each in expected:
        assert each in text, text


def test_a_mistyped_topic_gets_a_suggestion(capsys):
    assert main(["search", "--help", "tradse"]) == 2
    err = capsys.readouterr().err
    assert "no topic 'tradse'. Did you mean 'trades'? There are: keys, domains, spaces" in err
    assert main(["help", "search", "shcedulers"]) == 2
    assert "Did you mean 'schedulers'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["methdo=trades"], "methdo: no such key. Did you mean 'method'?"),
        (["method=tradse"], "method: no 'tradse' in methods. Did you mean 'trades'?"),
        (["method=trades", "method.betta=3"], "method.betta: no such knob of method=trades."),
        (["attack.step_sise=0.1"], "attack.step_sise: no attack has this knob."),
        (["sentinel.evrey=3"], "sentinel.evrey: no such knob of sentinel. Did you mean 'every'?"),
        (["periods=pgd"], "periods: this group has no members"),
        (["trials=0", "tirals=3"], "trials: must be greater than or equal to 1, got 0."),
        (["trials=0", "tirals=3"], "tirals: no such key. Did you mean 'trials'?"),
        (["trials"], "trials: expected key=value"),
        (["space=weigt_decay"], "space: no 'weigt_decay' in search_spaces. Did you mean"),
        (["recipe=cifar1"], "recipe: no 'cifar1' in recipes. Did you mean 'cifar10'?"),
    ],
)
def test_mistyped_words_are_refused(words, message, capsys):
    assert main(["search", *words, "'optimizer.lr=loguniform(1e-4,1e-2)'"]) == 2
    assert message in capsys.readouterr().err


def test_a_knob_of_another_member_is_left_to_the_plan(capsys):
    """The member may come from a recipe, a space or a custom file."""
    words = ["method=./absent.py", "method.beta=3", "dry_run=true"]
    assert main(["search", *words]) == 2
    err = capsys.readouterr().err
    assert "absent.py" in err
    assert "no such knob" not in err


LIGHT = [
    ([], 0),
    (["--version"], 0),
    (["serach"], 2),
    *(([name, "--help"], 0) for name in COMMANDS),
    (["search", "--help", "all"], 0),
    (["evaluate", "--help", "all"], 0),
    (["search", "--help", "tradse"], 2),
    (["search", "space=weight_decay", "method.betta=uniform(1,2)"], 2),
    (["evaluate", "results/x", "suit=quick"], 2),
    (["report", "results/x", "too=a.html"], 2),
    (["complete-words", "search", "method."], 0),
    (["complete-words", "figures", "figure="], 0),
]
"""Command lines that must answer at once, and their exit status."""


def test_help_completion_and_refusals_import_no_large_library():
    code = (
        "import sys\n"
        "from tuner.attuner import main\n"
        f"for words, expected in {LIGHT!r}:\n"
        "    status = main(words)\n"
        f"    large = {LARGE!r} & set(sys.modules)\n"
        "    assert status == expected, (words, status)\n"
        "    assert not large, (words, large)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def complete(capsys, *words):
    assert main([attuner.COMPLETE, *words]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("words", "some"),
    [
        ([""], ["search", "figures", "check"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["search", "tri"], ["trials="]),
        (["search", "meth"], ["method="]),
        (["search", "method"], ["method=", "method."]),
        (["search", "method=tr"], ["method=trades"]),
        (["search", "method.b"], ["method.beta=", "method.bn_updates="]),
        (["search", "method=trades", "method.v"], ["method.variant="]),
        (["search", "method=trades", "method.variant="], ["method.variant=kl"]),
        (["search", "exa"], ["exam."]),
        (["search", "exam.st"], ["exam.steps="]),
        (["search", "space=weight"], ["space=weight_decay"]),
        (["search", "recipe=rice"], ["recipe=rice2020"]),
        (["search", "tracker=tensorboard,ml"], ["tracker=tensorboard,mlflow"]),
        (["search", "dry_run="], ["dry_run=true", "dry_run=false"]),
        (["search", "precision=b"], ["precision=bf16"]),
        (["search", "--help", "trad"], ["trades"]),
        (["evaluate", "apgd_ce."], ["apgd_ce.restarts="]),
        (["figures", "figure=weight"], ["figure=weight_decay"]),
    ],
)
def test_completion_of_words(words, some, capsys):
    found = complete(capsys, *words)
    assert set(some) <= set(found)
    assert all(each.startswith(words[-1]) for each in found)


def test_completion_of_knobs_of_the_chosen_member(capsys):
    assert complete(capsys, "search", "method=standard", "method.") == []


def test_completion_of_paths(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    (tmp_path / "mine.py").touch()
    assert complete(capsys, "evaluate", "resul") == ["results/", "results="]
    assert complete(capsys, "search", "method=./m") == ["method=./mine.py"]
    assert complete(capsys, "report", "to=m") == ["to=mine.py"]


@pytest.fixture
def program(tmp_path):
    """Return a folder with the program `attuner`, to be put on PATH."""
    file = tmp_path / "bin" / "attuner"
    file.parent.mkdir()
    file.write_text(
        f"#!{sys.executable}\nimport sys\nfrom tuner.attuner import main\nsys.exit(main())\n"
    )
    file.chmod(0o755)
    return file.parent


def shell_environment(program: Path, home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PATH": f"{program}:{os.environ['PATH']}",
        "HOME": str(home),
        "PYTHONPATH": str(Path(attuner.__file__).parents[1]),
        "TERM": "xterm",
    }


def run_shell(shell: str, script: str, program: Path, cwd: Path) -> str:
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell}")
    env = shell_environment(program, cwd)
    options = ["--norc"] if shell == "bash" else []
    done = subprocess.run(
        [shell, *options, "-c", script],
        capture_output=True,
        text=True,
        env=env,
        cwd=cwd,
        check=False,
    )
    assert not done.stderr, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("line", "replies"),
    [
        ("attuner sea", ["search "]),
        # bash itself keeps "method=", as = separates words for it
        ("attuner search method=tr", ["trades "]),
        ("attuner search method.bet", ["method.beta="]),
        ("attuner search 'method.bet", ["method.beta="]),
        ("attuner search method=trades method.variant=", ["ce ", "kl "]),
        ("attuner search tracker=tensorboard,ml", ["tensorboard,mlflow "]),
    ],
)
def test_bash_completes(line, replies, program, tmp_path):
    script = (
        "source <(attuner completion bash)\n"
        f'COMP_LINE="{line}"; COMP_POINT=${{#COMP_LINE}}\n'
        "_attuner\n"
        "printf '%s|\\n' \"${COMPREPLY[@]}\""
    )
    out = run_shell("bash", script, program, tmp_path)
    assert out.splitlines() == [f"{each}|" for each in replies]


def test_fish_completes(program, tmp_path):
    script = "attuner completion fish | source; complete -C 'attuner search method=tr'"
    assert run_shell("fish", script, program, tmp_path).split() == ["method=trades"]
    script = "attuner completion fish | source; complete -C 'attuner search method.bet'"
    assert run_shell("fish", script, program, tmp_path).split() == ["method.beta="]


@pytest.mark.slow
def test_zsh_completes(program, tmp_path):
    """In a terminal, as zsh completes only there."""
    pexpect = pytest.importorskip("pexpect")
    if not shutil.which("zsh"):
        pytest.skip("there is no zsh")
    shell = pexpect.spawn("zsh -f", env=shell_environment(program, tmp_path), timeout=60)
    shell.sendline("autoload -U compinit && compinit -u && PS1=''")
    shell.sendline("source <(attuner completion zsh); print set-''up")
    shell.expect("set-up")
    shell.send("attuner search method=trad\t")
    shell.expect("method=trades")
    shell.close(force=True)
