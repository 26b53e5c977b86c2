"""The durable record of every command that reached the engine, and recovery from it."""

from router.journal.entries import (
    Change,
    ConfigText,
    Entry,
    Note,
    Owned,
    ServiceState,
    Session,
    SessionChange,
    Snapshot,
)
from router.journal.journal import Journal, JournalCorrupt, JournalError
from router.journal.sqlite import SqliteJournal

__all__ = [
    "Change",
    "ConfigText",
    "Entry",
    "Journal",
    "JournalCorrupt",
    "JournalError",
    "Note",
    "Owned",
    "ServiceState",
    "Session",
    "SessionChange",
    "Snapshot",
    "SqliteJournal",
]
