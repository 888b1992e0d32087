"""An OIDC issuer for tests, with the standard library only: a server on 127.0.0.1 and tokens signed with RS256."""

import base64
import hashlib
import http.server
import json
import random
import threading
import time


class Issuer:
    """An OIDC issuer on loopback: its discovery document, its keys, and tokens signed with RS256."""

    def __init__(self):
        chosen = random.SystemRandom()
        while True:
            p, q = self.prime(chosen), self.prime(chosen)
            if p != q and (p - 1) * (q - 1) % 65537:
                break
        self.n, self.d = p * q, pow(65537, -1, (p - 1) * (q - 1))
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                document = {
                    "/.well-known/openid-configuration": {"issuer": issuer.url, "jwks_uri": issuer.url + "/keys"},
                    "/keys": {"keys": [issuer.key()]},
                }.get(self.path)
                body = json.dumps(document).encode()
                self.send_response(200 if document else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()

    @staticmethod
    def prime(chosen):
        """A prime of 1024 bits with its two highest bits set."""
        small = [n for n in range(3, 2000, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2))]
        while True:
            n = chosen.getrandbits(1024) | (3 << 1022) | 1
            if any(n % s == 0 for s in small):
                continue
            odd, twos = n - 1, 0
            while odd % 2 == 0:
                odd, twos = odd // 2, twos + 1
            for base in small[:24]:
                x = pow(base, odd, n)
                if x not in (1, n - 1) and all((x := x * x % n) != n - 1 for _ in range(twos - 1)):
                    break
            else:
                return n

    @staticmethod
    def text(raw):
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    def key(self):
        number = lambda n: self.text(n.to_bytes((n.bit_length() + 7) // 8, "big"))
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "k1", "n": number(self.n), "e": number(65537)}

    def token(self, **claims):
        now = int(time.time())
        claims = {"iss": self.url, "sub": "repo:acme/app", "iat": now, "exp": now + 300, **claims}
        parts = [{"alg": "RS256", "kid": "k1", "typ": "JWT"}, claims]
        message = ".".join(self.text(json.dumps(part).encode()) for part in parts)
        digest = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(message.encode()).digest()
        padded = b"\x00\x01" + b"\xff" * (256 - len(digest) - 3) + b"\x00" + digest
        signature = pow(int.from_bytes(padded, "big"), self.d, self.n).to_bytes(256, "big")
        return f"{message}.{self.text(signature)}"
