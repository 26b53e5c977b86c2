"""`skill-router journal verify`: is this journal whole, and does it lead where it led?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

import rich_click as click

from router.cli.journal_parameters import DIRECTORY, fail, progress
from router.cli.parameters import HELP, exit_codes
from router.config.report import printable
from router.journal import JournalError
from router.journal.verify import Verification, verify

_FINDINGS_MAX: Final = 50


@click.command(name="verify", context_settings=HELP, epilog=exit_codes("the journal is whole", "it is not"))
@DIRECTORY
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def command(directory: Path, as_json: bool) -> None:
    """Check the whole journal in DIR: every page, record and snapshot, and that the states follow from the commands.

    Carries out every command again, from each snapshot to the next, and compares the states. That takes about a
    minute for a few million commands. The server may be running.
    """
    try:
        with progress("verifying", "entries") as report:
            found = verify(directory, report)
    except JournalError as error:
        if as_json:
            click.echo(json.dumps({"whole": False, "findings": [str(error)]}, ensure_ascii=False, indent=2))
            sys.exit(1)
        fail(str(error))
    if as_json:
        click.echo(json.dumps(_as_data(found), ensure_ascii=False, indent=2))
    else:
        print_verification(directory, found)
    sys.exit(1 if found.findings else 0)


def print_verification(directory: Path, found: Verification) -> None:
    """Say what was found."""
    for line in _summary(directory, found):
        click.echo(printable(line))
    for finding in found.findings[:_FINDINGS_MAX]:
        click.echo(f"  damage: {printable(finding)}")
    more = len(found.findings) - _FINDINGS_MAX
    if more > 0:
        click.echo(f"  and {more:,} more")


def _summary(directory: Path, found: Verification) -> list[str]:
    count = found.last_sequence - found.first_sequence + 1
    held = f"entries {found.first_sequence} to {found.last_sequence}" if count else "no entries"
    lines = [
        f"{directory}: {held} in {_count(found.records, 'record')}, {_count(len(found.snapshots), 'snapshot')}, "
        f"history {found.history_id}",
        f"{found.replayed:,} of {_count(count, 'entry', 'entries')} carried out again; "
        f"{len(found.agreeing)} of {_count(len(found.snapshots), 'state')} came out as saved",
        *found.notes,
    ]
    findings = _count(len(found.findings), "finding")
    return [*lines, "the journal is whole" if not found.findings else f"the journal is damaged ({findings})"]


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _as_data(found: Verification) -> dict[str, Any]:
    return {
        "whole": not found.findings,
        "findings": found.findings,
        "notes": found.notes,
        "history_id": found.history_id,
        "first_sequence": found.first_sequence,
        "last_sequence": found.last_sequence,
        "acknowledged_sequence": found.acknowledged_sequence,
        "records": found.records,
        "replayed": found.replayed,
        "snapshots": list(found.snapshots),
        "agreeing_snapshots": found.agreeing,
    }
