"""For all tests: a missing part is a failure in CI, and one line in the summary elsewhere.

A test that cannot run without a part (Java, tmux, the shared data) skips with a reason that begins with
`missing` or names what is missing; nothing else may skip it silently.
"""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from hypothesis import settings

settings.register_profile("project", deadline=None, print_blob=True)
settings.load_profile("project")


def is_missing(reason: str) -> bool:
    """Whether a skip's reason says that a part is missing (as against: does not apply here)."""
    return "missing" in reason


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.Module, None]:
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.skipped and os.environ.get("CI") and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if is_missing(reason):
            report.outcome = "failed"
            report.longrepr = f"in CI no part may be missing: {reason}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reasons: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        if isinstance(report.longrepr, tuple):
            reason = report.longrepr[2].removeprefix("Skipped: ")
            reasons[reason] = reasons.get(reason, 0) + 1
    for title, wanted in (("not tested, a part is missing", True), ("not applicable here", False)):
        lines = [(reason, n) for reason, n in sorted(reasons.items()) if is_missing(reason) is wanted]
        if lines:
            terminalreporter.section(title)
            for reason, count in lines:
                terminalreporter.write_line(f"{count} test{'s' if count > 1 else ''}: {reason}")
