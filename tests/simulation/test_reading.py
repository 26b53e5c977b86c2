"""Goal: whatever is wrong with a call log gets one error that says where, what, and what would be right.

Method: a sound file is broken in one way at a time.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from router.simulation import READERS, Log, RecordedCall, RecordingError, UnknownDay, read_log
from tests.simulation.logs import HEADER, make_rows, write_log

ANSWERED = "2024-03-04,30000,5,7,30010,30070,30090"
ABANDONED = "2024-03-04,30005,5,-1,-1,-1,30045"


def read(path: Path) -> Log:
    return read_log(path, READERS["vanad"])


def read_rows(folder: Path, *rows: str, header: str = HEADER) -> Log:
    path = folder / "calls.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return read(path)


def test_a_row_means_what_the_format_says(tmp_path: Path) -> None:
    day = read_rows(tmp_path, ANSWERED, ABANDONED).day()
    assert day.day == "2024-03-04"
    assert day.calls == (
        RecordedCall(
            day="2024-03-04",
            line=2,
            type="5",
            arrived_us=30_000_000_000,
            agent="7",
            answered_us=30_010_000_000,
            released_us=30_070_000_000,
            ended_us=30_090_000_000,
        ),
        RecordedCall(day="2024-03-04", line=3, type="5", arrived_us=30_005_000_000, ended_us=30_045_000_000),
    )
    assert [call.waited_us for call in day.calls] == [10_000_000, 40_000_000]
    assert [call.handled_us for call in day.calls] == [60_000_000, None]


def test_an_abandoned_row_may_name_the_agent_it_rang_at(tmp_path: Path) -> None:
    (call,) = read_rows(tmp_path, "2024-03-04,30005,5,7,-1,-1,30045").day().calls
    assert call.agent == ""


def test_the_end_of_an_answered_call_may_be_unknown(tmp_path: Path) -> None:
    (call,) = read_rows(tmp_path, "2024-03-04,30000,5,7,30010,30070,-1").day().calls
    assert (call.ended_us, call.released_us) == (None, 30_070_000_000)


@pytest.mark.parametrize(
    ("row", "problem", "wanted"),
    [
        ("2024-03-04,30000,5,7,30010,30070", "torn: it has 6 fields", "the header has 7"),
        (ANSWERED + ",1", "torn: it has 8 fields", "the header has 7"),
        ("2024-03", "torn: it has 1 fields", "the header has 7"),
        ("2024-03-04,29999,5,7,30010,30070,30090", "arrived before the one of line 2", "sort the file"),
        ("2024-03-03,30001,5,7,30010,30070,30090", "day 2024-03-03 comes after day 2024-03-04", "sort the file"),
        ("2024-03-04,-5,5,7,30010,30070,30090", "t_arr is -5, which is negative", "0 or more"),
        ("2024-03-04,30001,-2,7,30010,30070,30090", "type is -2, which is negative", "0 or more"),
        ("2024-03-04,-1,5,7,30010,30070,30090", "t_arr is -1", "time of arrival"),
        ("2024-03-04,30001,-1,7,30010,30070,30090", "type is -1", "has a type"),
        ("2024-03-04,30001,5,7,30000,30070,30090", "t_ans 30000 is before t_arr 30001", "at or after its arrival"),
        ("2024-03-04,30001,5,7,30010,30009,30090", "t_rel 30009 is before t_ans 30010", "after the answer"),
        ("2024-03-04,30001,5,7,30010,30070,3009", "t_end 3009 is before t_rel 30070", "or later"),
        ("2024-03-04,30001,5,7,30010,-1,30090", "t_rel is -1 though t_ans is given", "free again"),
        ("2024-03-04,30001,5,-1,30010,30070,30090", "agent is -1 though t_ans is given", "names its agent"),
        ("2024-03-04,30001,5,-1,-1,30070,30090", "t_rel is 30070 though t_ans is -1", "has t_rel -1"),
        ("2024-03-04,30001,5,-1,-1,-1,-1", "t_ans and t_end are both -1", "gave up"),
        ("2024-03-04,30001,5,-1,-1,-1,30000", "t_end 30000 is before t_arr 30001", "at or after its arrival"),
        ("2024-03-04,3e4,5,7,30010,30070,30090", "t_arr is '3e4'", "a whole number"),
        ("2024-03-04,30001.5,5,7,30010,30070,30090", "t_arr is '30001.5'", "a whole number"),
        ("2024-03-04,nan,5,7,30010,30070,30090", "t_arr is 'nan'", "a whole number"),
        ("2024-03-04,,5,7,30010,30070,30090", "t_arr is ''", "a whole number"),
        ("2024-03-04,٣٠٠٠١,5,7,30010,30070,30090", "t_arr is '٣٠٠٠١'", "a whole number"),
        ("2024-03-04,1_0,5,7,30010,30070,30090", "t_arr is '1_0'", "a whole number"),
        ("2024-03-04,30001,5,7,30010,30070,172801", "t_end is 172801", "at most 172800"),
        ("2024-03-04,30001,5,9999999999999999,30010,30070,30090", "agent is '9999999999999999'", "15 digits"),
        ("4 March,30001,5,7,30010,30070,30090", "day is '4 March'", "a date like"),
        ("2024-02-30,30001,5,7,30010,30070,30090", "day is '2024-02-30'", "a date like"),
        ("20240304,30001,5,7,30010,30070,30090", "day is '20240304'", "a date like"),
        ("1969-12-31,30001,5,7,30010,30070,30090", "day is '1969-12-31'", "1970 or later"),
        ('2024-03-04,30001,"5,7,30010,30070,30090', "not CSV", "quotes must be closed"),
        ("2024-03-04,30001,5,7,30010,30070,30\x0090", "zero byte", "text in UTF-8"),
        ("x" * 70_000, "over 65536 bytes", "one short row"),
    ],
)
def test_a_broken_row_is_named(tmp_path: Path, row: str, problem: str, wanted: str) -> None:
    with pytest.raises(RecordingError) as caught:
        read_rows(tmp_path, ANSWERED, row, ABANDONED)
    error = caught.value
    assert error.line == 3
    assert problem in error.problem
    assert wanted in error.wanted
    assert str(error) == f"{tmp_path / 'calls.csv'}:3: {error.problem}; {error.wanted}"


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("day,t_arr,type,agent,t_ans,t_end", "columns are missing: t_rel"),
        ("a,b,c", "columns are missing: day, t_arr"),
        (ANSWERED, "columns are missing: day"),
        (HEADER + ",agent", "column agent is there twice"),
    ],
)
def test_a_broken_header_is_named(tmp_path: Path, header: str, problem: str) -> None:
    with pytest.raises(RecordingError, match=problem) as caught:
        read_rows(tmp_path, ANSWERED, header=header)
    assert caught.value.line == 1


def test_columns_may_stand_in_any_order_beside_others(tmp_path: Path) -> None:
    plain = read_rows(tmp_path, ANSWERED)
    moved = read_rows(
        tmp_path, "x,30090,30070,30010,7,5,30000,2024-03-04", header="note,t_end,t_rel,t_ans,agent,type,t_arr,day"
    )
    assert moved == plain


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"", "the file is empty"), (b"\n\n", "the file is empty"), (HEADER.encode() + b"\n", "no calls in it")],
)
def test_a_file_without_calls_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "calls.csv"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=problem):
        read(path)


def test_bytes_that_are_not_utf8_are_placed(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_bytes(f"{HEADER}\n{ANSWERED}\n".encode() + b"2024-03-04,3\xff001,5,7,30010,30070,30090\n")
    with pytest.raises(RecordingError, match=r"calls.csv:3: byte 13 of the line is not UTF-8"):
        read(path)


def test_line_ends_and_byte_order_mark_do_not_matter(tmp_path: Path) -> None:
    plain = read_rows(tmp_path, ANSWERED, ABANDONED)
    path = tmp_path / "calls.csv"
    path.write_bytes(b"\xef\xbb\xbf" + f"{HEADER}\r\n{ANSWERED}\r\n{ABANDONED}".encode())
    assert read(path) == plain


def test_gzip_is_told_by_content(tmp_path: Path) -> None:
    plain = write_log(tmp_path / "calls.csv", make_rows(1))
    for name in ("calls.csv.gz", "packed.csv"):
        packed = tmp_path / name
        packed.write_bytes(gzip.compress(plain.read_bytes()))
        assert read(packed).days == read(plain).days


def test_a_plain_file_named_gz_is_refused(tmp_path: Path) -> None:
    path = write_log(tmp_path / "calls.csv.gz", make_rows(1))
    with pytest.raises(RecordingError, match=r"it is named \.gz but is not gzip"):
        read(path)


@pytest.mark.parametrize("kept", [12, 200, -1, -9])
def test_torn_gzip_is_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "calls.csv.gz"
    path.write_bytes(gzip.compress("\n".join([HEADER, *make_rows(1)]).encode())[:kept])
    with pytest.raises(RecordingError, match="gzip data is torn"):
        read(path)


def test_corrupt_gzip_is_refused(tmp_path: Path) -> None:
    content = bytearray(gzip.compress("\n".join([HEADER, *make_rows(1)]).encode()))
    content[len(content) // 2] ^= 0xFF
    path = tmp_path / "calls.csv.gz"
    path.write_bytes(content)
    with pytest.raises(RecordingError):
        read(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="it cannot be read"):
        read(tmp_path / "nothing.csv")


def test_every_cut_of_a_file_is_either_whole_rows_or_refused(tmp_path: Path) -> None:
    path = write_log(tmp_path / "calls.csv", [ANSWERED, ABANDONED])
    content = path.read_bytes()
    whole = read(path).day().calls
    for length in range(len(content)):
        path.write_bytes(content[:length])
        try:
            calls = read(path).day().calls
        except RecordingError:
            continue
        assert calls == whole[: len(calls)], content[:length]


def test_days_are_chosen_by_name(tmp_path: Path) -> None:
    log = read_rows(tmp_path, ANSWERED, "2024-03-05,100,5,7,100,200,200", "2024-03-06,100,5,7,100,200,200")
    assert [day.day for day in log.days] == ["2024-03-04", "2024-03-05", "2024-03-06"]
    assert log.day("2024-03-05").calls[0].line == 3
    with pytest.raises(UnknownDay, match=r"has several days; choose one of 2024-03-04, 2024-03-05, 2024-03-06"):
        log.day()
    with pytest.raises(UnknownDay, match=r"has no day 2024-03-07; choose one of"):
        log.day("2024-03-07")


def test_many_days_are_named_in_short(tmp_path: Path) -> None:
    rows = [f"2024-03-{day:02},100,5,7,100,200,200" for day in range(1, 31)]
    with pytest.raises(UnknownDay, match=r"2024-03-06, …, 2024-03-26"):
        read_rows(tmp_path, *rows).day()


def test_order_is_checked_for_every_reader(tmp_path: Path) -> None:
    path = tmp_path / "calls.txt"
    path.write_text("2\n1\n")

    def read_numbers(lines, source):  # type: ignore[no-untyped-def]
        for line, text in lines:
            yield RecordedCall(day="2024-03-04", line=line, type="a", arrived_us=int(text))

    with pytest.raises(RecordingError, match=r"calls.txt:2: the call arrived before"):
        read_log(path, read_numbers)
