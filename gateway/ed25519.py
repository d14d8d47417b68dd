"""Ed25519 signatures checked by libsodium: half the work of OpenSSL's, and without the interpreter's lock.

It takes no more than ``streams.signing.keys.holds``: whatever is let in by it, every verifier finds signed.
"""

from __future__ import annotations

from nacl.bindings import crypto_sign_open
from nacl.exceptions import CryptoError


def holds(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether ``signature`` (64 bytes) is that of the key ``public`` (32 bytes) over ``message``."""
    try:
        crypto_sign_open(signature + message, public)
    except (CryptoError, ValueError):
        return False
    return True
