"""Whether a real tmux, as it is set up, may paste as if its user typed."""

from __future__ import annotations

import pytest

from screens.pastes import pastes_unmarked
from tests.terminal.tmux import Terminal, require_tmux


@pytest.fixture(autouse=True)
def tmux() -> None:
    require_tmux()


def test_tmux_as_it_comes_marks_what_it_pastes() -> None:
    with Terminal() as terminal:
        keys = terminal._tmux("list-keys")
    assert "paste-buffer" in keys and not pastes_unmarked(keys)


@pytest.mark.parametrize(
    ("binding", "unmarked"),
    [
        (("p", "paste-buffer"), True),
        (("P", "paste-buffer", "-d", "-b", "mine"), True),
        (("C-v", "run-shell", "true ; tmux paste-buffer"), True),
        (("C-v", "paste-buffer", "\\;", "display-message", "-p", "x"), True),
        (("p", "paste-buffer", "-dp"), False),
    ],
)
def test_a_key_that_pastes_as_if_it_were_typed_is_noticed(binding: tuple[str, ...], unmarked: bool) -> None:
    with Terminal() as terminal:
        terminal._tmux("bind-key", *binding)
        assert pastes_unmarked(terminal._tmux("list-keys")) == unmarked
