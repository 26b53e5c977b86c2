"""Lists: all channels and mixing bridges that Asterisk has, as it has told."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from router.bridge.asterisk.ari.events import Channel
from router.bridge.asterisk.floor_settings import Arrival
from router.bridge.asterisk.ids import Ids

RETRY_US = 1_000_000
UNKNOWN_CAUSE = 16


class Lists(msgspec.Struct, frozen=True):
    """What Asterisk has. What is `fresh` was heard of or made since it was asked: for that, the lists may be old."""

    there: Mapping[str, Channel]
    mixed: Mapping[str, set[str]]
    """The channels in each mixing bridge."""
    fresh: set[str]


def arrival_of(channel: Channel, args: tuple[str, ...]) -> Arrival:
    """Return what is known of a channel that has entered Stasis."""
    return Arrival(
        channel=channel.id,
        name=channel.name,
        args=args,
        number=channel.dialplan.exten,
        context=channel.dialplan.context,
        caller_number=channel.caller.number,
        caller_name=channel.caller.name,
        variables=channel.channelvars,
    )


def args_of(channel: Channel, app: str) -> tuple[str, ...] | None:
    """Return the arguments with which a channel is in the application; None if it is not."""
    stasis = channel.stasis()
    return tuple(stasis[1]) if stasis is not None and stasis[0] == app else None


def put_through(ids: Ids, mixing: str, members: set[str]) -> str | None:
    """Return who is with an agent instead of the caller, who is not there any more."""
    others = [one for one in members if ids.leg_of(one) is None]
    alone = ids.caller_of_mixing(mixing) in members or len(others) == len(members)
    return others[0] if len(others) == 1 and not alone else None
