"""`skill-router journal`: plain words, exact exit codes, never a traceback."""

from __future__ import annotations

import json
import re
import stat
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from router.cli.main import main
from router.engine.commands import Accept, Advance, Assign, Complete, Configure, Enqueue, PauseQueue, SignIn
from router.engine.settings import QueueSettings, Settings
from router.journal import Change, ConfigText, Entry, SessionChange, SqliteJournal
from tests.journal.harm import COUNT, copy_of, flip, killed, offset_of, sql
from tests.journal.story import fill, make_journal, tell

START_US = 1_700_000_000_000_000


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, ["journal", *map(str, arguments)], terminal_width=200)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal that was closed in order; only to be copied."""
    directory = tmp_path_factory.mktemp("journal") / "whole"
    make_journal(directory, COUNT)
    return directory


@pytest.fixture
def journal(whole: Path, tmp_path: Path) -> Path:
    """A copy of it, to be harmed."""
    return copy_of(whole, tmp_path / "harmed")


def damage(directory: Path, sequence: int) -> tuple[int, int]:
    query = "SELECT first_sequence, last_sequence, body FROM records WHERE ? BETWEEN first_sequence AND last_sequence"
    ((first, last, body),) = sql(directory, query, sequence)
    flip(directory / "journal.sqlite", offset_of(directory / "journal.sqlite", body) + 2)
    return first, last


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A morning at a small desk, told by hand."""
    said: Sequence[tuple[int, object]] = (
        (0, {"command": Configure(Settings(queues={"loans": QueueSettings()})), "actor": "file",
             "note": ConfigText("[queues.loans]\n", "etag-7", True)}),
        (1, {"command": Advance(), "actor": "pbx-1", "client_id": "pbx", "note": SessionChange("pbx", Change.BEGAN)}),
        (2, {"command": SignIn("ann"), "actor": "pbx-1", "client_id": "pbx"}),
        (3, {"command": Enqueue("c-1", "loans"), "actor": "pbx-1", "client_id": "pbx", "request_id": "r-1",
             "content": b"12345678"}),
        (4, {"command": Enqueue("c-2", "loans"), "actor": "pbx-1", "client_id": "pbx"}),
        (5, {"command": Accept(1), "actor": "pbx-1", "client_id": "pbx"}),
        (6, {"command": Accept(9), "actor": "pbx-1", "client_id": "pbx"}),
        (7, {"command": PauseQueue("loans"), "actor": "boss"}),
        (8, {"command": Complete("c-1"), "actor": "pbx-1", "client_id": "pbx"}),
        (9, {"command": Assign("c-2", "ann"), "actor": "boss", "client_id": "desk"}),
    )  # fmt: skip
    directory = tmp_path / "small"
    with closing(SqliteJournal.open(directory)) as journal:
        fill(journal, [Entry(time_us=START_US + after * 1_000_000, **fields) for after, fields in said])  # type: ignore[arg-type]
    return directory


def sequences(output: str) -> list[int]:
    return [int(line.split()[0]) for line in output.splitlines()]


def test_show_says_who_asked_for_what_and_when(small: Path) -> None:
    result = run("show", small)
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0] == (
        "        1  2023-11-14 22:13:20.000000Z  file              configure loans, from the config file, etag etag-7"
    )
    assert lines[1].endswith("pbx-1/pbx         session of pbx began")
    assert lines[3].endswith("pbx-1/pbx         enqueue call c-1 in loans")
    assert lines[6].endswith("accept offer 9: rejected, UNKNOWN_OFFER 9")
    assert sequences(result.output) == list(range(1, 11))


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--from", 4], [4, 5, 6, 7, 8, 9, 10]),
        (["--to", 3], [1, 2, 3]),
        (["--from", 4, "--to", 5], [4, 5]),
        (["--from", 99], []),
        (["--call", "c-1"], [4, 6, 9]),
        (["--call", "c-2"], [5, 10]),
        (["--agent", "ann"], [3, 4, 6, 9, 10]),
        (["--agent", "ann", "--call", "c-2"], [10]),
        (["--audit"], [1, 2, 8, 10]),
        (["--audit", "--from", 3], [8, 10]),
        (["--call", "c-9"], []),
    ],
)
def test_show_only_what_was_asked_for(small: Path, arguments: list[object], shown: list[int]) -> None:
    result = run("show", small, *arguments)
    assert (result.exit_code, sequences(result.stdout)) == (0, shown)
    assert result.stderr == ("" if shown else "nothing to show; the journal has entries 1 to 10\n")


