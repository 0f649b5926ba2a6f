"""Make pictures of the screens: `python -m tests.screens.pictures FOLDER [SCENE...]`, or `... readme`.

Writes SVG (and PNG where rsvg-convert is there) at 80x24, 120x40 and 200x60 for each pane: of the store of
the sketches, of a full one with long names of all kinds, and of an empty one; the picture of the README is
xdrtui/manual/queue.svg.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.screens.opened import app_on, settled, shown
from tests.screens.sample_store import empty, full, sample

SCENES: dict[str, list[str]] = {
    "queue": [],
    "marked": ["space", "space", "j"],
    "closing": ["c"],
    "snoozing": ["z"],
    "filtering": ["slash", "h", "o"],
    "views": ["V"],
    "since": ["L"],
    "handover": ["colon", *"handover", "enter"],
    "alert": ["enter"],
    "event": ["enter", "e"],
    "live": ["3"],
    "frozen": ["3", "j", "j", "s"],
    "suppressing": ["colon", *"suppress", "enter"],
    "manual": ["colon", *"manual", "enter"],
    "full": [],
    "empty": [],
    "help": ["question_mark"],
    "palette": ["colon"],
    "light": [],
    "contrast": [],
    "colour-blind": [],
    "mono": [],
    "bare": ["enter", "Y"],
}
THEMES = ("light", "contrast", "colour-blind", "mono")
STORES: dict[str, Callable[[Path], Path]] = {"full": full, "empty": empty}
SIZES = ((80, 24), (120, 40), (200, 60))


async def picture(
    directory: Path, size: tuple[int, int], keys: list[str], theme: str = "dark"
) -> tuple[str, str]:
    app = app_on(directory, theme=theme)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        for key in keys:
            await pilot.press(key)
            await settled(pilot)
        await asyncio.sleep(0.3)
        await settled(pilot)
        return app.export_screenshot(title="xdrtui"), "\n".join(shown(app))


def squared(svg: str) -> str:
    """The picture with leading blanks as places: some renderers drop them and move the text."""

    def moved(match: re.Match[str]) -> str:
        before, x, between, length, rest, blanks = match.groups()
        shift = 12.2 * (len(blanks) // len("&#160;"))
        return f"{before}{float(x) + shift:g}{between}{float(length) - shift:g}{rest}"

    return re.sub(
        r'(<text [^>]*?\bx=")([\d.]+)("[^>]*?textLength=")([\d.]+)("[^>]*>)((?:&#160;)+)(?=[^<&]|&[^#])',
        moved,
        svg,
    )


def main(folder: Path, wanted: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in wanted or SCENES:
        for size in SIZES:
            with tempfile.TemporaryDirectory() as scratch:
                theme = name if name in THEMES else "dark"
                store = STORES.get(name, sample)(Path(scratch))
                svg, text = asyncio.run(picture(store, size, SCENES[name], theme))
            path = folder / f"{name}-{size[0]}.svg"
            path.write_text(squared(svg), encoding="utf-8")
            path.with_suffix(".txt").write_text(text, encoding="utf-8")
            if shutil.which("rsvg-convert"):
                subprocess.run(["rsvg-convert", "-o", path.with_suffix(".png"), path], check=True)


def readme() -> None:
    """The README's picture: queue and alert side by side."""
    with tempfile.TemporaryDirectory() as scratch:
        svg, _ = asyncio.run(picture(sample(Path(scratch)), (120, 32), ["j", "k"]))
    path = Path(__file__).parents[2] / "xdrtui" / "manual" / "queue.svg"
    path.write_text(squared(svg), encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1] == "readme":
        readme()
    else:
        main(Path(sys.argv[1]), sys.argv[2:])
