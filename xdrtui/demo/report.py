"""What was found, held against the truth, as plain lines of at most 80 columns.

In: a `Score` of each scenario. Out: lines. The figures come from the store; nothing is rounded kindly.
"""

from __future__ import annotations

from collections.abc import Sequence

from sample_data.truth import Step, Truth
from xdrtui.demo.score import LEVELS, Judged, Score
from xdrtui.plain import counted, visible

WIDTH = 80
_TOP = 8
_PAGES = {"invoice": "scenario-invoice", "miner": "scenario-miner", "cloud": "scenario-cloud"}


def print_out(scores: Sequence[tuple[Truth, Score]], events: dict[str, int], seconds: float) -> list[str]:
    """The whole report on scenarios that were loaded to their end. events: by scenario."""
    lines: list[str] = []
    for truth, score in scores:
        lines += [*_heading(truth, events.get(truth.scenario, 0)), ""]
        lines += [*_levels(score), "", *_rules(score), "", *_steps(truth, score), "", *_false(score), ""]
    lines += _totals(scores, events, seconds)
    return [visible(line) for line in lines]


def at_the_end(scores: Sequence[tuple[Truth, Score]]) -> list[str]:
    """The report of a demo that was played to its end: also how the analyst judged, and where to read on."""
    lines = ["How it went", *_sums(scores), ""]
    for truth, score in scores:
        lines += [
            f"{truth.scenario}: {truth.title}",
            *_steps(truth, score),
            *_false(score),
            *_judged(score),
            "",
        ]
    lines += ["Where to read on, here by `:` and the page's name, or with `xdrtui help TOPIC`:"]
    lines += [f"  {_PAGES[truth.scenario]:<18}the story of '{truth.title}'" for truth, _ in scores]
    lines += ["  demo              playing it again, in part or slower", "  kafka             your own data"]
    return [visible(line) for line in lines]


def so_far(scores: Sequence[tuple[Truth, Score]], played: dict[str, int]) -> list[str]:
    """In the middle of a demo: figures without names, since what is not closed keeps its truth.
    played: scenario -> how many of its steps have begun."""
    lines = ["So far"]
    for truth, score in scores:
        begun = truth.steps[: played.get(truth.scenario, 0)]
        if not begun:
            lines.append(f"  {truth.scenario:<9}has not begun")
            continue
        found = sum(step in score.found for step in begun)
        lines.append(
            f"  {truth.scenario:<9}{found} of {len(begun)} attack steps raised an alert"
            f" ({len(truth.steps) - len(begun)} to come), {counted(sum(score.levels.values()), 'alert')}"
        )
        lines += [f"  {line}" for line in _judged(score, names=False)]
    lines += ["", "Names and misses stand here at the end of the demo; a closed alert tells its own truth."]
    return [visible(line) for line in lines]


def _heading(truth: Truth, events: int) -> list[str]:
    title = f"{truth.scenario}: {truth.title}"
    right = f"{events:,} events in 24 hours"
    return [f"{title:<{WIDTH - len(right)}}{right}", "=" * WIDTH]


def _levels(score: Score) -> list[str]:
    parts = [f"{score.levels[level]} {level}" for level in LEVELS if score.levels[level]]
    return [f"Alerts    {sum(score.levels.values())}: {', '.join(parts) or 'none'}"]


def _rules(score: Score) -> list[str]:
    lines = ["Top rules"]
    for title, level, count in score.rules[:_TOP]:
        lines.append(f"  {count:>3}  {level:<13}  {_cut(title, WIDTH - 22)}")
    if len(score.rules) > _TOP:
        lines.append(f"       and {len(score.rules) - _TOP} rules more")
    return lines


def _steps(truth: Truth, score: Score) -> list[str]:
    lines = [f"Attack    {len(score.found)} of {len(truth.steps)} steps found, {len(score.missed)} missed"]
    for step in truth.steps:
        lines.append(_step(step, "missed" if step in score.missed else "found"))
    return lines


def _step(step: Step, word: str) -> str:
    return f"  {word:<6}  {step.start[11:16]}  {step.technique:<9}  {_cut(step.title, WIDTH - 28)}"


def _false(score: Score) -> list[str]:
    alarms = counted(len(score.false_alarms), "alarm")
    head = f"False     {alarms} of level high or critical on no attack step"
    counts: dict[tuple[str, str], int] = {}
    for alert in score.false_alarms:
        counts[alert.level, alert.title] = counts.get((alert.level, alert.title), 0) + 1
    return [
        head,
        *(
            f"  {count:>3}  {level:<13}  {_cut(title, WIDTH - 22)}"
            for (level, title), count in sorted(counts.items())
        ),
    ]


def _judged(score: Score, names: bool = True) -> list[str]:
    closed = len(score.right) + len(score.wrong)
    if not closed:
        return ["Judged    none yet: close an alert with `c` to learn its truth"]
    lines = [
        f"Judged    {counted(closed, 'alert')} closed: {len(score.right)} as the truth has it,"
        f" {len(score.wrong)} otherwise"
    ]
    if names:
        lines += [f"  otherwise: {_cut(_said(alert), WIDTH - 13)}" for alert in score.wrong]
    return lines


def _said(alert: Judged) -> str:
    return f"'{alert.title}' closed as {alert.disposition.replace('_', ' ')}"


def _sums(scores: Sequence[tuple[Truth, Score]]) -> list[str]:
    steps = sum(len(truth.steps) for truth, _ in scores)
    found = sum(len(score.found) for _, score in scores)
    alarms = sum(len(score.false_alarms) for _, score in scores)
    return [
        f"  {found} of {steps} attack steps found ({found / max(steps, 1):.0%}), {steps - found} missed,"
        f" {counted(alarms, 'false alarm')}"
    ]


def _totals(scores: Sequence[tuple[Truth, Score]], events: dict[str, int], seconds: float) -> list[str]:
    alerts = {level: sum(score.levels[level] for _, score in scores) for level in LEVELS}
    levels = ", ".join(f"{n} {level}" for level, n in alerts.items() if n)
    total = sum(events.values())
    return [
        counted(len(scores), "scenario") + " together",
        "=" * WIDTH,
        f"  {total:,} events, {counted(sum(alerts.values()), 'alert')}",
        f"  {levels or 'none'}",
        *_sums(scores),
        f"  read, detected and stored in {seconds:.1f} s ({total / max(seconds, 0.001):,.0f} events/s)",
        "",
        "Run `xdrtui demo` in a terminal to judge these alerts as they come in.",
    ]


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"
