"""No secret is in a log, a traceback, the arguments of a process, or the workspace."""

from __future__ import annotations

import asyncio
import io
import logging
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.kafka.broker import Broker
from tests.kafka.conftest import new_name
from tests.kafka.test_kafka_source import produce
from tests.kafka.tokens import CLIENT, SECRET, TokenServer
from xdrtui.settings.secrets import strike_out

PASSWORD = "correct horse"
LOGINS = {
    "plain": "sasl: plain\n      user: analyst\n      password: file:password\n",
    "scram-sha-512": "sasl: scram-sha-512\n      user: analyst\n      password: file:password\n",
    "oauthbearer": "sasl: oauthbearer\n      oauth_token_url: {url}\n"
    f"      oauth_client_id: {CLIENT}\n      oauth_client_secret: file:client\n",
}


@pytest.mark.parametrize("sasl", LOGINS)
def test_a_worker_leaves_no_secret_behind(
    real: Broker, tokens: TokenServer, tmp_path: Path, sasl: str
) -> None:
    """Also where it fails: the second run's broker is gone while it reads."""
    topic = asyncio.run(real.create_topic(new_name()))
    asyncio.run(produce(real, topic, [b'{"a":1}']))
    for name, value in (("password", PASSWORD), ("client", SECRET)):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(value)
    settings = tmp_path / "settings.yml"
    login = LOGINS[sasl].format(url=tokens.token_url)
    settings.write_text(
        "profiles:\n  acme:\n    workspace: workspace\n    logs: {level: debug}\n    kafka:\n"
        f"      brokers: ['{real.bootstrap('LOGIN')}']\n      topics: [{topic}]\n      group: ''\n"
        f"      start: earliest\n      {login}"
    )
    given = len(tokens.given)
    command = [sys.executable, "-m", "xdrtui", "--settings", str(settings), "run", "--until-end"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(0.5)
    arguments = Path(f"/proc/{process.pid}/cmdline").read_bytes() if sys.platform == "linux" else b""
    said = b"".join(process.communicate(timeout=60))
    assert process.returncode == 0, said
    wrong = [*command[:-1], "--start", "latest"]
    settings.write_text(settings.read_text().replace("LOGIN", "x").replace(topic, "nowhere"))
    said += subprocess.run(wrong, capture_output=True, timeout=60, check=False).stderr
    secrets = [PASSWORD.encode(), SECRET.encode(), *(each.encode() for each in tokens.given[given:])]
    assert sasl != "oauthbearer" or len(secrets) > 2
    files = {path: path.read_bytes() for path in (tmp_path / "workspace").rglob("*") if path.is_file()}
    assert len(files) > 2
    for secret in secrets:
        assert secret not in arguments + said
        assert [path for path, content in files.items() if secret in content] == []


def test_what_was_revealed_is_struck_out_of_tracebacks_and_libraries_words(
    tokens: TokenServer, tmp_path: Path
) -> None:
    from xdrtui.logs import JsonLines
    from xdrtui.settings.secrets import Secret
    from xdrtui.sources.http import WebPlace
    from xdrtui.sources.oauth import ClientCredentials

    token = asyncio.run(ClientCredentials(WebPlace(tokens.token_url, CLIENT, Secret(SECRET))).token())
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("aiokafka.pretended")
    logger.addHandler(handler)
    try:
        raise ValueError(f"n,,\x01auth=Bearer {token}")
    except ValueError:
        logger.exception("Basic %s", SECRET)
    logger.removeHandler(handler)
    assert "ValueError" in out.getvalue()
    assert not re.search(f"{re.escape(token)}|{SECRET}", out.getvalue())
    assert strike_out(token) == "***"
