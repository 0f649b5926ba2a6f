"""`xdrtui explain RULE EVENT|ALERT` and `--near EVENT|ALERT`: why a rule fired, or which almost did.

What is true is `pipeline.explaining`'s, how the tree looks `why_text`'s; here both are asked for.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from xdrtui.commands.output import print_json, say, styled, time_iso, time_text
from xdrtui.commands.rules import rulebook
from xdrtui.commands.session import Session, pass_session
from xdrtui.plain import visible

if TYPE_CHECKING:
    from detectors.sigma.rules import Rule
    from xdrtui.pipeline.explaining import Event, Explained
    from xdrtui.pipeline.rulebook import Rulebook
    from xdrtui.triage.rows import AlertDetail


@click.command("explain", short_help="Tell why a rule fired on an event, or did not.")
@click.argument("words", nargs=-1, required=True, metavar="[RULE] EVENT|ALERT")
@click.option("--near", "near", is_flag=True, help="The rules that EVENT almost met, nearest first.")
@click.option(
    "--lacking", type=click.IntRange(1, 5), default=1, show_default=True, help="With --near: items."
)
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True, help="With --near: rules.")
@click.option("--nth", type=click.IntRange(1), default=1, show_default=True, help="Which event of an alert.")
@click.option("--full", is_flag=True, help="Leave nothing of long lists out.")
@click.option(
    "--rules",
    multiple=True,
    type=click.Path(exists=True),
    metavar="PATH",
    help="Use these rules instead of the profile's; may be given several times.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@pass_session
def command(
    session: Session,
    words: tuple[str, ...],
    near: bool,
    lacking: int,
    limit: int,
    nth: int,
    full: bool,
    rules: tuple[str, ...],
    form: str,
) -> None:
    """Tell why RULE fired on EVENT, or did not: its condition as a tree, with what matched.

    RULE is an id, a title or a file. EVENT is FILE:LINE as scan prints it (counted from 0), a file, or - for
    standard input. ALERT is an alert's id; alone, it is explained by the rule that made it.
    """
    if len(words) > (1 if near else 2):
        raise click.UsageError(
            "--near takes an event or an alert." if near else "a rule and an event, no more."
        )
    book = rulebook(session, rules)
    target = _Target(session, words[-1], nth)
    if near:
        _near(book, target, lacking, limit, form)
        return
    if len(words) == 1:
        if target.place is not None:
            raise click.UsageError("name the rule, or ask --near which rules the event almost met.")
        _alert_alone(book, target, form, full)
        return
    from detectors.sigma.rules import Rule
    from xdrtui.pipeline.explaining import find_rule, only_rule

    is_file = words[0].endswith((".yml", ".yaml")) and Path(words[0]).is_file()
    chosen = only_rule(rulebook(session, (words[0],)), words[0]) if is_file else find_rule(book, words[0])
    if not isinstance(chosen, Rule):
        raise click.UsageError(
            f"{visible(chosen.title)} counts what several events match: "
            "give the id of its alert, or one of the rules it counts."
        )
    _show(chosen, target, form, full)


class _Target:
    """What is to be explained: an event at a place, or an alert."""

    def __init__(self, session: Session, text: str, nth: int) -> None:
        from xdrtui.pipeline.explaining import place_of

        self.session = session
        self.nth = nth
        self.place = place_of(text)
        self.detail: AlertDetail | None = None
        if self.place is None:
            if len(text) < 4 or set(text.lower()) - set("0123456789abcdef-"):
                raise click.UsageError(
                    f"{visible(text)} is neither a file, nor FILE:LINE, nor an alert's id."
                )
            from xdrtui.commands.alerts import open_desk

            with open_desk(session) as desk:
                self.detail = desk.alert(desk.find(text))

    def events(self, rules: Sequence[Rule]) -> list[Event]:
        from xdrtui.pipeline.explaining import fields_asked, read_evidence, read_place

        if self.place is not None:
            return read_place(self.place, fields_asked(rules))
        assert self.detail is not None
        pinned = self.detail.evidence
        if self.nth > len(pinned):
            raise click.UsageError(f"the alert has {len(pinned)} pinned events.")
        if len(pinned) > 1:
            say(f"event {self.nth} of {len(pinned)} that are pinned (--nth chooses)")
        return [read_evidence(pinned[self.nth - 1], fields_asked(rules))]


def _alert_alone(book: Rulebook, target: _Target, form: str, full: bool) -> None:
    """An alert by the rule that made it."""
    from xdrtui.errors import RuleError
    from xdrtui.pipeline.explaining import explain_alert, rule_as_stored

    detail = target.detail
    assert detail is not None
    correlation = next((each for each in book.correlations.rules if each.id == detail.row.rule), None)
    if correlation is not None:
        from xdrtui.commands.why_text import correlation_lines
        from xdrtui.store.store import Store

        with Store.open(target.session.settings.workspace, readonly=True) as store:
            explanation = explain_alert(store, detail.row.id, correlation, book)
            sources = {uid: source.name for uid, source in store.sources().items()}
        if form == "json":
            print_json(msgspec.to_builtins(explanation))
            return
        click.echo(f"{styled(detail.row.level)}  {click.style(visible(explanation.title), bold=True)}")
        for line in correlation_lines(explanation, sources):
            click.echo(f"  {line}".rstrip())
        return
    if detail.rule is None:
        raise RuleError(f"the store does not know the rule {detail.row.rule} of this alert.")
    if detail.rule.kind == "correlation":
        raise RuleError(f"the correlation {detail.rule.title!r} is not among the rules in use (--rules).")
    _show(rule_as_stored(detail.rule, book), target, form, full)


def _show(rule: Rule, target: _Target, form: str, full: bool) -> None:
    from xdrtui.pipeline.explaining import explain_rule

    explained = explain_rule(rule, target.events([rule]))
    if form == "json":
        print_json(_as_data(explained))
        return
    from xdrtui.commands.why_text import tree_lines

    event = explained.event
    if explained.fires:
        word = click.style("fires", fg="green", bold=True)
    else:
        word = click.style("does not fire" if explained.serves else "does not look", fg="red", bold=True)
    click.echo(f"{styled(rule.level)}  {click.style(visible(rule.title), bold=True)}  {word}")
    click.echo(f"  rule   {visible(rule.id)}  {visible(rule.file)}")
    click.echo(f"  event  {_place(event)}  {time_text(event.time)}  {event.event_type.name}")
    click.echo(f"         {visible(event.summary)}")
    if not explained.serves:
        click.echo(f"  The rule looks at {visible(str(rule.log_source))}, the event is none of these.")
    for condition in rule.conditions:
        click.echo(f"  when   {visible(condition)}")
    click.echo()
    for line in tree_lines(explained.why, _room(), full):
        click.echo(line)


def _near(book: Rulebook, target: _Target, lacking: int, limit: int, form: str) -> None:
    from detectors.sigma.plan import looks_at
    from xdrtui.commands.why_text import lacking_text
    from xdrtui.pipeline.explaining import near

    rules = list(book.rules.values())
    event = target.events(rules)[0]
    fire, missed = near(rules, event, lacking)
    if form == "json":
        for rule in fire:
            print_json({"rule": _rule_data(rule), "event": _event_data(event), "fires": True, "lacking": []})
        for each in missed[:limit]:
            found = [msgspec.to_builtins(why) for why in each.lacking]
            data = {"rule": _rule_data(each.rule), "event": _event_data(event), "fires": False}
            print_json({**data, "lacking": found, "met": each.met})
        return
    click.echo(f"{_place(event)}  {time_text(event.time)}  {event.event_type.name}")
    click.echo(f"  {visible(event.summary)}\n")
    for rule in fire:
        click.echo(
            f"{click.style('fires', fg='green', bold=True)}    {styled(rule.level)}  {visible(rule.title)}"
        )
    if fire:
        click.echo()
    for each in missed[:limit]:
        lack = click.style(f"lacks {len(each.lacking)}", fg="yellow", bold=True)
        click.echo(f"{lack}  {styled(each.rule.level)}  {visible(each.rule.title)}  {visible(each.rule.id)}")
        for line in lacking_text(each.lacking, _room() - 9):
            click.echo(f"         {line}")
    serving = sum(looks_at(rule, event.event_type) for rule in rules)
    items = "one item" if lacking == 1 else f"{lacking} items at the most"
    more = f", the nearest {limit} are shown" if len(missed) > limit else ""
    say(f"{serving} rules look at such events: {len(fire)} fire, {len(missed)} lack {items}{more}.")


def _place(event: Event) -> str:
    index = f":{event.index}" if event.index else ""
    return visible(f"{event.source}:{event.offset}{index}")


def _room() -> int:
    from xdrtui.commands.why_text import ROOM

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else ROOM


def _rule_data(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.id,
        "title": rule.title,
        "level": rule.level,
        "file": rule.file,
        "log_source": str(rule.log_source),
        "conditions": rule.conditions,
    }


def _event_data(event: Event) -> dict[str, object]:
    return {
        "source": event.source,
        "offset": event.offset,
        "index": event.index,
        "time": time_iso(event.time),
        "event_type": event.event_type.name,
        "summary": event.summary,
    }


def _as_data(explained: Explained) -> dict[str, object]:
    return {
        "rule": _rule_data(explained.rule),
        "event": _event_data(explained.event),
        "serves": explained.serves,
        "fires": explained.fires,
        "why": msgspec.to_builtins(explained.why),
    }
