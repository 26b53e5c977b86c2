"""A SIP telephone for tests: it registers, calls and is called, and does what it is told, when it is told.

It shares nothing with the bridge: what a call has come to is seen from SIP and from the sound alone. It repeats a
request only where the answer to it was lost, since nothing gets lost on one machine.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable, Coroutine
from enum import Enum
from urllib.parse import quote

from tests.bridge.real.sip import (
    Headers,
    Message,
    address_in,
    authorization,
    describe,
    media_of,
    respond,
    tag_in,
    token,
)
from tests.bridge.real.sound import Sound

_REASONS = {
    180: "Ringing", 183: "Session Progress", 200: "OK", 302: "Moved Temporarily", 404: "Not Found",
    480: "Temporarily Unavailable", 481: "Call Does Not Exist", 486: "Busy Here", 487: "Request Terminated",
    503: "Service Unavailable", 603: "Decline",
}  # fmt: skip
_T1_S = 0.5
_tones = itertools.cycle(range(0x21, 0x7D))


class State(Enum):
    """Where a call is, for the telephone."""

    CALLING = "calling"
    RINGING = "ringing"
    UP = "up"
    OVER = "over"


class Call:
    """One call of a telephone."""

    def __init__(self, phone: Telephone, call_id: str, sound: Sound, *, incoming: bool) -> None:
        self.phone = phone
        self.id = call_id
        self.sound = sound
        self.incoming = incoming
        self.state = State.RINGING if incoming else State.CALLING
        self.status = 0
        """What an outgoing call was answered with at last; for an incoming one what it was refused with."""
        self.ended_by_us = False
        self.cause = 0
        """The cause that the other side gave (Q.850), if any."""
        self.local = self.remote = ""
        self.target = ""
        self.sequence = 1
        self.invite: Message
        self.acknowledged = True
        self.request: Message | None = None
        self.caller = ""
        """The number that an incoming call shows."""
        self.transfer: list[int] = []
        """What the other side has told of our REFER (status, or what its NOTIFY reports), in order."""

    @property
    def is_up(self) -> bool:
        return self.state is State.UP

    @property
    def is_over(self) -> bool:
        return self.state is State.OVER

    @property
    def hears_music(self) -> bool:
        return -1 in self.sound.heard

    def hears(self, other: Call) -> bool:
        """Say whether the other call's telephone is heard, and nothing else."""
        return self.sound.heard == {other.phone.tone}

    # --- incoming

    def ring(self, status: int = 180) -> None:
        self.phone.respond(self.invite, status, self)

    def answer(self) -> None:
        """Answer an incoming call."""
        if self.state is not State.RINGING:
            return
        self.state = State.UP
        self.sound.send_to(media_of(self.invite.body))
        body = describe(self.sound.port, self.sequence)
        self.phone.respond(self.invite, 200, self, [("Contact", self.phone.contact)], body)
        self.phone.repeat_answer(self)

    def refuse(self, status: int, contact: str = "") -> None:
        """Refuse an incoming call."""
        if self.state is State.RINGING:
            self.phone.respond(self.invite, status, self, [("Contact", f"<{contact}>")] if contact else [])
            self.end(status)

    # --- both

    def hang_up(self) -> None:
        """End the call, wherever it is. One that was just answered ends once that is acknowledged (RFC 3261, 15)."""
        if self.state is State.OVER:
            return
        self.ended_by_us = True
        if self.state is State.UP:
            if self.acknowledged:
                self.phone.send_in(self, "BYE")
                self.end(self.status)
        elif self.incoming:
            self.refuse(603)
        else:
            self.phone.cancel(self)

    def dial(self, digits: str) -> None:
        """Dial while talking, as RFC 4733."""
        self.sound.dial(digits)

    def dial_by_info(self, digits: str) -> None:
        """Dial while talking, as SIP INFO."""
        for digit in digits:
            more = [("Content-Type", "application/dtmf-relay")]
            self.phone.send_in(self, "INFO", more, f"Signal={digit}\r\nDuration=100\r\n")

    def refer(self, target: str, instead_of: Call | None = None) -> None:
        """Ask for a transfer: a blind one, or an attended one, to whom another call of ours is with (RFC 3891)."""
        if instead_of is not None:
            dialog = f"{instead_of.id};to-tag={tag_in(instead_of.remote)};from-tag={tag_in(instead_of.local)}"
            target += f"?Replaces={quote(dialog, safe='')}"
        by = f"<sip:{self.phone.user}@127.0.0.1>"
        more = [("Refer-To", f"<{target}>"), ("Referred-By", by), ("Contact", self.phone.contact)]
        self.phone.send_in(self, "REFER", more)

    def hold(self, *, on: bool = True) -> None:
        """Put the other side on hold, or go on."""
        body = describe(self.sound.port, self.sequence + 1, "sendonly" if on else "sendrecv")
        self.phone.send_in(self, "INVITE", [("Contact", self.phone.contact)], body)

    def end(self, status: int, cause: int = 0) -> None:
        self.state, self.status, self.cause = State.OVER, status, cause
        self.sound.close()
        self.phone.calls.pop(self.id, None)


