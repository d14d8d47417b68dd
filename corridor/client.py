"""A small client of the system's own API, for the verbs that speak to a running system."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any, Final

from corridor.folder import Local

_TIMEOUT_S: Final = 60.0


class ClientError(Exception):
    """The API refused or did not answer; ``status`` is None when it did not answer."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Client:
    """Requests to the API of ``local`` with its key. Blocking: call it from a thread."""

    def __init__(self, local: Local) -> None:
        self._local = local

    def get(self, path: str) -> Any:
        """The JSON at ``path``. Raises ClientError."""
        return self._request("GET", path, None, "application/json")

    def post(self, path: str, body: Any, timeout_s: float = _TIMEOUT_S) -> Any:
        """The JSON answer to a JSON body. Raises ClientError."""
        return self._request("POST", path, json.dumps(body).encode(), "application/json", timeout_s)

    def delete(self, path: str) -> Any:
        """The JSON answer to a DELETE. Raises ClientError."""
        return self._request("DELETE", path, None, "application/json")

    def post_csv(self, path: str, body: str) -> Any:
        """The JSON answer to a CSV body. Raises ClientError."""
        return self._request("POST", path, body.encode(), "text/csv")

    def _request(
        self, method: str, path: str, body: bytes | None, kind: str, timeout_s: float = _TIMEOUT_S
    ) -> Any:
        request = urllib.request.Request(self._local.url + path, body, method=method)
        request.add_header("Authorization", f"Bearer {self._local.key}")
        request.add_header("Accept", "application/json")
        if body is not None:
            request.add_header("Content-Type", kind)
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise ClientError(_detail(error), error.code) from None
        except (urllib.error.URLError, TimeoutError, OSError) as error:
            raise ClientError(f"no answer from {self._local.url}: {error}") from None


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        problem = json.load(error)
        return str(problem.get("detail") or problem.get("title") or error)
    except (ValueError, AttributeError):
        return str(error)
