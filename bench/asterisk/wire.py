"""What goes over the wire between Asterisk and the bridge, with the kernel's time stamps: what the bridge takes is seen
from outside of it.

A raw socket on the loopback interface, filtered in the kernel to Asterisk's HTTP port. It needs the right to open one.
"""

from __future__ import annotations

import ctypes
import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress

_ETH_P_IP = 0x0800
_SO_ATTACH_FILTER = 26
_SO_TIMESTAMPNS = 35
_OUTGOING = 4
_PACKET_TYPE = 0xFFFFF004
_BUFFER_BYTES = 64 * 2**20
_PAUSE_S = 0.02
"""Packets are taken many at a time, so that watching takes little of what is watched."""
_EVENT = re.compile(rb'"type":"(ChannelHangupRequest|StasisStart)"')
_CHANNEL = re.compile(rb'"channel":\{"id":"([^"]+)"')
_ORIGINATE = re.compile(rb"POST /ari/channels\?\S*channelId=([^&\s]+)")
_MIX = re.compile(rb"POST /ari/bridges/[^/\s]+/addChannel\?channel=(\S+) ")

Seen = tuple[float, str, str]
"""When, what (hangup, answered, originate, mix), and which leg."""


def why_not() -> str:
    """Return why the wire cannot be watched, or nothing."""
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_IP)).close()
    except (OSError, AttributeError) as error:
        return f"no raw socket ({error})"
    return ""


class Wire:
    """Watches from `start` to `end`, in a thread of its own; what was seen is read afterwards."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._packets: list[tuple[float, bytes]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def start(self) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_IP))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._filter = _tcp_port(self._port)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, self._filter[0])
        self._socket.bind(("lo", 0))
        self._socket.setblocking(False)
        self._thread.start()

    def end(self) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def _read(self) -> None:
        while not self._stop.wait(_PAUSE_S):
            self._take()
        self._take()

    def _take(self) -> None:
        with suppress(BlockingIOError):
            while True:
                data, extras, _, _ = self._socket.recvmsg(65_536, 64)
                seconds, nanoseconds = struct.unpack("qq", extras[0][2][:16])
                self._packets.append((seconds + nanoseconds / 1e9, data))

    def seen(self) -> Iterator[Seen]:
        """Give what was seen of legs, in order."""
        for at_s, data in self._packets:
            if (asked := _ORIGINATE.search(data)) is not None:
                yield at_s, "originate", asked[1].decode()
            elif (mixed := _MIX.search(data)) is not None:
                yield at_s, "mix", mixed[1].replace(b"%2C", b",").decode().rpartition(",")[2]
            else:
                for part in data.split(b'{"type":'):
                    event, channel = _EVENT.search(b'"type":' + part), _CHANNEL.search(part)
                    if event is not None and channel is not None:
                        kind = "answered" if event[1] == b"StasisStart" else "hangup"
                        yield at_s, kind, channel[1].decode()


def _tcp_port(port: int) -> tuple[bytes, ctypes.Array[ctypes.c_char]]:
    """Return a filter of the kernel for TCP over IPv4 from or to a port, and its program, to be kept meanwhile."""
    program = b"".join(
        struct.pack("HBBI", *step)
        for step in (
            (0x20, 0, 0, _PACKET_TYPE),
            (0x15, 10, 0, _OUTGOING),  # it is seen once more as it comes in
            (0x28, 0, 0, 16),  # the length with the headers of IP and TCP
            (0x25, 0, 8, 52),  # is more than theirs: it carries something
            (0x30, 0, 0, 23),  # the protocol
            (0x15, 0, 6, 6),  # is TCP
            (0xB1, 0, 0, 14),  # the length of the IP header
            (0x48, 0, 0, 14),  # the source port
            (0x15, 2, 0, port),
            (0x48, 0, 0, 16),  # the destination port
            (0x15, 0, 1, port),
            (0x06, 0, 0, 0x40000),  # all of it
            (0x06, 0, 0, 0),  # nothing
        )
    )
    kept = ctypes.create_string_buffer(program)
    return struct.pack("HP", len(program) // 8, ctypes.addressof(kept)), kept
