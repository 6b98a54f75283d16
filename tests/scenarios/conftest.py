"""A site that is served: to talk to through its sockets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from homing.bootstrap import Home, local_home
from homing.config import Config
from homing.directory.accounts import User, create_user
from homing.ledger.entry import Actor
from tests.certificate import write_certificate
from tests.scenarios.serving import LOGIN, OTHER, PASSWORD, Running


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Of the served site; a test module may have another."""
    return Config(data=tmp_path)


@pytest.fixture
def home(config: Config) -> Iterator[Home]:
    home = local_home(config, durable=False)
    yield home
    home.close()


@pytest.fixture
def served_user(home: Home) -> User:
    """Ann, with `LOGIN` and `PASSWORD`."""
    return create_user(home.site, Actor("tester", "test"), LOGIN, PASSWORD, name="Ann")


@pytest.fixture
def other_user(home: Home) -> User:
    """Bob, with `OTHER` and `PASSWORD`."""
    return create_user(home.site, Actor("tester", "test"), OTHER, PASSWORD, name="Bob")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate for this machine, its own authority."""
    return write_certificate(tmp_path_factory.mktemp("tls") / "certificate.pem")


@pytest.fixture
def running(home: Home, served_user: User) -> Iterator[Running]:
    """Everything listens, on free ports of the loopback interface."""
    running = Running(home, served_user)
    yield running
    running.stop()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of a site with Ann in it, for a process of its own."""
    home = local_home(Config(data=tmp_path))
    create_user(home.site, Actor("tester", "test"), LOGIN, PASSWORD)
    home.close()
    return tmp_path
