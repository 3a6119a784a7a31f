"""Addresses with credentials: refused, and never repeated."""

import io

import pytest
import yaml
from rich.table import Table

from tests.tuner.study_files import make_plan
from trainables.credentials import has_credentials, redact_credentials
from trainables.errors import InputError
from trainables.training.fidelity import Level
from tuner.cli.console import SafeConsole
from tuner.config.description import describe_study
from tuner.evaluate import main as evaluate
from tuner.search import main as search
from tuner.storage.results_folder import write_search_yaml
from tuner.storage.search_yaml import read_search_yaml
from tuner.train import main as train

SECRETS = [
    "abfs://c@acc.dfs.core.windows.net/x?sv=2024&sig=hunter2",
    "abfs://c@acc.dfs.core.windows.net/x?client_secret=hunter2&tenant_id=a",
    "abfss://c@acc.dfs.core.windows.net/x?SIG=hunter2",
    "abfss://c@acc.dfs.core.windows.net/x?account%5Fkey=hunter2",
    "s3://bucket/x?region=eu&secret_key=hunter2",
    "s3://bucket/x?access_key=hunter2",
    "s3://bucket/x?session_token=hunter2",
    "s3://someone:hunter2@bucket/x",
    "s3://someone:hun/hunter2@bucket/x",
    "s3://hunter2@bucket/x",
    "sftp://someone:hunter2@host/x",
    "gs://bucket/x?json_credentials=hunter2",
    "https://host/x?X-Amz-Signature=hunter2",
]
HARMLESS = [
    "s3://bucket/x?region=eu&endpoint_override=http%3A%2F%2Flocalhost%3A9000&scheme=http",
    "abfs://container@account.dfs.core.windows.net/x",
    "sftp://someone@host:22/x",
    "gs://bucket/studies/keys/token",
    "file:///srv/x?design=a",
    "memory://attic/a@b:c",
]


@pytest.mark.parametrize("address", SECRETS)
@pytest.mark.parametrize("command", [
    (search, "results={}"), (search, "replay={}"), (search, "warm_start={}"), (search, "{}"),
    (search, "seed={}"), (search, "optimizer.lr={}"), (search, "address={}"), (search, "data={}"),
    (train, "config={}"), (evaluate, "{}"), (evaluate, "weights={}"),
])  # fmt: skip
def test_credentials_are_refused_and_not_repeated(address, command, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main, word = command
    assert main([word.format(address)]) == 2
    out, err = capsys.readouterr()
    assert "hunter2" not in out + err
    assert not list(tmp_path.iterdir())
    if word in {"results={}", "replay={}"}:
        assert "must not hold keys; put them into " in err
        assert "AWS_SECRET_ACCESS_KEY" in err or not address.startswith("s3")


@pytest.mark.parametrize("address", SECRETS)
def test_an_older_study_loses_its_credentials(address, tmp_path):
    """Versions before they were refused wrote them into search.yaml."""
    plan = make_plan()
    content = describe_study(plan, [Level(plan.epochs)], 0, ["tuner.search", f"results={address}"])
    content["study"] |= {"results": address, "warm_start": [address]}
    (tmp_path / "search.yaml").write_text(yaml.safe_dump(content))
    read = read_search_yaml(tmp_path / "search.yaml")
    assert "hunter2" not in str(read)
    assert read["study"]["results"].startswith(address[:3])
    write_search_yaml(tmp_path, content)
    assert "hunter2" not in (tmp_path / "search.yaml").read_text()


@pytest.mark.parametrize("address", SECRETS)
def test_a_console_prints_no_credentials(address):
    console = SafeConsole(file=io.StringIO(), width=200)
    console.print(f"results: {address} lacks the newest files.", soft_wrap=True)
    table = Table("results")
    table.add_row(address)
    console.print(table)
    assert "hunter2" not in console.file.getvalue()


@pytest.mark.parametrize("address", HARMLESS)
def test_an_address_without_credentials_stays_as_it_is(address):
    assert not has_credentials(address)
    text = f"results: {address} cannot be used (a: b@c); write another."
    assert redact_credentials(text) == text


@pytest.mark.parametrize("address", SECRETS)
def test_every_error_redacts(address):
    message = str(InputError([f"results: must be x, got {address!r}.", f"{address} is gone"]))
    assert "hunter2" not in message
    assert message.endswith(" is gone")
