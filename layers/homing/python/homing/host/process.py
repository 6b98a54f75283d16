"""The life of the process host: everything is started in order, and ends in the reverse of it.

    start   store (open already) -> pushes, worker, indexer -> calls -> intake -> SMTP, LMTP -> HTTP -> ready
    stop    listeners drain, HTTP answers what it has -> intake files what waits -> calls -> each ends what it is at

The first SIGTERM or SIGINT asks for that end, a second one does not wait. Takes a site and does not know
which home it is in. Stopping loses nothing, and neither does being killed: what was acknowledged is
durable, what was not is sent again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Final

from homing.errors import Permanent
from homing.host.api_calls import ApiCalls
from homing.host.event_source import EventSource
from homing.host.garbage import collect_seldom
from homing.host.heavy import Heavy
from homing.host.http import HttpApp
from homing.host.http_server import HttpServer
from homing.host.indexer import Indexer
from homing.host.ingest import HostIntake, Landing
from homing.host.intake import Limits
from homing.host.pushes import Pushes
from homing.host.settings import Addresses, Settings
from homing.host.smtp import Listener
from homing.host.smtp_connection import Kind
from homing.host.tailer import NotifyingStore, Tailer
from homing.host.threads import Threads
from homing.host.tls import Tls
from homing.host.websocket import Door, WebSockets
from homing.host.worker import Sweep, Worker
from homing.lambda_shell import use_aside, use_site
from homing.site import Site

Drain = Callable[[float], Awaitable[None]]

FORCED: Final = 130
"""Exit code after a second signal."""

log = logging.getLogger("homing.host.process")


class Host:
    """One site, served by this process. `start` and `stop` run on the event loop that serves it."""

    def __init__(self, site: Site, landings: Landing, settings: Settings, sweep: Sweep | None = None) -> None:
        self._store = NotifyingStore(site.store)
        self._site = replace(site, store=self._store)
        self._landings = landings
        self._settings = settings
        self._sweep = sweep
        self._tls = _tls(settings)
        self.heavy = Heavy(site.config, settings.home, self._store.announce, settings.heavy) if settings.heavy else None
        self._ending = AsyncExitStack()

    async def start(self) -> Addresses:
        """Start everything; return where it listens. If something cannot be started, nothing is left running.

        Raises:
            Permanent: an address cannot be bound.
        """
        use_site(self._site)
        async with self._ending as stack:
            addresses = await self._start(stack)
            self._ending = stack.pop_all()
        return addresses

    async def stop(self) -> None:
        """End in good order."""
        await self._ending.aclose()

    async def _start(self, stack: AsyncExitStack) -> Addresses:
        settings, loop = self._settings, asyncio.get_running_loop()
        self._start_pushes(stack)
        self._start_work(stack)

        if self.heavy is not None:
            stack.push_async_callback(self.heavy.close, settings.grace)
        calls, streams = Threads(settings.calls + 1, "call"), Threads(settings.streams, "stream")
        stack.push_async_callback(self._ended, "streams", streams.close)
        stack.push_async_callback(self._ended, "calls", calls.close)

        checks = Threads(1, "recipient")  # so that mail does not wait for passwords that are tried, or for searches
        stack.push_async_callback(self._ended, "checks", checks.close)
        intake = HostIntake(self._site, self._landings, checks, threads=settings.ingest)
        intake.start()
        stack.push_async_callback(self._ended, "intake", intake.stop)

        tailer = Tailer(self._store, loop)
        self._store.tell(tailer.committed)
        events = EventSource(self._site, tailer, calls)
        poll = asyncio.create_task(tailer.poll(calls))
        stack.callback(poll.cancel)

        if self._tls is not None:
            renewal = asyncio.create_task(self._tls.renew())
            stack.callback(renewal.cancel)
        api = ApiCalls(self._site, calls, self.heavy, settings.calls)
        websockets = WebSockets(Door(self._site, api, calls, tailer))
        server = HttpServer(
            HttpApp(self._site, api, calls, streams, events, websockets),
            settings.listen,
            settings.http_port,
            max_message=2 * self._site.config.limits.max_size_request,  # what is a little too large gets an answer
            max_connections=settings.connections,
            tls=self._tls.http if self._tls else None,
        )
        listening: list[Drain] = []
        stack.push_async_callback(self._drain, listening)
        smtp = await self._listen(listening, "smtp", intake, settings.smtp_port)
        lmtp = await self._listen(listening, "lmtp", intake, settings.lmtp_port)
        http = await _bound("http", settings.http_port, server.start())
        listening.append(server.drain)
        stack.callback(events.close)  # runs first: an event stream would never end by itself
        stack.callback(websockets.close)
        return Addresses(http, smtp, lmtp, secure=self._tls is not None)

    def _start_pushes(self, stack: AsyncExitStack) -> None:
        pushes = Pushes()
        use_aside(pushes.aside)
        self._store.tell(pushes.committed)
        pushes.start()
        stack.callback(use_aside, None)
        stack.push_async_callback(self._ended, "pushes", pushes.stop)

    def _start_work(self, stack: AsyncExitStack) -> None:
        """What the cloud does from the table's stream and from timers."""
        worker = Worker(self._site, self._sweep, self._settings.poll, outgoing=False)
        sender = Worker(self._site, None, self._settings.poll, outgoing=True)
        indexer = Indexer(self._site, self._settings.round)
        for what, one in (("worker", worker), ("sender", sender), ("indexer", indexer)):
            self._store.tell(one.committed)
            one.start()
            stack.push_async_callback(self._ended, what, one.stop)

    async def _listen(self, listening: list[Drain], kind: Kind, intake: HostIntake, port: int) -> tuple[str, int]:
        config = self._site.config
        limits = Limits(max_message_bytes=config.limits.max_message_bytes, max_recipients=config.limits.max_recipients)
        tls = self._tls.smtp if self._tls and kind == "smtp" else None
        listener = Listener(kind, intake, limits, config.hostname, self._settings.listen, port, ssl_context=tls)
        address = await _bound(kind, port, listener.start())
        listening.append(listener.drain)
        return address

    async def _drain(self, listening: Iterable[Drain]) -> None:
        """All at once: together they have `grace` seconds."""
        await asyncio.gather(*(drain(self._settings.grace) for drain in listening))

    async def _ended(self, what: str, stop: Callable[[float], bool]) -> None:
        """Wait for threads to end without holding up the event loop, on which they may wait in turn."""
        if not await asyncio.to_thread(stop, self._settings.grace):
            log.warning("did not end in time", extra={"what": what})


