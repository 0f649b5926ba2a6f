"""The demo without a screen: all of it at full speed, then what was found, on standard output."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click

from sample_data.truth import load_truth
from xdrtui.demo import found, place, report
from xdrtui.demo.load import load
from xdrtui.demo.score import score
from xdrtui.pipeline.rulebook import load_rulebook
from xdrtui.store.store import Store


def print_report(scenarios: Sequence[str], reset: bool) -> int:
    """Load the scenarios into a store of the demo's own and print what was found. Return the exit code.

    reset: forget what was judged in the demo, too. Raises SettingsError, StoreError, SourceError.
    """
    wanted = place.chosen(scenarios)
    if reset or place.wants_reset():
        place.workspace(place.name_of(wanted), reset=True)
    directory = place.workspace("report", reset=True)
    _tell("reading the rules (the first time this takes a few seconds)")
    rulebook = load_rulebook()
    _tell(f"{len(rulebook.rules)} rules and {len(rulebook.correlations.rules)} correlations")
    begun = time.monotonic()
    loaded = load(directory, wanted, rulebook, tell=_tell)
    seconds = time.monotonic() - begun
    with Store.open(directory, readonly=True) as store:
        alerts = found.by_scenario(store.connection, wanted)
    truths = [load_truth(name) for name in wanted]
    scores = [(truth, score(truth, alerts[truth.scenario])) for truth in truths]
    for line in report.print_out(scores, loaded.events, seconds):
        click.echo(line)
    return 0


def _tell(text: str) -> None:
    click.echo(f"demo: {text}", err=True)
