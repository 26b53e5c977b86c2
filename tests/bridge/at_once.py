"""What happens at once: an agent answers, and the router has not heard of it yet."""

from __future__ import annotations

from router.engine.vocabulary import CallState
from tests.bridge.model_pbx import ModelChannel
from tests.bridge.situation import Situation


def answers_first(play: Situation, *, late: bool = False) -> ModelChannel:
    """The agent answers, and Asterisk has done what was asked before the router hears of it."""
    leg = play.picks_up(late=late)
    play.deliver_asterisk()
    return leg


def the_router_answers(play: Situation) -> None:
    """The router has heard of it, and what it says is told."""
    play.only(play.carry_out, play.deliver_reply)


def waits(play: Situation, caller: ModelChannel, leg: ModelChannel) -> bool:
    """Say whether a caller waits on as if the agent had never answered."""
    call = f"asterisk-{caller.id}"
    return (
        play.state(caller) is CallState.WAITING
        and (caller.music, caller.bridge) == (True, "")
        and call in play.waits
        and leg.id not in play.pbx.channels
    )
