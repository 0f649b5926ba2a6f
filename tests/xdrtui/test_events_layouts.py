"""What each layout makes of one event of its kind: type, log sources, fields, core, sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from detectors.contract import LogSource, Needs, Text
from detectors.taxonomy.observables import KINDS, observables
from tests.xdrtui.test_events_law import decode
from xdrtui.errors import RuleError
from xdrtui.events.decode import Decoder
from xdrtui.events.frame import Core, DecodedFrame
from xdrtui.events.layouts import layout
from xdrtui.events.layouts.layout import UNROUTED, bundled_layouts, load_layouts, log_source
from xdrtui.events.message import Messages, Source
from xdrtui.events.transforms import TRANSFORMS

SYSMON = {"Image": "C:\\a\\b.exe", "ParentImage": "C:\\w\\winword.exe", "CommandLine": "b -x", "User": "D\\u"}
WINLOG = {"channel": "Microsoft-Windows-Sysmon/Operational", "event_id": 1, "computer_name": "h"}
FORMS: dict[str, dict[str, Any]] = {
    "flat": {"Channel": "microsoft-windows-sysmon/operational", "EventID": "1", "Hostname": "h", **SYSMON},
    "winlogbeat6": {"log_name": WINLOG["channel"], "event_id": 1, "computer_name": "h", "event_data": SYSMON},
    "winlogbeat": {"winlog": {**WINLOG, "event_data": SYSMON}, "host": {"name": "collector"}},
    "dotted": {
        **{f"winlog.{key}": value for key, value in WINLOG.items()},
        **{f"winlog.event_data.{key}": value for key, value in SYSMON.items()},
    },
    "half dotted": {"winlog": WINLOG, "winlog.event_data": SYSMON},
    "evtx": {
        "Event": {
            "System": {"Channel": WINLOG["channel"], "EventID": {"#text": 1}, "Computer": "h"},
            "EventData": SYSMON,
        }
    },
    "evtx pairs": {
        "Event": {
            "System": {"Channel": WINLOG["channel"], "EventID": 1, "Computer": "h"},
            "EventData": {"Data": [{"@Name": key, "#text": value} for key, value in SYSMON.items()]},
        }
    },
}


def one(event: dict[str, Any] | str, *fields: str, pinned: str = "") -> DecodedFrame:
    decoder = Decoder(bundled_layouts(), lambda _: Needs(frozenset(fields)))
    payload = (event if isinstance(event, str) else json.dumps(event)).encode()
    decoded = decoder.decode(Messages(Source("u", "n", "file", pinned), 0, [0], [payload]))
    assert len(decoded.frames) == 1, decoded.dead
    return decoded.frames[0]


def cells(frame: DecodedFrame) -> dict[str, Text]:
    return {name: column[0] for name, column in frame.frame.columns.items()}


@pytest.mark.parametrize("form", FORMS)
def test_a_process_creation_is_the_same_in_every_windows_form(form: str) -> None:
    frame = one(FORMS[form], *SYSMON, "EventID", "Computer")
    assert frame.frame.event_type.name == "windows.sysmon.1"
    assert cells(frame) == {**SYSMON, "EventID": "1", "Computer": "h"}
    assert frame.core(0) == Core("h", "D\\u", "", "")
    assert frame.summary(0) == "b.exe started by winword.exe: b -x"
    assert {name: frame.fields(0).get(name) for name in SYSMON} == SYSMON
    assert ("process", "C:\\a\\b.exe") in frame.entities(0)
    event_type = frame.frame.event_type
    for wanted in ("windows/process_creation", "windows//sysmon", "windows", "/process_creation"):
        assert event_type.serves(log_source(wanted))
    assert not event_type.serves(log_source("windows//security"))


def test_4688_meets_the_rules_of_process_creation() -> None:
    event = {
        "Channel": "security", "EventID": 4688, "NewProcessName": "C:\\x.exe", "CommandLine": "x",
        "ParentProcessName": "C:\\p.exe", "SubjectUserName": "u", "SubjectDomainName": "D",
        "MandatoryLabel": "S-1-16-12288",
    }  # fmt: skip
    frame = one(event, "Image", "ParentImage", "User", "IntegrityLevel")
    assert cells(frame) == {
        "Image": "C:\\x.exe",
        "ParentImage": "C:\\p.exe",
        "User": "D\\u",
        "IntegrityLevel": "High",
    }
    assert frame.frame.event_type.serves(LogSource("windows", "process_creation"))
    assert frame.frame.event_type.serves(LogSource("windows", "", "security"))


def test_the_hashes_of_sysmon_are_fields_of_their_own() -> None:
    event = {"Channel": WINLOG["channel"], "EventID": 7, "Hashes": "SHA1=AA,MD5=BB,IMPHASH=CC"}
    assert cells(one(event, "md5", "Imphash", "sha256")) == {"md5": "BB", "Imphash": "CC", "sha256": None}


AUDIT = 'node=web type=EXECVE msg=audit(1600786382.243:9): argc=3 a0="sh" a1=2D63 a2=6964203E202F746D70'


def test_auditd_text_has_its_arguments_decoded() -> None:
    frame = one(AUDIT, "type", "a0", "a1", "a2")
    assert frame.frame.event_type.name == "linux.auditd"
    assert cells(frame) == {"type": "EXECVE", "a0": "sh", "a1": "-c", "a2": "id > /tmp"}
    assert frame.summary(0) == "web ran sh -c id > /tmp"
    assert frame.times[0] == 1_600_786_382_243_000_000
    assert frame.frame.raws[0] == AUDIT.encode()


def test_the_inner_message_of_user_records_gives_fields() -> None:
    inner = 'op=PAM acct="root" addr=10.0.0.9 res=failed'
    line = f"type=USER_AUTH msg=audit(1600786382.243:9): pid=1 uid=0 msg='{inner}'"
    frame = one(line, "acct", "res")
    assert cells(frame) == {"acct": "root", "res": "failed"}
    assert frame.core(0).source_ip == "10.0.0.9"


def test_auditd_as_json() -> None:
    frame = one(
        {"type": "SYSCALL", "msg": "audit(1600786382.243:9)", "syscall": "59", "exe": "/bin/sh"}, "exe"
    )
    assert frame.frame.event_type.name == "linux.auditd"
    assert frame.times[0] == 1_600_786_382_243_000_000


@pytest.mark.parametrize(
    ("line", "service", "user", "address"),
    [
        ("2026-03-03T04:05:06.1+00:00 b sshd[7]: Failed password for invalid user bob from 10.0.0.1 port 3",
         "sshd", "bob", "10.0.0.1"),
        ("2026-03-03T04:05:06Z b sshd[7]: Accepted publickey for ann from 2001:db8::1 port 3 ssh2: ED25519 x",
         "sshd", "ann", "2001:db8::1"),
        ("<86>1 2026-03-03T04:05:06Z b sshd 7 - - Invalid user eve from 10.0.0.2 port 9",
         "sshd", "eve", "10.0.0.2"),
        ("2026-03-03T04:05:06Z b sudo: ann : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh",
         "sudo", "ann", ""),
        ("2026-03-03T04:05:06Z b CRON[1]: (root) CMD (run-parts)", "cron", "root", ""),
        ("2026-03-03T04:05:06Z b /usr/sbin/sshd[1]: Invalid user eve from 10.0.0.2 port 9",
         "sshd", "eve", "10.0.0.2"),
        ("<86>1 2026-03-03T04:05:06Z b /usr/bin/sudo 7 - - ann : TTY=pts/0 ; COMMAND=/bin/sh",
         "sudo", "ann", ""),
        ("Mar 3 04:05:06 b sshd[7]: Invalid user eve from 10.0.0.2 port 9", "sshd", "eve", "10.0.0.2"),
    ],
)  # fmt: skip
def test_the_auth_log(line: str, service: str, user: str, address: str) -> None:
    frame = one(line)
    assert frame.frame.event_type.name == f"linux.auth.{service}"
    assert frame.frame.event_type.serves(LogSource("linux", "", service))
    assert frame.frame.event_type.serves(LogSource("linux", "", "auth"))
    assert frame.core(0) == Core("b", user, address, "")


def test_a_record_of_the_journal_is_what_its_line_in_the_auth_log_would_be() -> None:
    record = {
        "__REALTIME_TIMESTAMP": "1600786382243000",
        "_HOSTNAME": "b",
        "SYSLOG_IDENTIFIER": "sshd",
        "_PID": "7",
        "PRIORITY": "6",
        "MESSAGE": "Failed password for invalid user bob from 10.0.0.1 port 3 ssh2",
    }
    frame = one(record, "program", "message", "pid", "hostname")
    assert frame.frame.event_type.name == "linux.auth.sshd"
    assert frame.frame.event_type.serves(LogSource("linux", "", "auth"))
    assert frame.core(0) == Core("b", "bob", "10.0.0.1", "")
    assert cells(frame) == {"program": "sshd", "message": record["MESSAGE"], "pid": "7", "hostname": "b"}
    assert frame.times[0] == 1_600_786_382_243_000_000
    assert one({**record, "SYSLOG_IDENTIFIER": "/usr/sbin/CRON"}).frame.event_type.name == "linux.auth.cron"
    assert one({**record, "SYSLOG_IDENTIFIER": "nginx"}).frame.event_type.name == "linux.syslog"
    audit = {**record, "SYSLOG_IDENTIFIER": "audispd", "MESSAGE": AUDIT}
    assert one(audit, "a0").frame.event_type.name == "linux.auditd"
    inside = json.dumps({"event_type": "dns", "src_ip": "10.0.0.3", "timestamp": "2026-03-03T04:05:06Z"})
    assert one({**record, "MESSAGE": inside}).frame.event_type.name == "suricata.dns"


def test_the_days_of_old_syslog_may_have_one_blank() -> None:
    from xdrtui.events.codecs.lines import read_line

    for day in ("Jan  1", "Jan 1", "Jan 01"):
        read = read_line(f"{day} 00:00:03 b sshd[7]: y")
        assert read is not None and read[1]["timestamp"].startswith("Jan")
    assert decode([b"2021-01-01T00:00:01Z b x: y", b"Jan 1 00:00:03 b x: y"]).frames[0].times[1] // 10**9 == (
        1_609_459_203
    )


def test_old_syslog_takes_its_year_from_the_clock() -> None:
    payloads = [b"2020-12-31T23:59:58Z b sshd[7]: x", b"Jan  1 00:00:03 b sshd[7]: y"]
    frame = decode(payloads).frames[0]
    assert [time // 10**9 for time in frame.times] == [1_609_459_198, 1_609_459_203]


ZEEK = {"ts": 1600786382.5, "uid": "C1", "id.orig_h": "10.0.0.1", "id.resp_h": "10.0.0.2", "id.resp_p": 53}


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"_path": "conn", "conn_state": "SF"}, "zeek.conn"),
        ({"_path": "kerberos"}, "zeek.kerberos"),
        ({"conn_state": "SF"}, "zeek.conn"),
        ({"query": "a.example", "qtype_name": "A"}, "zeek.dns"),
        ({"trans_depth": 1, "method": "GET", "uri": "/"}, "zeek.http"),
        ({"cipher": "x", "server_name": "y"}, "zeek.ssl"),
    ],
)
def test_zeek_by_path_or_by_shape(more: dict[str, Any], name: str) -> None:
    frame = one({**ZEEK, **more}, "id.orig_h", "id.resp_p")
    assert frame.frame.event_type.name == name
    assert frame.frame.event_type.serves(LogSource("zeek", "", name.partition(".")[2]))
    assert cells(frame) == {"id.orig_h": "10.0.0.1", "id.resp_p": "53"}
    assert frame.core(0) == Core("", "", "10.0.0.1", "10.0.0.2")
    assert frame.times[0] == 1_600_786_382_500_000_000


def test_zeek_nested_is_zeek_too() -> None:
    nested = {"_path": "conn", "id": {"orig_h": "10.0.0.1"}}
    assert cells(one(nested, "id.orig_h")) == {"id.orig_h": "10.0.0.1"}


def test_suricata_by_event_type() -> None:
    event = {
        "event_type": "alert", "flow_id": 1, "src_ip": "10.0.0.1", "dest_ip": "10.0.0.2", "dest_port": 80,
        "alert": {"signature": "S", "severity": 1}, "timestamp": "2026-03-03T00:35:12.507028+0000",
    }  # fmt: skip
    frame = one(event, "alert.signature", "alert.severity")
    assert frame.frame.event_type.name == "suricata.alert"
    assert cells(frame) == {"alert.signature": "S", "alert.severity": "1"}
    assert frame.summary(0) == "S: 10.0.0.1 to 10.0.0.2 port 80"


TRAIL = {"eventVersion": "1.09", "eventSource": "s3.amazonaws.com", "eventName": "GetObject",
         "eventTime": "2026-03-05T00:00:24Z", "sourceIPAddress": "10.0.0.1",
         "userIdentity": {"type": "IAMUser", "userName": "ann"},
         "requestParameters": {"items": [{"p": 1}, {"p": 2}]}}  # fmt: skip


def test_cloudtrail_records_are_events_with_an_index() -> None:
    texts = [json.dumps(TRAIL), json.dumps(TRAIL)]
    mixed = [TRAIL, json.dumps(TRAIL)]
    for event in ({"Records": [TRAIL, TRAIL]}, [TRAIL, TRAIL], {"Records": texts}, {"Records": mixed}):
        frame = one(
            json.dumps(event), "requestParameters.items.p", "userIdentity.userName", "requestParameters"
        )
        assert frame.frame.event_type.name == "aws.cloudtrail"
        assert [frame.position(row).index for row in range(frame.rows)] == [0, 1]
        assert frame.frame.columns["requestParameters.items.p"][1] == ("1", "2")
        assert frame.frame.columns["requestParameters"][0] == '{"items":[{"p":1},{"p":2}]}'
        assert frame.core(1) == Core("", "ann", "10.0.0.1", "")


def test_metrics_by_metricset() -> None:
    event = {"metricset": {"name": "load"}, "host": {"name": "web"}, "system": {"load": {"1": 10.50}}}
    frame = one(event, "system.load.1")
    assert frame.frame.event_type.serves(LogSource("metrics", "", "load"))
    assert cells(frame) == {"system.load.1": "10.5"}
    assert frame.core(0).host == "web"


def test_envelopes_are_opened_where_the_inside_is_known() -> None:
    inside = one({"message": json.dumps(FORMS["flat"]), "host": {"name": "shipper"}}, "Image")
    assert cells(inside) == {"Image": SYSMON["Image"]}
    audit = one({"log": AUDIT.removeprefix("node=web ") + "\n", "host": {"name": "shipper"}}, "a0")
    assert audit.core(0).host == "shipper"
    unknown = one({"message": "hello", "level": "info"}, "message")
    assert unknown.frame.event_type == UNROUTED
    assert cells(unknown) == {"message": "hello"}


def test_a_pinned_layout_leaves_out_all_others() -> None:
    assert one(FORMS["flat"], pinned="zeek").frame.event_type == UNROUTED


def test_unrouted_events_are_counted_by_shape() -> None:
    counts = decode([b'{"b":1,"a":2}', b'{"a":3,"b":4}']).counts
    assert (counts.unrouted, dict(counts.shapes)) == (2, {"a b": 2})


def test_presence_is_counted_by_event_type_and_host() -> None:
    flat = FORMS["flat"]
    counts = decode(
        [json.dumps(event).encode() for event in (flat, {**flat, "Hostname": "g"}, {**flat, "Image": None})]
    )
    presence = counts.counts.presence
    seen = {field: n for field, n in presence["windows.sysmon.1", ""].items() if n}
    assert seen == {
        "": 3,
        "Image": 3,
        "CommandLine": 3,
        "User": 3,
        "host.name": 3,
    }
    assert presence["windows.sysmon.1", "g"][""] == 1


def test_every_layout_of_ours_gives_event_types_with_log_sources() -> None:
    types = bundled_layouts().event_types()
    assert len({each.name for each in types}) == len(types)
    assert all(each.log_sources for each in types if each != UNROUTED)


def test_a_wrong_layout_says_file_and_place(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text("layout: mine\nshapes: {a: {whenn: []}}\n")
    with pytest.raises(RuleError, match=r"mine\.yml: shape a: unknown key 'whenn'"):
        load_layouts(tmp_path)


def test_a_new_source_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "door.yml").write_text(
        "layout: door\nshapes: {json: {when: [{has: badge}], time: at, fields: {user.name: badge}}}\n"
        "kinds: [{name: opened, log_sources: [acme//door], summary: '{badge} came in'}]\n"
    )
    decoder = Decoder(load_layouts(tmp_path), lambda _: Needs(frozenset(("badge",))))
    payload = b'{"badge":"7","at":"2026-03-03T00:00:00Z"}'
    frame = decoder.decode(Messages(Source("u", "n", "file"), 0, [0], [payload])).frames[0]
    assert frame.frame.event_type.name == "door.opened"
    assert frame.summary(0) == "7 came in"


def test_observables_have_known_kinds() -> None:
    assert set(observables().values()) == set(KINDS)


def test_the_manual_lists_every_layout_and_transform() -> None:
    page = (Path(layout.__file__).parents[2] / "manual" / "layouts.md").read_text()
    rows = {line.split("|")[1].split()[0] for line in page.splitlines() if line.startswith("| ")}
    assert set(bundled_layouts().names()) | set(TRANSFORMS) <= rows


def test_the_layout_in_the_manual_works(tmp_path: Path) -> None:
    page = (Path(layout.__file__).parents[2] / "manual" / "layouts.md").read_text()
    (tmp_path / "door.yml").write_text(page.split("```yaml\n")[1].split("```")[0])
    decoder = Decoder(load_layouts(tmp_path), lambda _: Needs(frozenset(("user.name",))))
    payload = b'{"badge":"7-b","gate":"n","door":"d","kind":"refused"}'
    frame = decoder.decode(Messages(Source("u", "n", "file"), 0, [0], [payload])).frames[0]
    assert (frame.summary(0), frame.core(0)) == ("7-b was refused at d", Core("d", "7", "", ""))


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("Failed password for invalid user x from 10.9.9.9 from 10.0.0.1 port 22 ssh2", "10.0.0.1"),
        ("Invalid user from 10.9.9.9 port 1 from 10.0.0.1 port 22", "10.0.0.1"),
        ("Received disconnect from 10.0.0.1 port 5:11: bye from 10.9.9.9", "10.0.0.1"),
        ("message repeated 2 times: [ Failed password for x from 10.0.0.1 port 22 ssh2]", "10.0.0.1"),
    ],
)
def test_a_login_name_cannot_pass_for_the_address(line: str, address: str) -> None:
    assert one(f"2026-03-03T04:05:06Z b sshd[7]: {line}").core(0).source_ip == address


def test_what_sudo_ran_is_read_out_of_its_hexadecimal() -> None:
    inner = 'cwd="/" cmd=6375726C20687474703A2F2F78 exe="/usr/bin/sudo" res=success'
    frame = one(f"type=USER_CMD msg=audit(1600786382.243:9): pid=1 uid=0 msg='{inner}'", "cmd", "exe")
    assert cells(frame) == {"cmd": "curl http://x", "exe": "/usr/bin/sudo"}


@pytest.mark.parametrize(
    "more", [{"Records": []}, {"records": None}, {"_source": 1, "_id": 1}, {"event": {"original": "x"}}]
)
def test_a_key_of_another_envelope_hides_no_event(more: dict[str, Any]) -> None:
    event = one({"message": json.dumps(FORMS["flat"]), **more})
    assert event.frame.event_type.name == "windows.sysmon.1"


@pytest.mark.parametrize("name", ["Records", "message", "detail"])
def test_every_envelope_may_hold_a_line(name: str) -> None:
    frame = one({name: AUDIT, "detail-type": "x"})
    assert frame.frame.event_type.name == "linux.auditd"


def test_a_number_below_zero_is_not_named_as_the_one_above() -> None:
    names = {
        decode([json.dumps({"Channel": "Security", "EventID": number}).encode()])
        .frames[0]
        .frame.event_type.name
        for number in (1, -1)
    }
    assert names == {"windows.security.1", "windows.security.minus-1"}
