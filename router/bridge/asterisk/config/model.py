"""What a bridge.toml means."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from router.bridge.asterisk.ari.settings import AriSettings
from router.bridge.asterisk.floor_settings import FloorSettings
from router.client.client import DEFAULT_ADDRESS
from router.engine.settings import SECOND_US


class RouterSettings(Struct, frozen=True, kw_only=True):
    """Where the router is, and who we are to it."""

    address: str = DEFAULT_ADDRESS
    client_id: str = "asterisk"
    token: str = ""
    tls: bool = False
    ca: bytes | None = None
    certificate: bytes | None = None
    key: bytes | None = None
    allow_insecure: bool = False
    time_limit_s: float = 5.0

    def __repr__(self) -> str:
        return f"RouterSettings({self.address}, {self.client_id})"


class Announcements(Struct, frozen=True, kw_only=True):
    """What callers who wait are told, and when."""

    mode: Literal["off", "digits", "text", "hook"] = "off"
    first_us: int = 15 * SECOND_US
    every_us: int = 45 * SECOND_US
    position: bool = True
    wait: bool = True
    callback: str = ""
    hook: tuple[str, ...] = ()
    hook_limit_us: int = 5 * SECOND_US


class BridgeConfig(Struct, frozen=True, kw_only=True):
    """A whole config."""

    ari: AriSettings
    router: RouterSettings
    floor: FloorSettings
    announcements: Announcements = Announcements()
    metrics_listen: str = ""
