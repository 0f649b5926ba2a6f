"""The house rules that no other tool checks: what stands where, how long files are, what they may not say."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import xdrtui

ROOT = Path(__file__).resolve().parents[1]

TOP = {
    *("pyproject.toml", "Makefile", "CHANGELOG.md", "LICENSE", "constraints.txt", ".gitignore", "README.md"),
    *("xdrtui", "screens", "detectors", "tests", "sample_data", ".ci"),
}
LONGEST = 420
"""About 400."""
REGISTRIES = (
    "pypi." + "org",
    "python" + "hosted",
    "index" + "-url",
    "files." + "python",
    "registry." + "npmjs",
)


def tracked() -> list[Path]:
    try:
        run = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [ROOT / name for name in run.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def texts(*suffixes: str) -> list[tuple[Path, str]]:
    found = []
    for path in tracked():
        if not suffixes or path.suffix in suffixes:
            try:
                found.append((path, path.read_text("utf-8")))
            except UnicodeDecodeError:
                continue
    return found


def test_the_top_level_holds_what_belongs_there_and_nothing_else() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in tracked()} <= TOP


def test_no_file_of_code_is_so_long_that_it_holds_two_things() -> None:
    long = {str(path.relative_to(ROOT)): text.count("\n") for path, text in texts(".py", ".tcss")}
    assert {name: lines for name, lines in long.items() if lines > LONGEST} == {}


def test_no_registry_is_named_so_that_any_mirror_serves() -> None:
    named = [
        (path.name, host)
        for path, text in texts(".py", ".toml", ".txt", ".md", ".sh", "")
        for host in REGISTRIES
        if host in text
    ]
    assert named == []


def test_nothing_points_at_the_workplace() -> None:
    words = re.compile(r"/work/(main|shared)|/tmp/" + r"brief|\bissue #?\d+ of ours\b")
    assert [path.name for path, text in texts() if words.search(text)] == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path, text in texts(".py")
        if text.strip() and not text.lstrip().startswith(('"""', 'r"""', "#!"))
    ]
    assert silent == []


def test_the_version_is_said_once_to_people_and_once_to_pip() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == xdrtui.__version__


def test_every_dependency_is_pinned() -> None:
    def name(line: str) -> str:
        return re.split(r"[<>=!\[; ]", line, maxsplit=1)[0].lower().replace("_", "-")

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {name(line) for line in [*project["dependencies"], *project["optional-dependencies"]["dev"]]}
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = {name(line) for line in lines if "==" in line}
    assert wanted - pins == set()
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.+-]+", line) for line in lines if line[:1] != "#")


def test_the_changelog_has_an_entry_for_this_version() -> None:
    assert f"## {xdrtui.__version__}" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("script", [".ci/run", ".ci/environment", ".ci/check"])
def test_scripts_are_sound_for_a_plain_shell(script: str) -> None:
    path = ROOT / script
    assert path.stat().st_mode & 0o111
    subprocess.run(["sh", "-n", str(path)], check=True)


def test_what_is_imported_is_declared() -> None:
    """A library that another one happens to bring may be gone tomorrow."""
    names = {
        "yaml": "pyyaml",
        "sigma": "pysigma",
        "confluent_kafka": "confluent-kafka",
        "pydantic_core": "pydantic",
    }
    ours = {"xdrtui", "screens", "detectors", "sample_data", "tests"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {
        re.split(r"[<>=!\[; ]", line, maxsplit=1)[0].lower()
        for line in [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    }
    undeclared = set()
    for path, text in texts(".py"):
        for node in ast.walk(ast.parse(text)):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                modules = [node.module or ""]
            for module in modules:
                top = module.partition(".")[0]
                name = names.get(top, top.replace("_", "-")).lower()
                if top not in ours and top not in sys.stdlib_module_names and name not in declared:
                    undeclared.add(f"{path.relative_to(ROOT)}: {top}")
    assert undeclared == set()
