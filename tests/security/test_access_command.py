"""`skill-router access`: tokens are made, listed and revoked; the file stays as somebody wrote it otherwise."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from router.cli.access_file import AccessFile, NotChanged
from router.cli.main import main
from router.config import ConfigError
from router.server.security.access import Credentials, digest_of, load_access
from router.server.security.roles import Role
from tests.security.support import token_entry


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "access.toml"


def run(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["access", *arguments, "--file", str(path)])


def names(path: Path) -> list[str]:
    return [entry.principal.name for entry in load_access(path).entries]


def test_a_token_is_printed_once_and_only_its_digest_is_kept(path: Path) -> None:
    result = run(path, "new", "pbx-1", "--role", "pbx", "--client", "pbx-1", "--client", "pbx-1b")
    assert result.exit_code == 0
    token = result.stdout.strip()
    assert re.fullmatch(r"skr_[A-Za-z0-9_-]{43}", token), "256 bits"
    assert token not in result.stderr
    assert token not in path.read_text()
    found = load_access(path).find(Credentials(digest_of(token)), 0.0)
    assert found is not None
    assert (found.principal.name, found.principal.role) == ("pbx-1", Role.PBX)
    assert found.principal.clients == {"pbx-1", "pbx-1b"}
    assert found.not_after_s is None
    assert path.stat().st_mode & 0o777 == 0o600
    assert "SIGHUP" in result.stderr


def test_no_two_tokens_are_alike(path: Path) -> None:
    tokens = {run(path, "new", f"a{number}", "--role", "viewer").stdout.strip() for number in range(5)}
    assert len(tokens) == 5
    assert names(path) == [f"a{number}" for number in range(5)]


def test_a_token_may_end(path: Path) -> None:
    token = run(path, "new", "a", "--role", "viewer", "--expires", "90d").stdout.strip()
    access = load_access(path)
    found = access.find(Credentials(digest_of(token)), 0.0)
    assert found is not None
    assert found.not_after_s is not None
    assert access.find(Credentials(digest_of(token)), found.not_after_s) is None
    (row,) = json.loads(run(path, "list", "--json").stdout)["principals"]
    assert row["not_after"].endswith("Z")
    assert row["expired"] is False


def test_the_list_tells_who_is_in_it(path: Path) -> None:
    run(path, "new", "pbx-1", "--role", "pbx", "--client", "pbx-1")
    path.write_text(
        path.read_text() + '\n[[certificate]]\nname = "board"\nrole = "viewer"\nsan = "board.example.com"\n'
    )
    text = run(path, "list").stdout
    for word in ("pbx-1", "pbx", "token", "board", "viewer", "certificate"):
        assert word in text
    rows = json.loads(run(path, "list", "--json").stdout)["principals"]
    assert [row["name"] for row in rows] == ["pbx-1", "board"]
    assert rows[1]["shows"] == "certificate, alternative name board.example.com"
    assert "sha256" not in json.dumps(rows)


def test_whoever_is_revoked_is_out(path: Path) -> None:
    for name in ("a", "b", "c"):
        run(path, "new", name, "--role", "viewer")
    result = run(path, "revoke", "b")
    assert result.exit_code == 0
    assert names(path) == ["a", "c"]
    result = run(path, "revoke", "b")
    assert result.exit_code == 1
    assert "has no entry b; it has a, c" in result.stderr
    run(path, "revoke", "a")
    run(path, "revoke", "c")
    assert names(path) == []
    assert "nobody may do anything" in run(path, "list").stdout


def test_other_lines_stay_as_they_are(path: Path) -> None:
    first, second = token_entry("a", "pbx", "x").rstrip("\n"), token_entry("b", "pbx", "y").rstrip("\n")
    certificate = '[[certificate]]\nname = "c"\nrole = "viewer"\nsan = "c"'
    text = f"# mine\n\n{first}\n# about a\n\n# about c\n{certificate}\n\n# about b\n\n{second}  # here\n# the end\n"
    path.write_text(text)
    AccessFile(path).remove("c")
    without = f"# mine\n\n{first}\n# about a\n\n# about c\n# about b\n\n{second}  # here\n# the end\n"
    assert path.read_text() == without
    AccessFile(path).remove("a")
    assert path.read_text() == f"# mine\n\n# about a\n\n# about c\n# about b\n\n{second}  # here\n# the end\n"
    AccessFile(path).remove("b")
    assert path.read_text() == "# mine\n\n# about a\n\n# about c\n# about b\n\n# the end\n"


def test_the_mode_and_a_link_stay(path: Path, tmp_path: Path) -> None:
    real = tmp_path / "real.toml"
    real.write_text("# begun\n")
    real.chmod(0o640)
    path.symlink_to(real)
    run(path, "new", "a", "--role", "viewer")
    assert path.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert names(real) == ["a"]
    assert [file.name for file in tmp_path.iterdir() if file.name not in ("real.toml", "access.toml")] == []


def test_what_is_not_under_a_header_of_its_own_is_left_to_people(path: Path) -> None:
    text = f'token = [{{ name = "a", role = "pbx", sha256 = "{digest_of("x").hex()}" }}]\n'
    path.write_text(text)
    with pytest.raises(NotChanged, match="take it out by hand"):
        AccessFile(path).remove("a")
    assert path.read_text() == text
    # nor can a header be added to such a list
    with pytest.raises(ConfigError):
        AccessFile(path).add_token("b", Role.PBX, "y")
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["new", "a", "--role", "boss"], "'boss' is not one of"),
        (["new", "a"], "--role"),
        (["new", "", "--role", "pbx"], "cannot be a name"),
        (["new", "a\nb", "--role", "pbx"], r"a\u000ab"),
        (["new", "server", "--role", "pbx"], "stands for the server itself"),
        (["new", "a", "--role", "pbx", "--expires", "soon"], "not a duration such as 90d"),
        (["new", "a", "--role", "pbx", "--expires", "0s"], "not a duration such as 90d"),
        (["nothing"], "nothing"),
    ],
)
def test_wrong_calls_exit_2_and_change_nothing(path: Path, arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(main, ["access", *arguments])
    assert result.exit_code == 2
    assert said in re.sub(r"[│\s]+", " ", result.stderr)
    assert not path.exists()


def test_what_cannot_be_changed_is_said_plainly(path: Path) -> None:
    run(path, "new", "a", "--role", "pbx")
    before = path.read_text()
    again = run(path, "new", "a", "--role", "admin")
    assert (again.exit_code, again.stdout) == (1, "")
    assert "has an entry a already" in again.stderr
    assert path.read_text() == before
    path.write_text("[[token]]\n")
    for arguments in (["new", "b", "--role", "pbx"], ["list"], ["revoke", "a"]):
        result = run(path, *arguments)
        assert result.exit_code == 1
        assert "name is missing" in result.stderr
    assert path.read_text() == "[[token]]\n"
    for arguments in (["list"], ["revoke", "a"]):
        assert "there is no such file" in run(path.with_name("none.toml"), *arguments).stderr
    result = run(path.parent / "nowhere" / "access.toml", "new", "a", "--role", "pbx")
    assert result.exit_code == 1
    assert "cannot be written: No such file or directory" in result.stderr


def test_two_that_change_it_at_once_wait_for_each_other(path: Path) -> None:
    def add(number: int) -> None:
        AccessFile(path).add_token(f"a{number}", Role.VIEWER, str(number))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(names(path)) == [f"a{number}" for number in range(8)]
