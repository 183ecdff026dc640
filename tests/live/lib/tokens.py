"""Bearer tokens: minted here with the engine's own key, for a thousand users a second.

`boxctl token` makes the same; test_tokens.py holds the two against each other.
"""

import base64
import hashlib
import hmac
import json
import time
import uuid


def _base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(header, claims, secret):
    """A compact JWS with any header, so that wrong ones can be made too."""
    text = _base64url(json.dumps(header).encode()) + "." + _base64url(json.dumps(claims).encode())
    return text + "." + _base64url(hmac.new(secret, text.encode(), hashlib.sha256).digest())


def mint(engine, user=None, role="user", ttl=900, tenant=None, **more):
    """A good token for a user (a new one when none is named)."""
    kid, secret = engine.signing_key()
    user = user or str(uuid.uuid4())
    now = int(time.time())
    claims = {"sub": user, "email": user[:8] + "@example.org", "role": role,
              "tenant_id": tenant or "00000000-0000-4000-8000-000000000001",
              "iat": now, "exp": now + ttl, "jti": str(uuid.uuid4()), **more}
    return sign({"alg": "HS256", "typ": "JWT", "kid": kid}, claims, secret)
