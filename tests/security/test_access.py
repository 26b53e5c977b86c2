"""The access file: what is right is understood, what is wrong is said with its place, and no token is ever shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.config import ConfigError
from router.server.errors import Refusal
from router.server.security.access import Access, Credentials, digest_of, load_access, parse_access
from router.server.security.principals import LOCAL, Principal, principal_of
from router.server.security.roles import Role
from tests.security.support import token_entry

SECRET = "skr_the-one-that-nobody-may-see-0123456789"
DIGEST = digest_of(SECRET).hex()
GOOD = f"""
[[token]]
name = "pbx-1"
role = "pbx"
sha256 = "{DIGEST}"
clients = ["pbx-1", "pbx-1b"]

[[token]]
name = "dashboard"
role = "viewer"
sha256 = "{digest_of("other").hex()}"
not_after = 2030-01-01T00:00:00+01:00

[[certificate]]
name = "pbx-2"
role = "pbx"
common_name = "pbx-2.example.com"
clients = ["pbx-2"]

[[certificate]]
name = "board"
role = "supervisor"
san = "spiffe://example.com/board"
"""
NEW_YEAR_S = 1893452400.0


def find(access: Access, credentials: Credentials, now_s: float = 0.0) -> str | None:
    found = access.find(credentials, now_s)
    return None if found is None else found.principal.name


def problems_of(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_access(text, "access.toml")
    return [str(problem) for problem in caught.value.problems]


def test_tokens_are_found_by_what_they_are() -> None:
    access = parse_access(GOOD, "access.toml")
    assert find(access, Credentials(digest_of(SECRET))) == "pbx-1"
    assert find(access, Credentials(digest_of(SECRET + " "))) is None
    assert find(access, Credentials(b"")) is None
    assert find(access, Credentials()) is None
    assert len(access) == 4


def test_a_token_ends_when_the_file_says() -> None:
    access = parse_access(GOOD, "access.toml")
    credentials = Credentials(digest_of("other"))
    assert find(access, credentials, NEW_YEAR_S - 0.001) == "dashboard"
    assert find(access, credentials, NEW_YEAR_S) is None


def test_certificates_are_found_by_their_names() -> None:
    access = parse_access(GOOD, "access.toml")
    assert find(access, Credentials(common_name="pbx-2.example.com")) == "pbx-2"
    assert find(access, Credentials(common_name="PBX-2.example.com")) is None
    assert find(access, Credentials(sans=("other", "spiffe://example.com/board"))) == "board"
    # an alternative name is no common name, nor the other way
    assert find(access, Credentials(sans=("pbx-2.example.com",))) is None
    assert find(access, Credentials(common_name="spiffe://example.com/board")) is None


def test_a_certificate_that_two_entries_know_is_nobodys() -> None:
    access = parse_access(GOOD, "access.toml")
    assert find(access, Credentials(None, "pbx-2.example.com", ("spiffe://example.com/board",))) is None


def test_a_wrong_token_is_wrong_whatever_the_certificate() -> None:
    access = parse_access(GOOD, "access.toml")
    assert find(access, Credentials(digest_of("wrong"), "pbx-2.example.com")) is None
    assert find(access, Credentials(digest_of(SECRET), "pbx-2.example.com")) == "pbx-1"


def test_a_file_without_entries_lets_nobody_in() -> None:
    access = parse_access("# nobody yet\n", "access.toml")
    assert len(access) == 0
    assert find(access, Credentials(digest_of(SECRET))) is None


def test_client_ids_belong_to_who_is_bound_to_them() -> None:
    access = parse_access(GOOD, "access.toml")
    principals = {entry.principal.name: entry.principal for entry in access.entries}
    bound, free = principals["pbx-1"], principals["board"]
    for client_id in ("", "pbx-1", "pbx-1b"):
        bound.check_client(client_id)
    for client_id in ("pbx-2", "anything"):
        with pytest.raises(Refusal, match=f"pbx-1 may not use the client_id {client_id}"):
            bound.check_client(client_id)
    free.check_client("")
    free.check_client("anything")
    for client_id in ("pbx-1", "pbx-1b", "pbx-2"):
        with pytest.raises(Refusal) as caught:
            free.check_client(client_id)
        assert caught.value.reason == "PERMISSION_DENIED"
    LOCAL.check_client("pbx-1")


def test_two_principals_may_share_a_client_id() -> None:
    text = token_entry("old", "pbx", "a", 'clients = ["pbx"]') + token_entry("new", "pbx", "b", 'clients = ["pbx"]')
    for entry in parse_access(text, "access.toml").entries:
        entry.principal.check_client("pbx")


def test_who_is_asking_is_known_only_where_somebody_said_so() -> None:
    with pytest.raises(RuntimeError, match="nobody said who is asking"):
        principal_of()


HEAD = 'name = "a"\nrole = "pbx"\n'


@pytest.mark.parametrize(
    ("text", "line", "key", "problem", "wanted"),
    [
        (f"[[token]]\n{HEAD}", 1, "token[1]", "sha256 is missing", "sha256 = a SHA-256 digest"),
        (f'[[token]]\nrole = "pbx"\nsha256 = "{DIGEST}"', 1, "token[1]", "name is missing", "name = a principal"),
        (f'[[token]]\nname = "a"\nsha256 = "{DIGEST}"', 1, "token[1]", "role is missing", "role = a word"),
        (f'[[token]]\n{HEAD}sha256 = "abc"', 4, "token[1].sha256", "3 letters is not a SHA-256", "64 hexadecimal"),
        (f'[[token]]\n{HEAD}sha256 = "{DIGEST.upper()}"', 4, "token[1].sha256", "not a SHA-256", "small letters"),
        (f"[[token]]\n{HEAD}sha256 = 3", 4, "token[1].sha256", "not a text", "64 hexadecimal"),
        (f'[[token]]\nname = "a"\nrole = "pbxx"\nsha256 = "{DIGEST}"', 3, "token[1].role", "not known", "did you mean"),
        (f'[[token]]\nname = ""\nrole = "pbx"\nsha256 = "{DIGEST}"', 2, "token[1].name", "empty", "1 to 255 bytes"),
        (f'[[token]]\nname = "server"\nrole = "pbx"\nsha256 = "{DIGEST}"', 2, "token[1].name", "stands for", "another"),
        (f'[[token]]\n{HEAD}sha256 = "{DIGEST}"\nclients = []', 5, "token[1].clients", "0 client ids", "leave the key"),
        (f'[[token]]\n{HEAD}sha256 = "{DIGEST}"\nclients = "a"', 5, "token[1].clients", "not a list", '["pbx-1"]'),
        (f'[[token]]\n{HEAD}sha256 = "{DIGEST}"\nclients = [""]', 5, "token[1].clients[1]", "empty", "1 to 255 bytes"),
        (
            f'[[token]]\n{HEAD}sha256 = "{DIGEST}"\nnot_after = 2030-01-01',
            5,
            "token[1].not_after",
            "not a date",
            "zone",
        ),
        (
            f'[[token]]\n{HEAD}sha256 = "{DIGEST}"\nnot_after = 2030-01-01T00:00:00',
            5,
            "token[1].not_after",
            "has no zone",
            "2030-12-31T23:59:59Z",
        ),
        (f'[[token]]\n{HEAD}sha256 = "{DIGEST}"\nnotafter = 3', 5, "token[1].notafter", "unknown key", "not_after"),
        (f'[[token]]\n{HEAD}sha256 = "{DIGEST}"\nsan = "a"', 5, "token[1].san", "unknown key", "[[certificate]]"),
        (f"[[certificate]]\n{HEAD}", 1, "certificate[1]", "neither common_name nor san", "one of them"),
        (f'[[certificate]]\n{HEAD}san = "a"\ncommon_name = "b"', 1, "certificate[1]", "both are there", "one of them"),
        (f'[[certificate]]\n{HEAD}common_name = ""', 4, "certificate[1].common_name", "empty", "1 to 255 bytes"),
        (token_entry("a", "pbx", "x") + token_entry("a", "pbx", "y"), 7, "token[2].name", 'a "a" already', "its own"),
        (
            token_entry("a", "pbx", "x") + token_entry("b", "pbx", "x"),
            9,
            "token[2].sha256",
            'token of "a"',
            "one entry",
        ),
        (f'[token]\n{HEAD}sha256 = "{DIGEST}"', 1, "token", "not a list of tables", "[[token]]"),
        (f'tokens = "{SECRET}"', 1, "tokens", "unknown key", "did you mean token?"),
        ("", 0, "", "it is empty", "skill-router access new"),
        ("[[token]\n", 1, "", "is not closed", "]] at its end"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, line: int, key: str, problem: str, wanted: str) -> None:
    (said,) = problems_of(text)
    place = f"access.toml:{line}: " if line else "access.toml: "
    assert said.startswith(place + (f"{key}: " if key else ""))
    assert problem in said
    assert wanted in said.rpartition("; ")[2] or wanted in said


def test_every_problem_is_said_at_once() -> None:
    said = problems_of(f'[[token]]\nname = "a"\nrole = "x"\nsha256 = "y"\n[[certificate]]\n{HEAD}')
    assert len(said) == 4, said


@pytest.mark.parametrize(
    "text",
    [
        f'[[token]]\n{HEAD}sha256 = "{SECRET}"',
        f"[[token]]\n{HEAD}sha256 = '{SECRET}'",
        f"[[token]]\n{HEAD}sha256 = {SECRET}",
        f'[[token]]\n{HEAD}sha256 = ["{SECRET}"]',
        f'[[token]]\n{HEAD}sha256 = "{SECRET}',
        f'[[token]]\n{HEAD}token = "{SECRET}"',
        f'token = "{SECRET}"',
        f'token = ["{SECRET}"]',
        f'tokens = ["{SECRET}"]',
    ],
)
def test_a_token_in_the_wrong_place_is_not_shown(text: str) -> None:
    assert SECRET not in "\n".join(problems_of(text))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file; name an access file, or begin one with"):
        load_access(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="this is a directory"):
        load_access(tmp_path)


def test_what_is_held_shows_no_token() -> None:
    access = parse_access(GOOD, "access.toml")
    assert SECRET not in repr(access.entries)
    assert Principal("a", Role.VIEWER).clients == frozenset()
