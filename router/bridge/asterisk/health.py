"""Whether the bridge can serve calls: both connections are there, and both sides' state is known."""

from __future__ import annotations

import msgspec


class Health(msgspec.Struct):
    """What is there. The loop that changes it is the only one that writes it."""

    asterisk_connected: bool = False
    router_linked: bool = False
    pbx_known: bool = False
    together: bool = False
    ending: str = ""

    @property
    def obstacle(self) -> str:
        """Return why calls cannot be served now; empty if they can."""
        if self.ending:
            return f"the bridge is ending: {self.ending}"
        if not self.asterisk_connected:
            return "there is no connection to Asterisk"
        if not self.pbx_known:
            return "Asterisk has not said yet which channels there are"
        if not self.router_linked:
            return "there is no link to the router"
        if not self.together:
            return "calls and agents are being compared with the router"
        return ""
