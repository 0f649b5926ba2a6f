"""The demo without a screen: all of it at full speed, then what was found, on standard output."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click

from sample_data.truth import load_truth
from xdrtui.demo import found, place, report
from xdrtui.demo.score import score
from xdrtui.pipeline.fill import fill
from xdrtui.pipeline.rulebook import load_rulebook
from xdrtui.store.store import Store

_EVERY = 20_000
"""Events between two lines of progress."""


def print_report(scenarios: Sequence[str], reset: bool) -> int:
    """Load the scenarios into a store of the demo's own and print what was found. Return the exit code.

    reset: forget what was judged in the demo, too. Raises SettingsError, StoreError, SourceError.
    """
    wanted = place.chosen(scenarios)
    if reset:
        with place.held(place.name_of(wanted)):
            place.workspace(place.name_of(wanted), reset=True)
    with place.held("report"):
        for line in _figures(wanted):
            click.echo(line)
    return 0


def _figures(wanted: Sequence[str]) -> list[str]:
    directory = place.workspace("report", reset=True)
    _tell("reading the rules (the first time this takes a few seconds)")
    rulebook = load_rulebook()
    _tell(
        f"{len(rulebook.rules)} rules and {len(rulebook.correlations.rules)} correlations: reading the logs"
    )
    told = 0

    def progress(size: int, events: int) -> None:
        nonlocal told
        if events - told >= _EVERY:
            told = events
            _tell(f"{events:,} events")

    begun = time.monotonic()
    summary = fill(
        directory,
        [path for name in wanted for path in place.files_of(name)],
        rulebook,
        on_progress=progress,
    )
    seconds = time.monotonic() - begun
    if summary.faults or summary.stopped:
        _tell("; ".join(summary.faults) or "stopped early: the figures are of what was read so far")
    with Store.open(directory, readonly=True) as store:
        alerts = found.by_scenario(store.connection, wanted)
        events = found.events_of(store.connection)
    truths = [load_truth(name) for name in wanted]
    scores = [(truth, score(truth, alerts[truth.scenario])) for truth in truths]
    return report.print_out(scores, {name: events.get(name, 0) for name in wanted}, seconds)


def _tell(text: str) -> None:
    click.echo(f"demo: {text}", err=True)
