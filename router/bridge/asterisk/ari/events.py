"""What Asterisk tells over its WebSocket, as far as the bridge heeds it.

A class is named as Asterisk names the event. Fields that the bridge does not use are left out, and whatever may be
missing has a default: another release of Asterisk may leave it out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import Enum

import msgspec
from msgspec import Struct


class Caller(Struct, frozen=True):
    """Who is at one end of a channel."""

    name: str = ""
    number: str = ""


class Dialplan(Struct, frozen=True):
    """Where a channel is in the dialplan. In Stasis, `app_data` is the application and its arguments."""

    context: str = ""
    exten: str = ""
    priority: int = 0
    app_name: str = ""
    app_data: str = ""


class Channel(Struct, frozen=True):
    """One leg of a call. `state` is Asterisk's word: Down, Ring (it calls in), Ringing (it is called), Up, ..."""

    id: str
    name: str = ""
    state: str = ""
    caller: Caller = Caller()
    connected: Caller = Caller()
    dialplan: Dialplan = Dialplan()
    language: str = ""
    channelvars: Mapping[str, str] = {}

    def stasis(self) -> tuple[str, list[str]] | None:
        """Return the Stasis application which the channel is in, and its arguments; None where it is in none."""
        if self.dialplan.app_name != "Stasis":
            return None
        application, *args = self.dialplan.app_data.split(",")
        return application, args


class MixingBridge(Struct, frozen=True):
    """Channels that hear each other, as `/bridges` has it. (Others may have bridges of other types there.)"""

    id: str
    bridge_type: str = ""
    name: str = ""
    channels: tuple[str, ...] = ()


class Playback(Struct, frozen=True):
    """A sound that is played; `target_uri` is `channel:<id>` or `bridge:<id>`."""

    id: str
    media_uri: str = ""
    target_uri: str = ""
    state: str = ""


class DeviceState(Struct, frozen=True):
    """What a telephone does: NOT_INUSE, INUSE, RINGING, RINGINUSE, BUSY, ONHOLD, UNAVAILABLE, INVALID or UNKNOWN."""

    name: str
    state: str = ""


class Application(Struct, frozen=True):
    """What a Stasis application is subscribed to."""

    name: str
    channel_ids: tuple[str, ...] = ()
    bridge_ids: tuple[str, ...] = ()
    endpoint_ids: tuple[str, ...] = ()
    device_names: tuple[str, ...] = ()


class _Heeded(Struct, frozen=True, tag_field="type", tag=True):
    """An event that the bridge heeds."""


class StasisStart(_Heeded, frozen=True):
    """The channel came into our application: a caller, a feature code, or an agent's leg that was answered.

    One that takes the place of another in a mixing bridge comes in too: its telephone has transferred the call.
    """

    channel: Channel
    args: tuple[str, ...] = ()
    replace_channel: Channel | None = None


class StasisEnd(_Heeded, frozen=True):
    """The channel left our application: hung up or sent on in the dialplan."""

    channel: Channel


class ChannelStateChange(_Heeded, frozen=True):
    channel: Channel


class ChannelHangupRequest(_Heeded, frozen=True):
    """The channel is about to end. The cause is missing for a SIP BYE."""

    channel: Channel
    cause: int | None = None
    soft: bool = False


class ChannelDestroyed(_Heeded, frozen=True):
    """The channel is gone. For channels that called in this does not come."""

    channel: Channel
    cause: int = 0
    cause_txt: str = ""


class ChannelDtmfReceived(_Heeded, frozen=True):
    channel: Channel
    digit: str
    duration_ms: int = 0


class ChannelHold(_Heeded, frozen=True):
    channel: Channel


class ChannelUnhold(_Heeded, frozen=True):
    channel: Channel


class Dial(_Heeded, frozen=True):
    """How the dialling of a channel goes: "" (begun), RINGING, PROGRESS, ANSWER, BUSY, NOANSWER, CONGESTION, ...

    `forwarded` is the channel that Asterisk calls instead, where the telephone says so (302).
    """

    peer: Channel
    dialstatus: str = ""
    caller: Channel | None = None
    forwarded: Channel | None = None


