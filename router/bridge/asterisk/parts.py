"""The parts of the floor, each with what it stands on."""

from __future__ import annotations

from router.bridge.asterisk.agent_book import AgentBook
from router.bridge.asterisk.arriving import Arriving
from router.bridge.asterisk.callbacks import CallingBack
from router.bridge.asterisk.callers import Callers
from router.bridge.asterisk.connecting import Connecting
from router.bridge.asterisk.desk import Desk
from router.bridge.asterisk.devices import Devices
from router.bridge.asterisk.floor_settings import FloorSettings
from router.bridge.asterisk.handovers import Handovers
from router.bridge.asterisk.hearing import Hearing
from router.bridge.asterisk.keys import Keys
from router.bridge.asterisk.leaving import Leaving
from router.bridge.asterisk.legs import Legs
from router.bridge.asterisk.lines import Lines
from router.bridge.asterisk.link import Link, Live
from router.bridge.asterisk.naming import Naming
from router.bridge.asterisk.resync.callers import CallersFound
from router.bridge.asterisk.resync.legs import LegsFound
from router.bridge.asterisk.resync.missing import Missing
from router.bridge.asterisk.resync.mixings import MixingsFound
from router.bridge.asterisk.resync.resync import Resync
from router.bridge.asterisk.returns import Returns
from router.bridge.asterisk.rulings import Rulings
from router.bridge.asterisk.transfers import TransferDialling
from router.bridge.asterisk.unmixing import Unmixing
from router.bridge.asterisk.visits import Visits


class Parts:
    """All of them; `live` returns the calls and agents as the router should have them."""

    def __init__(self, settings: FloorSettings, now_us: int, live: Live) -> None:
        self.desk = desk = Desk(settings, now_us)
        self.link = link = Link(desk, live)
        self.book = AgentBook(desk, link)
        self.devices = Devices(desk, self.book)
        self.visits = Visits(desk, link, self.book)
        self.hearing = Hearing(desk)
        self.lines = Lines(desk)
        self.naming = Naming(desk)
        self.unmixing = Unmixing(desk, self.hearing)
        self.leaving = Leaving(desk, link, self.hearing, self.lines, self.unmixing)
        self.callers = Callers(desk, link, self.hearing, self.leaving)
        self.arriving = Arriving(
            desk, link, self.hearing, self.callers, self.leaving, self.naming, self.unmixing, self.visits
        )
        self.returns = Returns(desk, link, self.hearing, self.callers, self.unmixing, self.lines)
        self.connecting = Connecting(desk, link, self.book, self.hearing, self.leaving, self.returns, self.lines)
        self.callbacks = CallingBack(
            desk,
            link,
            self.hearing,
            self.arriving,
            self.leaving,
            self.naming,
            self.returns,
            self.connecting,
            self.lines,
        )
        self.leaving.on_gone_to_wait = self.callbacks.part
        self.keys = Keys(desk, self.leaving, self.callbacks)
        self.legs = Legs(desk, link, self.book, self.hearing, self.leaving, self.returns, self.connecting)
        self.legs.on_heard_enough = self.callbacks.told
        self.rulings = Rulings(desk, self.book, self.arriving, self.leaving, self.returns, self.connecting, self.legs)
        self.transfers = TransferDialling(desk, link)
        self.connecting.on_connected = self.transfers.connected
        self.handovers = Handovers(desk, self.hearing, self.arriving, self.leaving, self.naming)
        self.legs_found = LegsFound(desk, self.legs)
        missing = Missing(desk, self.leaving, self.legs, self.legs_found, self.visits, self.handovers, self.callbacks)
        callers = CallersFound(desk, link, self.hearing, self.arriving, self.leaving, self.visits, self.callbacks)
        mixings = MixingsFound(desk, self.unmixing, self.connecting, self.handovers)
        self.resync = Resync(desk, link, self.devices, missing, callers, self.legs_found, mixings)