def test_show_of_an_end_before_the_beginning_is_refused(small: Path) -> None:
    result = run("show", small, "--from", 4, "--to", 3)
    assert result.exit_code == 2
    assert "--to 3 comes before --from 4" in result.stderr


def test_show_of_a_call_tells_what_happened_to_it(small: Path) -> None:
    lines = run("show", small, "--call", "c-1").output.splitlines()
    assert lines[0].endswith(
        "enqueue call c-1 in loans: "
        "call enqueued (call c-1, queue loans), offer made (call c-1, agent ann, queue loans)"
    )
    assert "accept offer 1: offer accepted (call c-1, agent ann" in lines[1]


def test_show_from_a_snapshot_on_knows_the_same(journal: Path) -> None:
    """What an entry led to does not depend on where the showing begins."""
    whole = run("show", journal, "--agent", "a1").output.splitlines()
    late = run("show", journal, "--agent", "a1", "--from", 70).output.splitlines()
    assert late == [line for line in whole if int(line.split()[0]) >= 70]
    assert len(late) >= 3


def test_show_as_json_and_export_have_the_same_lines(small: Path, tmp_path: Path) -> None:
    shown = run("show", small, "--json").output
    target = tmp_path / "out.jsonl"
    result = run("export", small, target)
    assert (result.exit_code, result.output) == (0, "")
    header, *lines = target.read_text().splitlines()
    assert lines == shown.splitlines()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with closing(SqliteJournal.open(small, read_only=True)) as journal:
        assert json.loads(header) == {
            "journal": "skill-router",
            "export_format": 1,
            "format": 1,
            "history_id": journal.history_id,
            "first_sequence": 1,
            "last_sequence": 10,
            "snapshots": [],
        }
    first, *_, request = [json.loads(line) for line in lines[:4]]
    assert first["note"] == {"type": "ConfigText", "toml": "[queues.loans]\n", "etag": "etag-7", "from_file": True}
    assert set(first) == {
        "sequence", "time_us", "time", "actor", "client_id", "request_id", "content", "command", "note",
    }  # fmt: skip
    assert request["request_id"] == "r-1"
    assert bytes.fromhex(request["content"]) == b"12345678"
    assert request["command"]["call"] == "c-1"


