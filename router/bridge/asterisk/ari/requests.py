"""What is asked of Asterisk over REST: a class for each request, with Asterisk's method, path and parameters.

Ids of channels and mixing bridges are chosen by us. So a request may be repeated when no answer came: that the first
one was heard is known by 409 or 404.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final
from urllib.parse import quote

import msgspec
from msgspec import Struct

from router.bridge.asterisk.ari.events import Application, Channel, DeviceState, MixingBridge

_PLAIN: Final = re.compile(r"[A-Za-z0-9._~-]*")


class Http(Struct, frozen=True):
    """A request as it goes out; a body is sent as JSON."""

    method: str
    path: str
    query: dict[str, str] = {}
    body: Any = None

    @property
    def target(self) -> str:
        """The path with the query."""
        if not self.query:
            return self.path
        return self.path + "?" + "&".join(f"{name}={_quoted(value)}" for name, value in self.query.items())


class Variable(Struct, frozen=True):
    """A channel's variable, as it is answered."""

    value: str = ""


class Request(Struct, frozen=True):
    """The base of all requests.

    `touches` are the ids of the channels and mixing bridges concerned: requests with one in common go in order.
    """

    answers: ClassVar[Any] = None
    """The type of the answer's body; None where there is none."""
    repeatable: ClassVar[bool] = True
    """Whether to send it again when no answer came."""
    urgent: ClassVar[bool] = False
    """Whether caller and agent wait for it before they can talk."""

    @property
    def touches(self) -> tuple[str, ...]:
        return ()

    @property
    def key(self) -> str:
        """What it is mainly about: a channel, a mixing bridge or a playback; "" where it is about none."""
        return next(iter(self.touches), "")

    def http(self, app: str) -> Http:
        raise NotImplementedError

    def read(self, body: bytes) -> Any:
        """Return what the answer's body says; raises msgspec.DecodeError where it is of another shape."""
        return None if self.answers is None else msgspec.json.decode(body, type=self.answers)


class _OfChannel(Request, frozen=True):
    channel: str

    @property
    def touches(self) -> tuple[str, ...]:
        return (self.channel,)

    def path(self, rest: str = "") -> str:
        return f"/channels/{_quoted(self.channel)}{rest}"


class _OfMixing(Request, frozen=True):
    bridge: str

    @property
    def touches(self) -> tuple[str, ...]:
        return (self.bridge,)

    def path(self, rest: str = "") -> str:
        return f"/bridges/{_quoted(self.bridge)}{rest}"


class Answer(_OfChannel, frozen=True):
    def http(self, app: str) -> Http:
        return Http("POST", self.path("/answer"))


class Ring(_OfChannel, frozen=True):
    """Let the caller hear ringing."""

    def http(self, app: str) -> Http:
        return Http("POST", self.path("/ring"))


class StopRing(_OfChannel, frozen=True):
    def http(self, app: str) -> Http:
        return Http("DELETE", self.path("/ring"))


class StartMusic(_OfChannel, frozen=True):
    """Play music on hold. Asterisk takes an unknown class of music without a word."""

    music_class: str = ""

    def http(self, app: str) -> Http:
        return Http("POST", self.path("/moh"), _given(mohClass=self.music_class))


class StopMusic(_OfChannel, frozen=True):
    urgent: ClassVar[bool] = True

    def http(self, app: str) -> Http:
        return Http("DELETE", self.path("/moh"))


class Play(_OfChannel, frozen=True):
    """Play sounds, one after the other: `sound:queue-youarenext`, `number:3`, `digits:3`, ...

    It is not repeated: the caller would hear it twice.
    """

    repeatable: ClassVar[bool] = False

    playback: str
    media: tuple[str, ...]

    @property
    def touches(self) -> tuple[str, ...]:
        return (self.channel, self.playback)

    def http(self, app: str) -> Http:
        query = {"media": ",".join(self.media), "playbackId": self.playback}
        return Http("POST", self.path("/play"), query)


class StopPlay(Request, frozen=True):
    playback: str

    @property
    def touches(self) -> tuple[str, ...]:
        return (self.playback,)

    def http(self, app: str) -> Http:
        return Http("DELETE", f"/playbacks/{_quoted(self.playback)}")


class Originate(_OfChannel, frozen=True):
    """Call an endpoint under the channel id that we choose; when it answers, the channel comes into our app."""

    urgent: ClassVar[bool] = True
    answers: ClassVar[Any] = Channel

    endpoint: str
    app_args: tuple[str, ...]
    caller_id: str
    timeout_s: int
    originator: str = ""
    variables: Mapping[str, str] = {}

    def http(self, app: str) -> Http:
        query = {
            "endpoint": self.endpoint,
            "app": app,
            "appArgs": ",".join(self.app_args),
            "channelId": self.channel,
            "timeout": str(self.timeout_s),
        }
        query |= _given(originator=self.originator, callerId=self.caller_id)
        # Asterisk names the other half of a Local channel itself, unless told.
        if self.endpoint.startswith("Local/"):
            query["otherChannelId"] = f"{self.channel};2"
        return Http("POST", "/channels", query, {"variables": dict(self.variables)} if self.variables else None)


class OriginateOnce(Originate, frozen=True):
    """The same, not repeated: whoever has refused an attempt of which we have no answer would be called again."""

    repeatable: ClassVar[bool] = False


class HangUp(_OfChannel, frozen=True):
    """End a channel. `reason` is one of Asterisk's words (normal, busy, congestion, no_answer, ...)."""

    reason: str = ""

    def http(self, app: str) -> Http:
        return Http("DELETE", self.path(), _given(reason=self.reason))


