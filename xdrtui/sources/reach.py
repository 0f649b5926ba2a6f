"""Whether any broker answers at all, asked of addresses from which nothing was heard.

What is asked is small and needs no login: Kafka's versions, the first question of every client. That a
connection is taken says too little: a load balancer or a stalled process takes one and then is silent.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Sequence

from xdrtui.plain import visible
from xdrtui.sources.address import parts
from xdrtui.sources.connection import words_of
from xdrtui.sources.probe import NotKafka, ask_versions

REACH_SECONDS = 1.0


async def unreached(addresses: Sequence[str], tls: ssl.SSLContext | None) -> str:
    """Why no broker can be reached, or "" where one answers; within a second."""
    whys = await asyncio.gather(*(_why(address, tls) for address in addresses))
    if not whys or not all(whys):
        return ""
    where = f"{visible(addresses[0])}: {whys[0]}"
    return f"no broker can be reached ({where}): it is tried on; `xdrtui kafka check` tells more"


async def _why(address: str, tls: ssl.SSLContext | None) -> str:
    """Why this address does not answer, or ""."""
    (host, port), writer = parts(address), None
    taken = False
    try:
        async with asyncio.timeout(REACH_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            taken = True
            if tls is not None:
                await writer.start_tls(tls, server_hostname=host)
            await ask_versions(reader, writer)
    except TimeoutError:
        return "it takes connections, but does not answer" if taken else "no answer"
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
        return "it ends the connection"
    except ssl.SSLError:
        return ""  # it answers; what is wrong with its TLS is told by who reads
    except NotKafka as error:
        return str(error)
    except (OSError, ValueError) as error:
        number = getattr(error, "errno", None)
        return visible(os.strerror(number) if number and number > 0 else words_of(error))[:100].lower()
    finally:
        if writer is not None:
            writer.transport.abort()  # a goodbye may never be answered
    return ""
