"""Small answers from a web server that we log in to: of a token endpoint, of a schema registry.

In: an address, a login, an authority. Out: a status and a body no larger than `LARGEST`; redirects are not
followed, so that a secret goes only where the settings say. What fails is a `WebError`, one clause.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from xdrtui.errors import BrokerError, SettingsError
from xdrtui.plain import visible
from xdrtui.settings.secrets import Secret

if TYPE_CHECKING:
    import httpx

LARGEST = 1 << 20
SECONDS = 8.0
"""Without a word; a whole answer may take twice as long."""

_LOCAL = ("localhost", "127.0.0.1", "::1")


class WebError(Exception):
    """A server gave no usable answer; `str(error)` is one clause, made harmless, without any secret."""


class TooLarge(WebError):
    """The answer is larger than `LARGEST`."""


class Answer(msgspec.Struct, frozen=True):
    status: int
    body: bytes


class WebPlace(msgspec.Struct, frozen=True):
    """Where to ask, and as whom. ca_file: PEM, empty: the system's authorities."""

    url: str
    user: str = ""
    password: Secret | None = None
    ca_file: str = ""

    @property
    def shown(self) -> str:
        parts = urlsplit(self.url)
        return visible(f"{parts.hostname}" + (f":{parts.port}" if parts.port else ""))


def check_url(setting: str, url: str) -> None:
    """SettingsError unless a secret may be sent there: https, or a server on this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not host:
        raise SettingsError(
            f"{setting}: {visible(url)} is no address of a web server: write https://HOST/...."
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise SettingsError(f"{setting}: write the address alone, without a login, `?` or `#` in it.")
    if parts.scheme == "http" and host not in _LOCAL:
        raise SettingsError(
            f"{setting}: a secret would cross the network in the clear: write https; http is for this machine"
            " alone."
        )


@contextlib.asynccontextmanager
async def web(place: WebPlace) -> AsyncIterator[httpx.AsyncClient]:
    """A client that logs in there. Raises BrokerError where the authority's file cannot be used."""
    import httpx  # 100 ms, and only here

    try:
        context = ssl.create_default_context(cafile=place.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise BrokerError(
            f"the authority's certificate {visible(place.ca_file)} cannot be used"
            f" ({visible(getattr(error, 'strerror', '') or str(error))}): it must be a PEM file."
        ) from None
    login = None
    if place.user:
        login = httpx.BasicAuth(place.user, place.password.reveal() if place.password else "")
    async with httpx.AsyncClient(
        verify=context, auth=login, timeout=SECONDS, follow_redirects=False
    ) as client:
        yield client


async def ask(client: httpx.AsyncClient, url: str, form: Mapping[str, str] | None = None) -> Answer:
    """GET, or POST with a form. Raises WebError where no answer comes or it is too large."""
    import httpx

    # compressed it could be any size once httpx has unpacked a piece of it
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    body = bytearray()
    try:
        async with asyncio.timeout(2 * SECONDS):
            request = client.build_request("GET" if form is None else "POST", url, data=form, headers=headers)
            answer = await client.send(request, stream=True)
            try:
                if answer.headers.get("Content-Encoding", "identity") != "identity":
                    raise WebError("its answer is compressed, which was not asked for")
                async for part in answer.aiter_raw():
                    body += part
                    if len(body) > LARGEST:
                        raise TooLarge(f"its answer is larger than {LARGEST >> 20} MB")
            finally:
                await answer.aclose()
    except httpx.TimeoutException:
        raise WebError(f"it does not answer within {SECONDS:.0f} s") from None
    except TimeoutError:
        raise WebError(f"its answer does not end within {2 * SECONDS:.0f} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise WebError(f"it cannot be asked: {_cause(error)}") from None
    return Answer(answer.status_code, bytes(body))


def _cause(error: BaseException) -> str:
    """The words of the system or of TLS, where httpx wraps them."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, ssl.SSLCertVerificationError):
            return visible(f"its certificate is not accepted ({inner.verify_message})")
        if isinstance(inner, OSError) and inner.strerror and not isinstance(inner, ssl.SSLError):
            return visible(inner.strerror)
        inner = inner.__cause__ or inner.__context__
    return visible(str(error) or type(error).__name__)
