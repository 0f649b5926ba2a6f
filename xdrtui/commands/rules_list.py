"""`xdrtui rules list`: which rules there are, what each looks at, and how often it alerted here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from xdrtui.commands.output import LEVELS, print_json, say, table
from xdrtui.commands.rules import rulebook
from xdrtui.commands.session import Session, pass_session
from xdrtui.plain import counted

if TYPE_CHECKING:
    from xdrtui.pipeline.rulebook import Rulebook
    from xdrtui.store.batch import RuleRow
    from xdrtui.triage.rules import Off

_SHELVED = ("deprecated", "unsupported")
_STATUSES = ("stable", "test", "experimental", *_SHELVED, "off")


@click.command("list")
@click.argument("paths", nargs=-1, type=click.Path(exists=True), metavar="[PATH]...")
@click.option("--level", type=click.Choice(LEVELS), help="Only this level.")
@click.option("--tag", metavar="TAG", help="Only rules with this tag, e.g. attack.t1059.001 or T1059.")
@click.option(
    "--source", metavar="SOURCE", help="Only this log source, e.g. windows/process_creation or zeek."
)
@click.option("--status", type=click.Choice(_STATUSES), help="Only this status; off: switched off here.")
@click.option("--all", "every", is_flag=True, help="Also deprecated and unsupported rules, never in use.")
@click.option("--alerted", is_flag=True, help="Only rules that made an alert in the workspace.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@pass_session
def command(
    session: Session,
    paths: tuple[str, ...],
    level: str | None,
    tag: str | None,
    source: str | None,
    status: str | None,
    every: bool,
    alerted: bool,
    form: str,
) -> None:
    """List the rules under PATH (else the profile's), worst first, with what they made here."""
    book = rulebook(session, paths, every=True)
    off, alerts = decided(session)
    shelved = every or status in _SHELVED
    rows = [
        row
        for row in [*book.rows(), *(book.shelved_rows() if shelved else ())]
        if (not level or row.level == level)
        and (not tag or _tagged(row, tag))
        and (not source or _looks_at(book, row, source))
        and (not status or _status(book, row, off) == status)
        and (not alerted or alerts.get(row.id))
    ]
    rows.sort(key=lambda row: (LEVELS.index(row.level), row.title.lower(), row.id))
    if form == "json":
        for row in rows:
            print_json(
                {
                    "id": row.id,
                    "title": row.title,
                    "level": row.level,
                    "kind": row.kind,
                    "status": _status(book, row, off),
                    "off": off[row.id].words if row.id in off else "",
                    "log_source": log_source(book, row.id),
                    "techniques": row.techniques,
                    "tags": row.tags,
                    "alerts": alerts.get(row.id, 0),
                    "author": row.author,
                    "file": row.path,
                }
            )
        return
    table(
        ["LEVEL", "ALERTS", "TITLE", "LOG SOURCE", "ATT&CK", "STATUS", "ID"],
        [
            (
                row.level,
                str(alerts.get(row.id, 0) or "-"),
                row.title,
                log_source(book, row.id),
                ",".join(row.techniques),
                off[row.id].words if row.id in off else _status(book, row, off),
                row.id,
            )
            for row in rows
        ],
        severity=0,
        least={2: 24, 3: 16, 4: 9, 5: 12, 6: 8},
        first_to_go=(4, 3, 5),
    )
    say(counted(len(rows), "rule") + (f", {sum(row.id in off for row in rows)} off." if off else "."))


def decided(session: Session) -> tuple[dict[str, Off], dict[str, int]]:
    """The rules that are off in the workspace, and the number of alerts of each rule there."""
    from xdrtui.commands.alerts import me
    from xdrtui.store.place import DATABASE
    from xdrtui.triage.rules import RuleDesk

    workspace = session.settings.workspace
    if not (workspace / DATABASE).exists():
        return {}, {}
    with RuleDesk.open(workspace, me(), readonly=True) as desk:
        return desk.off(), desk.alerts()


def log_source(book: Rulebook, rule: str) -> str:
    """What a rule looks at; 'correlation' for one that counts others."""
    found = book.rules.get(rule) or book.shelved.get(rule)
    return str(found.log_source) if found else "correlation"


def _status(book: Rulebook, row: RuleRow, off: dict[str, Off]) -> str:
    if row.id in off:
        return "off"
    found = book.rules.get(row.id) or book.shelved.get(row.id)
    return found.status if found else ""


def _tagged(row: RuleRow, tag: str) -> bool:
    """Whether the rule has the tag; a technique stands for its sub-techniques, too."""
    wanted = tag.lower()
    technique = wanted.removeprefix("attack.")
    return any(each.lower() == wanted for each in row.tags) or any(
        each.lower() == technique or each.lower().startswith(f"{technique}.") for each in row.techniques
    )


def _looks_at(book: Rulebook, row: RuleRow, source: str) -> bool:
    """Whether all the parts asked for are parts of the rule's log source; `*` stands for any."""
    found = book.rules.get(row.id) or book.shelved.get(row.id)
    if found is None:
        return source == "correlation"
    looked = found.log_source
    parts = {looked.product, looked.category, looked.service} - {""}
    return all(part in parts for part in source.lower().split("/") if part not in ("", "*"))
