"""Make the golden journal of the present format: `python -m tests.journal.golden.generate [--replace-unreleased]`.

Keeps one invariant: the golden journal of a format that was released is never made again. It is what an old server left
behind; what is tested is that every later version leads from it to the same events and the same state.

The journal has every command with every field, what clients leave out, every note, and snapshots, and then random
commands. For a new format: raise `FORMAT` in `router/journal/records.py`, run this once, and commit the new directory.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import typing
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from router.engine import Engine
from router.engine import commands as c
from router.engine.events import Event
from router.engine.requirements import AgentTerm, AnyOf, Preference, Requirement, SkillTerm, Step
from router.engine.settings import (
    SECOND_US,
    AgentWeights,
    ByUrgency,
    CallWeights,
    ChannelSettings,
    EfficiencySettings,
    QueueSettings,
    Settings,
    WrapUp,
)
from router.engine.vocabulary import NoAnswerAction, Urgency, WrapUpMode
from router.journal import Change, ConfigText, Entry, SessionChange, SqliteJournal
from router.journal.records import FORMAT
from router.journal.replay import apply_entry
from router.v1 import commands_pb2
from router.wire.commands import decode_any_command
from router.wire.events import encode_event
from tests.journal.story import go_on, snapshot_of

HERE = Path(__file__).resolve().parent
START_US = 1_600_000_000_000_000
TOLD = 300
SEED = 2
SNAPSHOTS_AT = (30, 150, 250)
GROUPS = (1, 5, 2, 11)

DEMAND = Requirement(
    (
        Step((SkillTerm("german", 3), AnyOf((SkillTerm("cards"), SkillTerm("loans", 5)))), (Preference("fraud", 2),)),
        Step((AgentTerm("ann"),), (), 2_500_000),
        Step(after_us=60 * SECOND_US),
    )
)
SETTINGS = Settings(
    queues={
        "loans": QueueSettings(
            requirement=DEMAND,
            target_us=ByUrgency(30 * SECOND_US, 20 * SECOND_US, 10 * SECOND_US),
            max_overtake_wait_us=ByUrgency(None, 600 * SECOND_US, 0),
            offer_timeout_us=15 * SECOND_US,
            no_answer_action=NoAnswerAction.KEEP_READY,
            reject_backoff_us=5 * SECOND_US,
            wrap_up=WrapUp(WrapUpMode.MANUAL, 45 * SECOND_US),
            preferred_hold_us=7 * SECOND_US,
            last_agent_preferred=True,
            last_agent_hold_us=3 * SECOND_US,
            waiting_max=50,
            wait_max_us=900 * SECOND_US,
            overflow="cards",
            agent_weights=AgentWeights(1000, 2000, 3, 4, 5, 6),
            call_weights=CallWeights(1, 2, 3, 4, 5, 6000),
        ),
        "cards": QueueSettings(automatic=True, wrap_up=WrapUp(WrapUpMode.FIXED, 5 * SECOND_US)),
        "old": QueueSettings(),
    },
    channels={"voice": ChannelSettings(), "chat": ChannelSettings(exclusive=False)},
    idle_scale_us=30 * SECOND_US,
    occupancy_half_life_us=600 * SECOND_US,
    efficiency=EfficiencySettings(5, 0, 2000, 3000),
    finished_retention_us=1800 * SECOND_US,
    customer_retention_us=86_400 * SECOND_US,
    customers_max=1000,
    request_retention_us=7200 * SECOND_US,
    requests_max=500,
    agents_max=100,
    calls_max=200,
    requirements_max=20,
)

COMMANDS: Sequence[c.Command] = (
    c.SignIn("ann", {"german": 5, "loans": 7, "fraud": 1}, {"voice": 1, "chat": 3}),
    c.SignIn("bob", {"german": 3, "cards": 2}, {"chat": 2}, ready=False),
    c.SignIn("cleo"),
    c.SetAvailability("bob", True),
    c.Enqueue("c-1", "loans", customer="dave"),
    c.Accept(1),
    c.Enqueue(
        "c-2",
        "loans",
        "chat",
        DEMAND,
        Urgency.URGENT,
        7,
        ("ann", "bob"),
        0,
        1_500_000,
        "erin",
        {"language": "de", "iban": ""},
        explain=True,
    ),
    c.UpdateCall("c-2", Urgency.IMPORTANT, 3, DEMAND, ("bob",), {"language": "fr"}),
    c.Reject(2, "busy"),
    c.TurnIntoCallback("c-2"),
    c.Detach("c-2"),
    c.Attach("c-2"),
    c.Complete("c-1"),
    c.EndWrapUp("ann", "c-1"),
    c.RecordOutcome("c-1", True, 5, "ann", "loans"),
    c.PauseQueue("cards"),
    c.Enqueue("c-3", "cards", callback=True),
    c.ResumeQueue("cards"),
    c.Requeue("c-3", keep_place=False, reason="not connected"),
    c.Transfer("c-3", "loans", False, DEMAND, ("cleo",), 4 * SECOND_US),
    c.Assign("c-3", "cleo"),
    c.UpdateAgent("cleo", {"german": 10}, {"voice": 1}),
    c.SetAvailability("cleo", False, "lunch", after_call=True),
    c.Enqueue("c-4", "old"),
    c.Configure(
        Settings(queues={name: SETTINGS.queues[name] for name in ("loans", "cards")}, channels=SETTINGS.channels),
        {"old": "cards"},
    ),
    c.Cancel("c-4", "hung up"),
    c.Cancel("c-9"),
    c.SignOut("bob"),
    c.Advance(),
    c.Restart(),
)

AS_THEY_CAME: Sequence[commands_pb2.Command] = (
    commands_pb2.Command(enqueue=commands_pb2.Enqueue(call="m-1", queue="loans")),
    commands_pb2.Command(sign_in=commands_pb2.SignIn(agent="mia")),
    commands_pb2.Command(
        enqueue=commands_pb2.Enqueue(
            call="m-2",
            queue="loans",
            requirement={"steps": [{"terms": [{"skill": {"skill": "german"}}], "prefer": [{"skill": "loans"}]}]},
        )
    ),
    commands_pb2.Command(requeue=commands_pb2.Requeue(call="m-2")),
    commands_pb2.Command(transfer=commands_pb2.Transfer(call="m-2", queue="cards")),
    commands_pb2.Command(update_call=commands_pb2.UpdateCall(call="m-1")),
    commands_pb2.Command(update_agent=commands_pb2.UpdateAgent(agent="mia")),
    commands_pb2.Command(record_outcome=commands_pb2.RecordOutcome(call="m-1", resolved=False)),
)
"""Messages that leave out what may be left out."""


def told_by_hand() -> list[Entry]:
    """Return the first entries of the golden journal."""
    note = ConfigText("# every key\n[queues.loans]\n", "0123456789abcdef", from_file=True)
    found = [Entry(time_us=START_US, command=c.Configure(SETTINGS), actor="file", note=note)]
    for number, command in enumerate(COMMANDS, 1):
        text = ConfigText("[queues]\n", "etag-2", from_file=False) if isinstance(command, c.Configure) else None
        found.append(_entry(number, command, note=text))
    for number, message in enumerate(AS_THEY_CAME, len(found)):
        found.append(_entry(number, decode_any_command(message)[0], message))
    for number, change in enumerate(Change, len(found)):
        found.append(Entry(time_us=_time_us(number), command=c.Advance(), note=SessionChange("pbx", change)))
    return found


def event_hash(events: Iterable[Event]) -> str:
    """Return a hash over events, by their messages."""
    digest = hashlib.sha256()
    for event in events:
        body = encode_event(event).SerializeToString(deterministic=True)
        digest.update(len(body).to_bytes(4, "little") + body)
    return digest.hexdigest()


def generate(directory: Path) -> None:
    """Write the journal, and what it leads to, into a directory."""
    told = told_by_hand()
    told += go_on(told, TOLD, SEED)
    missing = set(typing.get_args(c.Command)) - {type(entry.command) for entry in told}
    assert not missing, f"the golden journal lacks {missing}"
    engine = Engine()
    events: list[Event] = []
    done = 0
    with closing(SqliteJournal.open(directory)) as journal:
        history_id = journal.history_id
        while done < len(told):
            group = told[done : done + GROUPS[done % len(GROUPS)]]
            journal.append(done + 1, group)
            for sequence, entry in enumerate(group, done + 1):
                events += apply_entry(engine, sequence, entry)
                if sequence in SNAPSHOTS_AT:
                    journal.save_snapshot(snapshot_of(engine))
            done += len(group)
    missing = set(typing.get_args(Event)) - {type(event) for event in events}
    assert not missing, f"the golden journal leads to no {missing}"
    (directory / "lock").unlink()
    expected = {
        "format": FORMAT,
        "history_id": history_id,
        "last_sequence": done,
        "snapshots": SNAPSHOTS_AT,
        "commands": sorted({type(entry.command).__name__ for entry in told}),
        "events": len(events),
        "event_hash": event_hash(events),
        "state_hash": engine.state_hash(),
    }
    (directory / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")


def main() -> int:
    """Generate, unless the journal is there already."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replace-unreleased", action="store_true", help="replace a journal that was never released")
    directory = HERE / f"format-{FORMAT}"
    if directory.exists():
        if not parser.parse_args().replace_unreleased:
            print(f"{directory} is there already; once released, it is never made again", file=sys.stderr)
            return 1
        for path in directory.iterdir():
            path.unlink()
    generate(directory)
    print(f"wrote {directory}")
    return 0


def _entry(
    number: int, command: c.Command, message: commands_pb2.Command | None = None, note: ConfigText | None = None
) -> Entry:
    """Return an entry as a client's request, every other time with a request id."""
    as_request = number % 2 == 0
    return Entry(
        time_us=_time_us(number),
        command=command,
        client_id="pbx",
        request_id=f"r-{number}" if as_request else "",
        content=hashlib.blake2b(bytes([number]), digest_size=16).digest() if as_request else b"",
        actor="pbx-1",
        note=note,
        message=message,
    )


def _time_us(number: int) -> int:
    return START_US + number * 1_234_567


if __name__ == "__main__":
    sys.exit(main())
