"""`xdrtui rules coverage [DATA...]`: which rules can fire here, which are blind, which have gone blind.

What that means is `pipeline.coverage`'s; here it is asked for, over files or over the workspace's memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from xdrtui.commands.output import LEVELS, Progress, print_json, say, table, time_iso, time_text
from xdrtui.commands.rules import rulebook
from xdrtui.commands.session import Session, pass_session

if TYPE_CHECKING:
    from xdrtui.pipeline.coverage import Covered, Data, Sight
    from xdrtui.pipeline.navigator import Technique
    from xdrtui.pipeline.rulebook import Rulebook

_HOSTS = 3
"""Hosts that a row names."""


@click.command("coverage")
@click.argument("data", nargs=-1, type=click.Path(), metavar="[DATA]...")
@click.option(
    "--rules",
    multiple=True,
    type=click.Path(exists=True),
    metavar="PATH",
    help="Use these rules instead of the profile's; may be given several times.",
)
@click.option(
    "--by", type=click.Choice(["rule", "technique"]), default="rule", show_default=True, help="What a row is."
)
@click.option("--level", type=click.Choice(LEVELS), help="Only rules of this level or above.")
@click.option("--all", "all_of_them", is_flag=True, help="Also rows of rules that can fire.")
@click.option(
    "--navigator",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Also write a layer for the ATT&CK Navigator.",
)
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@pass_session
def command(
    session: Session,
    data: tuple[str, ...],
    rules: tuple[str, ...],
    by: str,
    level: str | None,
    all_of_them: bool,
    navigator: Path | None,
    form: str,
) -> None:
    """Tell which rules can fire on DATA (files, folders), else on what the workspace has seen.

    A rule is able, able in part, gone blind (fields it needs stopped coming), blind (they never came), or no
    event it looks at came in at all.
    """
    from xdrtui.pipeline.coverage import cover, tally
    from xdrtui.pipeline.navigator import by_technique, layer

    book = rulebook(session, rules)
    seen = _from_files(data, book) if data else _from_workspace(session)
    graver = LEVELS[: LEVELS.index(level) + 1] if level else LEVELS
    covered = [each for each in cover(book, seen) if each.level in graver]
    techniques = by_technique(covered)
    if by == "technique":
        _print_techniques(techniques, form)
    elif form == "json":
        for each in covered:
            print_json(_as_data(each))
    else:
        _print_rules(covered, all_of_them)
    counts = tally(covered)
    told = [f"{n} {status}" for status, n in counts.items() if n]
    gone = sum(any(sight.status == "gone blind" for sight in each.sights) for each in covered)
    say(f"{len(covered)} rules: {', '.join(told)}.")
    if gone:
        say(f"{gone} of them have gone blind on some host or event type.")
    if navigator is not None:
        where = ", ".join(data) if data else str(session.settings.workspace)
        text = json.dumps(layer(techniques, "xdrtui coverage", f"Which rules can fire on {where}"), indent=1)
        navigator.write_text(text, "utf-8")
        say(f"{len(techniques)} techniques written to {navigator}.")


def _from_files(paths: Sequence[str], book: Rulebook) -> Data:
    from xdrtui.commands.scan import size_of
    from xdrtui.pipeline.coverage import look

    progress, total = Progress("events"), size_of(paths)
    try:
        return look(paths, book, lambda size, events: progress.update(size, total, events))
    finally:
        progress.clear()


def _from_workspace(session: Session) -> Data:
    from xdrtui.errors import StoreError
    from xdrtui.pipeline.coverage import remembered
    from xdrtui.store.place import DATABASE
    from xdrtui.store.store import Store

    workspace = session.settings.workspace
    if not (workspace / DATABASE).exists():
        raise StoreError(f"nothing is stored in {workspace} yet: name files, or let `xdrtui run` read some.")
    with Store.open(workspace, readonly=True) as store:
        return remembered(store.sightings())


def _print_rules(covered: Sequence[Covered], all_of_them: bool) -> None:
    rows = [row for each in covered for row in _rows(each, all_of_them)]
    rows.sort(key=lambda row: (_STATUS_ORDER.index(row[1]), LEVELS.index(row[0]), row[2], row[3]))
    if rows:
        table(
            ["LEVEL", "STATUS", "RULE", "EVENT TYPE", "HOSTS", "WHY"],
            rows,
            severity=0,
            least={2: 20, 3: 12, 4: 8, 5: 24},
            first_to_go=(3, 4),
        )


_STATUS_ORDER = ("gone blind", "blind", "no events", "unknown", "partly", "able")


def _rows(each: Covered, all_of_them: bool) -> list[tuple[str, ...]]:
    """A row for each event type, status and reason; hosts alike share one."""
    fires = each.status in ("able", "partly")
    if not each.sights:
        return [(each.level, each.status, each.title, each.log_source, "-", each.why)] * (
            all_of_them or not fires
        )
    alike: dict[tuple[str, str, str], list[Sight]] = {}
    for sight in each.sights:
        if all_of_them or sight.status == "gone blind" or not fires:
            alike.setdefault((sight.status, sight.event_type, _why(sight)), []).append(sight)
    return [
        (each.level, status, each.title, event_type, _hosts(sights), why)
        for (status, event_type, why), sights in alike.items()
    ]


def _why(sight: Sight) -> str:
    fields = ", ".join(sight.fields)
    if sight.status == "gone blind":
        return f"{fields}: not since {time_text(sight.since)}, {sight.missed:,} events ago"
    if sight.status == "blind":
        return f"never there: {fields}"
    if sight.status == "partly":
        return f"not there: {fields}"
    return f"not counted yet: {fields}" if fields else ""


def _hosts(sights: Sequence[Sight]) -> str:
    names = [sight.host or "(no host)" for sight in sights]
    more = f" and {len(names) - _HOSTS} more" if len(names) > _HOSTS else ""
    return ", ".join(names[:_HOSTS]) + more


def _print_techniques(techniques: Iterable[Technique], form: str) -> None:
    if form == "json":
        for each in techniques:
            rules = [rule.rule for rule in each.rules]
            print_json(
                {
                    "technique": each.id,
                    "name": each.name,
                    "score": each.score,
                    "rules": rules,
                    "gone_blind_somewhere": each.gone,
                    **each.counts,
                }
            )
        return
    table(
        ["TECHNIQUE", "CAN FIRE", "GONE BLIND", "BLIND", "NO EVENTS", "NAME"],
        [
            (
                each.id,
                f"{each.able} of {len(each.rules)}",
                str(each.gone),
                str(each.counts["blind"] + each.counts["unknown"]),
                str(each.counts["no events"]),
                each.name,
            )
            for each in techniques
        ],
    )


def _as_data(each: Covered) -> dict[str, object]:
    data: dict[str, object] = msgspec.to_builtins(each)
    data["sights"] = [
        {**msgspec.to_builtins(sight), "since": time_iso(sight.since) if sight.since else None}
        for sight in each.sights
    ]
    return data
