"""`skill-router journal show` and `export`: what is in a journal, for people and for programs.

Keeps one invariant: a line of an export has every field of its entry.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any, Final

import rich_click as click

from router.cli.journal_parameters import DIRECTORY, SEQUENCE, fail, failing, time_text
from router.cli.parameters import HELP, exit_codes
from router.config.report import printable
from router.journal import Entry, SqliteJournal
from router.journal.follow import Followed, Subject, follow
from router.journal.records import FORMAT
from router.journal.words import AUDITED, as_data, describe, describe_event, describe_note

EXPORT_FORMAT: Final = 1


@click.command(
    name="show", context_settings=HELP, epilog=exit_codes("shown", "the journal is damaged, or cannot be read")
)
@DIRECTORY
@click.option("--from", "first", type=SEQUENCE, metavar="SEQ", help="Begin with this entry.")
@click.option("--to", "last", type=SEQUENCE, metavar="SEQ", help="End with this entry.")
@click.option("--call", metavar="ID", help="Only what concerns this call.")
@click.option("--agent", metavar="NAME", help="Only what concerns this agent.")
@click.option(
    "--audit",
    is_flag=True,
    help="Only who changed what: configs, forced assignments, pauses, sessions, restarts.",
)
@click.option("--json", "as_json", is_flag=True, help="Print entries as JSON, one a line, as `export` does.")
def show(
    directory: Path,
    first: int | None,
    last: int | None,
    call: str | None,
    agent: str | None,
    audit: bool,
    as_json: bool,
) -> None:
    """Show the entries of the journal in DIR, one a line: sequence, time, who, and what was asked.

    Who is the principal and, after a slash, the client. A command that was rejected says why. With --call or --agent
    an entry is shown if it names them, or if anything happened to them because of it, which is said too.

    \b
    Examples:
      skill-router journal show /var/lib/skill-router --call 2024-1117
      skill-router journal show /var/lib/skill-router --audit
      skill-router journal show /var/lib/skill-router --from 120000 | less
    """
    if first is not None and last is not None and last < first:
        raise click.UsageError(f"--to {last} comes before --from {first}")
    subject = Subject(call or "", agent or "") if call or agent else None
    shown = 0
    with failing(), closing(SqliteJournal.open(directory, read_only=True)) as journal:
        for followed in follow(journal, first or 1, last or journal.last_sequence):
            concerned = subject is None or subject.concerns(followed)
            if concerned and (not audit or _is_audited(followed.entry)):
                click.echo(_json_line(followed.sequence, followed.entry) if as_json else _line(followed, subject))
                shown += 1
        if not shown:
            kept = f"the journal has entries {journal.first_sequence} to {journal.last_sequence}"
            click.echo(f"nothing to show; {kept if journal.last_sequence else 'the journal is empty'}", err=True)
        _report(journal)


@click.command(
    name="export", context_settings=HELP, epilog=exit_codes("written", "the journal is damaged, or cannot be read")
)
@DIRECTORY
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--force", is_flag=True, help="Overwrite FILE if it is there.")
def export(directory: Path, file: Path, force: bool) -> None:
    """Write the journal in DIR to FILE (- for the terminal) as JSON lines, every field of every entry.

    The first line is about the journal itself; docs/journal.md describes all fields.
    """
    with failing(), closing(SqliteJournal.open(directory, read_only=True)) as journal:
        with _target(file, force) as target:
            target.write(json.dumps(_header(journal), ensure_ascii=False) + "\n")
            for sequence, entry in journal.read(journal.first_sequence - 1):
                target.write(_json_line(sequence, entry) + "\n")
        _report(journal)


def _is_audited(entry: Entry) -> bool:
    return entry.note is not None or isinstance(entry.command, AUDITED)


def _line(followed: Followed, subject: Subject | None) -> str:
    entry, rejection = followed.entry, followed.rejection
    who = "/".join(dict.fromkeys(name for name in (entry.actor, entry.client_id) if name)) or "-"
    what = describe(entry.command)
    if (noted := describe_note(entry.note)) and what == "advance":
        what = noted
    elif noted:
        what += f", {noted}"
    if rejection is not None:
        what += f": rejected, {rejection.reason.name} {rejection.subject}"
    elif subject is not None and (events := subject.events(followed)):
        what += f": {', '.join(describe_event(event) for event in events)}"
    return printable(f"{followed.sequence:>9}  {time_text(entry.time_us)}  {who:<16}  {what}")


def _header(journal: SqliteJournal) -> dict[str, Any]:
    return {
        "journal": "skill-router",
        "export_format": EXPORT_FORMAT,
        "format": FORMAT,
        "history_id": journal.history_id,
        "first_sequence": journal.first_sequence,
        "last_sequence": journal.last_sequence,
        "snapshots": list(journal.snapshot_sequences()),
    }


def _json_line(sequence: int, entry: Entry) -> str:
    data = {
        "sequence": sequence,
        "time_us": entry.time_us,
        "time": time_text(entry.time_us),
        "actor": entry.actor,
        "client_id": entry.client_id,
        "request_id": entry.request_id,
        "content": entry.content.hex(),
        "command": as_data(entry.command),
        "note": as_data(entry.note),
    }
    return json.dumps(data, ensure_ascii=False)


def _report(journal: SqliteJournal) -> None:
    """Say what is not as it should be at the end of a journal."""
    for report in journal.reports:
        click.echo(printable(report), err=True)
    if journal.shortfall:
        fail(journal.shortfall)


@contextmanager
def _target(file: Path, force: bool) -> Iterator[IO[str]]:
    """Open the file to write to, for this user alone: an export has what callers' systems sent."""
    if str(file) == "-":
        yield sys.stdout
        return
    try:
        with open(file, "w" if force else "x", encoding="utf-8", opener=_for_this_user) as target:
            yield target
    except FileExistsError:
        fail(f"{file} is there already; --force overwrites it, another FILE leaves it alone")
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}; a FILE where you may write, and with room, would do")


def _for_this_user(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
