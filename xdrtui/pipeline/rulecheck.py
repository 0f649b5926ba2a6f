"""Check rule files against what the layouts bring, and right in them what is safe.

In: rule files. Out: remarks, from `detectors.sigma.lint`, and files rewritten whole or not at all.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path

from detectors.sigma.lint.check import KINDS, TIDY, check_rules
from detectors.sigma.lint.fix import fix
from detectors.sigma.lint.remark import Remark
from detectors.sigma.lint.source import Served
from detectors.sigma.problem import Problem
from xdrtui.errors import RuleError
from xdrtui.events.layouts.layout import bundled_layouts

__all__ = ["KINDS", "TIDY", "all_problems", "fix_files", "remarks_on", "served"]


@cache
def served() -> Served:
    """What the bundled layouts bring."""
    layouts = bundled_layouts()
    sources = [source for layout in layouts.layouts for kind in layout.kinds for source in kind.log_sources]
    return Served(
        tuple(layouts.event_types()),
        frozenset(source for source in sources if "{" not in source.service),
        frozenset(source.product for source in sources if "{" in source.service),
    )


def remarks_on(texts: Mapping[str, bytes], skip: Collection[str] = (), *, tidy: bool = False) -> list[Remark]:
    """The remarks on these files (name -> content). skip: kinds not wanted; tidy: also those that are
    harmless."""
    return check_rules(texts, served(), frozenset(skip) if tidy else TIDY | frozenset(skip))


def all_problems(problems: Collection[Problem], remarks: Collection[Remark]) -> list[Problem]:
    """What parsing found and what the checks found, in the order of files and lines, each thing once."""
    said = {(problem.file, problem.message) for problem in problems}
    fresh = [remark for remark in remarks if (remark.file, remark.message) not in said]
    return sorted([*problems, *fresh], key=lambda each: (each.file, each.line, each.column))


def fix_files(
    texts: Mapping[str, bytes], skip: Collection[str] = (), *, tidy: bool = False
) -> dict[str, list[Remark]]:
    """Rewrite the files in which something can safely be righted: name -> what was.

    Raises RuleError where a file cannot be written, or was changed since it was read.
    """
    done: dict[str, list[Remark]] = {}
    for file, data in texts.items():

        def check(content: bytes, name: str = file) -> list[Remark]:
            return remarks_on({name: content}, skip, tidy=tidy)

        changed, settled = fix(data, check)
        if changed != data:
            replace_file(Path(file), data, changed)
            done[file] = settled
    return done


def replace_file(path: Path, before: bytes, after: bytes) -> None:
    """Put `after` in the place of a file that holds `before`, whole or not at all; its mode stays."""
    path = path.resolve()
    try:
        if path.read_bytes() != before:
            raise RuleError(f"{path} has just been changed by somebody else: check again.")
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(after)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(path.stat().st_mode & 0o777)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise RuleError(f"{path} cannot be rewritten: {error.strerror}.") from error
