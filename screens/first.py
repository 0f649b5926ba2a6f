"""The first start joined to what it begins: the check of a cluster, the reading of files, the settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from screens.look import look_for
from screens.start import Chosen, StartApp, write_settings
from xdrtui.plain import counted

if TYPE_CHECKING:
    from screens.keeper import BlackBox
    from xdrtui.commands.session import Session
    from xdrtui.sources.step import Step


def begin(session: Session, workspace: Path, box: BlackBox) -> str:
    """Ask where to begin, and make it ready; the kind that was chosen. Raises OSError where settings cannot
    be written."""

    def attempt(kafka: dict[str, object]) -> Iterator[Step]:
        from xdrtui.settings import KafkaSettings
        from xdrtui.sources.check import check

        return check(KafkaSettings.model_validate(kafka))

    def keep(password: str) -> str:
        from xdrtui.places import default_file
        from xdrtui.settings.secrets import Secret, store_in_file

        return f"file:{store_in_file(default_file().parent / 'secrets', 'kafka', Secret(password))}"

    def fill(paths: Sequence[str], told: Callable[[int, int], None]) -> str:
        from xdrtui.commands.rules import rulebook
        from xdrtui.pipeline.fill import fill as read

        workspace.mkdir(mode=0o700, parents=True, exist_ok=True)
        summary = read(workspace, paths, rulebook(session), on_progress=told)
        said = (
            f"{counted(summary.counts.events, 'event')} read, {counted(summary.matches, 'match', 'matches')}."
        )
        faults = f" Not all could be read: {summary.faults[0]}" if summary.faults else ""
        return f"{said}{' Stopped early.' if summary.stopped else ''}{faults}"

    box.begin(workspace)
    app = StartApp(look_for(os.environ), fill, attempt, keep)
    chosen = app.run(mouse=False) or Chosen()
    if app.return_code in (None, 0):
        box.left()
    if chosen.kind == "kafka":
        from xdrtui.places import default_file

        write_settings(default_file(), chosen.kafka)
    return chosen.kind
