"""`skill-router journal repair`: the ways out of a damaged journal. Shows them; takes one only when told which."""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path
from typing import Final

import rich_click as click

from router.cli.journal_parameters import DIRECTORY, failing, progress, time_text
from router.cli.journal_verify import print_verification
from router.cli.parameters import HELP, exit_codes
from router.config.report import printable
from router.journal import JournalError
from router.journal.exchange import finish
from router.journal.repair import Diagnosis, Repaired, Way, cut_after, diagnose, lost_entries, repair
from router.journal.words import describe

_LOST_MAX: Final = 50


@click.command(
    name="repair",
    context_settings=HELP,
    epilog=exit_codes("the journal is whole, or whole again", "it is damaged, and was left as it is"),
)
@DIRECTORY
@click.option("--cut", is_flag=True, help="Go back to the state before the damage: what came after it is lost.")
@click.option(
    "--after",
    type=click.IntRange(min=0),
    metavar="SEQ",
    help="Go back to the state after this entry, and lose what came later.",
)
@click.option(
    "--from-snapshot",
    is_flag=True,
    help="Go on from the first whole snapshot behind the damage: the history before it is forgotten, no state is lost.",
)
@click.option(
    "--new-history",
    is_flag=True,
    help="Give the history a new id: after a backup was put back, so that nobody takes new entries for lost ones.",
)
def command(directory: Path, cut: bool, after: int | None, from_snapshot: bool, new_history: bool) -> None:
    """Find out how the damaged journal in DIR can be used again; with an option, do it.

    The server must not be running. The files as they were are kept in DIR/before-repair-1 (2, 3, …), where
    `skill-router journal show` can read them. Without an option nothing is changed; only a repair that was broken off
    is finished first.
    """
    if (cut, after is not None, from_snapshot).count(True) > 1:
        raise click.UsageError("--cut, --after and --from-snapshot exclude one another; give one of them, or none.")
    with failing():
        finished = finish(directory)
        if finished is not None:
            click.echo(
                "A repair that was broken off is finished now. "
                f"The files as they were before it are in {printable(str(finished))}."
            )
        with progress("examining", "entries") as report:
            diagnosis = diagnose(directory, report)
        print_verification(directory, diagnosis.verification)
        way = _chosen(diagnosis, cut, after, from_snapshot)
        if way is None and new_history and not diagnosis.verification.findings:
            way = diagnosis.cut
        if way is not None:
            _print_repaired(diagnosis, repair(directory, diagnosis, way, new_history=new_history))
        elif diagnosis.verification.findings:
            _print_ways(diagnosis)
            sys.exit(1)


def _chosen(diagnosis: Diagnosis, cut: bool, after: int | None, from_snapshot: bool) -> Way | None:
    """Return the way that was asked for, if there is anything to be done. Raises `JournalError`."""
    if after is not None:
        return cut_after(diagnosis, after)
    if not diagnosis.verification.findings:
        return None
    if cut:
        if diagnosis.cut is None:
            raise JournalError(
                "--cut is no way out: before the damage there is neither the beginning of the history nor a whole "
                "snapshot; --from-snapshot may be one, or restore a backup (docs/journal.md)"
            )
        return diagnosis.cut
    if from_snapshot:
        if diagnosis.from_snapshot is None:
            raise JournalError(
                "--from-snapshot is no way out: behind the damage there is no whole snapshot; "
                "--cut may be one, or restore a backup (docs/journal.md)"
            )
        return diagnosis.from_snapshot
    return None


def _print_ways(diagnosis: Diagnosis) -> None:
    """Say what could be done, the way that loses least first."""
    click.echo("Nothing was changed. What can be done:")
    way = diagnosis.from_snapshot
    if way is not None:
        click.echo(
            f"  --from-snapshot  go on from the snapshot of entry {way.after}, and keep all entries after it, "
            f"to {way.to}.\n"
            "                   Calls, agents and what was learned stay as they are; the history before is forgotten."
        )
    way = diagnosis.cut
    if way is not None:
        click.echo(f"  --cut            {_cut_words(diagnosis, way)}")
    if diagnosis.from_snapshot is None and diagnosis.cut is None:
        click.echo("  nothing here: restore a backup (docs/journal.md)")


def _cut_words(diagnosis: Diagnosis, way: Way) -> str:
    if way.to >= diagnosis.end:
        return "drop what is damaged; no entry is lost."
    return (
        f"go back to the state after entry {way.to}: entries {way.to + 1} to {diagnosis.end} are lost, "
        "although they were acknowledged."
    )


def _print_repaired(diagnosis: Diagnosis, repaired: Repaired) -> None:
    way, copy = repaired.way, repaired.copy
    click.echo(f"The files as they were are in {printable(str(copy))}.")
    if way.after:
        click.echo(
            f"The journal now begins with the snapshot of entry {way.after}; the history before it is forgotten."
        )
    if repaired.new_history:
        click.echo("It has a new history id: clients that watch it are told, and ask for everything anew.")
    if way.to >= diagnosis.end:
        click.echo(f"It ends with entry {way.to}, as before: nothing of the state is lost.")
        return
    click.echo(f"It now ends with entry {way.to}. Lost are entries {way.to + 1} to {diagnosis.end}.")
    click.echo("What can still be read of them:")
    _print_lost(copy, way.to)


def _print_lost(copy: Path, sequence: int) -> None:
    entries = lost_entries(copy, sequence)
    readable = 0
    for number, entry in islice(entries, _LOST_MAX):
        readable += 1
        who = entry.client_id or entry.actor or "-"
        click.echo(printable(f"  {number}  {time_text(entry.time_us)}  {who}  {describe(entry.command)}"))
    more = sum(1 for _ in entries)
    if more:
        click.echo(f"  and {more:,} more: skill-router journal show {printable(str(copy))} --from {sequence + 1}")
    if not readable:
        click.echo("  nothing")
