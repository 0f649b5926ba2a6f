"""`xdrtui fold`: take what a fleet's workers found into this workspace.

The work is `pipeline.fleet_fold`'s; here it is given its settings and rules, and told of.
"""

from __future__ import annotations

from pathlib import Path

import click

from xdrtui.commands.output import say
from xdrtui.commands.rules import pipeline_option
from xdrtui.commands.run import tell, working
from xdrtui.commands.session import Session, pass_session
from xdrtui.errors import SettingsError

_PATH = click.Path(path_type=Path, dir_okay=False)


@click.command("fold", short_help="Take what a fleet's workers found into this workspace.")
@click.option("--until-end", is_flag=True, help="Stop when all that is in the findings topic now was taken.")
@click.option("--from", "start", type=_PATH, metavar="FILE", help="Begin this new workspace with a snapshot.")
@click.option("--snapshot", type=_PATH, metavar="FILE", help="Write a snapshot for new workbenches; stop.")
@pipeline_option
@pass_session
def command(
    session: Session, until_end: bool, start: Path | None, snapshot: Path | None, pipelines: tuple[str, ...]
) -> None:
    """Fold the fleet's findings topic into alerts in the profile's workspace.

    For profiles with kafka.mode: fleet. Any number of analysts fold the same topic, each into a workspace of
    their own; the workers are started with `xdrtui run`, here or on any other machine.
    """
    settings = session.settings
    if settings.kafka.mode != "fleet":
        raise SettingsError(
            f"the profile {settings.name} has a local worker, so there is nothing to fold: `xdrtui run` does"
            " it all, or set kafka.mode: fleet."
        )
    from xdrtui.pipeline.fleet_snapshot import start_from, write_snapshot

    if snapshot is not None:
        size = write_snapshot(settings.workspace, snapshot)
        say(f"{snapshot}: {size / 1e6:,.1f} MB; a new workbench begins with `xdrtui fold --from {snapshot}`.")
        return
    if start is not None:
        start_from(settings.workspace, start)
    from xdrtui.pipeline.fleet_run import run_fold

    with working(session, pipelines, "fold", until_end) as work:
        say(f"Folding {settings.kafka.findings_topic} into {settings.workspace}; log: {work.log}")
        summary = run_fold(
            settings.workspace,
            settings.kafka,
            work.process,
            until_end=until_end,
            progress=work.progress,
            rules=work.rules,
        )
    tell(summary, f"{summary.messages:,} records")
