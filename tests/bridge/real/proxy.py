"""A way to Asterisk that can be cut, and made slow: a TCP proxy before its HTTP server."""

from __future__ import annotations

import asyncio
import contextlib


class Proxy:
    """Forwards to a port of this machine. `delay_s` is how long each piece of an answer is held back."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self.delay_s = 0.0
        self.refuses = False
        self._to = port
        self._server: asyncio.Server
        self._connections: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut()
        self._server.close()

    def cut(self) -> None:
        """Break all connections that there are."""
        for writer in list(self._connections):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuses:
            writer.transport.abort()
            return
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._to)
        self._connections |= {writer, there_writer}
        try:
            await asyncio.gather(
                self._pump(reader, there_writer, slow=False), self._pump(there_reader, writer, slow=True)
            )
        finally:
            self._connections -= {writer, there_writer}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, slow: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                if slow and self.delay_s:
                    await asyncio.sleep(self.delay_s)
                writer.write(data)
                await writer.drain()
        writer.transport.abort()