def run(
    site: Site, landings: Landing, settings: Settings, ready: Callable[[Addresses], None], sweep: Sweep | None
) -> None:
    """Serve until a signal comes; `ready` is called when everything listens.

    Raises:
        Permanent: an address cannot be bound.
    """
    _allow_files(settings.connections * 2)
    collect_seldom()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(Host(site, landings, settings, sweep), ready))


async def _serve(host: Host, ready: Callable[[Addresses], None]) -> None:
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _on_signal, asked)
    ready(await host.start())
    await asked.wait()
    log.info("stopping")
    await host.stop()
    log.info("stopped")


def _on_signal(asked: asyncio.Event) -> None:
    if asked.is_set():
        log.warning("a second signal: not waiting any longer")
        os._exit(FORCED)
    asked.set()


def _tls(settings: Settings) -> Tls | None:
    if settings.tls_certificate is None:
        return None
    return Tls(settings.tls_certificate, settings.tls_key or settings.tls_certificate)


async def _bound(what: str, port: int, start: Awaitable[tuple[str, int]]) -> tuple[str, int]:
    try:
        return await start
    except OSError as error:
        reason = error.strerror or str(error)
        raise Permanent("cannotListen", f"cannot listen for {what} on port {port}: {reason}") from error


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where there is one."""
    try:
        import uvloop  # noqa: PLC0415
    except ImportError:  # not on every platform
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _allow_files(wanted: int) -> None:
    """Each connection is a file; the usual soft limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < target:
        resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
