"""Every method of every service that the server has, from the descriptors: a new one is fuzzed without being named."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, FileDescriptor
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

import router.v1


class Method(NamedTuple):
    """One RPC. `ours` are those of the contract, whose every refusal has a reason."""

    path: str
    input: Descriptor
    output: Descriptor
    client_streaming: bool
    server_streaming: bool
    ours: bool


def methods() -> list[Method]:
    """Return all methods, in the order of their paths."""
    modules = [
        importlib.import_module(f"router.v1.{module.name}")
        for module in pkgutil.iter_modules(router.v1.__path__)
        if module.name.endswith("_service_pb2")
    ]
    found = [method for module in modules for method in _of(module.DESCRIPTOR, ours=True)]
    found += [method for module in (health_pb2, reflection_pb2) for method in _of(module.DESCRIPTOR, ours=False)]
    return sorted(found, key=lambda method: method.path)


def _of(file: FileDescriptor, *, ours: bool) -> list[Method]:
    services: Any = file.services_by_name.values()
    return [
        Method(
            f"/{service.full_name}/{method.name}",
            method.input_type,
            method.output_type,
            method.client_streaming,
            method.server_streaming,
            ours,
        )
        for service in services
        for method in service.methods
    ]
