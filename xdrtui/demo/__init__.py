"""Bundled attacks of a known truth, played through the real pipeline: to watch, to judge, to learn.

`print_report` is the demo without a screen; `open_demo` is what the screen plays. Its workspace is its own,
and it reaches no Kafka, no network and no response. Nothing heavy is imported until one of them is called.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xdrtui.demo.session import DemoSession


def print_report(scenarios: Sequence[str] = (), reset: bool = False) -> int:
    """Load the scenarios at full speed and print what was found; see `printed.print_report`."""
    from xdrtui.demo import printed

    return printed.print_report(scenarios, reset)


def open_demo(scenarios: Sequence[str] = (), *, reset: bool = False) -> AbstractContextManager[DemoSession]:
    """Start, or go on with, the demo for the screen, for as long as the block lasts; see `session`."""
    from xdrtui.demo import session

    return session.open_demo(scenarios, reset=reset)
