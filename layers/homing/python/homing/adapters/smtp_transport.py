"""The `Transport` port over SMTP to one next hop, as the site's operator named it.

One connection for each message. TLS is used where it is offered, and its certificate is not verified: the relay is
reached by a name or address that the operator wrote down, and mail that is not encrypted at all would be the
alternative (RFC 3207, RFC 7435). If the hand-shake fails, nothing is sent in the clear: it is tried again later.

RFC 5321 §3 and §4, RFC 1870 (SIZE), RFC 3207 (STARTTLS), RFC 3461 (DSN), RFC 6152 (8BITMIME), RFC 6531 (SMTPUTF8).
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from homing.directory.addresses import normalize_domain
from homing.ports.transport import Outgoing, Recipient, Reply

TIMEOUT_SECONDS: Final = 60.0
"""For each step: to connect, and for each answer."""
MAX_TEXT: Final = 1_000
"""Characters of a reply that are kept."""
MAX_ROUNDS: Final = 50
"""Transactions for one message: a relay may take only so many recipients at once (RFC 5321 §4.5.3.1.10)."""

NO_CONNECTION: Final = Reply(451, "4.4.1", "No answer from the next hop")
LOST: Final = Reply(451, "4.4.2", "The connection to the next hop was lost")
NO_TLS: Final = Reply(454, "4.7.0", "TLS with the next hop failed")
NEEDS_8BIT: Final = Reply(554, "5.6.3", "The next hop takes no 8-bit content")
NEEDS_UTF8: Final = Reply(553, "5.6.7", "The next hop takes no address beyond ASCII")

_ENHANCED: Final = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s+|\Z)")
_XTEXT: Final = re.compile(r"[^!-~]|[+=]")
_LINE_END: Final = re.compile(rb"\r\n|\r|\n")


class SmtpTransport:
    """Hands messages to the relay at `host`:`port`, naming itself `hostname`; `timeout` is in seconds."""

    def __init__(self, host: str, port: int, *, hostname: str = "localhost", timeout: float = TIMEOUT_SECONDS) -> None:
        self._host = host
        self._port = port
        self._hostname = hostname
        self._timeout = timeout

    def send(self, outgoing: Outgoing) -> Sequence[Reply]:
        """Offer a message to the next hop; one reply for each recipient, in order. Raises nothing."""
        delivery = _Delivery(outgoing)
        otherwise = NO_CONNECTION
        try:
            connection = smtplib.SMTP(self._host, self._port, self._hostname, self._timeout)
        except smtplib.SMTPConnectError as error:
            otherwise = _reply(error.smtp_code, error.smtp_error)
        except (OSError, smtplib.SMTPException):
            pass
        else:
            with contextlib.closing(connection):
                otherwise = self._greet(connection) or delivery.offer(connection)
        return delivery.rest(otherwise)

    def _greet(self, connection: smtplib.SMTP) -> Reply | None:
        """EHLO (HELO where that is not known), and TLS where it is offered; why it cannot go on, or None."""
        try:
            code, text = connection.ehlo(self._hostname)
            if 500 <= code < 600:
                code, text = connection.helo(self._hostname)
        except (OSError, smtplib.SMTPException):
            return NO_CONNECTION
        if code != 250 or not connection.has_extn("starttls"):
            return None if code == 250 else _reply(code, text)
        try:
            connection.starttls(context=_unverified())
            code, text = connection.ehlo(self._hostname)
        except smtplib.SMTPResponseException as error:
            return _reply(error.smtp_code, error.smtp_error)
        except (OSError, smtplib.SMTPException):
            return NO_TLS
        return None if code == 250 else _reply(code, text)


class _Delivery:
    """One message on one connection, and what was said so far of each recipient."""

    def __init__(self, outgoing: Outgoing) -> None:
        self.outgoing = outgoing
        self.replies: dict[int, Reply] = {}

    def rest(self, reply: Reply) -> list[Reply]:
        """All replies, with this one for those of whom nothing is known yet."""
        return [self.replies.get(number, reply) for number in range(len(self.outgoing.recipients))]

    def offer(self, connection: smtplib.SMTP) -> Reply:
        """Offer the message; the reply for those of whom nothing was said until the connection was lost."""
        try:
            self._offer_all(connection)
            connection.docmd("QUIT")
        except (OSError, smtplib.SMTPException, ValueError):  # whatever it was, what was said until then holds
            pass
        return LOST

    def _offer_all(self, connection: smtplib.SMTP) -> None:
        """Transactions until each recipient was offered. A relay that takes only so many at once is asked again."""
        raw = _with_line_ends(self.outgoing.raw)
        addresses = [self.outgoing.mail_from, *(one.address for one in self.outgoing.recipients)]
        needs_utf8 = _has_8bit_headers(raw) or not all(_wire(address).isascii() for address in addresses)
        utf8 = needs_utf8 and connection.has_extn("smtputf8")
        if (refusal := self._impossible(connection, raw, utf8=utf8)) is not None:
            self._refuse(range(len(self.outgoing.recipients)), refusal)
            return
        if utf8:
            connection.command_encoding = "utf-8"
        waiting = self._with_usable_addresses(utf8=utf8)
        for _ in range(MAX_ROUNDS):
            waiting = self._transaction(connection, waiting, raw, utf8=utf8)
            if not waiting:
                return

    def _impossible(self, connection: smtplib.SMTP, raw: bytes, *, utf8: bool) -> Reply | None:
        """What cannot be sent this way to anybody."""
        if not _wire(self.outgoing.mail_from).isascii() and not utf8:
            return NEEDS_UTF8
        if not raw.isascii() and not connection.has_extn("8bitmime") and not utf8:
            return NEEDS_8BIT
        limit = connection.esmtp_features.get("size", "")
        if limit.isdecimal() and 0 < int(limit) < len(raw):
            return Reply(552, "5.3.4", f"The next hop takes at most {limit} bytes")
        return None

    def _with_usable_addresses(self, *, utf8: bool) -> list[int]:
        recipients = self.outgoing.recipients
        usable = [number for number, one in enumerate(recipients) if utf8 or _wire(one.address).isascii()]
        for number in set(range(len(recipients))).difference(usable):
            self.replies[number] = NEEDS_UTF8
        return usable

    def _transaction(self, connection: smtplib.SMTP, waiting: Sequence[int], raw: bytes, *, utf8: bool) -> list[int]:
        """Offer the message to these; return those that are worth another transaction at once."""
        words = " ".join(_mail_parameters(connection, self.outgoing.parameters, raw, utf8=utf8))
        code, text = connection.docmd("MAIL", f"FROM:<{_wire(self.outgoing.mail_from)}> {words}".rstrip())
        if not (reply := _reply(code, text)).taken:
            self._refuse(waiting, reply)
            return []
        taken: dict[int, Reply] = {}
        full: list[int] = []
        for number in waiting:
            reply = self._offer_to(connection, self.outgoing.recipients[number])
            if reply.taken:
                taken[number] = reply
            elif taken and reply.code == 452:
                full.append(number)
                self.replies[number] = reply
            else:
                self.replies[number] = reply
        if not taken:
            return []
        final = self._data(connection, raw)
        self.replies.update(taken if final.taken else dict.fromkeys(taken, final))
        return full if final.taken else []

    def _offer_to(self, connection: smtplib.SMTP, recipient: Recipient) -> Reply:
        words = " ".join(_rcpt_parameters(connection, recipient.parameters))
        return _reply(*connection.docmd("RCPT", f"TO:<{_wire(recipient.address)}> {words}".rstrip()))

    def _data(self, connection: smtplib.SMTP, raw: bytes) -> Reply:
        try:
            return _reply(*connection.data(raw))
        except smtplib.SMTPDataError as error:
            return _reply(error.smtp_code, error.smtp_error)

    def _refuse(self, numbers: Sequence[int], reply: Reply) -> None:
        self.replies.update(dict.fromkeys(numbers, reply))


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _mail_parameters(
    connection: smtplib.SMTP, given: Mapping[str, str | None], raw: bytes, *, utf8: bool
) -> Iterator[str]:
    if connection.has_extn("size"):
        yield f"SIZE={len(raw)}"
    if not raw.isascii() and connection.has_extn("8bitmime"):
        yield "BODY=8BITMIME"
    if utf8:
        yield "SMTPUTF8"
    if connection.has_extn("dsn"):
        yield from _given(given, ("RET", str.upper), ("ENVID", _xtext))


def _rcpt_parameters(connection: smtplib.SMTP, given: Mapping[str, str | None]) -> Iterator[str]:
    if connection.has_extn("dsn"):
        yield from _given(given, ("NOTIFY", str.upper), ("ORCPT", _xtext))


def _given(given: Mapping[str, str | None], *known: tuple[str, Callable[[str], str]]) -> Iterator[str]:
    for name, written in known:
        if value := given.get(name):
            yield f"{name}={written(value)}"


def _xtext(text: str) -> str:
    """RFC 3461 §4: what is not printable, and + and =, as hexadecimal."""
    return _XTEXT.sub(lambda match: "".join(f"+{byte:02X}" for byte in match[0].encode()), text)


def _wire(address: str) -> str:
    """The address as it is written in a command: a domain of other letters as A-labels, if the rest is ASCII."""
    local, at, domain = address.rpartition("@")
    if address.isascii() or not local.isascii() or not at:
        return address
    labels = normalize_domain(domain)
    return address if labels is None else f"{local}@{labels}"


def _reply(code: int, text: bytes | str) -> Reply:
    """A reply as one line (RFC 8621 §7): an enhanced code that begins each of its lines is told once."""
    decoded = text if isinstance(text, str) else text.decode("utf-8", "replace")
    lines = decoded.replace("\r", "").split("\n")
    found = _ENHANCED.match(lines[0])
    enhanced = found[1] if found else ""
    words = " ".join(line.removeprefix(enhanced).strip() for line in lines)
    if not (200 <= code < 300 or 400 <= code < 600):  # nothing that ends a command: the other side is confused
        return Reply(451, "4.5.0", f"Unexpected reply {code}: {words}"[:MAX_TEXT])
    return Reply(code, enhanced, words[:MAX_TEXT])


def _with_line_ends(raw: bytes) -> bytes:
    """Every line ended by CRLF: a bare CR or LF means different things to different relays (RFC 5321 §2.3.8)."""
    pairs = raw.count(b"\r\n")
    if raw.count(b"\n") == pairs == raw.count(b"\r"):
        return raw
    return _LINE_END.sub(b"\r\n", raw)


def _has_8bit_headers(raw: bytes) -> bool:
    end = raw.find(b"\r\n\r\n")
    return not raw[: end if end >= 0 else len(raw)].isascii()