class ChannelEnteredBridge(_Heeded, frozen=True):
    channel: Channel
    bridge: MixingBridge


class ChannelLeftBridge(_Heeded, frozen=True):
    channel: Channel
    bridge: MixingBridge


class BridgeDestroyed(_Heeded, frozen=True):
    bridge: MixingBridge


class PlaybackFinished(_Heeded, frozen=True):
    playback: Playback


class DeviceStateChanged(_Heeded, frozen=True):
    device_state: DeviceState


class ApplicationReplaced(_Heeded, frozen=True):
    """Another connection has taken our application: it gets the events from now on."""

    application: str = ""


class Lost(Struct, frozen=True):
    """The WebSocket is lost: nothing is heard until Back, and what happens meanwhile is never told."""

    why: str = ""


class Back(Struct, frozen=True):
    """The WebSocket is there, for the first time or again."""


FromAsterisk = (
    StasisStart
    | StasisEnd
    | ChannelStateChange
    | ChannelHangupRequest
    | ChannelDestroyed
    | ChannelDtmfReceived
    | ChannelHold
    | ChannelUnhold
    | Dial
    | ChannelEnteredBridge
    | ChannelLeftBridge
    | BridgeDestroyed
    | PlaybackFinished
    | DeviceStateChanged
    | ApplicationReplaced
)

Event = FromAsterisk | Lost | Back
"""What is heard, in order: Asterisk's own events, and what became of the connection."""

# Known, and of no use to the bridge: Asterisk is asked not to send them, and what comes all the same is passed over.
UNHEEDED = frozenset(
    {
        "BridgeAttendedTransfer",
        "BridgeBlindTransfer",
        "BridgeCreated",
        "BridgeMerged",
        "BridgeVideoSourceChanged",
        "ChannelCallerId",
        "ChannelConnectedLine",
        "ChannelCreated",
        "ChannelDialplan",
        "ChannelTalkingFinished",
        "ChannelTalkingStarted",
        "ChannelToneDetected",
        "ChannelTransfer",
        "ChannelUserevent",
        "ChannelVarset",
        "ContactStatusChange",
        "EndpointStateChange",
        "PeerStatusChange",
        "PlaybackContinuing",
        "PlaybackStarted",
        "RTCPReceived",
        "RTCPSent",
        "RecordingFailed",
        "RecordingFinished",
        "RecordingStarted",
        "TextMessageReceived",
    }
)


class Misread(Enum):
    """Why a message gives no event."""

    UNHEEDED = "unheeded"
    UNKNOWN = "unknown"
    MISSHAPEN = "misshapen"


class _Kind(Struct):
    type: str


_EVENT = msgspec.json.Decoder(FromAsterisk)
_KIND = msgspec.json.Decoder(_Kind)


class EventReader:
    """Reads messages, and counts those that give no event, by the reason and the event's type."""

    def __init__(self) -> None:
        self.misread: Counter[tuple[Misread, str]] = Counter()

    def read(self, message: str | bytes) -> FromAsterisk | tuple[Misread, str]:
        """Return the event, or why there is none, with the event's type or what is wrong with it."""
        try:
            event: FromAsterisk = _EVENT.decode(message)
            return event
        except msgspec.DecodeError as error:
            misread = _explain(message, error)
        self.misread[misread[0], misread[1] if misread[0] is Misread.UNHEEDED else ""] += 1
        return misread


def _explain(message: str | bytes, error: msgspec.DecodeError) -> tuple[Misread, str]:
    try:
        kind = _KIND.decode(message).type
    except msgspec.DecodeError:
        return Misread.MISSHAPEN, str(error)
    if kind in UNHEEDED:
        return Misread.UNHEEDED, kind
    heeded = any(kind == event.__name__ for event in FromAsterisk.__args__)
    return (Misread.MISSHAPEN, f"{kind}: {error}") if heeded else (Misread.UNKNOWN, kind)
