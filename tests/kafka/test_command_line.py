"""The command line against a broker, as README and manual show it: replay, doctor, run, alerts."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.kafka.broker import Broker
from tests.kafka.conftest import new_name
from tests.kafka.mock import MockBroker
from tests.kafka.rig import Rig
from xdrtui.commands import make_group

SCENARIO = "sample_data/invoice"
AnyBroker = Broker | MockBroker


@pytest.fixture
def topic(broker: AnyBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A topic for recorded data, in a settings file as the manual shows it."""
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    name = asyncio.run(broker.create_topic(new_name(), 2))
    settings = tmp_path / "settings.yml"
    settings.write_text(
        "profiles:\n"
        "  acme:\n"
        "    workspace: workspace\n"
        "    kafka:\n"
        f"      brokers: ['{broker.bootstrap()}']\n"
        f"      topics: [{name}]\n"
        f"      replay_topics: [{name}]\n"
        f"      group: {name}\n"
        "      start: earliest\n"
    )
    monkeypatch.setenv("XDRTUI_SETTINGS", str(settings))
    return name


def run(*arguments: str) -> Result:
    return CliRunner().invoke(make_group(), arguments)


def test_from_recorded_files_through_kafka_to_alerts(topic: str, tmp_path: Path) -> None:
    replay = run("replay", SCENARIO, "--to", "kafka", "--speed", "0")
    assert replay.exit_code == 0, replay.output

    doctor = run("doctor", "--sample", topic, "--format", "json")
    checks = [json.loads(line) for line in doctor.stdout.splitlines()]
    assert {check["name"]: check["seen"] for check in checks}[f"topic {topic}"] == "2 partitions"
    sample = {check["name"]: check for check in checks if check["area"] == "sample"}
    assert sample["routed"]["state"] == "fine"
    assert doctor.exit_code == 0, doctor.output

    worker = run("run", "--until-end")
    assert worker.exit_code == 0, worker.output
    assert "caught up" in worker.stderr
    assert list((tmp_path / "workspace" / "logs").glob("worker-*.jsonl"))

    alerts = run("alerts", "list", "level:critical", "--format", "json")
    assert [json.loads(line)["level"] for line in alerts.stdout.splitlines()]

    again = run("run", "--until-end")
    assert again.exit_code == 0
    assert "0 messages" in again.stderr


@pytest.mark.usefixtures("real")
def test_kafka_check_says_each_step_and_ends_with_its_exit_code(topic: str) -> None:
    fine = run("kafka", "check")
    assert fine.exit_code == 0, fine.output
    assert f"topic {topic}: 2 partitions" in fine.stdout and f"group {topic}: may be used" in fine.stdout
    wrong = run("kafka", "check", "--topic", "nowhere-at-all", "--format", "json")
    assert wrong.exit_code == 1
    failed = [step for step in map(json.loads, wrong.stdout.splitlines()) if not step["ok"]]
    assert [(step["kind"], step["advice"]) for step in failed] == [
        ("topic.missing", "check kafka.topics, or create it")
    ]


@pytest.mark.usefixtures("real", "topic")
def test_a_start_that_is_none_is_wrong_usage() -> None:
    result = run("run", "--start", "yesterday")
    assert result.exit_code == 2 and "write earliest, latest, a time with its zone" in result.stderr


def test_a_profile_without_a_broker_names_the_file_to_write_it_into(
    topic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDRTUI_KAFKA_BROKERS", "")
    assert f"set kafka.brokers in {tmp_path}/settings.yml" in run("run").stderr.replace("\n", " ")


def test_the_clients_own_warnings_do_not_reach_the_terminal(rig: Rig, tmp_path: Path) -> None:
    """A process of its own: under pytest all that is logged is taken."""
    settings = tmp_path / "settings.yml"
    settings.write_text(
        "profiles:\n  acme:\n    kafka:\n"
        f"      brokers: ['{rig.broker.bootstrap('LOGIN')}']\n      topics: [nowhere]\n"
        f"      sasl: plain\n      user: analyst\n      password: {rig.password}\n"
    )
    command = [sys.executable, "-m", "xdrtui", "--settings", str(settings), "kafka", "check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "analyst is let in by PLAIN" in done.stdout and "cross the network in the clear" in done.stdout
    assert done.stderr == ""


@pytest.mark.usefixtures("real", "topic")  # the mock makes every topic that is asked for
def test_a_topic_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDRTUI_KAFKA_TOPICS", "nowhere-at-all")
    result = run("run", "--until-end")
    assert result.exit_code == 1
    assert "nowhere-at-all" in result.stderr.splitlines()[-1]
