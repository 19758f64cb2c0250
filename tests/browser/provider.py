"""A provider of logins (OpenID Connect) on this machine, and the secrets that make the app ask it."""

from __future__ import annotations

import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

COOKIE_SECRET = "of-the-tests-" + "x" * 40
WHO = {"sub": "1", "email": "curator@example.org", "name": "A Curator"}


class Provider:
    """Logs in everyone who asks, at once."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "tests"})
        self.nonces: dict[str, str] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
                if parts.path == "/authorize":
                    code = secrets.token_hex(8)
                    provider.nonces[code] = asked["nonce"]
                    self.send_response(302)
                    back = urlencode({"code": code, "state": asked["state"]})
                    self.send_header("Location", f"{asked['redirect_uri']}?{back}")
                    self.end_headers()
                else:
                    self._answer(provider.public(parts.path))

            def do_POST(self) -> None:
                body = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self._answer(provider.tokens(body["code"][0]))

            def _answer(self, content: dict) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(content).encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> Provider:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def public(self, path: str) -> dict:
        if path == "/keys":
            return {"keys": [self.key.as_dict(private=False)]}
        return {
            "issuer": self.address, "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token", "jwks_uri": f"{self.address}/keys",
            "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def tokens(self, code: str) -> dict:
        now = int(time.time())
        claims = {
            **WHO, "iss": self.address, "aud": "influencespace", "iat": now, "exp": now + 600, "nonce": self.nonces.pop(code),
        }
        return {
            "access_token": "unused", "token_type": "Bearer", "expires_in": 600,
            "id_token": jwt.encode({"alg": "RS256", "kid": "tests"}, claims, self.key),
        }


def write_secrets(file: Path, app: str, provider: str = "http://127.0.0.1:9") -> Path:
    """Streamlit's secrets for an app at the address ``app`` whose visitors log in with ``provider``."""
    file.write_text(
        f'[auth]\nredirect_uri = "{app}/oauth2callback"\ncookie_secret = "{COOKIE_SECRET}"\nclient_id = "influencespace"\n'
        f'client_secret = "none"\nserver_metadata_url = "{provider}/.well-known/openid-configuration"\n'
    )
    return file
