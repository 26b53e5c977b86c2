"""Generated from protos/router/v1 by `make protos`: messages and services of the public gRPC contract."""
