"""A telephone's sound: RTP (RFC 3550), sent as one tone that tells whose it is, and digits (RFC 4733)."""

from __future__ import annotations

import asyncio
import random
import struct
from collections import deque

_SAMPLES = 160
_PACKET_S = 0.02
_HEARD_PACKETS = 10
_DIGITS = "0123456789*#ABCD"
_EVENT = 101
_DIGIT_PACKETS = 5


class Sound(asyncio.DatagramProtocol):
    """One call's sound. What is sent is a single value all along, so that the other side can tell who is heard."""

    def __init__(self, tone: int) -> None:
        self.port = 0
        self.packets = 0
        """How many packets came."""
        self._tone = bytes([tone]) * _SAMPLES
        self._heard: deque[int | None] = deque(maxlen=_HEARD_PACKETS)
        self._source = random.getrandbits(32)
        self._sequence = random.getrandbits(15)
        self._stamp = random.getrandbits(31)
        self._remote: tuple[str, int] | None = None
        self._transport: asyncio.DatagramTransport
        self._sending: asyncio.Task[None] | None = None
        self._digits: deque[str] = deque()

    @classmethod
    async def open(cls, tone: int) -> Sound:
        """Return a call's sound, with a port to listen on."""
        sound = cls(tone)
        loop = asyncio.get_running_loop()
        sound._transport, _ = await loop.create_datagram_endpoint(lambda: sound, local_addr=("127.0.0.1", 0))
        sound.port = sound._transport.get_extra_info("sockname")[1]
        return sound

    def send_to(self, remote: tuple[str, int]) -> None:
        """Send from now on, to another place perhaps."""
        self._remote = remote
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())

    def dial(self, digits: str) -> None:
        """Send digits."""
        self._digits.extend(digits)

    @property
    def heard(self) -> set[int]:
        """The tones that the last packets had; -1 for what is no telephone's tone, such as music."""
        return {-1 if tone is None else tone for tone in self._heard}

    def forget(self) -> None:
        """Forget what was heard up to now."""
        self._heard.clear()

    def close(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None
        self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) < 12 or data[1] & 0x7F != 0:
            return
        self.packets += 1
        payload = data[12:]
        self._heard.append(payload[0] if len(set(payload)) == 1 else None)

    async def _send(self) -> None:
        loop = asyncio.get_running_loop()
        next_s = loop.time()
        while True:
            if self._digits:
                next_s = await self._send_digit(self._digits.popleft(), next_s)
            self._packet(0, self._tone)
            self._stamp += _SAMPLES
            next_s = max(next_s + _PACKET_S, loop.time() - 0.1)
            await asyncio.sleep(next_s - loop.time())

    async def _send_digit(self, digit: str, next_s: float) -> float:
        """Send a digit of a tenth of a second, its end three times, and a pause as long."""
        loop = asyncio.get_running_loop()
        event = _DIGITS.index(digit)
        for number in range(_DIGIT_PACKETS + 2):
            lasted = min(number + 1, _DIGIT_PACKETS) * _SAMPLES
            end = 0x80 if number >= _DIGIT_PACKETS - 1 else 0
            payload = struct.pack("!BBH", event, end | 10, lasted)
            self._packet(_EVENT | (0x80 if number == 0 else 0), payload)
            if number < _DIGIT_PACKETS - 1:
                next_s += _PACKET_S
                await asyncio.sleep(max(0.0, next_s - loop.time()))
        self._stamp += _DIGIT_PACKETS * _SAMPLES
        for _ in range(4):
            self._packet(0, self._tone)
            self._stamp += _SAMPLES
            next_s += _PACKET_S
            await asyncio.sleep(max(0.0, next_s - loop.time()))
        return next_s

    def _packet(self, kind: int, payload: bytes) -> None:
        if self._remote is None or self._transport.is_closing():
            return
        self._sequence = (self._sequence + 1) & 0xFFFF
        header = struct.pack("!BBHII", 0x80, kind, self._sequence, self._stamp & 0xFFFFFFFF, self._source)
        self._transport.sendto(header + payload, self._remote)
