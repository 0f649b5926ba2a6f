"""Every line has the form of its source; times rise; nothing points at the real world."""

from __future__ import annotations

import ipaddress
import json
import re

import pytest

from sample_data import SCENARIOS
from sample_data.world import DAY, MILLI, Day
from tests.sample_data.scenarios import DATES, files, lines, time_of

_FILES = [(name, file) for name in SCENARIOS for file in files(name)]
_NETWORKS = [
    ipaddress.ip_network(net)
    for net in (
        "10.0.0.0/8",
        "192.0.2.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "127.0.0.0/8",
        "0.0.0.0/32",
    )
]
_ADDRESS = re.compile(r"(?<![\d.])(?<!Chrome/)(\d{1,3}(?:\.\d{1,3}){3})(?![\d.]|-\d)")
_URL_HOST = re.compile(r"(?:https?|stratum\+tcp)://([A-Za-z0-9.-]+)")
_RESERVED = re.compile(r"(?:^|\.)(?:example|test|invalid)$")
# What real records carry of the real world: a name space, makers of programs, the console's address.
_FORMAT = {"schemas.microsoft.com", "curl.se", "www.terraform.io", "console.aws.amazon.com"}

_AUDIT = re.compile(
    r"node=[a-z0-9-]+ type=(SYSCALL|EXECVE|CWD|PATH|PROCTITLE|USER_CMD|USER_LOGIN) "
    r"msg=audit\(\d{10}\.\d{3}:\d+\): (\w+=(\"[^\"]*\"|'[^']*'|\S+) ?)+"
)
_AUTH = re.compile(
    r"2026-03-04T\d\d:\d\d:\d\d\.\d{6}\+00:00 [a-z0-9-]+ (sshd|sudo|CRON|useradd)(\[\d+\])?: +\S.*"
)
_KEYS = {
    "sysmon": {"@timestamp", "Hostname", "Channel", "EventID", "UtcTime", "RecordNumber", "EventTime"},
    "security": {"@timestamp", "Hostname", "Channel", "EventID", "RecordNumber", "EventTime", "EventType"},
    "powershell": {"@timestamp", "Hostname", "Channel", "EventID", "ScriptBlockText", "ScriptBlockId"},
    "zeek_conn": {"ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "conn_state"},
    "zeek_dns": {"ts", "uid", "id.orig_h", "query", "qtype_name", "rcode_name"},
    "zeek_http": {"ts", "uid", "id.orig_h", "method", "host", "uri", "user_agent", "status_code"},
    "suricata_eve": {"timestamp", "flow_id", "event_type", "src_ip", "dest_ip", "proto"},
    "metrics": {"@timestamp", "host", "metricset", "system"},
    "cloudtrail": {"eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion",
                   "sourceIPAddress", "userAgent", "requestParameters", "responseElements", "eventID"},
}  # fmt: skip


def each_file() -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("name", "file"), _FILES, ids=[f"{name}/{file}" for name, file in _FILES])


@each_file()
def test_every_line_parses_in_its_format(name: str, file: str) -> None:
    kind = file.partition(".")[0]
    for line in lines(name, file):
        if kind == "auditd":
            assert _AUDIT.fullmatch(line), line
        elif kind == "auth":
            assert _AUTH.fullmatch(line), line
        else:
            event = json.loads(line)
            assert _KEYS[kind] <= event.keys(), line


@each_file()
def test_times_rise_within_the_day(name: str, file: str) -> None:
    start = before = Day(DATES[name]).start
    for line in lines(name, file):
        time = time_of(name, file, line)
        assert before <= time < start + DAY, line
        before = time


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_events_span_the_whole_day(name: str) -> None:
    day = Day(DATES[name])
    hours = {
        (time_of(name, file, line) - day.start) // (DAY // 24)
        for file in files(name)
        for line in lines(name, file)[::7]
    }
    assert hours == set(range(24))


@each_file()
def test_addresses_are_private_or_for_documentation(name: str, file: str) -> None:
    found = {one for line in lines(name, file) for one in _ADDRESS.findall(line)}
    for text in found:
        if all(int(part) < 256 for part in text.split(".")):
            assert any(ipaddress.ip_address(text) in net for net in _NETWORKS), text


@each_file()
def test_names_are_reserved_ones(name: str, file: str) -> None:
    found = {one for line in lines(name, file) for one in _URL_HOST.findall(line)}
    if file.startswith("zeek_"):
        for line in lines(name, file):
            event = json.loads(line)
            found |= {event[key] for key in ("query", "host") if key in event}
    for host in found:
        assert _RESERVED.search(host) or host in _FORMAT or host.endswith(".in-addr.arpa"), host


def test_records_of_one_audit_event_stand_together_and_serials_rise_on_each_host() -> None:
    last: dict[str, int] = {}
    running: tuple[str, int] | None = None
    for line in lines("miner", "auditd.log.gz"):
        node, serial = line.split(" ", 1)[0], int(line.split("): ", 1)[0].rsplit(":", 1)[1])
        if (node, serial) != running:
            assert serial > last.get(node, 0), line
        running, last[node] = (node, serial), serial


def test_record_numbers_rise_in_each_windows_log() -> None:
    for file in ("sysmon.jsonl.gz", "security.jsonl.gz", "powershell.jsonl.gz"):
        last: dict[str, int] = {}
        for line in lines("invoice", file):
            event = json.loads(line)
            assert event["RecordNumber"] > last.get(event["Hostname"], 0)
            last[event["Hostname"]] = event["RecordNumber"]


def test_connections_and_their_details_share_the_uid() -> None:
    for name in ("invoice", "miner"):
        uids = {json.loads(line)["uid"] for line in lines(name, "zeek_conn.jsonl.gz")}
        missing = [line for line in lines(name, "zeek_http.jsonl.gz") if json.loads(line)["uid"] not in uids]
        assert not missing


def test_both_forms_of_zeek_are_there_with_and_without_a_path() -> None:
    assert json.loads(lines("invoice", "zeek_dns.jsonl.gz")[0])["_path"] == "dns"
    assert "_path" not in json.loads(lines("miner", "zeek_dns.jsonl.gz")[0])


def test_event_time_and_utc_time_of_a_windows_event_agree() -> None:
    for line in lines("invoice", "sysmon.jsonl.gz")[::50]:
        event = json.loads(line)
        assert event["UtcTime"].replace(" ", "T") + "Z" == event["@timestamp"]
        assert event["UtcTime"].startswith(event["EventTime"])
        assert time_of("invoice", "sysmon.jsonl.gz", line) % MILLI == 0
