"""Saved views: what is kept is read back as it was, and what cannot be is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.xdrtui.test_triage_desk import ADA, BOB
from xdrtui.errors import ActionRefused
from xdrtui.triage.desk import Desk
from xdrtui.triage.views import LONGEST_NAME, MOST, View

texts = st.text(st.characters(), max_size=12) | st.text("\ud800\udfff\x00\u202e ab", max_size=6)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk.open(tmp_path_factory.mktemp("views"), ADA)


@settings(max_examples=200, deadline=None)
@given(name=texts, text=texts)
def test_a_view_is_read_back_as_it_was_kept_or_refused(desk: Desk, name: str, text: str) -> None:
    before = desk.views.own()
    try:
        desk.views.keep(View(name, text))
    except ActionRefused:
        assert desk.views.own() == before
        return
    assert desk.views.own() == [View(name.strip(), text)]
    desk.views.drop(name.strip())


def test_half_a_character_in_a_name_is_refused_with_a_sentence(desk: Desk) -> None:
    with pytest.raises(ActionRefused, match="no character"):
        desk.views.keep(View("a\ud800b", "state:open"))


def test_a_view_has_a_name_that_is_not_too_long_and_there_are_not_too_many(tmp_path: Path) -> None:
    with Desk.open(tmp_path, BOB) as desk:
        for name in ("", " ", "x" * (LONGEST_NAME + 1)):
            with pytest.raises(ActionRefused, match="name of 1 to"):
                desk.views.keep(View(name, ""))
        for number in range(MOST):
            desk.views.keep(View(f"v{number}", ""))
        desk.views.keep(View("v0", "state:closed"))
        with pytest.raises(ActionRefused, match="drop one first"):
            desk.views.keep(View("one more", ""))
        assert len(desk.views.own()) == MOST
