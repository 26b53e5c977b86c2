"""Recovery: from what the journal holds to a shell that goes on from there.

Keeps one invariant: what it returns is exactly what the journalled commands give, or nothing: damage that matters, and
a replay that leads elsewhere than it did before, stop the start.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from time import monotonic
from typing import NamedTuple

import msgspec

from router.config import ConfigError, RouterConfig, parse_config
from router.engine import Engine
from router.engine.commands import Configure, Restart
from router.engine.events import CommandRejected, Event
from router.engine.settings import MINUTE_US
from router.journal import ConfigText, Entry, Journal, JournalCorrupt, ServiceState
from router.journal.pruning import REPLAYED_MIN
from router.server.clock import Clock
from router.server.recovery.replaying import Replaying, happening_of, restored
from router.server.shell import Shell
from router.server.writing.journal_thread import JournalThread

logger = logging.getLogger(__name__)


class Recovered(NamedTuple):
    """A shell that is ready to be served, and what it was made from."""

    shell: Shell
    is_new: bool
    sequence: int
    """The last command that the journal had."""
    replayed: int
    """How many commands were carried out again."""
    duration_s: float
    downtime_us: int = 0
    """For how long nobody was there, in engine time."""

    def summary(self) -> str:
        """Say in one line what was found."""
        if self.is_new:
            return "a new journal was begun"
        engine = self.shell.engine
        calls = sum(queue.waiting + queue.offered + queue.assigned for queue in engine.queues())
        agents = len(self.shell.agents)
        rate = f" ({self.replayed / self.duration_s:,.0f}/s)" if self.replayed and self.duration_s else ""
        return (
            f"recovered up to sequence {self.sequence:,}: {calls:,} live calls, {agents:,} agents; "
            f"{self.replayed:,} commands replayed in {self.duration_s:.1f} s{rate}"
        )


def recover(
    thread: JournalThread,
    config: RouterConfig,
    text: str,
    clock: Clock,
    *,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Recovered:
    """Return the shell that the journal leads to, after `Restart` and, where the file has changed, its config.

    `config` and `text` are those of the config file. Runs in the journal's thread. Raises `JournalError`,
    `JournalCorrupt`, and `Stopped` once `is_stopped` says so.
    """
    started_s = monotonic()
    journal = thread.journal
    last = journal.last_sequence
    if not last:
        shell = _begin(thread, config, text, clock)
        shell.configs.learn(config)
        return Recovered(shell, True, 0, 0, monotonic() - started_s)
    engine, service = _starting_point(journal)
    begun = engine.sequence
    shell = Shell(engine, clock, config.server, service, estimates=config.estimates, journal=thread)
    Replaying(journal, shell, is_stopped).run()
    duration_s = monotonic() - started_s
    _go_on_from(clock, engine.time_us)
    down_since_us = engine.time_us
    _carry_out(shell, Entry(time_us=clock.now_us(), command=Restart(), actor="server"))
    downtime_us = engine.time_us - down_since_us
    if config.etag != shell.configs.file_etag:
        shell.configs.learn(config)
        _apply_file(shell, config, text)
    _learn_limits(shell, config)
    return Recovered(shell, False, last, last - begun, duration_s, downtime_us)


def _learn_limits(shell: Shell, config: RouterConfig) -> None:
    """Let the limits on estimates be those of the config that rules, which may not be the file's."""
    configs = shell.configs
    if configs.etag != config.etag:
        try:
            config = parse_config(configs.text, "the config that rules")
        except ConfigError as error:
            logger.warning("the limits on estimates are not known until a config is applied: %s", error)
            return
        config = msgspec.structs.replace(config, etag=configs.etag)
    configs.learn(config)


def _begin(thread: JournalThread, config: RouterConfig, text: str, clock: Clock) -> Shell:
    """Return the shell of a journal that has nothing in it yet, having put the config into it."""
    note = ConfigText(text, config.etag, from_file=True)
    service = ServiceState(config=note, file_etag=config.etag)
    shell = Shell(Engine(), clock, config.server, service, estimates=config.estimates, journal=thread)
    _carry_out(shell, Entry(time_us=clock.now_us(), command=Configure(config.settings), actor="file", note=note))
    return shell


def _apply_file(shell: Shell, config: RouterConfig, text: str) -> None:
    note = ConfigText(text, config.etag, from_file=True)
    entry = Entry(time_us=shell.clock.now_us(), command=Configure(config.settings), actor="file", note=note)
    events = _carry_out(shell, entry)
    for event in events:
        if isinstance(event, CommandRejected):
            logger.error(
                "the config file has changed, but it was rejected (%s %s): the config that ruled before stays",
                event.reason.name,
                event.subject,
            )
            return
    logger.info("the config file has changed since it was last applied: it was applied, its etag is %s", config.etag)


def _carry_out(shell: Shell, entry: Entry) -> Sequence[Event]:
    """Carry out a command of the server's own before it serves, and make it durable."""
    assert shell.journal is not None
    engine = shell.engine
    events = engine.apply(entry.command, entry.time_us)
    shell.journal.journal.append(engine.sequence, [entry])
    shell.replay(happening_of(engine.sequence, entry, events))
    return events


def _go_on_from(clock: Clock, time_us: int) -> None:
    ahead_us = time_us - clock.now_us()
    if ahead_us > MINUTE_US:
        logger.warning(
            "the journal's last command is %.0f s ahead of this machine's clock; time goes on from there",
            ahead_us / 1_000_000,
        )
    clock.go_on_from(time_us)


def _starting_point(journal: Journal) -> tuple[Engine, ServiceState]:
    """Return the state from which to replay: the newest good snapshot that leaves enough to replay, or none.

    Raises `JournalCorrupt` if no snapshot can be read and the beginning of the history is not kept.
    """
    for at_or_before in _candidates(journal):
        snapshot = journal.load_snapshot(at_or_before)
        if snapshot is None or snapshot.sequence + 1 < journal.first_sequence:
            continue
        engine = restored(snapshot)
        if engine is not None:
            return engine, snapshot.service
    if journal.first_sequence > 1:
        raise JournalCorrupt(
            f"no snapshot can be read, and the commands before {journal.first_sequence:,} are not kept any more: "
            "restore the journal's directory from a backup, or see what `skill-router journal verify` finds"
        )
    return Engine(), ServiceState(config=ConfigText("", "", from_file=False), file_etag="")


def _candidates(journal: Journal) -> Sequence[int]:
    """Return the snapshots to try: those with enough to replay after them from the newest, then the others upwards."""
    sequences = journal.snapshot_sequences()
    enough = [sequence for sequence in sequences if sequence <= journal.last_sequence - REPLAYED_MIN]
    if journal.first_sequence == 1:
        # whatever else fails, the whole history is there
        return enough[::-1]
    return [*enough[::-1], *sequences[len(enough) :]]
