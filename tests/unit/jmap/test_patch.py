"""PatchObject (RFC 8620 §5.3)."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.jmap.patch import InvalidPatch, apply_patch

TARGET: dict[str, Any] = {
    "name": "a",
    "keywords": {"$seen": True, "a/b": True, "m~n": True},
    "alerts": {"1": {"offset": 5}},
    "list": [{"x": 1}],
    "none": None,
}


@pytest.mark.parametrize(
    ("patch", "changed"),
    [
        ({}, {}),
        ({"name": "b"}, {"name": "b"}),
        ({"name": None}, {"name": None}),
        ({"other": 1}, {"other": 1}),
        ({"keywords/$flagged": True}, {"keywords": {**TARGET["keywords"], "$flagged": True}}),
        ({"keywords/$seen": None}, {"keywords": {"a/b": True, "m~n": True}}),
        ({"keywords/never": None}, {}),
        ({"keywords/a~1b": None, "keywords/m~0n": None}, {"keywords": {"$seen": True}}),
        ({"keywords": {}}, {"keywords": {}}),
        ({"alerts/1/offset": 6}, {"alerts": {"1": {"offset": 6}}}),
        ({"alerts/1/offset": 6, "alerts/2": {}}, {"alerts": {"1": {"offset": 6}, "2": {}}}),
        ({"alerts/1": None}, {"alerts": {}}),
        ({"list": []}, {"list": []}),
        ({"keywords/": True}, {"keywords": {**TARGET["keywords"], "": True}}),
    ],
)
def test_a_patch_sets_and_removes_what_its_paths_name(patch: dict[str, Any], changed: dict[str, Any]) -> None:
    before = copy.deepcopy(TARGET)

    assert apply_patch(TARGET, patch) == {**TARGET, **changed}
    assert before == TARGET


@pytest.mark.parametrize(
    "patch",
    [
        {"list/0": 1},
        {"list/0/x": 1},
        {"list/-": 1},
        {"name/x": 1},
        {"none/x": 1},
        {"missing/x": 1},
        {"keywords/$seen/x": 1},
        {"/name": 1},
        {"alerts/2/offset": 1},
        {"alerts/1/offset": 1, "alerts": {}},
        {"alerts": None, "alerts/1": None},
        {"alerts/1": {}, "alerts/1/offset": 1},
        {"keywords/~": True},
        {"keywords/~2": True},
        {"keywords/a~": True},
        {"keywords/~~0": True},
    ],
)
def test_a_patch_against_the_rules_is_refused(patch: dict[str, Any]) -> None:
    with pytest.raises(InvalidPatch):
        apply_patch(TARGET, patch)


def test_a_path_that_only_begins_like_another_is_no_prefix_of_it() -> None:
    patch = {"keywords/a": True, "keywords/ab": True, "keywords/a!": True, "keywords/a~1c": True}

    assert {"a", "ab", "a!", "a/c"} <= apply_patch(TARGET, patch)["keywords"].keys()


NAMES = st.text(alphabet="ab~/", max_size=3)


@given(st.dictionaries(NAMES, st.booleans()), st.dictionaries(NAMES, st.none() | st.booleans(), max_size=5))
def test_members_are_patched_under_any_name(members: dict[str, bool], patch: dict[str, bool | None]) -> None:
    paths = {"m/" + name.replace("~", "~0").replace("/", "~1"): value for name, value in patch.items()}

    patched = apply_patch({"m": members}, paths)["m"]

    assert patched == {name: value for name, value in {**members, **patch}.items() if value is not None}


@given(st.dictionaries(st.text(alphabet="ab/~", max_size=6), st.none() | st.integers(), max_size=4))
def test_any_paths_are_applied_or_refused_and_the_target_stays(patch: dict[str, Any]) -> None:
    target: dict[str, Any] = {"a": {"b": {"a": 1}, "": 2}, "b": [1]}
    before = copy.deepcopy(target)

    with contextlib.suppress(InvalidPatch):
        apply_patch(target, patch)
    assert target == before
