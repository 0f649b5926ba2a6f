"""`xdrtui secret set`: a secret where the settings can refer to it, on a host without a keyring."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from xdrtui.commands import make_group
from xdrtui.errors import SettingsError
from xdrtui.settings import load_settings
from xdrtui.settings.secrets import Secret, resolve, store_in_file


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "config" / "settings.yml"
    path.parent.mkdir()
    return path


def run(settings: Path, *arguments: str, typed: str) -> Result:
    return CliRunner().invoke(make_group(), ["--settings", str(settings), *arguments], input=typed)


def test_what_is_printed_is_what_the_settings_understand(settings: Path) -> None:
    result = run(settings, "secret", "set", "acme", typed="correct horse\n")
    assert result.exit_code == 0
    assert "correct horse" not in result.output
    settings.write_text(f"profiles: {{acme: {{kafka: {{password: '{result.stdout.strip()}'}}}}}}\n")
    reference = load_settings(path=settings, environ={}).kafka.password
    assert reference is not None
    assert resolve(reference).reveal() == "correct horse"


def test_the_file_is_for_its_owner_alone_whatever_was_there(settings: Path) -> None:
    folder = settings.parent / "secrets"
    folder.mkdir(mode=0o755)
    (folder / "acme").write_text("old")
    (folder / "acme").chmod(0o644)
    before = os.umask(0)
    try:
        run(settings, "secret", "set", "acme", typed="new")
    finally:
        os.umask(before)
    assert (folder / "acme").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert resolve(f"file:{folder / 'acme'}").reveal() == "new"


@pytest.mark.parametrize("name", ["../x", ".hidden", "a/b", "a b", "", "-x", "x" * 65])
def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="no name for a secret"):
        store_in_file(tmp_path, name, Secret("value"))


@pytest.mark.parametrize("typed", ["", "\n", "two\nlines\n", "x" * 70_000])
def test_nothing_and_too_much_are_refused(settings: Path, typed: str) -> None:
    result = run(settings, "secret", "set", "acme", typed=typed)
    assert result.exit_code == 1 and "Error: the secret is" in result.stderr


def test_a_secret_is_never_an_argument(settings: Path) -> None:
    result = run(settings, "secret", "set", "acme", "correct horse", typed="")
    assert result.exit_code == 2


def test_a_pipe_or_another_users_file_is_no_secret(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    with pytest.raises(SettingsError, match="not a regular file"):
        resolve(f"file:{pipe}")
    if os.getuid() == 0:
        other = tmp_path / "other"
        other.touch(mode=0o600)
        os.chown(other, 12_345, -1)
        with pytest.raises(SettingsError, match="belongs to another user"):
            resolve(f"file:{other}")
