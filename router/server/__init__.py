"""The gRPC server: the only room with a clock, sockets and asyncio."""
