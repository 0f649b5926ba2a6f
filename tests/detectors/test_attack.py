"""ATT&CK ids lead to names, however they are written."""

from __future__ import annotations

import pytest

from detectors.taxonomy.attack import tactic_name, tactics, technique, techniques


@pytest.mark.parametrize("written", ["T1059.001", "t1059.001", "attack.t1059.001", " attack.T1059.001 "])
def test_a_technique_is_found_however_its_id_is_written(written: str) -> None:
    found = technique(written)
    assert found is not None
    assert (found.id, found.name, found.parent) == (
        "T1059.001",
        "PowerShell",
        "Command and Scripting Interpreter",
    )
    assert found.full_name == "Command and Scripting Interpreter: PowerShell"
    assert found.url == "https://attack.mitre.org/techniques/T1059/001/"
    assert found.tactics == ("execution",)


@pytest.mark.parametrize(
    "unknown", ["", "T9999", "T1059.999", "attack.execution", "car.2016-03-001", "T1059/001"]
)
def test_an_unknown_id_is_none(unknown: str) -> None:
    assert technique(unknown) is None


@pytest.mark.parametrize(
    ("former", "current"),
    [("T1562.001", "T1685"), ("T1562.008", "T1685.002"), ("T1070.001", "T1685.005"), ("T1086", "T1059.001")],
)
def test_a_withdrawn_id_leads_to_the_one_that_replaced_it(former: str, current: str) -> None:
    found = technique(former)
    assert found is not None
    assert found.id == current


def test_each_technique_has_a_name_and_known_tactics() -> None:
    assert len(techniques()) > 650
    for found in techniques().values():
        assert found.name
        assert found.tactics
        assert set(found.tactics) <= set(tactics())


@pytest.mark.parametrize("written", ["privilege-escalation", "attack.privilege_escalation", "TA0004"])
def test_a_tactic_has_a_name_however_it_is_written(written: str) -> None:
    assert tactic_name(written) == "Privilege Escalation"


def test_the_tactic_that_was_split_is_still_known() -> None:
    assert tactic_name("attack.defense-evasion") == "Stealth"


def test_an_unknown_tactic_is_none() -> None:
    assert tactic_name("attack.t1059") is None