class Telephone(asyncio.DatagramProtocol):
    """One telephone. `when_rung` is told of each incoming call; without it a call rings until a test does something."""

    def __init__(self, user: str, password: str, pbx: tuple[str, int]) -> None:
        self.user = user
        self.tone = next(_tones)
        self.calls: dict[str, Call] = {}
        self.rung: list[Call] = []
        """All incoming calls that there have been."""
        self.when_rung: Callable[[Call], None] = lambda call: call.ring()
        self.registered = False
        self._password = password
        self._pbx = pbx
        self._port = 0
        self._registrations = itertools.count(1)
        self._transport: asyncio.DatagramTransport
        self._tasks: set[asyncio.Task[None]] = set()
        self._registration: Message | None = None
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()

    async def start(self) -> Telephone:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self._port = self._transport.get_extra_info("sockname")[1]
        self.do(self._read())
        return self

    def close(self) -> None:
        """Be gone, without a word."""
        for task in self._tasks:
            task.cancel()
        for call in list(self.calls.values()):
            call.sound.close()
        self._transport.close()

    @property
    def contact(self) -> str:
        return f"<sip:{self.user}@127.0.0.1:{self._port}>"

    async def register(self, expires_s: int = 3600) -> None:
        """Tell the PBX where we are (0: that we are not any more). Raises TimeoutError."""
        self.registered = False
        self._registration = None
        self._send_register(expires_s, token(), [])
        async with asyncio.timeout(5):
            while not self.registered:
                await asyncio.sleep(0.005)

    async def call(self, number: str) -> Call:
        """Call a number."""
        call = Call(self, token(), await Sound.open(self.tone), incoming=False)
        call.local = f"<sip:{self.user}@{self._domain}>;tag={token()}"
        call.remote = f"<sip:{number.replace('#', '%23')}@{self._domain}>"
        call.target = address_in(call.remote)
        self.calls[call.id] = call
        self._send_invite(call, [])
        return call

    # --- what is sent

    @property
    def _domain(self) -> str:
        return f"{self._pbx[0]}:{self._pbx[1]}"

    def _send(self, message: Message) -> None:
        if not self._transport.is_closing():
            self._transport.sendto(message.encode(), self._pbx)

    def _head(self, branch: str = "") -> Headers:
        return [
            ("Via", f"SIP/2.0/UDP 127.0.0.1:{self._port};branch={branch or 'z9hG4bK' + token()};rport"),
            ("Max-Forwards", "70"),
        ]

    def _send_register(self, expires_s: int, call_id: str, more: Headers) -> None:
        us = f"<sip:{self.user}@{self._domain}>"
        headers = [
            *self._head(),
            ("From", f"{us};tag={token()}"),
            ("To", us),
            ("Call-ID", call_id),
            ("CSeq", f"{next(self._registrations)} REGISTER"),
            ("Contact", self.contact),
            ("Expires", str(expires_s)),
            *more,
        ]
        self._registration = Message(f"REGISTER sip:{self._domain} SIP/2.0", headers)
        self._send(self._registration)

    def _send_invite(self, call: Call, more: Headers) -> None:
        body = describe(call.sound.port, call.sequence)
        allow = ("Allow", "INVITE,ACK,CANCEL,BYE,INFO,OPTIONS,NOTIFY")
        call.request = self._in_dialog(call, "INVITE", [("Contact", self.contact), allow, *more], body)
        self._send(call.request)

    def _in_dialog(self, call: Call, method: str, more: Headers, body: str = "", branch: str = "") -> Message:
        headers = [
            *self._head(branch),
            ("From", call.local),
            ("To", call.remote),
            ("Call-ID", call.id),
            ("CSeq", f"{call.sequence} {'ACK' if method == 'ACK' else method}"),
            *more,
        ]
        return Message(f"{method} {call.target} SIP/2.0", headers, body)

    def send_in(self, call: Call, method: str, more: Headers | None = None, body: str = "") -> None:
        """Send a request of a call that is up."""
        call.sequence += 1
        self._send(self._in_dialog(call, method, more or [], body))

    def cancel(self, call: Call) -> None:
        """Cancel a call that has not been answered. The answer may be on its way: then it is ended."""
        assert call.request is not None
        kept = [(name, value) for name, value in call.request.headers if name in ("Via", "From", "To", "Call-ID")]
        headers = [*kept, ("CSeq", f"{call.sequence} CANCEL"), ("Max-Forwards", "70")]
        self._send(Message(f"CANCEL {call.target} SIP/2.0", headers))

    def respond(
        self, request: Message, status: int, call: Call | None = None, more: Headers | None = None, body: str = ""
    ) -> None:
        """Answer a request."""
        tag = tag_in(call.local) if call is not None else "none"
        headers = more or []
        if status in (180, 183):
            headers = [("Contact", self.contact), *headers]
        self._send(respond(request, status, _REASONS.get(status, "Status"), tag, headers, body))

    def do(self, work: Coroutine[None, None, None]) -> None:
        """Do something meanwhile, while the telephone is there."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def repeat_answer(self, call: Call) -> None:
        """Repeat a 200 until it is acknowledged, as UDP wants it."""
        self.do(self._repeat_answer(call))

    async def _repeat_answer(self, call: Call) -> None:
        pause_s = _T1_S
        while call.is_up and not call.acknowledged and pause_s < 4:
            await asyncio.sleep(pause_s)
            pause_s *= 2
            if call.is_up and not call.acknowledged:
                body = describe(call.sound.port, call.sequence)
                self.respond(call.invite, 200, call, [("Contact", self.contact)], body)

    # --- what comes

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = Message.parse(data)
        if message.status:
            self._answered(message)
        else:
            self._inbox.put_nowait(message)

    def _answered(self, response: Message) -> None:
        if response.method == "REGISTER":
            self._registration_answered(response)
        elif (call := self.calls.get(response["call-id"])) is not None:
            if response.method == "INVITE":
                self._invite_answered(call, response)
            elif response.method == "REFER":
                call.transfer.append(response.status)

    def _registration_answered(self, response: Message) -> None:
        sent = self._registration
        if response.status == 200:
            self.registered = True
        elif response.status == 401 and sent is not None and not sent.get("Authorization"):
            address = sent.start.split()[1]
            proof = authorization(response, "REGISTER", address, self.user, self._password)
            self._send_register(int(sent["Expires"]), sent["Call-ID"], [proof])

    def _invite_answered(self, call: Call, response: Message) -> None:
        status = response.status
        if status < 200:
            if status > 100 and call.state is State.CALLING:
                call.state, call.remote = State.RINGING, response["to"]
            if response.body:
                call.sound.send_to(media_of(response.body))
            return
        if status < 300:
            call.remote, call.target = response["to"], address_in(response["contact"])
            self._send(self._in_dialog(call, "ACK", []))
            call.sound.send_to(media_of(response.body))
            if call.state is not State.UP:
                call.state, call.status = State.UP, status
                if call.ended_by_us:
                    call.ended_by_us = False
                    call.hang_up()
            return
        branch = re.search(r"branch=([^;\s]+)", response["via"])
        refused = [("to", response["to"])]
        ack = self._in_dialog(call, "ACK", [], branch=branch[1] if branch else "")
        ack.headers = [pair for pair in ack.headers if pair[0] != "To"] + refused
        self._send(ack)
        if status in (401, 407) and call.sequence == 1:
            call.sequence += 1
            proof = authorization(response, "INVITE", call.target, self.user, self._password)
            self._send_invite(call, [proof])
        elif call.state is not State.UP:
            call.end(status)

    async def _read(self) -> None:
        while True:
            await self._asked(await self._inbox.get())

    async def _asked(self, request: Message) -> None:
        call = self.calls.get(request["call-id"])
        match request.method:
            case "INVITE" if call is None:
                await self._rung(request)
            case "INVITE" if call is not None and call.is_up:
                call.sound.send_to(media_of(request.body)) if request.body else None
                body = describe(call.sound.port, call.sequence + 100)
                self.respond(request, 200, call, [("Contact", self.contact)], body)
            case "ACK" if call is not None:
                call.acknowledged = True
                if call.ended_by_us:
                    call.hang_up()
            case "CANCEL":
                self.respond(request, 200, call)
                if call is not None and call.state is State.RINGING:
                    self.respond(call.invite, 487, call)
                    call.end(487, _cause(request))
            case "BYE":
                self.respond(request, 200 if call is not None else 481, call)
                if call is not None:
                    call.end(call.status, _cause(request))
            case "ACK" | "INVITE":
                pass
            case "NOTIFY" if call is not None and request.body.startswith("SIP/2.0"):
                call.transfer.append(int(request.body.split()[1]))
                self.respond(request, 200, call)
            case _:
                self.respond(request, 200, call)

    async def _rung(self, request: Message) -> None:
        self.respond(request, 100)
        call = Call(self, request["call-id"], await Sound.open(self.tone), incoming=True)
        call.invite = request
        call.local, call.remote = f"{request['to']};tag={token()}", request["from"]
        call.target, call.acknowledged = address_in(request["contact"]), False
        call.caller = address_in(request["from"]).removeprefix("sip:").partition("@")[0]
        self.calls[call.id] = call
        self.rung.append(call)
        self.when_rung(call)


def _cause(request: Message) -> int:
    found = re.search(r"cause=(\d+)", request.get("reason"))
    return int(found[1]) if found else 0


def answers(after_s: float = 0.0, talks_s: float | None = None) -> Callable[[Call], None]:
    """Return a telephone's manner: it rings, answers after a while, and hangs up after a talk if told how long."""

    async def work(call: Call) -> None:
        await asyncio.sleep(after_s)
        call.answer()
        if talks_s is not None:
            await asyncio.sleep(talks_s)
            call.hang_up()

    def manner(call: Call) -> None:
        call.ring()
        call.phone.do(work(call))

    return manner


def refuses(status: int, *, rings: bool = True, after_s: float = 0.0) -> Callable[[Call], None]:
    """Return a telephone's manner: it refuses, at once or after having rung."""

    async def work(call: Call) -> None:
        await asyncio.sleep(after_s)
        call.refuse(status)

    def manner(call: Call) -> None:
        if rings:
            call.ring()
        call.phone.do(work(call))

    return manner
