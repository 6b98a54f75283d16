"""The only place that names adapters: makes a `Site` for a home. Adapters are imported where chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from homing.adapters.clock import SystemClock, SystemIds
from homing.adapters.no_transport import NoTransport
from homing.config import Config
from homing.errors import Permanent
from homing.ports.search import Search
from homing.ports.store import Store
from homing.ports.transport import Transport
from homing.site import Site

if TYPE_CHECKING:
    from homing.adapters.memory import MemoryLandings

SITE_FILE: Final = "site.db"
EXPIRED_SECONDS: Final = 3_600
"""For how long rows stay that have expired: clocks differ a little, and so does what a request thinks is now."""


@dataclass(frozen=True, slots=True)
class Home:
    """A site, and what only the process that hosts it has to do with it.

    `landings` are the site's own, whose outcomes can be collected; `sweep(now in ms)` removes some of
    what has expired and returns how much; `close` ends all use of the site.
    """

    site: Site
    landings: MemoryLandings
    sweep: Callable[[int], int]
    close: Callable[[], None]


def local_site(config: Config, *, durable: bool = True) -> Site:
    """A site in one SQLite file under `config.data`, which is made if it is not there."""
    return local_home(config, durable=durable).site


def local_home(config: Config, *, durable: bool = True) -> Home:
    """As `local_site`, for the process that serves it.

    Raises:
        Permanent: the folder cannot be made, or what lies in it is not a site of this version.
    """
    from homing.adapters.memory import MemoryLandings  # noqa: PLC0415
    from homing.adapters.sqlite import Database, SqliteBlobs, SqliteStore  # noqa: PLC0415
    from homing.adapters.sqlite.search import SqliteSearch  # noqa: PLC0415
    from homing.adapters.web_push import HttpNotifier  # noqa: PLC0415

    _make_folder(config.data)
    database = Database(config.data / SITE_FILE, durable=durable)
    store, blobs, landings = SqliteStore(database), SqliteBlobs(database), MemoryLandings()

    def sweep(now: int) -> int:
        return store.reap(now // 1000 - EXPIRED_SECONDS) + blobs.sweep(now // 1000)

    site = Site(
        config,
        store,
        blobs,
        landings,
        SystemClock(),
        SystemIds(),
        SqliteSearch(database),
        _transport(config),
        HttpNotifier(allow_private=config.push_private),
    )
    return Home(site, landings, sweep, database.close)


def open_home(config: Config) -> Home:
    """The home that `config` names, for the process that serves it.

    Raises:
        Permanent: a part of it is missing, or not what it should be.
        Temporary: AWS cannot be reached.
    """
    return aws_home(config) if config.home == "aws" else local_home(config)


def aws_home(config: Config) -> Home:
    """As `aws_site`, for a process that serves it; sees first that table and bucket are there.

    Landed mail is in this process's hands until it is filed, as in the local home: the client is told 250
    only then. There is nothing to sweep, for DynamoDB removes by itself what has expired.

    Raises:
        Permanent: ("noTable", "noBucket") there is none of this name; or AWS refuses who asks.
        Temporary: AWS cannot be reached.
    """
    from homing.adapters.dynamodb import DynamoStore  # noqa: PLC0415
    from homing.adapters.memory import MemoryLandings  # noqa: PLC0415
    from homing.adapters.s3 import S3Blobs, S3Connection  # noqa: PLC0415

    DynamoStore(config.table).check()
    S3Blobs(S3Connection(), config.bucket).check()
    landings = MemoryLandings()
    return Home(replace(aws_site(config), landings=landings), landings, lambda _now: 0, lambda: None)


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise Permanent(
            "badFolder", f"the folder of the site cannot be made: {error.strerror}", path=str(path)
        ) from error


def aws_site(config: Config) -> Site:
    """A site on DynamoDB and S3, as named in `config`; credentials and region as the AWS SDK finds them."""
    from homing.adapters.dynamodb import DynamoStore  # noqa: PLC0415
    from homing.adapters.s3 import S3Blobs, S3Connection, S3Landings  # noqa: PLC0415
    from homing.adapters.web_push import HttpNotifier  # noqa: PLC0415

    connection = S3Connection()
    return Site(
        config,
        DynamoStore(config.table),
        S3Blobs(connection, config.bucket),
        S3Landings(connection, config.bucket),
        SystemClock(),
        SystemIds(),
        _search(config),
        _transport(config),
        HttpNotifier(allow_private=config.push_private),
    )


def _search(config: Config) -> Search:
    if not config.search_url:
        from homing.adapters.no_search import NoSearch  # noqa: PLC0415

        return NoSearch()
    from homing.adapters.opensearch import OpenSearchSearch  # noqa: PLC0415

    return OpenSearchSearch(config.search_url)


def _transport(config: Config) -> Transport:
    if not config.next_hop:
        return NoTransport()
    from homing.adapters.smtp_transport import SmtpTransport  # noqa: PLC0415

    host, _, port = config.next_hop.rpartition(":")
    return SmtpTransport(host.strip("[]"), int(port), hostname=config.hostname)


def has_local_site(config: Config) -> bool:
    """Whether there is a site under `config.data`."""
    return (config.data / SITE_FILE).is_file()


@contextmanager
def scratch_store() -> Iterator[Store]:
    """An empty store in the folder for temporary files, gone when the context ends."""
    from homing.adapters.sqlite import Database, SqliteStore  # noqa: PLC0415

    with TemporaryDirectory(prefix="homing-") as folder:
        database = Database(Path(folder) / SITE_FILE, durable=False)
        try:
            yield SqliteStore(database)
        finally:
            database.close()
