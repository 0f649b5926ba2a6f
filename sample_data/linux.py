"""Linux logs: auditd records, the authentication log, and host metrics.

auditd writes several records for one event (SYSCALL, EXECVE, CWD, PATH, PROCTITLE) with one time and one
serial, and hexadecimal where an argument holds blanks or quotes, as the kernel does. The authentication log
has ISO times and also takes what cron says. Metrics have Metricbeat's names.
"""

from __future__ import annotations

from sample_data.farm import ROOT, Account, Server
from sample_data.record import Event, Recorder
from sample_data.world import MILLI, SECOND, Dice, iso_micro, iso_milli

_EXE = {
    "sh": "/usr/bin/dash",
    "vim": "/usr/bin/vim.basic",
    "python3": "/usr/bin/python3.11",
    "sshd": "/usr/sbin/sshd",
    "useradd": "/usr/sbin/useradd",
    "iptables": "/usr/sbin/xtables-nft-multi",
    "ufw": "/usr/bin/python3.11",
    "cron": "/usr/sbin/cron",
    "unix_chkpwd": "/usr/sbin/unix_chkpwd",
    "logrotate": "/usr/sbin/logrotate",
    "php": "/usr/bin/php8.2",
    "convert": "/usr/bin/convert-im6.q16",
    "php-fpm8.2": "/usr/sbin/php-fpm8.2",
    "pg_dump": "/usr/lib/postgresql/15/bin/pg_dump",
    "visudo": "/usr/sbin/visudo",
    "crond": "/usr/sbin/cron",
}


def quoted(text: str) -> str:
    """As audit writes untrusted text: quoted, or in hexadecimal when it holds a blank or a quote."""
    if any(not 0x21 <= ord(one) <= 0x7E or one == '"' for one in text):
        return text.encode().hex().upper()
    return f'"{text}"'


