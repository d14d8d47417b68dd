"""The heads that were seen, in one small file: so a log that forgets or forks is caught the next time."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import orjson

from feeds.ledger.checkpoint import Checkpoint
from feeds.verify.finding import VerifyError


class Seen:
    """The file ``path``; an absent one is empty. Raises VerifyError for one that is not readable."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._heads: dict[str, tuple[int, bytes]] = {}
        try:
            for origin, (size, root) in orjson.loads(path.read_bytes()).items():
                self._heads[origin] = (int(size), base64.b64decode(root, validate=True))
        except FileNotFoundError:
            pass
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise VerifyError(f"heads seen before: {path} is not readable: {error!s:.80}") from None

    def get(self, origin: str) -> tuple[int, bytes] | None:
        """Size and root of the newest head of a log."""
        return self._heads.get(origin)

    def put(self, head: Checkpoint) -> None:
        """Take a head unless a larger one is known."""
        held = self._heads.get(head.origin)
        if held is None or held[0] < head.size:
            self._heads[head.origin] = (head.size, head.root)

    def save(self) -> None:
        """Write the file, whole or not at all. Raises VerifyError."""
        told = {
            name: [size, base64.b64encode(root).decode()]
            for name, (size, root) in sorted(self._heads.items())
        }
        part = self._path.with_name(f"{self._path.name}.{os.getpid()}.part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2))
            os.replace(part, self._path)
        except OSError as error:
            raise VerifyError(f"heads seen can't be kept: {self._path}: {error.strerror}") from None
