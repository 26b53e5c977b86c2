"""The stand-in's REST interface: each request's work, and the answers and refusals of a real Asterisk."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import count

from tests.bridge.pbx_parts import Bridge, Channel, Json
from tests.bridge.pbx_world import World

Answer = tuple[int, object]
NO_CONTENT: Answer = (204, None)
ENDPOINT = re.compile(r"^(?P<technology>\w+)/(?P<resource>.+)$")


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str, key: str = "message") -> None:
        super().__init__(message)
        self.status = status
        self.body = {key: message}


class RestApi:
    """Carries out requests in the world."""

    def __init__(self, world: World, known_apps: set[str], shunned: dict[str, set[str]]) -> None:
        self.world = world
        self.known_apps = known_apps
        self.shunned = shunned
        self._ids = count()
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Answer]]] = [
            (method, re.compile(f"^{pattern}$"), work)
            for method, pattern, work in (
                ("GET", "/channels", self._list_channels),
                ("POST", "/channels", self._originate),
                ("POST", "/channels/create", self._create),
                ("GET", "/channels/([^/]+)", self._get_channel),
                ("DELETE", "/channels/([^/]+)", self._hang_up),
                ("POST", "/channels/([^/]+)/(answer|ring|moh|continue|play|dial)", self._act),
                ("DELETE", "/channels/([^/]+)/(ring|moh)", self._stop),
                ("GET", "/channels/([^/]+)/variable", self._get_variable),
                ("POST", "/channels/([^/]+)/variable", self._set_variable),
                ("DELETE", "/playbacks/([^/]+)", self._stop_playback),
                ("GET", "/bridges", self._list_bridges),
                ("POST", "/bridges", self._make_bridge),
                ("GET", "/bridges/([^/]+)", self._get_bridge),
                ("DELETE", "/bridges/([^/]+)", self._destroy_bridge),
                ("POST", "/bridges/([^/]+)/(addChannel|removeChannel)", self._move),
                ("POST", "/bridges/([^/]+)/moh", self._bridge_music),
                ("GET", "/applications", self._list_applications),
                ("GET", "/applications/([^/]+)", self._get_application),
                ("POST", "/applications/([^/]+)/subscription", self._subscribe),
                ("PUT", "/applications/([^/]+)/eventFilter", self._filter),
                ("GET", "/deviceStates/(.+)", self._get_device),
            )
        ]

    def do(self, method: str, path: str, query: dict[str, str], body: Json | None) -> Answer:
        """Carry out a request, or raise Refused."""
        for known_method, pattern, work in self._routes:
            if known_method == method and (match := pattern.match(path)):
                return work(*match.groups(), query=query, body=body)
        raise Refused(404, "Resource not found")

    # Channels.

    def _list_channels(self, query: dict[str, str], body: Json | None) -> Answer:
        return 200, [channel.json() for channel in self.world.channels.values()]

    def _get_channel(self, channel_id: str, query: dict[str, str], body: Json | None) -> Answer:
        return 200, self._channel(channel_id).json()

    def _originate(self, query: dict[str, str], body: Json | None) -> Answer:
        leg = self._new_leg(query, body)
        self.world.originate(leg, float(query.get("timeout", 30)))
        return 200, leg.json()

    def _create(self, query: dict[str, str], body: Json | None) -> Answer:
        leg = self._new_leg(query, body)
        self.world.originate(leg, 0, dialled=True)
        return 200, leg.json()

    def _new_leg(self, query: dict[str, str], body: Json | None) -> Channel:
        endpoint = query.get("endpoint", "")
        match = ENDPOINT.match(endpoint)
        if match is None:
            raise Refused(400, "Invalid endpoint specified")
        if query.get("originator", "") not in {"", *self.world.channels}:
            raise Refused(400, "Provided originator channel was not found")
        channel_id = query.get("channelId") or f"made-{next(self._ids)}"
        if any(known.startswith(channel_id) for known in self.world.channels):
            # the real one compares with the beginning of others, too
            raise Refused(409, "Channel with given unique ID already exists")
        local = match["technology"] == "Local"
        if not local and endpoint not in self.world.phones:
            raise Refused(500, "Allocation failed", key="error")
        args = tuple(query["appArgs"].split(",")) if query.get("appArgs") else ()
        leg = Channel(channel_id, "", "Down", query["app"], args, endpoint=endpoint)
        leg.caller = _caller_of(query.get("callerId", ""))
        leg.variables.update((body or {}).get("variables", {}))
        if local:
            leg.other_half = Channel(query.get("otherChannelId") or f"{channel_id};2", "", "Ring", leg.app)
        return leg

    def _hang_up(self, channel_id: str, query: dict[str, str], body: Json | None) -> Answer:
        self.world.hang_up(self._channel(channel_id), query.get("reason", ""))
        return NO_CONTENT

    def _act(self, channel_id: str, what: str, query: dict[str, str], body: Json | None) -> Answer:
        channel = self._channel(channel_id)
        if not channel.in_stasis:
            raise Refused(409, "Channel not in Stasis application")
        if what == "answer":
            self.world.answer(channel)
        elif what == "ring":
            channel.is_ringing = True
        elif what == "moh":
            channel.has_music = True
        elif what == "continue":
            self.world.send_on(channel, dict(query))
        elif what == "play":
            playback = query.get("playbackId") or f"playback-{next(self._ids)}"
            return 201, self.world.play(channel, playback, query["media"])
        else:
            self._dial(channel, query)
        return NO_CONTENT

    def _dial(self, leg: Channel, query: dict[str, str]) -> None:
        self._channel(query["caller"]).is_dialled = True
        self.world.ring(leg, float(query.get("timeout", 30)))

    def _stop(self, channel_id: str, what: str, query: dict[str, str], body: Json | None) -> Answer:
        channel = self._channel(channel_id)
        if not channel.in_stasis:
            raise Refused(409, "Channel not in Stasis application")
        if what == "ring":
            channel.is_ringing = False
        else:
            channel.has_music = False
        return NO_CONTENT

    def _get_variable(self, channel_id: str, query: dict[str, str], body: Json | None) -> Answer:
        channel = self._channel(channel_id)
        if query["variable"] not in channel.variables:
            raise Refused(404, "Provided variable was not found")
        return 200, {"value": channel.variables[query["variable"]]}

    def _set_variable(self, channel_id: str, query: dict[str, str], body: Json | None) -> Answer:
        self._channel(channel_id).variables[query["variable"]] = query.get("value", "")
        return NO_CONTENT

    def _stop_playback(self, playback: str, query: dict[str, str], body: Json | None) -> Answer:
        for channel in self.world.channels.values():
            if playback in channel.playbacks:
                self.world.end_playback(channel, playback)
                return NO_CONTENT
        raise Refused(404, "Playback not found")

    # Bridges.

    def _list_bridges(self, query: dict[str, str], body: Json | None) -> Answer:
        return 200, [bridge.json() for bridge in self.world.bridges.values()]

    def _get_bridge(self, bridge_id: str, query: dict[str, str], body: Json | None) -> Answer:
        return 200, self._bridge(bridge_id).json()

    def _make_bridge(self, query: dict[str, str], body: Json | None) -> Answer:
        bridge_id = query.get("bridgeId") or f"made-{next(self._ids)}"
        if bridge_id in self.world.bridges:
            raise Refused(409, f"Bridge with id '{bridge_id}' already exists")
        bridge = Bridge(bridge_id, query.get("type", "mixing"), query.get("name", ""))
        self.world.bridges[bridge_id] = bridge
        return 200, bridge.json()

    def _destroy_bridge(self, bridge_id: str, query: dict[str, str], body: Json | None) -> Answer:
        self.world.destroy(self._bridge(bridge_id))
        return NO_CONTENT

    def _move(self, bridge_id: str, what: str, query: dict[str, str], body: Json | None) -> Answer:
        bridge = self._bridge(bridge_id)
        channels = []
        for channel_id in query["channel"].split(","):
            channel = self.world.channels.get(channel_id)
            if channel is None:
                raise Refused(400, "Channel not found")
            if not channel.in_stasis:
                raise Refused(422, "Channel not in Stasis application")
            channels.append(channel)
        if what == "removeChannel" and any(channel.bridge is not bridge for channel in channels):
            raise Refused(422, "Channel not in this bridge")
        for channel in channels:
            if what == "addChannel":
                self.world.enter(bridge, channel)
            else:
                self.world.leave(channel)
        return NO_CONTENT

    def _bridge_music(self, bridge_id: str, query: dict[str, str], body: Json | None) -> Answer:
        self._bridge(bridge_id).has_music = True
        return NO_CONTENT

    # Applications.

    def _list_applications(self, query: dict[str, str], body: Json | None) -> Answer:
        return 200, [self._application(app) for app in sorted(self.known_apps)]

    def _get_application(self, app: str, query: dict[str, str], body: Json | None) -> Answer:
        return 200, self._application(app)

    def _subscribe(self, app: str, query: dict[str, str], body: Json | None) -> Answer:
        self._application(app)
        for source in query["eventSource"].split(","):
            scheme, _, device = source.partition(":")
            if scheme != "deviceState" or not device:
                raise Refused(400, "Invalid event source URI scheme")
            self.world.watched_devices.setdefault(app, set()).add(device)
        return 200, self._application(app)

    def _filter(self, app: str, query: dict[str, str], body: Json | None) -> Answer:
        self._application(app)
        self.shunned[app] = {entry["type"] for entry in (body or {}).get("disallowed", [])}
        return 200, self._application(app)

    def _get_device(self, device: str, query: dict[str, str], body: Json | None) -> Answer:
        return 200, {"name": device, "state": self.world.devices.get(device, "NOT_INUSE")}

    def _application(self, app: str) -> Json:
        if app not in self.known_apps:
            raise Refused(404, "Application not found")
        channels = self.world.channels.values()
        ids = [channel.id for channel in channels if channel.app == app and (channel.in_stasis or channel.is_leg)]
        halves = [c.other_half.id for c in channels if c.app == app and c.is_leg and c.other_half is not None]
        return {
            "name": app,
            "channel_ids": sorted({*ids, *halves}),
            "bridge_ids": sorted(bridge for bridge, times in self.world.subscribed.items() if times > 0),
            "endpoint_ids": [],
            "device_names": sorted(self.world.watched_devices.get(app, ())),
            "events_allowed": [],
            "events_disallowed": [{"type": kind} for kind in sorted(self.shunned.get(app, ()))],
        }

    # What requests are about.

    def _channel(self, channel_id: str) -> Channel:
        channel = self.world.channels.get(channel_id)
        if channel is None:
            raise Refused(404, "Channel not found")
        return channel

    def _bridge(self, bridge_id: str) -> Bridge:
        bridge = self.world.bridges.get(bridge_id)
        if bridge is None:
            raise Refused(404, "Bridge not found")
        return bridge


def _caller_of(caller_id: str) -> tuple[str, str]:
    match = re.match(r'^"?(?P<name>[^"<]*?)"?\s*<(?P<number>[^>]*)>$', caller_id)
    return (match["name"], match["number"]) if match else ("", caller_id)