class Linux:
    def __init__(self, recorder: Recorder, dice: Dice) -> None:
        self.recorder, self.dice = recorder, dice

    # auditd

    def _records(self, host: Server, time: int, records: list[tuple[str, str]]) -> None:
        group = self.recorder.group()
        stamp = f"{time // SECOND}.{time % SECOND // MILLI:03d}:@{group}@"
        for kind, text in records:
            self.recorder.add("auditd.log", time, f"node={host.name} type={kind} msg=audit({stamp}): {text}")

    def _syscall(
        self,
        number: int,
        account: Account,
        login: Account | None,
        name: str,
        exe: str,
        key: str,
        terminal: str,
        items: int,
        effective: Account | None,
        pid: int,
        parent: int,
    ) -> str:
        auid, session = (str(login.uid), str(login.uid % 97 + 11)) if login else ("4294967295", "4294967295")
        acting = effective or account
        return (
            f"arch=c000003e syscall={number} success=yes exit={0 if number == 59 else 3} "
            f"a0=55d{self.dice.hexes(9)} "
            f"a1=55d{self.dice.hexes(4)}c28d0 a2=241 a3=1b6 items={items} ppid={parent} pid={pid} "
            f"auid={auid} "
            f"uid={acting.uid} gid={acting.uid} euid={acting.uid} suid={acting.uid} fsuid={acting.uid} "
            f"egid={acting.uid} "
            f"sgid={acting.uid} fsgid={acting.uid} tty={terminal} ses={session} comm={quoted(name[:15])} "
            f"exe={quoted(exe)} "
            f'subj=unconfined key="{key}"'
        )

    def pid(self) -> int:
        return self.dice.between(900, 32_000)

    def execute(
        self,
        time: int,
        host: Server,
        account: Account,
        arguments: list[str],
        login: Account | None = None,
        directory: str = "",
        terminal: str = "(none)",
        exe: str = "",
        key: str = "exec",
        title: bool = False,
    ) -> None:
        """One program start: SYSCALL, EXECVE, CWD, PATH."""
        name = arguments[0].rsplit("/", 1)[-1]
        exe = exe or (arguments[0] if arguments[0].startswith("/") else _EXE.get(name, f"/usr/bin/{name}"))
        argv = " ".join(f"a{index}={quoted(one)}" for index, one in enumerate(arguments))
        records = [
            (
                "SYSCALL",
                self._syscall(59, account, login, name, exe, key, terminal, 2, None, self.pid(), self.pid()),
            ),
            ("EXECVE", f"argc={len(arguments)} {argv}"),
            ("CWD", f"cwd={quoted(directory or account.home)}"),
            (
                "PATH",
                f"item=0 name={quoted(exe)} inode={self.dice.between(200_000, 900_000)} dev=fd:00 "
                "mode=0100755 "
                "ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 "
                "cap_frootid=0",
            ),
        ]
        if title:
            records.append(("PROCTITLE", "proctitle=" + "\0".join(arguments).encode().hex().upper()))
        self._records(host, time, records)

    def touch(
        self,
        time: int,
        host: Server,
        account: Account,
        name: str,
        path: str,
        key: str,
        kind: str = "CREATE",
        login: Account | None = None,
        terminal: str = "(none)",
        exe: str = "",
        mode: str = "0100644",
    ) -> None:
        """A watched file is opened to be written or read: SYSCALL (openat), CWD, PATH."""
        program = exe or _EXE.get(name, f"/usr/bin/{name}")
        call = self._syscall(
            257, account, login, name, program, key, terminal, 1, None, self.pid(), self.pid()
        )
        self._records(
            host,
            time,
            [
                ("SYSCALL", call),
                ("CWD", 'cwd="/"'),
                (
                    "PATH",
                    f"item=0 name={quoted(path)} inode={self.dice.between(200_000, 900_000)} dev=fd:00 "
                    f"mode={mode} "
                    f"ouid={account.uid} ogid={account.uid} rdev=00:00 nametype={kind} cap_fp=0 cap_fi=0 "
                    "cap_fe=0 cap_fver=0 "
                    "cap_frootid=0",
                ),
            ],
        )

    def _user(self, time: int, host: Server, kind: str, pid: int, account: Account, text: str) -> None:
        self._records(
            host,
            time,
            [
                (
                    kind,
                    f"pid={pid} uid=0 auid={account.uid} ses={account.uid % 97 + 11} subj=unconfined "
                    f"msg='{text}'",
                )
            ],
        )

    # the authentication log

    def auth(self, time: int, host: Server, program: str, text: str, pid: int = 0) -> None:
        tag = f"{program}[{pid}]" if pid else program
        self.recorder.add("auth.log", time, f"{iso_micro(time)} {host.name} {tag}: {text}")

    def ssh(
        self,
        time: int,
        host: Server,
        user: Account,
        source: str,
        method: str = "publickey",
        seconds: int = 60,
    ) -> None:
        """A session by SSH, from the door to the end."""
        pid, port = self.pid(), self.dice.between(32_768, 60_999)
        proof = f": ED25519 SHA256:{self.dice.letters(43)}" if method == "publickey" else ""
        self.auth(
            time,
            host,
            "sshd",
            f"Accepted {method} for {user.name} from {source} port {port} ssh2{proof}",
            pid,
        )
        self.auth(
            time + 8 * MILLI,
            host,
            "sshd",
            f"pam_unix(sshd:session): session opened for user {user.name}(uid={user.uid}) by (uid=0)",
            pid,
        )
        self._user(
            time + 3 * MILLI,
            host,
            "USER_LOGIN",
            pid,
            user,
            f'op=login id={user.uid} exe="/usr/sbin/sshd" hostname={source} addr={source} terminal=ssh '
            "res=success",
        )
        end = time + seconds * SECOND
        self.auth(
            end, host, "sshd", f"Received disconnect from {source} port {port}:11: disconnected by user", pid
        )
        self.auth(
            end + 3 * MILLI, host, "sshd", f"pam_unix(sshd:session): session closed for user {user.name}", pid
        )

    def ssh_failed(self, time: int, host: Server, name: str, source: str, known: bool, port: int = 0) -> None:
        pid, port = self.pid(), port or self.dice.between(32_768, 60_999)
        if not known:
            self.auth(time - 300 * MILLI, host, "sshd", f"Invalid user {name} from {source} port {port}", pid)
        invalid = "" if known else "invalid user "
        self.auth(
            time, host, "sshd", f"Failed password for {invalid}{name} from {source} port {port} ssh2", pid
        )

    def sudo(
        self, time: int, host: Server, user: Account, command: str, terminal: str = "pts/0", seconds: int = 5
    ) -> None:
        """A command as root: the log's line and audit's record; what it starts is up to the caller."""
        self.auth(
            time,
            host,
            "sudo",
            f"{user.name:>8} : TTY={terminal} ; PWD={user.home} ; USER=root ; COMMAND={command}",
        )
        self._user(
            time + MILLI,
            host,
            "USER_CMD",
            self.pid(),
            user,
            f'cwd={quoted(user.home)} cmd={quoted(command)} exe="/usr/bin/sudo" terminal={terminal} '
            "res=success",
        )
        who = f"user root(uid=0) by {user.name}(uid={user.uid})"
        self.auth(time + 4 * MILLI, host, "sudo", f"pam_unix(sudo:session): session opened for {who}")
        self.auth(
            time + seconds * SECOND, host, "sudo", "pam_unix(sudo:session): session closed for user root"
        )

    def cron(self, time: int, host: Server, account: Account, command: str) -> None:
        pid = self.pid()
        by = f"user {account.name}(uid={account.uid}) by (uid=0)"
        self.auth(time, host, "CRON", f"pam_unix(cron:session): session opened for {by}", pid)
        self.auth(time + MILLI, host, "CRON", f"({account.name}) CMD ({command})", pid + 1)
        self.execute(time + 3 * MILLI, host, account, ["/bin/sh", "-c", command], exe="/usr/bin/dash")
        self.auth(
            time + 2 * SECOND,
            host,
            "CRON",
            f"pam_unix(cron:session): session closed for user {account.name}",
            pid,
        )

    # metrics

    def metric(self, time: int, host: Server, kind: str, fields: Event) -> None:
        self.recorder.add(
            "metrics.jsonl",
            time,
            {
                "@timestamp": iso_milli(time),
                "host": {"name": host.name},
                "event": {"module": "system", "dataset": f"system.{kind}"},
                "metricset": {"name": kind, "period": 60_000},
                "system": {kind: fields},
            },
        )

    def process_metric(
        self, time: int, host: Server, name: str, command: str, share: float, user: Account = ROOT
    ) -> None:
        self.metric(
            time,
            host,
            "process",
            {
                "name": name,
                "state": "sleeping" if share < 0.5 else "running",
                "cmdline": command,
                "username": user.name,
                "cpu": {"pct": share, "norm": {"pct": round(share / host.cores, 4)}},
                "memory": {"rss": {"pct": 0.0125}},
            },
        )
