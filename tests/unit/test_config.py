"""The settings that name a site's home."""

from __future__ import annotations

from pathlib import Path

import pytest

from homing.config import HOMES, Config, config_from_environment
from homing.errors import Permanent
from homing.host.settings import settings_for
from homing.host.side_wire import folder_for_files


@pytest.mark.parametrize("home", HOMES)
def test_a_home_is_taken_from_the_environment(home: str) -> None:
    assert config_from_environment({"HOMING_HOME": home}).home == home


def test_the_home_is_local_unless_the_environment_says_otherwise() -> None:
    assert config_from_environment({}).home == "local"


@pytest.mark.parametrize("text", ["", "AWS", "moon"])
def test_a_home_that_is_none_of_ours_is_refused(text: str) -> None:
    with pytest.raises(Permanent, match="HOMING_HOME must be one of local, aws"):
        config_from_environment({"HOMING_HOME": text})


def test_a_host_with_its_store_at_a_distance_asks_it_seldom() -> None:
    near, far = settings_for("local"), settings_for("aws")

    assert (near.home, far.home) == ("local", "aws")
    assert far.poll > near.poll
    assert far.round > near.round
    assert settings_for("aws", calls=7).calls == 7


def test_bodies_lie_beside_the_mail_of_a_local_site_only(tmp_path: Path) -> None:
    assert folder_for_files(Config(home="local", data=tmp_path)) == tmp_path
    assert folder_for_files(Config(home="aws", data=tmp_path)) is None
