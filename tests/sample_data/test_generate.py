"""The generator gives the bundled data again, from the seed alone, and stays small."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sample_data import SCENARIOS, scenario_dir
from sample_data.generate import SEED, main, scenario

_ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_seed_gives_the_bundled_texts_byte_for_byte(name: str) -> None:
    made = scenario(name, SEED)
    bundled = {path.name: path for path in scenario_dir(name).iterdir() if path.suffix in (".gz", ".json")}
    assert sorted(made) == sorted(bundled)
    for file, text in made.items():
        data = bundled[file].read_bytes()
        assert (gzip.decompress(data) if file.endswith(".gz") else data) == text.encode(), file


def test_neither_hash_seed_nor_time_zone_nor_locale_changes_a_byte(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "4711",
        "TZ": "Asia/Kathmandu",
        "LC_ALL": "C",
        "PYTHONPATH": str(_ROOT),
    }
    command = [sys.executable, "-m", "sample_data.generate", "--out", str(tmp_path), "cloud"]
    subprocess.run(command, check=True, env=environment, capture_output=True, cwd=tmp_path)
    for path in (tmp_path / "cloud").iterdir():
        ours = (scenario_dir("cloud") / path.name).read_bytes()
        made = path.read_bytes()
        if path.suffix == ".gz":
            ours, made = gzip.decompress(ours), gzip.decompress(made)
        assert made == ours, path.name


def test_another_seed_gives_another_day_with_the_same_story() -> None:
    ours, other = scenario("cloud", SEED), scenario("cloud", SEED + 1)
    assert ours["cloudtrail.jsonl.gz"] != other["cloudtrail.jsonl.gz"]
    assert other["truth.json"].count('"technique"') == ours["truth.json"].count('"technique"')


def test_all_is_under_eight_megabytes() -> None:
    size = sum(path.stat().st_size for name in SCENARIOS for path in scenario_dir(name).iterdir())
    assert size < 8_000_000


def test_no_file_carries_the_time_of_its_making() -> None:
    for name in SCENARIOS:
        for path in scenario_dir(name).glob("*.gz"):
            head = path.read_bytes()[:8]
            assert head[:4] == b"\x1f\x8b\x08\x00", f"{path}: a name or a comment in the header"
            assert head[4:8] == bytes(4), f"{path}: a time in the header"


def test_an_unknown_scenario_is_refused_with_the_known_names(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["minor"])
    assert stopped.value.code == 2
    assert "'minor'; there are: invoice, miner, cloud" in capsys.readouterr().err


def test_the_folder_of_an_unknown_scenario_is_a_key_error_with_the_known_names() -> None:
    with pytest.raises(KeyError, match="invoice, miner, cloud"):
        scenario_dir("../etc")
