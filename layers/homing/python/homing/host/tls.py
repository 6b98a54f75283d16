"""TLS of the process host's own: one certificate for HTTP and for STARTTLS (RFC 3207), without a proxy before it.

The files are looked at once in a while, so that a renewed certificate is used by the connections that come
after, without a restart. RFC 8996: nothing older than TLS 1.2.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path
from typing import Final

from homing.errors import Permanent

LOOK_SECONDS: Final = 60.0

log = logging.getLogger("homing.host.tls")


class Tls:
    """A certificate chain and its key, in PEM files (`key` may be the same one). `http` and `smtp` are the
    contexts for listeners; both take up a change of the files.

    Raises:
        Permanent: the files cannot be read, or do not belong together.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate = certificate
        self._key = key
        self.http = _context()
        self.http.set_alpn_protocols(["http/1.1"])
        self.smtp = _context()
        self._seen = self._stamp()
        try:
            self._load()
        except (OSError, ValueError) as error:
            path = f"{certificate}, {key}"
            raise Permanent("badCertificate", f"the certificate cannot be used: {error}", path=path) from error

    async def renew(self) -> None:
        """Look for a renewed certificate, for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.renew_now()

    def renew_now(self) -> bool:
        """Take up the files if they have changed; whether they had. What cannot be used is left alone."""
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        try:
            _context().load_cert_chain(self._certificate, self._key, _no_password)  # half of a change changes nothing
            self._load()
        except (OSError, ValueError) as error:
            log.warning("the changed certificate cannot be used", extra={"error": str(error)})
            return False
        self._seen = stamp
        log.info("the certificate was renewed", extra={"path": str(self._certificate)})
        return True

    def _load(self) -> None:
        for context in (self.http, self.smtp):
            context.load_cert_chain(self._certificate, self._key, _no_password)

    def _stamp(self) -> tuple[int, ...]:
        try:
            return tuple(path.stat().st_mtime_ns for path in (self._certificate, self._key))
        except OSError:
            return ()


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _no_password() -> str:
    """OpenSSL would ask at the terminal."""
    raise ValueError("the key has a password")
