"""An independent second engine, written from DESIGN.md alone: slow, obvious, sharing no code with the real one."""

from tests.oracle.oracle import Oracle

__all__ = ["Oracle"]
