"""The durable record of every command that reached the engine, and recovery from it."""

from router.journal.entries import (
    Change,
    ConfigText,
    EncodedEntries,
    Entries,
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
    "EncodedEntries",
    "Entries",
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
