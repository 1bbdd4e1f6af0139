"""`make run` from the inside: `payvand serve --dev` on an empty database."""

import re
import shlex
import stat
from itertools import pairwise
from pathlib import Path

import httpx

from tests.engines import Engine, free_port
from tests.shell import Shell, serving


def test_the_first_start_makes_what_is_missing_and_the_next_one_keeps_it(payvand: Shell, database: Engine) -> None:
    file = _ask_as_advised(payvand)
    key, made = file.read_text().strip(), _counts(payvand, database)
    assert made["contact"] > 1_000
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = database.query(payvand.url, "SELECT * FROM api_key")
    assert key not in str(kept) and key.rpartition("_")[2] not in str(kept)

    assert _ask_as_advised(payvand).read_text().strip() == key
    assert _counts(payvand, database) == made

    # A key that opens nothing is made again.
    file.write_text("pvk_000000000000_not-a-key")
    file.chmod(0o644)
    assert _ask_as_advised(payvand).read_text().strip() not in (key, "pvk_000000000000_not-a-key")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_without_dev_a_start_makes_nothing(payvand: Shell) -> None:
    assert payvand("serve", "--port", "0").code == 1
    assert list(payvand.folder.rglob("*.key")) == []


def _ask_as_advised(shell: Shell) -> Path:
    """Start the server, send the query that it advises, and give the file of the key that it names."""
    port = free_port()
    (shell.folder / "log").unlink(missing_ok=True)
    with serving(shell, port, "--dev", "--port", str(port), patience=120) as server:
        command = next(line for line in server.log.splitlines() if line.lstrip().startswith("curl "))
        _, url, *options = shlex.split(command)
        headers = dict(value.split(": ", 1) for option, value in pairwise(options) if option == "-H")
        named = re.search(r"\$\(cat (.*)\)", headers["Authorization"])
        assert url == f"{server.url}/graphql"
        assert named and named.group(1) in server.log.partition("development key")[2]
        file = shell.folder / named.group(1)
        headers["Authorization"] = f"Bearer {file.read_text().strip()}"
        answer = httpx.post(url, headers=headers, content=options[-1], timeout=20).json()
        assert len(answer["data"]["contacts"]["nodes"]) == 3
        assert httpx.get(url, headers={"Accept": "text/html"}).status_code == 200
        return file


def _counts(shell: Shell, database: Engine) -> dict[str, int]:
    return {name: database.query(shell.url, f"SELECT count(*) AS rows FROM {name}")[0]["rows"] for name in ("contact", "deal", "api_key")}
