"""Settings against the broker of the tests, and what `kafka check` says of them."""

from __future__ import annotations

from pathlib import Path

from tests.kafka.broker import Broker
from tests.kafka.certificates import Certificates
from tests.kafka.tokens import CLIENT, SECRET, TokenServer
from xdrtui.settings.model import KafkaSettings
from xdrtui.sources.check import Step, steps


class Rig:
    """Settings against the broker of the tests."""

    def __init__(self, broker: Broker, pem: Certificates, tokens: TokenServer, folder: Path) -> None:
        self.broker, self.pem, self.tokens = broker, pem, tokens
        self.password = _secret(folder / "password", "correct horse")
        self.client_secret = _secret(folder / "client-secret", SECRET)
        self.wrong = _secret(folder / "wrong", "battery staple")

    def settings(self, listener: str, sasl: str = "none", **more: object) -> KafkaSettings:
        values: dict[str, object] = {"brokers": [self.broker.bootstrap(listener)], "group": "", "sasl": sasl}
        if listener in ("SECURE", "MUTUAL", "BOTH"):
            values |= {"tls": True, "ca_file": str(self.pem.authority)}
        if listener in ("MUTUAL", "BOTH"):
            values["certificate_file"] = str(self.pem.client_certificate)
            values["key_file"] = str(self.pem.client_key)
        if sasl == "oauthbearer":
            values["oauth_token_url"] = self.tokens.token_url
            values["oauth_client_id"] = CLIENT
            values["oauth_client_secret"] = self.client_secret
            values["oauth_scope"] = "read:events"
        elif sasl != "none":
            values |= {"user": "analyst", "password": self.password}
        return KafkaSettings.model_validate({**values, **more})


def _secret(path: Path, value: str) -> str:
    path.touch(mode=0o600)
    path.write_text(value)
    return f"file:{path}"


async def failures(settings: KafkaSettings) -> list[Step]:
    return [step async for step in steps(settings) if not step.ok]


async def first_failure(settings: KafkaSettings) -> Step:
    return (await failures(settings))[0]
