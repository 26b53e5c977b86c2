"""The public contract in both directions: engine structs to protobuf messages and back.

Needs protobuf, not grpc: the server, the client and whatever else stores or sends commands share it.
"""
