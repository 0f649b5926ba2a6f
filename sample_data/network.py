"""Network logs: Zeek's conn, dns and http in JSON, and Suricata's EVE.

Zeek writes one stream a kind of log; where a shipper merges them it adds `_path` (`tagged`): one scenario
has it, the other has not, as in the wild.
"""

from __future__ import annotations

from sample_data.record import Event, Recorder
from sample_data.world import MILLI, SECOND, Dice, iso_micro


def seconds(duration: int) -> float:
    return round(duration / SECOND, 6)


class Network:
    """Writes what a sensor at the network's edge and core sees."""

    def __init__(self, recorder: Recorder, dice: Dice, tagged: bool, resolver: str) -> None:
        self.recorder, self.dice, self.tagged, self.resolver = recorder, dice, tagged, resolver

    def _head(
        self, path: str, time: int, uid: str, source: str, port: int, target: str, target_port: int
    ) -> Event:
        head: Event = {"_path": path} if self.tagged else {}
        return head | {
            "ts": seconds(time),
            "uid": uid,
            "id.orig_h": source,
            "id.orig_p": port,
            "id.resp_h": target,
            "id.resp_p": target_port,
        }

    def uid(self) -> str:
        return "C" + self.dice.letters(16)

    def port(self) -> int:
        return self.dice.between(32768, 60999)

    def connection(
        self,
        time: int,
        source: str,
        target: str,
        port: int,
        sent: int,
        received: int,
        duration: int,
        service: str = "",
        state: str = "SF",
        proto: str = "tcp",
        uid: str = "",
        source_port: int = 0,
    ) -> str:
        """conn.log; returns the uid. Bytes are payload; `duration` in microseconds."""
        uid = uid or self.uid()
        inside = ("10.",)
        event = self._head("conn", time, uid, source, source_port or self.port(), target, port)
        event["proto"] = proto
        if service:
            event["service"] = service
        packets = (2 + sent // 1380, (1 + received // 1380) if state == "SF" else 0)
        if state in ("S0", "REJ"):
            packets = (1, 1 if state == "REJ" else 0)
        else:
            event |= {"duration": seconds(duration), "orig_bytes": sent, "resp_bytes": received}
        event |= {
            "conn_state": state,
            "local_orig": source.startswith(inside),
            "local_resp": target.startswith(inside),
            "missed_bytes": 0,
            "history": {
                "SF": "ShADadFf" if proto == "tcp" else "Dd",
                "S0": "S",
                "REJ": "Sr",
                "S1": "ShADad",
                "RSTO": "ShADadR",
            }[state],
            "orig_pkts": packets[0],
            "orig_ip_bytes": sent + 40 * packets[0],
            "resp_pkts": packets[1],
            "resp_ip_bytes": received + 40 * packets[1],
        }
        self.recorder.add("zeek_conn.jsonl", time, event)
        return uid

    def lookup(self, time: int, source: str, name: str, address: str, kind: str = "A") -> None:
        """dns.log and its conn.log entry. An empty address is 'no such name'."""
        uid, port = self.uid(), self.port()
        rtt = self.dice.between(300, 30_000)
        event = self._head("dns", time, uid, source, port, self.resolver, 53)
        event |= {
            "proto": "udp",
            "trans_id": self.dice.upto(65536),
            "rtt": seconds(rtt),
            "query": name,
            "qclass": 1,
            "qclass_name": "C_INTERNET",
            "qtype": {"A": 1, "PTR": 12, "AAAA": 28, "SRV": 33, "TXT": 16}[kind],
            "qtype_name": kind,
            "rcode": 0 if address else 3,
            "rcode_name": "NOERROR" if address else "NXDOMAIN",
            "AA": False,
            "TC": False,
            "RD": True,
            "RA": True,
            "Z": 0,
        }
        if address:
            event |= {"answers": [address], "TTLs": [300.0]}
        event["rejected"] = False
        self.recorder.add("zeek_dns.jsonl", time, event)
        if self.dice.chance(0.25):  # the sensor samples DNS flows
            self.connection(
                time,
                source,
                self.resolver,
                53,
                28 + len(name),
                60 + len(name),
                rtt,
                "dns",
                proto="udp",
                uid=uid,
                source_port=port,
            )

    def web(
        self,
        time: int,
        source: str,
        target: tuple[str, str],
        method: str,
        uri: str,
        agent: str,
        status: int = 200,
        sent: int = 0,
        received: int = 5000,
        mime: str = "text/html",
        referrer: str = "",
        port: int = 80,
        source_port: int = 0,
    ) -> str:
        """http.log and its conn.log entry; `target` is a name and an address."""
        name, address = target
        source_port = source_port or self.port()
        uid = self.connection(
            time,
            source,
            address,
            port,
            380 + len(uri) + sent,
            290 + received,
            self.dice.between(20, 900) * MILLI,
            "http",
            source_port=source_port,
        )
        event = self._head("http", time + 2 * MILLI, uid, source, source_port, address, port)
        event |= {"trans_depth": 1, "method": method, "host": name, "uri": uri}
        if referrer:
            event["referrer"] = referrer
        words = {
            200: "OK",
            204: "No Content",
            206: "Partial Content",
            301: "Moved Permanently",
            302: "Found",
            304: "Not Modified",
            401: "Unauthorized",
            403: "Forbidden",
            404: "Not Found",
            500: "Internal Server Error",
        }
        event |= {
            "version": "1.1",
            "user_agent": agent,
            "request_body_len": sent,
            "response_body_len": received,
            "status_code": status,
            "status_msg": words[status],
            "tags": [],
        }
        if received:
            event |= {"resp_fuids": ["F" + self.dice.letters(16)], "resp_mime_types": [mime]}
        self.recorder.add("zeek_http.jsonl", time + 2 * MILLI, event)
        return uid

    def eve(
        self,
        time: int,
        kind: str,
        source: tuple[str, int],
        target: tuple[str, int],
        fields: Event,
        proto: str = "TCP",
    ) -> None:
        """One line of eve.json; `fields` holds the part that bears the kind's name."""
        event: Event = {
            "timestamp": iso_micro(time, "+0000"),
            "flow_id": 10**15 + self.dice.upto(9 * 10**14),
            "in_iface": "eth1",
            "event_type": kind,
            "src_ip": source[0],
            "src_port": source[1],
            "dest_ip": target[0],
            "dest_port": target[1],
            "proto": proto,
        }
        self.recorder.add("suricata_eve.jsonl", time, event | fields)

    def alert(
        self,
        time: int,
        source: tuple[str, int],
        target: tuple[str, int],
        number: int,
        signature: str,
        category: str,
        severity: int,
        app: str = "http",
        extra: Event | None = None,
    ) -> None:
        self.eve(
            time,
            "alert",
            source,
            target,
            {
                "alert": {
                    "action": "allowed",
                    "gid": 1,
                    "signature_id": number,
                    "rev": 2,
                    "signature": signature,
                    "category": category,
                    "severity": severity,
                },
                "app_proto": app,
                **(extra or {}),
                "flow": {
                    "pkts_toserver": self.dice.between(3, 9),
                    "pkts_toclient": self.dice.between(2, 9),
                    "bytes_toserver": self.dice.between(300, 1500),
                    "bytes_toclient": self.dice.between(200, 9000),
                    "start": iso_micro(time - self.dice.between(5, 90) * MILLI, "+0000"),
                },
            },
        )
