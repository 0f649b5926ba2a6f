"""From alert to alert on the page: through those of a line, newest first, then on to the next line.

Steps are taken one after the other, each from where the last one led, however fast the keys come.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from screens.workbench import Workbench
    from xdrtui.triage.desk import AlertQuery, Desk


class Walk:
    """Steps of `J` and `K` that are still to be taken."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._steps: list[int] = []
        self._walking = False

    @property
    def under_way(self) -> bool:
        """Whether steps are still to be taken."""
        return self._walking

    def step(self, step: int) -> None:
        """One alert on (1) or back (-1)."""
        self._steps.append(step)
        if not self._walking:
            self._walking = True
            self._bench.start(self._go)

    async def _go(self) -> None:
        from xdrtui.errors import XdrtuiError

        bench, queue = self._bench, self._bench.queue
        try:
            while self._steps:
                step, id = self._steps.pop(0), bench.alert.id_wanted
                query = queue.alert_query(queue.query_text)
                beside = await bench.services.desks.read(partial(_beside, query=query, id=id, step=step))
                if beside:
                    bench.alert.show(beside, pinned=True)
                elif 0 <= queue.table.cursor + step < len(queue.source):
                    queue.table.move(step)
                    bench.show_line()
                else:
                    bench.say(f"this is the {'last' if step > 0 else 'first'} alert of the queue")
        except XdrtuiError as error:
            self._steps.clear()
            bench.say(str(error), "bad")
        finally:
            self._walking = False


def _beside(desk: Desk, query: AlertQuery, id: str, step: int) -> str:
    return desk.beside(query, id, step)
