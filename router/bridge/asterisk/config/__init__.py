"""bridge.toml -> a validated `BridgeConfig`. Whatever is wrong is found before anything starts."""

from router.bridge.asterisk.config.load import example_text, load_bridge, parse_bridge
from router.bridge.asterisk.config.model import Announcements, BridgeConfig, RouterSettings

__all__ = ["Announcements", "BridgeConfig", "RouterSettings", "example_text", "load_bridge", "parse_bridge"]
