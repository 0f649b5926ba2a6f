"""`xdrtui help [TOPIC]`: the manual, read offline.

A topic is a Markdown file of xdrtui/manual/; its first line is its title.
"""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

import click

from xdrtui.plain import visible

MANUAL = Path(__file__).parent.parent / "manual"
FIRST = ("index", "getting-started", "commands", "settings")
"""Where a reader begins; the other topics follow by name."""


@click.command("help", short_help="Read the manual.")
@click.argument("topic", required=False)
def command(topic: str | None) -> None:
    """Print a page of the manual, or the list of its topics."""
    known = topics()
    if topic is None:
        width = max(map(len, known))
        click.echo("Topics (xdrtui help TOPIC):\n")
        for name, title in known.items():
            click.echo(f"  {name:<{width}}  {title}")
        return
    name = topic.lower().removesuffix(".md")
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        hint = f"the nearest is {close[0]}" if close else "xdrtui help lists them"
        raise click.UsageError(f"the manual has no topic {visible(topic)}: {hint}.")
    page = (MANUAL / f"{name}.md").read_text("utf-8")
    if sys.stdout.isatty():
        click.echo_via_pager(page)
    else:
        click.echo(page, nl=False)


def topics() -> dict[str, str]:
    """Topic to title, in reading order."""
    names = sorted(path.stem for path in MANUAL.glob("*.md"))
    names.sort(key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST))
    return {name: _title(MANUAL / f"{name}.md") for name in names}


def _title(path: Path) -> str:
    with path.open(encoding="utf-8") as page:
        return page.readline().lstrip("# ").strip()
