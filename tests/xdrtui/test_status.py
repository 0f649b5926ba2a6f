"""What is not well ends with its cause; what happened waits until somebody has seen it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from screens.status_bar import alarm
from xdrtui.commands import make_group
from xdrtui.errors import ActionRefused
from xdrtui.store import workers
from xdrtui.store.store import Store
from xdrtui.store.workers import Heartbeat
from xdrtui.triage.desk import Desk, Principal

GAP = "Retention gap: partition 0 of windows begins at 7 now"
STUCK = "the connection to Kafka was stuck (nothing was heard) and was built anew: reading goes on."
HOSTILE = "partition 0 of \x1b]0;owned\x07 is \u202egone"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    folder = tmp_path / "workspace"
    monkeypatch.setenv("XDRTUI_WORKSPACE", str(folder))
    with Store.open(folder) as store:
        beat(store, "w1")
    return folder


def beat(store: Store, name: str, ago: float = 0.0, **figures: float) -> None:
    at = time.time_ns() - int(ago * 1e9)
    with store.transaction():
        workers.write_heartbeat(store.connection, Heartbeat(name, "worker", 7, "here", at, at, figures))


def tell(store: Store, worker: str, **faults: str) -> None:
    with store.transaction():
        workers.tell_faults(store.connection, worker, faults, store.clock())


def happened(store: Store, text: str, mended: bool = False) -> None:
    with store.transaction():
        workers.tell_happened(store.connection, text, store.clock(), mended)


def now(store: Store) -> list[str]:
    return [fault.text for fault in workers.faults(store.connection)]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(make_group(), arguments)


def test_a_fault_ends_when_its_worker_tells_it_no_more_and_others_do_not_end_it(workspace: Path) -> None:
    with Store.open(workspace) as store:
        beat(store, "w2")
        tell(store, "w1", kafka="nothing was heard for 15 s")
        tell(store, "w2")
        assert now(store) == ["nothing was heard for 15 s"]
        tell(store, "w1")
        assert now(store) == []


def test_the_faults_of_a_worker_that_is_gone_end_with_its_heartbeat(workspace: Path) -> None:
    with Store.open(workspace) as store:
        beat(store, "killed", ago=700)
        tell(store, "killed", kafka="nothing was heard")
        with store.transaction():
            workers.remove_silent(store.connection, "worker", store.clock() - workers.GONE, 256)
        tell(store, "w1")
        assert now(store) == []


def test_what_has_righted_itself_is_remembered_but_not_told(workspace: Path) -> None:
    with Store.open(workspace) as store:
        happened(store, STUCK, mended=True)
    with Desk.open(workspace, Principal("ada", "here"), readonly=True) as desk:
        assert desk.status().faults == [] and alarm(desk.status()) == ""
        assert [fault.text for fault in desk.faults_over()] == [STUCK]
    assert STUCK not in run("status").stdout
    assert f": {STUCK}" in run("status", "--all").stdout


def test_what_happened_stays_until_it_is_dismissed_and_the_ledger_says_by_whom(workspace: Path) -> None:
    with Store.open(workspace) as store:
        happened(store, GAP)
        tell(store, "w1")  # whatever workers tell later
    with Desk.open(workspace, Principal("ada", "here")) as desk:
        assert "1 worker" in desk.status().sentence and "fault" not in desk.status().sentence
        assert alarm(desk.status()) == f"{GAP} · seen? `:` dismiss"
        (fault,) = desk.status().faults
        assert desk.dismiss([fault.key]) == 1
        assert desk.status().faults == [] and alarm(desk.status()) == ""
        (entry,) = desk.entries()
        assert (entry.author, entry.kind, entry.body) == ("ada", "dismiss", {"what": [GAP]})
        with pytest.raises(ActionRefused, match="nothing of this waits"):
            desk.dismiss([fault.key])
    with Store.open(workspace) as store:
        happened(store, GAP)
        assert now(store) == [GAP], "it happened again"


def test_a_fault_cannot_be_dismissed(workspace: Path) -> None:
    with Store.open(workspace) as store:
        tell(store, "w1", kafka="nothing was heard")
        (fault,) = workers.faults(store.connection)
    with Desk.open(workspace, Principal("ada", "here")) as desk, pytest.raises(ActionRefused):
        desk.dismiss([fault.key])


def test_faults_come_before_what_only_happened(workspace: Path) -> None:
    with Store.open(workspace) as store:
        tell(store, "w1", kafka="nothing was heard")
        time.sleep(0.002)
        happened(store, GAP)
        assert now(store) == ["nothing was heard", GAP]
    result = run("status")
    assert result.exit_code == 1
    assert result.stdout.index("nothing was heard") < result.stdout.index(GAP)


def test_a_worker_that_fell_silent_is_an_exit_code_and_one_that_ended_is_none(workspace: Path) -> None:
    assert run("status").exit_code == 0
    with Store.open(workspace) as store:
        beat(store, "killed", ago=30)
    result = run("status")
    assert result.exit_code == 1 and "killed on here (process 7): silent for 30 s" in result.stdout
    with Store.open(workspace) as store, store.transaction():
        workers.remove_heartbeat(store.connection, "killed")
    assert run("status").exit_code == 0


def test_a_fleet_that_nobody_folds_is_said_instead_of_workers_that_cannot_be_known(workspace: Path) -> None:
    with Store.open(workspace) as store:
        with store.transaction():
            workers.set_note(store.connection, "mode", "fleet")
        beat(store, "w1", ago=30)
    result = run("status")
    assert result.exit_code == 1
    assert "start `xdrtui fold`" in result.stdout and "w1" not in result.stdout
    with Desk.open(workspace, Principal("ada", "here"), readonly=True) as desk:
        assert "start `xdrtui fold`" in alarm(desk.status())
    with Store.open(workspace) as store:
        beat(store, "w1")
        at = time.time_ns()
        with store.transaction():
            workers.write_heartbeat(store.connection, Heartbeat("f", "fold", 7, "here", at, at, {}))
    assert run("status").stdout.startswith("2 workers")


def test_the_command_dismisses_by_number_or_all(workspace: Path) -> None:
    with Store.open(workspace) as store:
        for number in range(3):
            happened(store, f"{GAP} {number}")
    assert "  3 happened" in run("status").stdout
    assert run("status", "--dismiss", "2", "--dismiss", "3").exit_code == 0
    assert run("status", "--all").stdout.count("  - dismissed 20") == 2
    (left,) = (line for line in run("status").stdout.splitlines() if "happened" in line)
    assert f"{GAP} 0" in left and "  1 happened" in left
    assert "there is no number 2" in run("status", "--dismiss", "2").stderr
    assert "1 of 1" in run("status", "--dismiss-all").stderr
    assert "nothing waits to be dismissed" in run("status", "--dismiss-all").stderr


def test_a_number_stays_that_of_what_was_seen_whatever_happens_meanwhile(workspace: Path) -> None:
    with Store.open(workspace) as store:
        happened(store, GAP)
        assert "  1 happened" in run("status").stdout
        happened(store, "a topic was made anew")
        assert run("status", "--dismiss", "1").exit_code == 0
        assert now(store) == ["a topic was made anew"]


def test_what_is_remembered_of_happenings_and_workers_is_bounded(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "MOST", 5)
    with Store.open(workspace) as store:
        for number in range(20):
            happened(store, f"{GAP} {number}")
            tell(store, f"w{number}", kafka="nothing was heard")
            tell(store, f"w{number}")
        assert sorted(now(store)) == sorted(f"{GAP} {number}" for number in range(15, 20))
        assert len(workers.faults(store.connection, cleared=True)) <= 10


def test_it_says_how_much_waits_and_how_long_it_takes(workspace: Path) -> None:
    with Store.open(workspace) as store:
        beat(store, "w1", events_per_second=5000.0, lag=120_000, lag_seconds=31.5, catch_up_seconds=24.0)
    text = run("status").stdout
    assert "5,000 events/s, 120,000 waiting, 31.5 s behind, caught up in 24 s" in text


def test_nothing_hostile_reaches_the_terminal_and_programs_get_json(workspace: Path) -> None:
    with Store.open(workspace) as store:
        happened(store, HOSTILE)
    assert not {"\x1b", "\x07", "\u202e"} & set(run("status").stdout)
    (fault,) = json.loads(run("status", "--format", "json").stdout)["faults"]
    assert fault["text"] == HOSTILE


def test_an_empty_workspace_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDRTUI_WORKSPACE", str(tmp_path / "none"))
    assert "nothing is stored" in run("status").stderr


def test_what_several_workers_say_alike_is_one_line_with_their_number(workspace: Path) -> None:
    with Store.open(workspace) as store:
        for name in ("w1", "w2", "w3"):
            beat(store, name)
            tell(store, name, kafka="no broker can be reached", **({"rules": "r"} if name == "w1" else {}))
        with store.transaction():
            for name in ("f1", "f2"):
                key, text = f"fleet:{name}:paused", f"{name}: paused by somebody"
                workers.report_fault(store.connection, key, "partition", text, store.clock())
    with Desk.open(workspace, Principal("ada", "here"), readonly=True) as desk:
        texts = sorted(fault.text for fault in desk.status().faults)
    assert texts == ["2 workers: paused by somebody", "3 workers: no broker can be reached", "r"]
    assert "3 faults" in run("status").output
