"""Tokens for OAUTHBEARER: client credentials from a token endpoint, renewed before they expire.

In: where to ask and as whom. Out: a token for whichever of aiokafka's connections asks. Tokens are kept in
memory alone. aiokafka never logs in anew on a connection: the broker ends it when its time is over, and the
next one asks here.

Source: RFC 6749, 4.4 (client credentials, login by HTTP Basic); RFC 6750, 2.1 (what a token may hold).
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable
from typing import Any

import msgspec
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaConnectionError

from xdrtui.errors import BrokerError
from xdrtui.plain import visible
from xdrtui.settings.secrets import Secret
from xdrtui.sources.http import WebError, WebPlace, ask, web

log = logging.getLogger(__name__)

RENEW_AT = 0.8
"""The share of a token's life after which another is asked for."""

LONGEST_LIFE = 86_400.0
"""Seconds after which a token is renewed, whatever its server says."""

DEFAULT_LIFE = 60.0
"""Seconds that a token lives whose server does not say it."""

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_LONGEST = 16_384


class TokenRefused(KafkaConnectionError):  # type: ignore[misc]  # aiokafka ships no types
    """No token is to be had. An error of Kafka's kind, so that aiokafka's own tasks try again."""


class _Given(msgspec.Struct):
    access_token: str
    expires_in: float | None = None


class _Refused(msgspec.Struct):
    error: str = ""
    error_description: str = ""


class ClientCredentials(AbstractTokenProvider):  # type: ignore[misc]
    """Gives out one token until it grows old. scope: empty for none; clock: seconds, never going back."""

    def __init__(
        self, place: WebPlace, scope: str = "", *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.place = place
        self.problem = ""
        self._scope = scope
        self._clock = clock
        self._token: Secret | None = None
        self._renew_at = self._ends_at = 0.0
        self._asking = asyncio.Lock()

    async def token(self) -> str:
        """A token that has not expired. Raises TokenRefused."""
        async with self._asking:
            if self._token is None or self._clock() >= self._renew_at:
                try:
                    await self._renew()
                except (WebError, BrokerError) as error:
                    self.problem = f"{str(error).rstrip('.')}"
                    if self._token is None or self._clock() >= self._ends_at:
                        raise TokenRefused(self.problem) from None
                    log.warning("the token could not be renewed yet", extra={"error": self.problem})
            assert self._token is not None
            return self._token.reveal()

    async def _renew(self) -> None:
        form = {"grant_type": "client_credentials", **({"scope": self._scope} if self._scope else {})}
        asked_at = self._clock()
        async with web(self.place) as client:
            answer = await ask(client, self.place.url, form)
        if answer.status != 200:
            raise WebError(f"it refuses ({answer.status}{_reason(answer.body)})")
        given = _read(answer.body)
        life = given.expires_in if given.expires_in and given.expires_in > 0 else DEFAULT_LIFE
        life = min(life, LONGEST_LIFE)
        self._token = Secret(given.access_token)
        self._renew_at, self._ends_at = asked_at + life * RENEW_AT, asked_at + life
        self.problem = ""

    def extensions(self) -> dict[str, Any]:
        return {}


def _read(body: bytes) -> _Given:
    try:
        given = msgspec.json.decode(body, type=_Given)
    except msgspec.MsgspecError:
        raise WebError("its answer holds no access_token: is this the token endpoint?") from None
    if len(given.access_token) > _LONGEST or not _TOKEN.fullmatch(given.access_token):
        raise WebError("what it gives as access_token is none")
    return given


def _reason(body: bytes) -> str:
    try:
        told = msgspec.json.decode(body, type=_Refused)
    except msgspec.MsgspecError:
        return ""
    words = [visible(each)[:200] for each in (told.error, told.error_description) if each]
    return ": " + ", ".join(words) if words else ""
