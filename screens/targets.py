"""What a command acts on: lines of the queue, or one alert, as they were painted when the key came.

Out: how many alerts that is, whose they are, and, asked in the acting thread, their ids with the versions
that were painted, by which the desk refuses what changed meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from screens.times import number

if TYPE_CHECKING:
    from xdrtui.triage.desk import Desk
    from xdrtui.triage.rows import AlertRow, Line


@dataclass(frozen=True)
class Targets:
    """lines: whose open alerts are meant; alerts: meant one by one; away: lines that are marked and out of
    sight."""

    lines: tuple[Line, ...] = ()
    alerts: tuple[AlertRow, ...] = ()
    away: int = 0

    @property
    def meant(self) -> tuple[Line, ...]:
        """The lines whose alerts are meant: those with open ones; where none has any, all of them."""
        return tuple(line for line in self.lines if line.open) or self.lines

    @property
    def count(self) -> int:
        """How many alerts; of a line without open alerts the one that it shows is meant."""
        return sum(line.open or 1 for line in self.meant) + len(self.alerts)

    @property
    def owners(self) -> set[str]:
        """Whose they are; "" = nobody's."""
        of_lines = {owner for line in self.meant for owner in (line.owners or (line.row.owner,))}
        return of_lines | {alert.owner for alert in self.alerts}

    @property
    def first(self) -> str:
        """The id of the alert that what is about one alert (a memo, a hint) is about; "" = none."""
        if self.lines:
            return self.lines[0].newest
        return self.alerts[0].id if self.alerts else ""

    @property
    def rows(self) -> tuple[AlertRow, ...]:
        """The alerts that stand for them on the screen."""
        return tuple(line.row for line in self.lines) + self.alerts

    @property
    def asleep(self) -> bool:
        """Whether all of them are snoozed."""
        ends = [line.snoozed for line in self.lines] + [alert.snoozed for alert in self.alerts]
        return bool(ends) and all(ends)

    def versions(self) -> dict[str, int]:
        """What is meant -> the version that was painted."""
        return {f"#{line.number}": line.version for line in self.lines} | {
            alert.id: alert.version for alert in self.alerts
        }

    def seen(self, desk: Desk) -> Mapping[str, int]:
        """Alert id -> the version that was painted."""
        return desk.seen(self.meant) | {alert.id: alert.version for alert in self.alerts}

    def in_words(self) -> str:
        """ "1 alert", "18 alerts", "40 alerts of 3 lines, 2 of them out of sight" """
        words = "1 alert" if self.count == 1 else f"{number(self.count)} alerts"
        if len(self.lines) > 1:
            words += f" of {number(len(self.lines))} lines"
        if self.away:
            words += (
                f", {number(self.away)} of them out of sight" if len(self.lines) > 1 else ", out of sight"
            )
        return words
