"""Fixtures of the server's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from router.client import RouterClient
from router.server.server import RouterServer
from tests.server.support import client_of, running


@pytest_asyncio.fixture
async def server() -> AsyncIterator[RouterServer]:
    async with running() as running_server:
        yield running_server


@pytest_asyncio.fixture
async def client(server: RouterServer) -> AsyncIterator[RouterClient]:
    async with client_of(server) as connected:
        yield connected
