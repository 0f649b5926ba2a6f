"""Secrets are fetched from where they lie and shown to nobody."""

from __future__ import annotations

import pickle
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend

from xdrtui.errors import SettingsError
from xdrtui.settings.secrets import Secret, resolve, store_in_keyring, strike_out


class OneKeyring(KeyringBackend):
    """A keyring with one secret, in memory."""

    priority = 1  # type: ignore[assignment]

    def get_password(self, service: str, username: str) -> str | None:
        return "from the ring" if (service, username) == ("xdrtui", "acme") else None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError

    def delete_password(self, service: str, username: str) -> None:
        raise NotImplementedError


def test_from_the_environment() -> None:
    assert resolve("env:PW", {"PW": "s3cret"}).reveal() == "s3cret"


def test_from_a_file_of_mode_600(tmp_path: Path) -> None:
    path = tmp_path / "pw"
    path.write_text("s3cret\n")
    path.chmod(0o600)
    assert resolve(f"file:{path}").reveal() == "s3cret"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "pw"
    path.write_text("s3cret")
    path.chmod(mode)
    with pytest.raises(SettingsError, match="can be read by others: chmod 600"):
        resolve(f"file:{path}")


def test_from_the_keyring() -> None:
    before = keyring.get_keyring()
    keyring.set_keyring(OneKeyring())
    try:
        assert resolve("keyring:acme").reveal() == "from the ring"
        with pytest.raises(SettingsError, match="store it with `xdrtui secret set --keyring other`"):
            resolve("keyring:other")
    finally:
        keyring.set_keyring(before)


def test_a_host_without_a_keyring_is_told_what_works() -> None:
    from keyring.backends.fail import Keyring

    before = keyring.get_keyring()
    keyring.set_keyring(Keyring())
    try:
        with pytest.raises(SettingsError, match=r"use a file .*xdrtui secret set"):
            resolve("keyring:acme")
    finally:
        keyring.set_keyring(before)


@pytest.mark.parametrize("reference", ["env:NOT_THERE", "file:/not/there", "file:/"])
def test_a_secret_that_is_not_there_says_what_to_do(reference: str) -> None:
    with pytest.raises(SettingsError):
        resolve(reference, {})


def test_an_empty_secret_is_said_and_not_sent(tmp_path: Path) -> None:
    path = tmp_path / "pw"
    path.touch(mode=0o600)
    path.write_text("\n")
    with pytest.raises(SettingsError, match="is empty: make it by `xdrtui secret set"):
        resolve(f"file:{path}")
    with pytest.raises(SettingsError, match="env:PW is empty"):
        resolve("env:PW", {"PW": ""})


def test_a_keyring_that_is_set_and_not_installed_is_said() -> None:
    class Missing(OneKeyring):
        def get_password(self, service: str, username: str) -> str | None:
            raise ModuleNotFoundError("No module named 'their_ring'")

        def set_password(self, service: str, username: str, password: str) -> None:
            raise ModuleNotFoundError("No module named 'their_ring'")

    before = keyring.get_keyring()
    keyring.set_keyring(Missing())
    try:
        with pytest.raises(SettingsError, match=r"their_ring.*on a host without a keyring use a file"):
            resolve("keyring:acme")
        with pytest.raises(SettingsError, match=r"their_ring.*without --keyring"):
            store_in_keyring("acme", Secret("s3cret"))
    finally:
        keyring.set_keyring(before)


def test_a_secret_never_shows_itself() -> None:
    secret = Secret("hunter2hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_what_was_revealed_is_struck_out_of_the_logs() -> None:
    Secret("correct horse").reveal()
    assert strike_out("login with correct horse failed") == "login with *** failed"