class Continue(_OfChannel, frozen=True):
    """Send a channel on in the dialplan: at a given place, or after the Stasis line where none is given."""

    context: str = ""
    extension: str = ""
    priority: int = 0
    label: str = ""

    def http(self, app: str) -> Http:
        query = _given(context=self.context, extension=self.extension, label=self.label)
        if self.priority:
            query["priority"] = str(self.priority)
        return Http("POST", self.path("/continue"), query)


class SetVariable(_OfChannel, frozen=True):
    variable: str
    value: str

    def http(self, app: str) -> Http:
        return Http("POST", self.path("/variable"), {"variable": self.variable, "value": self.value})


class GetVariable(_OfChannel, frozen=True):
    """Ask for a channel's variable, a text; Gone is also the answer where the variable is not set."""

    answers: ClassVar[Any] = Variable

    variable: str

    def http(self, app: str) -> Http:
        return Http("GET", self.path("/variable"), {"variable": self.variable})

    def read(self, body: bytes) -> str:
        return msgspec.json.decode(body, type=Variable).value


class GetChannel(_OfChannel, frozen=True):
    answers: ClassVar[Any] = Channel

    def http(self, app: str) -> Http:
        return Http("GET", self.path())


class MakeMixing(_OfMixing, frozen=True):
    """Make a mixing bridge, with nobody in it. Nothing is told of it by an event.

    `hears_digits`: without it two SIP telephones are connected past Asterisk's core, and digits sent as RFC 4733 are
    no events.
    """

    answers: ClassVar[Any] = MixingBridge

    name: str = ""
    hears_digits: bool = False

    def http(self, app: str) -> Http:
        kind = "mixing,dtmf_events" if self.hears_digits else "mixing"
        return Http("POST", "/bridges", {"type": kind, "bridgeId": self.bridge} | _given(name=self.name))


class AddToMixing(_OfMixing, frozen=True):
    urgent: ClassVar[bool] = True

    channels: tuple[str, ...]

    @property
    def touches(self) -> tuple[str, ...]:
        return (self.bridge, *self.channels)

    def http(self, app: str) -> Http:
        return Http("POST", self.path("/addChannel"), {"channel": ",".join(self.channels)})


class RemoveFromMixing(_OfMixing, frozen=True):
    channels: tuple[str, ...]

    @property
    def touches(self) -> tuple[str, ...]:
        return (self.bridge, *self.channels)

    def http(self, app: str) -> Http:
        return Http("POST", self.path("/removeChannel"), {"channel": ",".join(self.channels)})


class DestroyMixing(_OfMixing, frozen=True):
    """Remove a mixing bridge; whoever is still in it leaves it, and lives on."""

    def http(self, app: str) -> Http:
        return Http("DELETE", self.path())


class GetBridge(_OfMixing, frozen=True):
    answers: ClassVar[Any] = MixingBridge

    def http(self, app: str) -> Http:
        return Http("GET", self.path())


class ListChannels(Request, frozen=True):
    answers: ClassVar[Any] = tuple[Channel, ...]

    def http(self, app: str) -> Http:
        return Http("GET", "/channels")


class ListBridges(Request, frozen=True):
    answers: ClassVar[Any] = tuple[MixingBridge, ...]

    def http(self, app: str) -> Http:
        return Http("GET", "/bridges")


class GetApplication(Request, frozen=True):
    answers: ClassVar[Any] = Application

    def http(self, app: str) -> Http:
        return Http("GET", f"/applications/{_quoted(app)}")


class SubscribeDevices(Request, frozen=True):
    """Ask to be told what the telephones do: `PJSIP/ada`, ..."""

    answers: ClassVar[Any] = Application

    names: tuple[str, ...]

    @property
    def touches(self) -> tuple[str, ...]:
        return self.names

    def http(self, app: str) -> Http:
        sources = ",".join(f"deviceState:{device}" for device in self.names)
        return Http("POST", f"/applications/{_quoted(app)}/subscription", {"eventSource": sources})


class GetDevice(Request, frozen=True):
    """Ask what a telephone does now: a subscription tells only of changes."""

    answers: ClassVar[Any] = DeviceState

    name: str

    @property
    def touches(self) -> tuple[str, ...]:
        return (self.name,)

    def http(self, app: str) -> Http:
        return Http("GET", f"/deviceStates/{_quoted(self.name)}")


class ShunEvents(Request, frozen=True):
    """Ask Asterisk not to send events of these types."""

    answers: ClassVar[Any] = Application

    types: tuple[str, ...]

    def http(self, app: str) -> Http:
        body = {"disallowed": [{"type": kind} for kind in self.types]}
        return Http("PUT", f"/applications/{_quoted(app)}/eventFilter", {}, body)


# What became of a request.


class Done(Struct, frozen=True):
    """It was carried out. `body` is what the request's `read` makes of the answer."""

    body: Any = None


class Gone(Struct, frozen=True):
    """404, or 400 for a channel to be mixed: what it is about is not there (any more).

    For Originate: the originator, the caller for whom it rings, is gone.
    """

    text: str = ""


class Conflict(Struct, frozen=True):
    """409, 412 or 422: it does not fit the state of things.

    For Originate and MakeMixing: the id is in use already. For others: the channel is not in our application.
    """

    text: str = ""


class Failed(Struct, frozen=True):
    """Refused for another reason, or answered in a way that we cannot read."""

    status: int
    text: str = ""


class Unreachable(Struct, frozen=True):
    """No answer came in time, nor to repeats: it may or may not have been carried out."""

    text: str = ""


Outcome = Done | Gone | Conflict | Failed | Unreachable


def _quoted(part: str) -> str:
    # most parts are plain, and to see that takes a tenth of the time
    return part if _PLAIN.fullmatch(part) else quote(part, safe="")


def _given(**query: str) -> dict[str, str]:
    return {name: value for name, value in query.items() if value}
