"""What the stand-in for Asterisk is made of: channels, bridges, telephones, and their JSON."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

STAMP = "2026-11-21T23:12:41.763+0000"
CAUSES = {
    0: "Unknown",
    1: "Unallocated (unassigned) number",
    16: "Normal Clearing",
    17: "User busy",
    19: "User alerting, no answer",
    20: "Subscriber absent",
    21: "Call Rejected",
    27: "Destination out of order",
    34: "Circuit/channel congestion",
}
STATUSES = {17: "BUSY", 34: "CONGESTION"}
SIP_CODES = {1: 404, 17: 486, 19: 480, 21: 603, 34: 503}
REASONS = {"": 16, "normal": 16, "busy": 17, "congestion": 34, "no_answer": 19}

Json = dict[str, Any]


class Does(Enum):
    """What a telephone does when it is called."""

    ANSWERS = "answers"
    RINGS = "rings for ever, or until told what to do"
    REFUSES = "refuses with a cause, after it rang"
    REFUSES_AT_ONCE = "refuses with a cause, without ringing"
    IS_SILENT = "is switched off: nothing comes from it"
    IS_NOWHERE = "is an extension that does not exist"


@dataclass(frozen=True)
class Phone:
    """How a telephone behaves: it rings for `rings_s`, does something, and hangs up after `talks_s`, if given."""

    does: Does = Does.ANSWERS
    rings_s: float = 0.02
    cause: int = 17
    talks_s: float | None = None


@dataclass
class Bridge:
    id: str
    kind: str = "mixing"
    name: str = ""
    members: list[str] = field(default_factory=list)
    has_music: bool = False
    app: str = ""
    """Who is told of it: the application whose channel entered it last."""

    def json(self) -> Json:
        return {
            "id": self.id,
            "technology": "holding_bridge" if self.kind == "holding" else "simple_bridge",
            "bridge_type": self.kind.partition(",")[0],
            "bridge_class": "stasis",
            "creator": "Stasis",
            "name": self.name,
            "channels": sorted(self.members),
            "creationtime": STAMP,
            "video_mode": "talker",
        }


@dataclass
class Channel:
    """A channel; `app` is who is told of it, `in_stasis` whether that application may act on it."""

    id: str
    name: str
    state: str
    app: str = ""
    args: tuple[str, ...] = ()
    in_stasis: bool = False
    is_leg: bool = False
    """Whether an application has called it: then its end is told by ChannelDestroyed."""
    caller: tuple[str, str] = ("", "")
    context: str = "inbound"
    exten: str = "s"
    variables: dict[str, str] = field(default_factory=dict)
    other_half: Channel | None = None
    """The `;2` of a Local channel that an application has called, or the telephone at the end of a Local caller."""
    bridge: Bridge | None = None
    has_music: bool = False
    is_ringing: bool = False
    """Whether the caller is made to hear ringing."""
    is_up_once: bool = False
    is_dialled: bool = False
    """Made by /channels/create: it is in Stasis before it is called."""
    is_gone: bool = False
    endpoint: str = ""
    phone: Phone | None = None
    plans: list[asyncio.TimerHandle] = field(default_factory=list)
    went_to: Json | None = None
    """Where it was sent on to in the dialplan."""
    playbacks: list[str] = field(default_factory=list)

    @property
    def is_local(self) -> bool:
        return self.name.startswith("Local/")

    def json(self) -> Json:
        name, number = self.caller
        in_app = self.in_stasis
        data = ",".join([self.app, *self.args])
        where = {"context": self.context, "exten": self.exten, "priority": 2 if not self.is_leg else 1}
        application = ("Stasis", data) if in_app else ("AppDial2", "(Outgoing Line)") if self.is_leg else ("", "")
        return {
            "id": self.id,
            "name": self.name,
            "state": self.state,
            "protocol_id": "",
            "caller": {"name": name, "number": number},
            "connected": {"name": name, "number": number} if self.is_leg else {"name": "", "number": ""},
            "accountcode": "",
            "dialplan": where | {"app_name": application[0], "app_data": application[1]},
            "creationtime": STAMP,
            "language": "en",
        }

    def forget_plans(self) -> None:
        while self.plans:
            self.plans.pop().cancel()


def event(kind: str, **fields: Any) -> Json:
    """Return an event's JSON without what the application adds."""
    return {"type": kind, "timestamp": STAMP, **fields}


def dial(channel: Channel, status: str) -> Json:
    fields = {"dialstatus": status, "forward": "", "dialstring": channel.endpoint.partition("/")[2]}
    return event("Dial", **fields, peer=channel.json())


def state_change(channel: Channel) -> Json:
    return event("ChannelStateChange", channel=channel.json())


def hangup_request(channel: Channel, cause: int | None, soft: bool = False, sip: int | None = None) -> Json:
    fields: Json = {"channel": channel.json()}
    if cause is not None:
        fields["cause"] = cause
    if soft:
        fields["soft"] = True
    if sip is not None:
        fields["tech_cause"] = sip
    return event("ChannelHangupRequest", **fields)


def destroyed(channel: Channel, cause: int, sip: int | None = None) -> Json:
    fields = {"cause": cause, "cause_txt": CAUSES.get(cause, "Unknown"), "channel": channel.json()}
    return event("ChannelDestroyed", **fields, **({} if sip is None else {"tech_cause": sip}))


def variable_set(channel: Channel, name: str, value: str) -> Json:
    return event("ChannelVarset", variable=name, value=value, channel=channel.json())