def test_export_never_overwrites_unasked(small: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    target.write_text("mine")
    result = run("export", small, target)
    assert result.exit_code == 1
    assert "is there already; --force overwrites it" in result.output
    assert target.read_text() == "mine"
    assert run("export", small, target, "--force").exit_code == 0
    assert len(target.read_text().splitlines()) == 11
    result = run("export", small, tmp_path / "no" / "where")
    assert result.exit_code == 1
    assert "cannot be written: No such file or directory" in result.output


def test_export_to_the_terminal(small: Path) -> None:
    assert len(run("export", small, "-").output.splitlines()) == 11


def test_verify_a_whole_one(journal: Path) -> None:
    result = run("verify", journal)
    assert result.exit_code == 0
    assert f"{journal}: entries 1 to 120 in " in result.output
    assert "120 of 120 entries carried out again; 2 of 2 states came out as saved" in result.output
    assert result.output.splitlines()[-1] == "the journal is whole"
    data = json.loads(run("verify", journal, "--json").output)
    assert data["whole"]
    assert (data["replayed"], data["agreeing_snapshots"], data["findings"]) == (120, [40, 80], [])


def test_verify_a_damaged_one(journal: Path) -> None:
    first, last = damage(journal, 55)
    sql(journal, "UPDATE snapshot_parts SET body = x'00' WHERE sequence = 40")
    result = run("verify", journal)
    assert result.exit_code == 1
    assert result.output.splitlines()[-3:] == [
        "the journal is damaged (2 findings)",
        f"  damage: entries {first} to {last}: damaged, the checksum does not match",
        "  damage: the snapshot of entry 40: its checksum does not match",
    ]
    result = run("verify", journal, "--json")
    assert result.exit_code == 1
    assert len(json.loads(result.output)["findings"]) == 2


def test_verify_a_killed_servers(tmp_path: Path) -> None:
    assert run("verify", killed(tmp_path / "server")).exit_code == 0


@pytest.mark.parametrize("subcommand", ["verify", "show", "export", "repair"])
def test_what_is_no_journal_is_one_sentence(tmp_path: Path, subcommand: str) -> None:
    rest = ["-"] if subcommand == "export" else []
    result = run(subcommand, tmp_path, *rest)
    assert result.exit_code == 1
    assert f"Error: {tmp_path} has no journal.sqlite in it; name the directory of a journal" in result.output
    (tmp_path / "journal.sqlite").write_bytes(b"nonsense" * 1000)
    result = run(subcommand, tmp_path, *rest)
    assert result.exit_code == 1
    assert "it is no SQLite database, or its first page is damaged" in result.output
    assert run(subcommand, tmp_path / "nowhere", *rest).exit_code == 2


@pytest.mark.parametrize("subcommand", ["verify", "show", "export"])
def test_what_can_still_be_read_is_there_before_the_sentence(journal: Path, subcommand: str) -> None:
    first, last = damage(journal, 55)
    result = run(subcommand, journal, *(["-"] if subcommand == "export" else []))
    assert result.exit_code == 1
    assert f"{first} to {last}: damaged, the checksum does not match" in result.output
    assert len(result.output.splitlines()) > (first - 1 if subcommand != "verify" else 2)


def test_a_shortfall_is_said_after_everything(tmp_path: Path) -> None:
    directory = killed(tmp_path / "server")
    path = directory / "journal.sqlite-wal"
    flip(path, path.stat().st_size // 2)
    result = run("show", directory)
    assert result.exit_code == 1
    said = r"Error: entries \d+ to 120: acknowledged, but missing: the write-ahead log is damaged"
    assert re.search(said, result.output)


def test_a_damaged_file_is_never_a_traceback(whole: Path, tmp_path: Path) -> None:
    size = (whole / "journal.sqlite").stat().st_size
    for number in range(0, size, size // 25):
        harmed = copy_of(whole, tmp_path / str(number))
        flip(harmed / "journal.sqlite", number, 6)
        for subcommand in ("verify", "show", "repair"):
            assert run(subcommand, harmed).exit_code in (0, 1)


def test_repair_of_a_whole_one_does_nothing(journal: Path) -> None:
    for option in ([], ["--cut"], ["--from-snapshot"]):
        result = run("repair", journal, *option)
        assert result.exit_code == 0
        assert result.output.splitlines()[-1] == "the journal is whole"
    assert not (journal / "before-repair-1").exists()


def test_repair_shows_the_ways_out_and_changes_nothing(journal: Path) -> None:
    first, _ = damage(journal, 55)
    before = (journal / "journal.sqlite").read_bytes()
    result = run("repair", journal)
    assert result.exit_code == 1
    words = " ".join(result.output.split())
    assert "Nothing was changed. What can be done:" in words
    assert "--from-snapshot go on from the snapshot of entry 80, and keep all entries after it, to 120." in words
    assert f"--cut go back to the state after entry {first - 1}: entries {first} to 120 are lost" in words
    assert (journal / "journal.sqlite").read_bytes() == before


def test_repair_from_a_snapshot(journal: Path) -> None:
    damage(journal, 55)
    result = run("repair", journal, "--from-snapshot")
    assert result.exit_code == 0
    assert f"The files as they were are in {journal / 'before-repair-1'}." in result.output
    assert "The journal now begins with the snapshot of entry 80" in result.output
    assert "It ends with entry 120, as before: nothing of the state is lost." in result.output
    assert run("verify", journal).exit_code == 0
    assert run("show", journal / "before-repair-1", "--to", 5).exit_code == 0


def test_repair_by_cutting_says_what_is_lost(journal: Path) -> None:
    first, last = damage(journal, 117)
    result = run("repair", journal, "--cut")
    assert result.exit_code == 0
    assert f"It now ends with entry {first - 1}. Lost are entries {first} to 120." in result.output
    assert "It has a new history id" in result.output
    assert [int(number) for number in re.findall(r"^  (\d+)  2", result.output, re.M)] == list(range(last + 1, 121))
    assert run("verify", journal).exit_code == 0


def test_repair_after_an_entry(journal: Path) -> None:
    result = run("repair", journal, "--after", 30)
    assert result.exit_code == 0
    assert "It now ends with entry 30. Lost are entries 31 to 120." in result.output
    assert "  31  20" in result.output
    assert f"and 40 more: skill-router journal show {journal / 'before-repair-1'} --from 31" in result.output
    result = run("repair", journal, "--after", 31)
    assert result.exit_code == 1
    assert "it cannot be cut after entry 31; 0 to 30 is possible" in result.output


def test_repair_finishes_one_that_was_broken_off(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("router.journal.exchange.end_mark", lambda *_: sys.exit(9))
        assert run("repair", journal, "--after", 30).exit_code == 9
    result = run("verify", journal)
    assert result.exit_code == 1
    assert f"`skill-router journal repair {journal}` finishes it" in result.output
    result = run("repair", journal)
    assert result.exit_code == 0
    assert "A repair that was broken off is finished now." in result.output
    assert f"The files as they were before it are in {journal / 'before-repair-1'}." in result.output
    assert "entries 1 to 30" in run("verify", journal).output


def test_repair_where_there_is_no_way(journal: Path) -> None:
    damage(journal, 119)
    result = run("repair", journal, "--from-snapshot")
    assert result.exit_code == 1
    assert "--from-snapshot is no way out: behind the damage there is no whole snapshot" in result.output
    assert not (journal / "before-repair-1").exists()


def test_repair_can_give_the_history_a_new_id(journal: Path) -> None:
    before = json.loads(run("verify", journal, "--json").output)
    result = run("repair", journal, "--new-history")
    assert result.exit_code == 0
    assert "It has a new history id" in result.output
    assert "It ends with entry 120, as before: nothing of the state is lost." in result.output
    after = json.loads(run("verify", journal, "--json").output)
    assert after["history_id"] != before["history_id"]
    assert {**after, "history_id": ""} == {**before, "history_id": ""}
    damage(journal, 119)
    assert run("repair", journal, "--new-history").exit_code == 1


def test_repair_takes_one_way_at_a_time(journal: Path) -> None:
    result = run("repair", journal, "--cut", "--from-snapshot")
    assert result.exit_code == 2
    assert "exclude one another" in result.output


def test_everything_but_repair_works_beside_a_running_server(tmp_path: Path) -> None:
    with closing(SqliteJournal.open(tmp_path)) as journal:
        fill(journal, tell(COUNT), snapshots_at=(40,))
        assert run("verify", tmp_path).exit_code == 0
        assert len(run("show", tmp_path).output.splitlines()) == COUNT
        result = run("repair", tmp_path, "--after", 3)
        assert result.exit_code == 1
        assert "is in use by another process" in result.output
        journal.append(COUNT + 1, [Entry(time_us=2**61, command=Advance())])
    result = run("show", tmp_path, "--from", COUNT + 1)
    assert f"{2**61} us" in result.output
