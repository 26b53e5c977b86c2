"""The gRPC server: the only room with a clock, sockets and asyncio."""

# first of all: it must come before gRPC
from router.server import forking as forking
