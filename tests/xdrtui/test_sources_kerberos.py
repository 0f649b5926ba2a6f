"""Login by Kerberos: what is asked of this machine before a KDC is (see tests/kafka/soak_kerberos.py)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from xdrtui.errors import SettingsError
from xdrtui.settings.model import KafkaSettings
from xdrtui.sources import kerberos
from xdrtui.sources.connection import connection


def gssapi(**more: object) -> KafkaSettings:
    return KafkaSettings.model_validate({"brokers": ["b:1"], "sasl": "gssapi", **more})


def test_kerberos_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kerberos, "_installed", lambda: False)
    with pytest.raises(SettingsError, match=r"pip install 'xdrtui\[kerberos\]'"):
        connection(gssapi())


def test_a_keytab_is_for_nobody_elses_eyes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """tests/kafka/soak_kerberos.py logs in at a real KDC."""
    for name in ("KRB5_CLIENT_KTNAME", "KRB5CCNAME"):
        monkeypatch.setenv(name, "as it was")
    monkeypatch.setattr(kerberos, "_installed", lambda: True)
    monkeypatch.setattr(kerberos, "_tell_errors", lambda: None)
    keytab = tmp_path / "analyst.keytab"
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        connection(gssapi(keytab=str(keytab)))
    keytab.touch(mode=0o644)
    with pytest.raises(SettingsError, match="can be read by others: chmod 600"):
        connection(gssapi(keytab=str(keytab)))
    keytab.chmod(0o600)
    to = connection(gssapi(keytab=str(keytab), kerberos_service="broker"))
    assert (to.protocol, to.mechanism, to.who) == ("SASL_PLAINTEXT", "GSSAPI", "analyst.keytab")
    assert to.arguments()["sasl_kerberos_service_name"] == "broker"
    assert os.environ["KRB5_CLIENT_KTNAME"] == f"FILE:{keytab}"


def test_what_kerberos_says_is_found_in_aiokafkas_log() -> None:
    line = "Unable connect: AuthenticationFailedError(\"Kerberos: Cannot contact any KDC for realm 'A'\")"
    assert kerberos.reason(line) == "Cannot contact any KDC for realm 'A'"
    assert kerberos.reason("Unable connect to b:1: AuthenticationFailedError('no')") == ""
