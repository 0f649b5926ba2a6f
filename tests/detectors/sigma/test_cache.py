"""The cache on disk: the same answers with it and without, and no trust in a file that is not sound or not
ours."""

import os
from pathlib import Path

import pytest

from detectors.sigma.cache import Cache, load_cached
from detectors.sigma.match import SigmaDetector
from tests.detectors.sigma.kit import cells, frame_of, rule_text

RULE = rule_text("sel:\n  F|contains: [evil, bad]\n  G|re: 'x(?!y)'\n  H: 1.10\ncondition: sel")
EVENT = {"F": "so evil", "G": "xz", "H": "1.10"}


@pytest.fixture
def rules_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "a.yml").write_bytes(RULE)
    return folder


def fires(folder: Path, cache: Cache) -> bool:
    rules = load_cached([folder], cache)
    detector = SigmaDetector(rules, cache=cache)
    return len(detector.detect(frame_of(detector, [cells(EVENT)]))) == 1


def entries(directory: Path) -> list[Path]:
    return sorted(directory.iterdir())


def test_the_second_time_nothing_is_made_anew(tmp_path: Path, rules_folder: Path) -> None:
    cache = Cache(tmp_path / "cache")
    assert fires(rules_folder, cache)
    before = [
        (path.name, path.stat().st_mtime_ns, path.stat().st_ino) for path in entries(tmp_path / "cache")
    ]
    assert fires(rules_folder, Cache(tmp_path / "cache"))
    assert before == [
        (path.name, path.stat().st_mtime_ns, path.stat().st_ino) for path in entries(tmp_path / "cache")
    ]
    assert len(before) == 3  # the rules, and one database for each of two columns


def test_a_changed_rule_is_seen(tmp_path: Path, rules_folder: Path) -> None:
    cache = Cache(tmp_path / "cache")
    assert fires(rules_folder, cache)
    (rules_folder / "a.yml").write_bytes(RULE.replace(b"evil", b"kind"))
    assert not fires(rules_folder, cache)


@pytest.mark.parametrize("harm", ["truncate", "flip", "empty", "garbage"])
def test_a_harmed_entry_is_made_anew(tmp_path: Path, rules_folder: Path, harm: str) -> None:
    assert fires(rules_folder, Cache(tmp_path / "cache"))
    for path in entries(tmp_path / "cache"):
        data = bytearray(path.read_bytes())
        if harm == "flip":
            data[len(data) // 2] ^= 255
        content = {"truncate": bytes(data[: len(data) // 2]), "empty": b"", "garbage": b"\x80\x04garbage"}
        path.write_bytes(content.get(harm, bytes(data)))
    assert fires(rules_folder, Cache(tmp_path / "cache"))


def test_a_file_that_others_may_write_is_not_read(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    cache.write("x", b"content")
    assert cache.read("x") == b"content"
    (tmp_path / "cache" / "x").chmod(0o666)
    assert cache.read("x") is None


def test_a_folder_that_others_may_write_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(0o777)
    cache = Cache(tmp_path / "cache")
    cache.write("x", b"content")
    assert cache.read("x") is None
    assert not entries(tmp_path / "cache")


def test_what_is_written_is_for_us_alone(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    cache.write("x", b"content")
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "cache" / "x").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_made_costs_time_and_no_error(rules_folder: Path) -> None:
    assert fires(rules_folder, Cache(Path(os.devnull) / "cache"))
