"""Files played into a workspace give the alerts that a scan of them gives."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.xdrtui.test_commands_scan import RULE, sysmon
from xdrtui.pipeline.fill import fill
from xdrtui.pipeline.player import Player
from xdrtui.pipeline.rulebook import Rulebook, load_rulebook
from xdrtui.sources.pace import Pace
from xdrtui.sources.replay import Replay
from xdrtui.store.export import export_alerts
from xdrtui.store.store import Store


def alerts_in(directory: Path) -> list[str]:
    with Store.open(directory, readonly=True) as store:
        return list(export_alerts(store.connection))


def book(folder: Path) -> Rulebook:
    (folder / "rule.yml").write_text(RULE)
    return load_rulebook([folder / "rule.yml"])


def wait_for(player: Player) -> None:
    until = time.monotonic() + 60
    while not player.ended and not player.failure and time.monotonic() < until:
        time.sleep(0.02)


def test_a_replay_at_full_speed_equals_a_scan(tmp_path: Path) -> None:
    rules = book(tmp_path)
    for name, start in (("a", 0), ("b", 20)):
        lines = [sysmon("C:\\cmd.exe", start + second) for second in range(20)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    files = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    fill(tmp_path / "scanned", files, rules)
    with Player(tmp_path / "played", lambda: (Replay(files, pace=Pace(0)), rules)) as player:
        wait_for(player)
    assert (player.ended, player.failure) == (True, "")
    assert alerts_in(tmp_path / "played") == alerts_in(tmp_path / "scanned")
    assert len(alerts_in(tmp_path / "played")) == 1


def test_a_replay_can_be_left_at_any_time(tmp_path: Path) -> None:
    rules = book(tmp_path)
    (tmp_path / "a.jsonl").write_text(sysmon("C:\\cmd.exe", 0) + "\n" + sysmon("C:\\cmd.exe", 59))
    with Player(tmp_path / "w", lambda: (Replay([tmp_path / "a.jsonl"], pace=Pace(1)), rules)) as player:
        time.sleep(0.5)
    assert (player.ended, player.failure) == (False, "")


def test_what_goes_wrong_is_kept_for_the_screen(tmp_path: Path) -> None:
    def make() -> tuple[Replay, Rulebook]:
        raise OSError("no such file")

    with Player(tmp_path / "w", make) as player:
        wait_for(player)
    assert "no such file" in player.failure
    assert json.dumps(player.failure)
