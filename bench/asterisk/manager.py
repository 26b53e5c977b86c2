"""What Asterisk says of itself over its manager interface, with its own times: independent of bridge and router."""

from __future__ import annotations

import asyncio

HEARD = (
    "Newchannel", "Newexten", "Newstate", "BridgeEnter", "BridgeLeave", "HangupRequest", "SoftHangupRequest", "Hangup",
)  # fmt: skip
"""The events that are wanted: all others are held back by Asterisk itself."""
Event = dict[str, str]

_PAUSE_S = 0.02


class Manager:
    """A listener. Use it as an async context manager; what it has heard is read afterwards."""

    def __init__(self, port: int, user: str, secret: str) -> None:
        self._heard = bytearray()
        self._port = port
        self._login = f"Action: Login\r\nUsername: {user}\r\nSecret: {secret}\r\n\r\n"
        self._writer: asyncio.StreamWriter
        self._reading: asyncio.Task[None]

    async def __aenter__(self) -> Manager:
        reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=2**24)
        self._writer.write(self._login.encode())
        await reader.readuntil(b"\r\n")
        answer = await reader.readuntil(b"\r\n\r\n")
        if b"Success" not in answer:
            raise RuntimeError(f"Asterisk's manager does not let us in: {answer.decode()}")
        self._reading = asyncio.create_task(self._read(reader))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reading.cancel()
        self._writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while heard := await reader.read(2**20):
            self._heard += heard
            # much at a time, so that listening takes little of what is measured
            await asyncio.sleep(_PAUSE_S)

    def events(self) -> list[Event]:
        """Return what was heard, whole events only."""
        whole, _, _ = self._heard.decode(errors="replace").rpartition("\r\n\r\n")
        blocks = (
            dict(line.partition(": ")[::2] for line in text.splitlines() if line) for text in whole.split("\r\n\r\n")
        )
        return [event for event in blocks if "Event" in event]


def manager_conf(port: int) -> str:
    """Return a manager.conf that lets a listener in, and tells it only what is heard."""
    wanted = "|".join(HEARD)
    return f"""[general]
enabled = yes
bindaddr = 127.0.0.1
port = {port}
timestampevents = yes

[listener]
secret = change-me
read = call,dialplan
eventfilter = Event: ({wanted})
writetimeout = 10000
"""
