"""Which certificate a server shows, and why it is not accepted.

In: the address, and what TLS said. Out: a `Step` with the certificate's names, issuer and days. The
certificate is looked at without trusting it: nothing is sent to that server.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Any

import msgspec

from xdrtui.plain import visible
from xdrtui.sources.connection import KafkaConnection, words_of
from xdrtui.sources.step import Step

_SECONDS = 5.0
_NO_CHECK_TIME = 0x200000  # OpenSSL's X509_V_FLAG_NO_CHECK_TIME
_EXPIRED, _NOT_YET, _HOST, _ADDRESS = 10, 9, 62, 64
_MOST_NAMES = 5


class Shown(msgspec.Struct, frozen=True):
    """A certificate: to whom, by whom, for which names, until when; each empty where it could not be read."""

    subject: str = ""
    issuer: str = ""
    names: tuple[str, ...] = ()
    begins: str = ""
    ends: str = ""


def read(certificate: Any) -> Shown:
    """From what Python's ssl tells of a certificate."""
    names = [str(value) for _, value in certificate.get("subjectAltName", ())]
    more = [f"and {len(names) - _MOST_NAMES} more"] if len(names) > _MOST_NAMES else []
    return Shown(
        _name(certificate.get("subject", ())),
        _name(certificate.get("issuer", ())),
        tuple(visible(name) for name in [*names[:_MOST_NAMES], *more]),
        visible(str(certificate.get("notBefore", ""))),
        visible(str(certificate.get("notAfter", ""))),
    )


def _name(parts: Any) -> str:
    """The common name, else all there is."""
    pairs = [pair for part in parts for pair in part]
    common = [value for key, value in pairs if key == "commonName"]
    return visible(common[0] if common else ", ".join(f"{key}={value}" for key, value in pairs))[:200]


async def look(host: str, port: int, address: str) -> Shown:
    """The certificate that this server shows, trusted or not."""
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE
    der = await _shown(address, port, host, blind, binary=True)
    if not isinstance(der, bytes):
        return Shown()
    # OpenSSL tells what is in a certificate only after it was accepted: this one, by itself, at any time
    itself = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    itself.check_hostname = False
    try:
        itself.load_verify_locations(cadata=der)
    except ssl.SSLError:
        return Shown()
    itself.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VerifyFlags(_NO_CHECK_TIME)
    return read(await _shown(address, port, host, itself, binary=False) or {})


async def _shown(address: str, port: int, host: str, context: ssl.SSLContext, *, binary: bool) -> Any:
    with contextlib.suppress(OSError, TimeoutError, ssl.SSLError):
        async with asyncio.timeout(_SECONDS):
            _, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=host)
            tls = writer.get_extra_info("ssl_object")
            try:
                return tls.getpeercert(binary)
            finally:
                writer.close()
                with contextlib.suppress(OSError, ssl.SSLError):
                    await writer.wait_closed()
    return None


async def not_accepted(
    name: str, host: str, port: int, address: str, error: ssl.SSLCertVerificationError
) -> Step:
    """Why we do not accept the server's certificate."""
    shown = await look(host, port, address)
    which = f"the certificate of {visible(host)}:{port}"
    if shown.subject or shown.issuer:
        which += f" (for {shown.subject or 'nobody'}, signed by {shown.issuer or 'nobody'})"
    why = words_of_verification(error)
    if error.verify_code == _EXPIRED:
        ended = f" on {shown.ends}" if shown.ends else ""
        return Step(
            name,
            False,
            f"{which} is not accepted: it expired{ended}",
            "renew it on the broker",
            "tls.expired",
        )
    if error.verify_code == _NOT_YET:
        begins = f"it begins on {shown.begins}" if shown.begins else why
        advice = "set the clock of this machine, or of the one that made the certificate"
        return Step(name, False, f"{which} is not accepted: {begins}", advice, "tls.early")
    if error.verify_code in (_HOST, _ADDRESS):
        names = ", ".join(shown.names) or "no name at all"
        what = f"{which} is not accepted: it is for {names}, not for {visible(host)}"
        advice = "write one of these names into kafka.brokers, or give the broker a certificate with its name"
        return Step(name, False, what, advice, "tls.name")
    what = f"{which} is not accepted: no authority that we trust signed it ({why})"
    return Step(
        name, False, what, "set ca_file to the certificate of the authority that did", "tls.authority"
    )


def words_of_verification(error: ssl.SSLCertVerificationError) -> str:
    return visible(str(error.verify_message or error))


def refused(name: str, to: KafkaConnection, broker: str, error: BaseException) -> Step:
    """What the other side says of our TLS, or of our certificate."""
    reason = str(getattr(error, "reason", "") or "")
    said = words_of(error)
    if "WRONG_VERSION_NUMBER" in reason or "RECORD_LAYER" in reason or "PACKET_LENGTH" in reason:
        what, advice = f"{broker} does not speak TLS", "set tls: false, or use the broker's TLS port"
        return Step(name, False, what, advice, "tls.plain")
    if "ALERT" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason):
        if not to.certificate_file:
            what = f"{broker} wants a certificate of ours, and none is set"
            return Step(name, False, what, "set certificate_file and key_file", "tls.client-missing")
        what = f"{broker} does not accept our certificate {visible(to.certificate_file)} ({said})"
        advice = "show one that an authority signed which the broker trusts, and that has not expired"
        return Step(name, False, f"{what}", f"{advice} (certificate_file)", "tls.client-refused")
    what = f"{broker} and we find no common TLS ({said})"
    return Step(name, False, what, "check tls, certificate_file and the port", "tls.failed")
