"""``corridor feed pull``: the mirror of a feed over HTTP, with its progress."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from corridor.cli.options import CliError

if TYPE_CHECKING:
    from feeds.records.pull import Mirror

KEY_VARIABLE: Final = "FEED_API_KEY"
_PATH: Final = re.compile(r"(.*)/v1/feeds/([A-Za-z0-9_-]{1,100})/?(?:records/?)?")
_TIMEOUT_S: Final = 120.0
_FOLLOW_S: Final = 30
_MOST_BYTES: Final = 256 << 20


def run(options: argparse.Namespace) -> int:
    """Mirror until there is no more; 1 when something does not hold or can't be had, and the mirror is as it
    was."""
    from feeds.records.pull import PullError

    try:
        mirror = mirror_of(options.url, options.into, options.key, options.api_key_file)
        known = bool(mirror.trusted) or bool(options.key)
        try:
            while mirror.pull(wait_s=_FOLLOW_S if options.follow else 0) or options.follow:
                _progress(mirror.counts["records"])
        except KeyboardInterrupt:
            pass  # what was kept is whole
        finally:
            if sys.stderr.isatty():
                print(file=sys.stderr)
        made = mirror.finish(int(time.time() * 1000))
    except PullError as error:
        print(f"corridor feed pull: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        raise CliError(f"{error.filename or options.into}: {error.strerror}") from None
    counts = made["counts"]
    if options.json:
        print(json.dumps({"directory": str(options.into), "counts": counts, "logs": made["logs"]}))
        return 0
    print(
        f"{options.into}: {counts['records']} records, each in a signed head, {counts['redacted']} redacted"
    )
    for log in made["logs"]:
        trust = "" if known else "  (told by the server: compare it by another way)"
        print(f"log {log['log']}: {log['size']} entries, key {log['key']}{trust}")
    return 0


def mirror_of(url: str, into: Path, keys: list[str], api_key_file: Path | None) -> Mirror:
    """The mirror in ``into`` of the feed at ``url``. Raises CliError, PullError."""
    from feeds.records.pull import Mirror

    root, feed = _parts(url)
    return Mirror(_Http(root, _key(api_key_file)), feed, into, keys)


def feed_of(url: str) -> str:
    """The id of the feed that a URL names. Raises CliError."""
    return _parts(url)[1]


def _parts(url: str) -> tuple[str, str]:
    found = urlsplit(url)
    match = _PATH.fullmatch(found.path)
    if found.scheme not in ("http", "https") or not found.netloc or match is None:
        raise CliError(f"URL: got {url[:200]!r}, want https://HOST/v1/feeds/FEED")
    return f"{found.scheme}://{found.netloc}{match[1]}", match[2]


def _key(file: Path | None) -> str:
    text = os.environ.get(KEY_VARIABLE, "")
    if file is not None:
        try:
            text = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CliError(f"--api-key-file: {file} can't be read: {error}") from None
    text = text.strip()
    if not text or not text.isascii() or not text.isprintable():
        raise CliError(f"API key: got none that can be used, want --api-key-file or {KEY_VARIABLE}")
    return text


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nowhere: the API key is for the server that was named."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        return None


_OPENER: Final = urllib.request.build_opener(_NoRedirect)


class _Http:
    """Bodies of paths under a server's root."""

    def __init__(self, root: str, key: str) -> None:
        self._root, self._key = root, key

    def __call__(self, path: str) -> bytes:
        from feeds.records.pull import PullError

        request = urllib.request.Request(self._root + path)
        if path.startswith("/v1/"):
            request.add_header("Authorization", f"Bearer {self._key}")
        try:
            with _OPENER.open(request, timeout=_TIMEOUT_S) as answer:
                body: bytes = answer.read(_MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            raise PullError(f"refused with {error.code}: {_detail(error)}") from None
        except (urllib.error.URLError, OSError, ValueError) as error:
            raise PullError(f"no answer from {self._root}: {error}") from None
        if len(body) > _MOST_BYTES:
            raise PullError(f"{path[:100]}: got more than {_MOST_BYTES} bytes")
        return body


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(65_536))["detail"])
    except (OSError, ValueError, KeyError, TypeError):
        return str(error.reason)


def _progress(records: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{records:,} records", end="", file=sys.stderr, flush=True)
