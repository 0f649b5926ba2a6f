"""The settings file, profiles and the environment over them."""

from __future__ import annotations

from pathlib import Path

import pytest

from xdrtui.errors import SettingsError
from xdrtui.settings import load_settings, settings_path
from xdrtui.settings.read import variables

GOOD = """\
profile: acme
profiles:
  acme:
    kafka:
      brokers: [kafka-1:9092, kafka-2:9092]
      topics: [windows]
      password: keyring:acme
    rules:
      paths: [rules, /opt/rules]
  lab:
    workspace: ~/lab
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "settings.yml"
    path.write_text(text)
    return path


def refusal(folder: Path, text: str, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as error:
        load_settings(path=write(folder, text), environ=environ or {})
    return str(error.value).replace(str(folder), "")


def test_a_profile_is_read(tmp_path: Path) -> None:
    settings = load_settings(path=write(tmp_path, GOOD), environ={})
    assert settings.name == "acme"
    assert settings.kafka.brokers == ["kafka-1:9092", "kafka-2:9092"]
    assert settings.kafka.password == "keyring:acme"


@pytest.mark.parametrize("group", ["g" * 250, "g ", "g\\x1b[31m", "g\\n"])
def test_a_group_that_no_broker_or_terminal_should_be_given_is_refused(tmp_path: Path, group: str) -> None:
    text = f'profiles:\n  acme:\n    kafka:\n      group: "{group}"\n'
    assert "line 4, column 7: profiles.acme.kafka.group: must be at most 249" in refusal(tmp_path, text)


def test_relative_paths_begin_at_the_settings_file(tmp_path: Path) -> None:
    settings = load_settings(path=write(tmp_path, GOOD), environ={})
    assert settings.rules.paths == [str(tmp_path / "rules"), "/opt/rules"]


def test_each_profile_has_its_own_workspace(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    acme = load_settings("acme", path, environ={})
    lab = load_settings("lab", path, environ={})
    assert acme.workspace.name == "acme"
    assert lab.workspace == Path.home() / "lab"


def test_without_a_file_all_is_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = load_settings(environ={})
    assert (settings.name, settings.file, settings.kafka.brokers) == ("default", None, [])


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    missing = tmp_path / "none.yml"
    with pytest.raises(SettingsError, match="No such file"):
        load_settings(environ={"XDRTUI_SETTINGS": str(missing)})
    assert settings_path({"XDRTUI_SETTINGS": str(missing)}) == missing


def test_the_only_profile_needs_no_naming(tmp_path: Path) -> None:
    settings = load_settings(path=write(tmp_path, "profiles:\n  solo:\n"), environ={})
    assert settings.name == "solo"


def test_several_profiles_and_none_named_asks_which(tmp_path: Path) -> None:
    said = refusal(tmp_path, "profiles: {a: {}, b: {}}")
    assert (
        said
        == "/settings.yml has the profiles a, b and names none: add `profile: NAME` or say --profile NAME."
    )


def test_an_unknown_profile_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no profile acmee: the nearest is acme"):
        load_settings("acmee", write(tmp_path, GOOD), environ={})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "profiles:\n  a:\n    kafka:\n      broker: [x]\n",
            "/settings.yml, line 4, column 7: unknown setting broker: the nearest is brokers.",
        ),
        (
            "profils: {}\n",
            "/settings.yml, line 1, column 1: unknown setting profils: the nearest is profiles.",
        ),
        (
            "profiles:\n  a:\n    kafka:\n      brokers: x:9092\n",
            "/settings.yml, line 4, column 7: profiles.a.kafka.brokers: must be a list.",
        ),
        (
            "profiles:\n  a:\n    kafka:\n      topics:\n      - windows\n      - 7\n",
            "/settings.yml, line 6, column 9: profiles.a.kafka.topics.1: must be text (put it in quotes).",
        ),
        (
            "profiles: {a: {kafka: {tls: yess}}}",
            "/settings.yml, line 1, column 24: profiles.a.kafka.tls: must be true or false.",
        ),
        (
            "profiles: {a: {logs: {level: loud}}}",
            "/settings.yml, line 1, column 23: profiles.a.logs.level: must be 'debug', 'info',",
        ),
        (
            "profiles: {a: {logs: {keep: 0}}}",
            "/settings.yml, line 1, column 23: profiles.a.logs.keep: must be greater than or equal to 1.",
        ),
        (
            "profiles: {a: {kafka: {dead_letter_topic: no name}}}",
            "/settings.yml, line 1, column 24: profiles.a.kafka.dead_letter_topic: ",
        ),
        (
            "profiles: {a: {}, a: {}}",
            "/settings.yml, line 1, column 19: a is set twice: keep one.",
        ),
        (
            "profile: &x a\nprofiles: *x\n",
            "/settings.yml, line 2, column 11: an alias (*name) is not understood here: write the value out.",
        ),
        ("profiles: [", "/settings.yml, line 1, column 12: not YAML: "),
        ("a\n", "/settings.yml, line 1, column 1: the file: must be names with values under it."),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    assert refusal(tmp_path, text).startswith(said)


def test_a_secret_written_into_the_file_is_refused_and_not_repeated(tmp_path: Path) -> None:
    said = refusal(tmp_path, "profiles: {a: {kafka: {password: hunter2}}}")
    assert "a secret does not stand in the settings" in said
    assert "hunter2" not in said


def test_hostile_text_in_the_file_is_shown_harmlessly(tmp_path: Path) -> None:
    said = refusal(tmp_path, '"\\e]0;owned\\a": 1\n')
    assert "\x1b" not in said
    assert "␛]0;owned␇" in said


def test_no_tag_of_yaml_makes_an_object(tmp_path: Path) -> None:
    load = "profile: !!python/object/apply:os.system ['true']\n"
    with pytest.raises(SettingsError):
        load_settings(path=write(tmp_path, load), environ={})


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe", b"[" * 100_000, b"- " * 100_000, b"a" * 1_000_001],
    ids=["no UTF-8", "nested in brackets", "nested in lines", "too large"],
)
def test_what_is_no_settings_file_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "settings.yml"
    path.write_bytes(content)
    with pytest.raises(SettingsError):
        load_settings(path=path, environ={})


def test_the_environment_stands_over_the_file(tmp_path: Path) -> None:
    environ = {
        "XDRTUI_KAFKA_TOPICS": "zeek, suricata",
        "XDRTUI_KAFKA_TLS": "true",
        "XDRTUI_LOGS_KEEP": "9",
    }
    settings = load_settings("acme", write(tmp_path, GOOD), environ)
    assert settings.kafka.topics == ["zeek", "suricata"]
    assert settings.kafka.tls is True
    assert settings.logs.keep == 9
    assert settings.kafka.brokers == ["kafka-1:9092", "kafka-2:9092"]


def test_a_profile_may_be_named_by_the_environment(tmp_path: Path) -> None:
    assert load_settings(None, write(tmp_path, GOOD), {"XDRTUI_PROFILE": "lab"}).name == "lab"


def test_an_unknown_variable_names_the_nearest(tmp_path: Path) -> None:
    said = refusal(tmp_path, GOOD, {"XDRTUI_KAFKA_TOPIC": "x"})
    assert said == (
        "the environment variable XDRTUI_KAFKA_TOPIC is no setting: the nearest is XDRTUI_KAFKA_TOPICS."
    )


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    said = refusal(tmp_path, GOOD, {"XDRTUI_LOGS_KEEP": "many"})
    assert said == "the environment variable XDRTUI_LOGS_KEEP: must be a whole number."


def test_a_variable_that_holds_a_secret_is_no_unknown_setting(tmp_path: Path) -> None:
    text = "profiles: {a: {kafka: {password: 'env:XDRTUI_SECRET'}}}"
    load_settings(path=write(tmp_path, text), environ={"XDRTUI_SECRET": "x"})


def test_every_setting_but_tables_has_a_variable() -> None:
    assert variables()["XDRTUI_KAFKA_CHECK_HOSTNAME"] == ("kafka", "check_hostname")
    assert "XDRTUI_KAFKA_LAYOUTS" not in variables()
