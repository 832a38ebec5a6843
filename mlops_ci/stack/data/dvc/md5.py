"""MD5, by which DVC knows a content. It says which content that is; it protects from nobody."""

from __future__ import annotations

try:
    # Python's own: to load hashlib, and with it OpenSSL, takes as long as two calls of Git. FIPS builds have none.
    from _md5 import md5 as _md5  # type: ignore[import-not-found]
except ImportError:
    from hashlib import md5 as _md5


def hex_md5(*chunks: bytes) -> str:
    """Of the chunks one after another."""
    digest = _md5(usedforsecurity=False)
    for chunk in chunks:
        digest.update(chunk)
    return str(digest.hexdigest())
