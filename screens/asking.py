"""What is asked of the person over the lines at the bottom: one key of a menu, a line of text, an entry of
the palette. One thing is asked at a time: asking takes away what was asked before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING

from textual import events

from screens.menu import Assist, Choice, Menu, Note, Prompt

if TYPE_CHECKING:
    from screens.palette import Palette
    from screens.workbench import Workbench


def never(typed: str) -> str:
    """Nothing is refused."""
    return ""


class Asking:
    """Asks for the workbench."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self.recent: list[str] = []
        """Ids of commands that were chosen in the palette, the latest first."""
        self.coming = 0
        """Menus that are being made ready: keys that come are meant for them."""

    def prepare(self, work: Callable[[], Coroutine[object, object, None]]) -> None:
        """Run what reads something and then asks."""

        async def prepared() -> None:
            try:
                await work()
            finally:
                self.coming -= 1

        self.coming += 1
        self._bench.start(prepared)

    def menu(self, title: str, choices: Sequence[Choice], notes: Sequence[Note] = ()) -> None:
        """Ask for one key; notes: what should be known before."""
        self.close()
        bench = self._bench
        menu = Menu(bench.services.look, title, choices, notes, cells=bench.size.width)
        bench.mount(menu, before=bench.edges.message)

    def text(
        self,
        label: str,
        text: str,
        done: Callable[[str], object],
        refused: Callable[[str], str] = never,
        draft: str = "",
        assist: Assist | None = None,
        over: bool = False,
    ) -> None:
        """Ask for a line of text; done is not called where it is given up, nor while it is refused.

        draft: the name under which it is kept while it is typed (see `drafts.py`); one kept earlier is
        offered again. Who asks forgets it, once the text is stored. assist: what could be typed next;
        over: the text is a proposal that typing replaces."""
        drafts = self._bench.services.drafts
        if not draft or drafts is None:
            self._prompt(label, text, done, refused=refused, assist=assist, over=over)
            return
        kept = drafts.read(draft)
        self._prompt(label, kept or text, done, lambda typed: drafts.keep(draft, typed), refused)
        if kept:
            self._bench.say("a draft that was kept: go on with it, or empty it")

    def palette(self, palette: Palette) -> None:
        """Ask for an entry of the palette, or the address of an alert."""
        from screens.deeds import go_to

        bench = self._bench
        self._prompt(":", "", lambda typed: go_to(bench, typed), palette.narrow)
        bench.mount(palette)
        self.make_room()

    def note(self, id: str) -> None:
        """A command was chosen in the palette."""
        self.recent = [id, *(one for one in self.recent if one != id)]

    def make_room(self) -> None:
        """The palette stands above the line that is typed, whatever is said below that."""
        palette = self.open_palette
        if palette is not None:
            said = self._bench.edges.message.styles.height
            below = 2 + int(said.value if said is not None else 1)
            palette.stand_over(below, self._bench.size.height - below - 4)

    def close(self) -> None:
        """Ask no more."""
        bench = self._bench
        for widget in self._over():
            widget.closed = True  # Textual takes it away a moment later
            widget.remove()
        bench.set_focus(None)

    def _over(self) -> list[Menu | Prompt | Palette]:
        """What is open."""
        from screens.palette import Palette

        bench = self._bench
        every = [*bench.query(Menu), *bench.query(Prompt), *bench.query(Palette)]
        return [each for each in every if not each.closed]

    @property
    def open_menu(self) -> Menu | None:
        """The menu that is open."""
        return next((each for each in self._over() if isinstance(each, Menu)), None)

    @property
    def open_palette(self) -> Palette | None:
        from screens.palette import Palette

        return next((each for each in self._over() if isinstance(each, Palette)), None)

    @property
    def typing(self) -> bool:
        """Whether a line of text is being typed."""
        return any(isinstance(each, Prompt) for each in self._over())

    def type(self, event: events.Key) -> None:
        """A key that came before the line took keys: it stands in it in its turn."""
        for each in self._over():
            if isinstance(each, Prompt):
                each.type(event)

    async def _found(self, palette: Palette, finished: Callable[[str | None], None], typed: str) -> None:
        """Enter came before the store had answered."""
        while palette.looking and palette.is_attached:
            await asyncio.sleep(0.02)
        if palette.is_attached:
            finished(typed)

    def _prompt(
        self,
        label: str,
        text: str,
        done: Callable[[str], object],
        changed: Callable[[str], object] | None = None,
        refused: Callable[[str], str] = never,
        assist: Assist | None = None,
        over: bool = False,
    ) -> None:
        def finished(typed: str | None) -> None:
            why = refused(typed) if typed is not None else ""
            if why:
                shown = assist is not None  # above the line, while it is typed
                again = f"{label} not taken: put it right, or escape gives it up"
                self._bench.say(again if shown else why, "bad")
                return
            palette = self.open_palette
            chosen = palette.chosen() if palette is not None else None
            if typed is not None and palette is not None and chosen is None and palette.looking:
                self.prepare(partial(self._found, palette, finished, typed))
                return
            self.close()
            if typed is not None and chosen is not None:
                chosen.do()
            elif typed is not None:
                done(typed)

        def typing(typed: str) -> None:
            self._bench.hush("bad")
            if changed is not None:
                changed(typed)

        self.close()
        bench = self._bench
        prompt = Prompt(
            bench.services.look, label, text, finished, typing, refused, assist, over,
            bench.on_key, bench.taking.noted,
        )  # fmt: skip
        bench.mount(prompt, before=bench.edges.message)
