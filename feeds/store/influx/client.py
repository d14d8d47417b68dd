"""Requests to InfluxDB by its own client, and what its answers mean to the store.

Writes are line protocol; reads are InfluxQL, whose answers come several times sooner than those of Flux. What
the caller asks for goes as bound parameters and is never part of a query's text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from feeds.store.influx.answers import Series, series_of
from feeds.store.port import StoreAwayError, StoreError

TIMEOUT_S: Final = 30.0
RETRY_S: Final = 5.0
_LONGEST_RETRY_S: Final = 300.0
_FORM: Final = "application/x-www-form-urlencoded"
_DROPPED: Final = re.compile(r" dropped=(\d+)")

Value = str | int | Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """Which InfluxDB, and what in it. The token never shows."""

    url: str
    org: str
    bucket: str


class RefusedError(StoreError):
    """Lines that InfluxDB does not take: all of the request's (``partial`` False) or some of them.

    ``late``: they are older than the bucket keeps anything. ``dropped`` is how many, when known.
    """

    def __init__(self, reason: str, *, partial: bool, dropped: int | None) -> None:
        super().__init__(reason)
        self.partial = partial
        self.dropped = dropped
        self.late = "outside retention policy" in reason  # told only when all others are stored


class TooLargeError(StoreError):
    """A request of more bytes than this InfluxDB (or a proxy before it) takes."""


def identifier(name: str) -> Mapping[str, str]:
    """``name`` as a parameter that stands for a field."""
    return {"identifier": name}


class Client:
    """One bucket's requests; threads may share it. ``connections`` are kept open."""

    def __init__(
        self, place: Place, token: str, *, timeout_s: float = TIMEOUT_S, connections: int = 8
    ) -> None:
        if not re.match(r"https?://[^/]", place.url):
            raise StoreError(f"influx_url: got {place.url!r}, want http://host:port or https://host:port")
        self.place = place
        self.api = InfluxDBClient(
            place.url.rstrip("/"),
            token,
            org=place.org,
            timeout=round(timeout_s * 1000),
            connection_pool_maxsize=connections,
        )

    def close(self) -> None:
        """Let go of the connections."""
        self.api.close()  # type: ignore[no-untyped-call]

    def write(self, body: bytes) -> None:
        """Store lines; on disk when it returns.

        Raises RefusedError, TooLargeError, StoreAwayError (the same lines may be sent again) or StoreError.
        """
        query = {"org": self.place.org, "bucket": self.place.bucket, "precision": "ns"}
        self.request("POST", "/api/v2/write", query, body=body, kind="text/plain; charset=utf-8")

    def query(self, text: str, parameters: Mapping[str, Value]) -> list[Series]:
        """The series that InfluxQL ``text`` gives, its ``$name`` bound to ``parameters``."""
        form = {"db": self.place.bucket, "epoch": "ns", "q": text, "params": json.dumps(dict(parameters))}
        answer = self.request("POST", "/query", {"org": self.place.org}, form=form)
        found, error = series_of(answer)
        if error.startswith("database not found"):
            raise self._missing(error)
        if error:
            raise StoreError(f"InfluxDB did not answer a query: {error}")
        return found

    def delete(
        self, measurement: str, start_ns: int, stop_ns: int, *, bucket: str | None = None, **tags: str
    ) -> None:
        """Delete points from start to stop, stop too, by measurement and ``tags``, as they are kept.

        ``bucket``: another one than the client's. Raises as ``write``.
        """
        wanted = {"_measurement": measurement} | tags
        body = {
            "start": instant(start_ns),
            "stop": instant(stop_ns),
            "predicate": " and ".join(f"{name}={_quoted(value)}" for name, value in wanted.items()),
        }
        query = {"org": self.place.org, "bucket": bucket or self.place.bucket}
        self.request("POST", "/api/v2/delete", query, body=orjson.dumps(body), kind="text/plain")

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        *,
        body: bytes | dict[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
        kind: str = _FORM,
    ) -> bytes:
        """One request; the body of the answer. Raises as ``write``."""
        transport = self.api.api_client
        headers = {**transport.default_headers, "Content-Type": kind, "Accept": "application/json"}
        try:
            answer = transport.request(  # type: ignore[no-untyped-call]
                method,
                transport.configuration.host + path,
                query_params=list(query.items()),
                headers=headers,
                post_params=dict(form or {}),
                body=body,
                _preload_content=False,
            )
            # what is not read to its end can't be told from an answer that broke off
            content: bytes = answer.data
            return content
        except ApiException as error:
            raise self._translation(error) from error
        except (HTTPError, OSError) as error:
            said = f"{type(error).__name__}: {error}".replace("\n", " ")
            raise StoreAwayError(f"InfluxDB at {self.place.url} does not answer: {said}", RETRY_S) from error

    def _translation(self, error: ApiException) -> StoreError:
        status, said = error.status, _message(error)
        if status in (401, 403):
            return StoreError(
                f"InfluxDB refuses the token: got {status} ({said}), want one that may read and write "
                f"bucket {self.place.bucket!r} of {self.place.org!r}: set influx_token"
            )
        if status == 404 and re.search(r"bucket|organization|database", said):
            return self._missing(said)
        if status == 413:
            return TooLargeError(f"request too large for InfluxDB: {said}")
        if status == 400:
            return RefusedError(said, partial=False, dropped=None)
        if status == 422 and "pending deletion" not in said:
            found = _DROPPED.search(said)
            return RefusedError(said, partial=True, dropped=int(found[1]) if found else None)
        if status in (408, 422, 429) or status >= 500:
            return StoreAwayError(f"InfluxDB can't do it now: got {status} ({said})", _retry_after(error))
        return StoreError(f"InfluxDB at {self.place.url} refuses: got {status} ({said})")

    def _missing(self, said: str) -> StoreError:
        return StoreError(
            f"no bucket {self.place.bucket!r} of {self.place.org!r} in InfluxDB at "
            f"{self.place.url} ({said}): make it by `corridor store create`"
        )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a predicate knows no \\u


def instant(ns: int) -> str:
    """``ns`` since 1970 as RFC 3339."""
    return f"{np.datetime64(ns, 'ns')}Z"


def _message(error: ApiException) -> str:
    body = error.body or b""
    raw = body.encode() if isinstance(body, str) else body
    try:
        content: Any = orjson.loads(raw)
        return str(content["message"] if "message" in content else content["error"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return raw.decode("utf-8", "replace")[:500] or str(error.reason)


def _retry_after(error: ApiException) -> float:
    headers = {str(k).lower(): v for k, v in dict(error.headers or {}).items()}
    try:
        return min(max(float(headers.get("retry-after", RETRY_S)), 0.1), _LONGEST_RETRY_S)
    except ValueError:
        return RETRY_S
