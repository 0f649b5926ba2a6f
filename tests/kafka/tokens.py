"""A token endpoint with the keys of its tokens, for the broker and the clients of the tests."""

from __future__ import annotations

import json
import time
import uuid
from base64 import b64decode, urlsafe_b64encode
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.kafka.web import Request, WebServer

CLIENT, SECRET = "analyst", "client secret of the tests"
AUDIENCE, SCOPE = "kafka", "read:events"


class TokenServer:
    """POST /token gives tokens by client credentials, GET /keys the public keys (JWKS). life: seconds of the
    next tokens; given: all tokens so far; down: answers 503; forged:
    signs with a key that the broker does not know."""

    def __init__(self) -> None:
        self.life = 300.0
        self.forged = False
        self.given: list[str] = []
        self.down = False
        self._key, self._other = (rsa.generate_private_key(65537, 2048) for _ in range(2))
        self._web = WebServer(self._answer)
        self.token_url = f"{self._web.url}/token"
        self.keys_url = f"{self._web.url}/keys"
        self.stop = self._web.stop

    def _answer(self, request: Request) -> tuple[int, bytes]:
        if request.path == "/keys":
            return 200, json.dumps({"keys": [self._public()]}).encode()
        if self.down:
            return 503, b"busy"
        form = parse_qs(request.body.decode())
        login = b64decode(request.headers.get("Authorization", "Basic ").removeprefix("Basic ")).decode()
        if request.path != "/token" or form.get("grant_type") != ["client_credentials"]:
            return 404, b"{}"
        if login != f"{CLIENT}:{SECRET}":
            return 401, b'{"error":"invalid_client","error_description":"who are you?"}'
        if form.get("scope", [SCOPE]) != [SCOPE]:
            return 400, b'{"error":"invalid_scope"}'
        token = self._token()
        self.given.append(token)
        return 200, json.dumps({"access_token": token, "expires_in": self.life}).encode()

    def _public(self) -> dict[str, str]:
        numbers = self._key.public_key().public_numbers()
        return {
            "kty": "RSA",
            "kid": "test",
            "use": "sig",
            "alg": "RS256",
            "n": _text(numbers.n.to_bytes(256, "big")),
            "e": _text(numbers.e.to_bytes(3, "big")),
        }

    def _token(self) -> str:
        now = time.time()
        claims = {
            "sub": CLIENT,
            "aud": AUDIENCE,
            "iss": "tests",
            "iat": int(now),
            "exp": int(now + self.life),
            "scope": SCOPE,
            "jti": uuid.uuid4().hex,
        }
        head = _text(json.dumps({"alg": "RS256", "kid": "test", "typ": "JWT"}).encode())
        signed = f"{head}.{_text(json.dumps(claims).encode())}"
        signature = (self._other if self.forged else self._key).sign(
            signed.encode(), padding.PKCS1v15(), hashes.SHA256()
        )
        return f"{signed}.{_text(signature)}"


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
