"""As much of SIP as a telephone needs that is called and calls: messages, digests, session descriptions (RFC 3261)."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable

Headers = list[tuple[str, str]]

_COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length"}
_SDP = (
    "v=0\r\no=- {number} {number} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
    "a=fmtp:101 0-16\r\na=ptime:20\r\na={direction}\r\n"
)


class Message:
    """A request or a response."""

    def __init__(self, start: str, headers: Headers, body: str = "") -> None:
        self.start = start
        self.headers = headers
        self.body = body

    @classmethod
    def parse(cls, data: bytes) -> Message:
        head, _, body = data.decode(errors="replace").partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = [(name.strip().lower(), value.strip()) for name, _, value in pairs]
        return cls(start, [(_COMPACT.get(name, name), value) for name, value in headers], body)

    @property
    def method(self) -> str:
        """The request's method; for a response that of the request which it answers."""
        return self["cseq"].split()[1] if self.status else self.start.split()[0]

    @property
    def status(self) -> int:
        """The response's status; 0 for a request."""
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0") else 0

    def all(self, name: str) -> list[str]:
        return [value for header, value in self.headers if header == name]

    def get(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    def __getitem__(self, name: str) -> str:
        return self.all(name)[0]

    def encode(self) -> bytes:
        headers = [*self.headers, ("Content-Length", str(len(self.body)))]
        if self.body and not self.get("Content-Type"):
            headers.append(("Content-Type", "application/sdp"))
        lines = [self.start, *(f"{name}: {value}" for name, value in headers)]
        return ("\r\n".join(lines) + "\r\n\r\n" + self.body).encode()


def token() -> str:
    """Return a text that is nobody else's."""
    return secrets.token_hex(8)


def address_in(header: str) -> str:
    """Return the address in a From, To or Contact."""
    found = re.search(r"<([^>]+)>", header)
    return found[1] if found else header.partition(";")[0].strip()


def tag_in(header: str) -> str:
    found = re.search(r";tag=([^;>\s]+)", header)
    return found[1] if found else ""


def respond(
    request: Message, status: int, reason: str, tag: str, more: Iterable[tuple[str, str]], body: str
) -> Message:
    """Return a response to a request."""
    kept = [(name, value) for name, value in request.headers if name in ("via", "from", "call-id", "cseq")]
    to = request["to"] if ";tag=" in request["to"] or status == 100 else f"{request['to']};tag={tag}"
    return Message(f"SIP/2.0 {status} {reason}", [*kept, ("to", to), *more], body)


def authorization(challenge: Message, method: str, address: str, user: str, password: str) -> tuple[str, str]:
    """Return the header that answers a challenge (digest, MD5, with or without qop=auth)."""
    proxy = challenge.status == 407
    text = challenge["proxy-authenticate" if proxy else "www-authenticate"]
    said = {key.lower(): value for key, value in re.findall(r'(\w+)="?([^",]+)"?', text)}
    realm, nonce = said["realm"], said["nonce"]
    ours = _md5(f"{user}:{realm}:{password}")
    what = _md5(f"{method}:{address}")
    parts = [f'username="{user}"', f'realm="{realm}"', f'nonce="{nonce}"', f'uri="{address}"', "algorithm=MD5"]
    if "auth" in said.get("qop", ""):
        once = token()
        proof = _md5(f"{ours}:{nonce}:00000001:{once}:auth:{what}")
        parts += ["qop=auth", "nc=00000001", f'cnonce="{once}"']
    else:
        proof = _md5(f"{ours}:{nonce}:{what}")
    if "opaque" in said:
        parts.append(f'opaque="{said["opaque"]}"')
    value = "Digest " + ", ".join([*parts, f'response="{proof}"'])
    return ("Proxy-Authorization" if proxy else "Authorization", value)


def describe(port: int, number: int, direction: str = "sendrecv") -> str:
    """Return a session description: one G.711 stream, with telephone events."""
    return _SDP.format(number=number, port=port, direction=direction)


def media_of(body: str) -> tuple[str, int]:
    """Return where the other side of a session description wants its sound."""
    host = re.search(r"(?m)^c=IN IP4 (\S+)", body)
    port = re.search(r"(?m)^m=audio (\d+)", body)
    assert host is not None
    assert port is not None
    return host[1], int(port[1])


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
