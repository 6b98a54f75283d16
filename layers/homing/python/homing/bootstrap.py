"""The only place that names adapters: makes a `Site` for a home. Adapters are imported where chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from homing.adapters.clock import SystemClock, SystemIds
from homing.config import Config
from homing.errors import Permanent
from homing.ports.store import Store
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

    _make_folder(config.data)
    database = Database(config.data / SITE_FILE, durable=durable)
    store, blobs, landings = SqliteStore(database), SqliteBlobs(database), MemoryLandings()

    def sweep(now: int) -> int:
        return store.reap(now // 1000 - EXPIRED_SECONDS) + blobs.sweep(now // 1000)

    site = Site(config, store, blobs, landings, SystemClock(), SystemIds())
    return Home(site, landings, sweep, database.close)


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

    connection = S3Connection()
    return Site(
        config,
        DynamoStore(config.table),
        S3Blobs(connection, config.bucket),
        S3Landings(connection, config.bucket),
        SystemClock(),
        SystemIds(),
    )


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
