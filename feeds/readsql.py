"""The tables of the read model, and how an event and an object become rows and come back.

Text of SQL, mappings of values, and the query of an object's revisions. What a row means in time
(``span``) is decided here too, so that lists can be filtered by a period.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any, Final

from feeds.readreach import Reach, of_objects
from streams.codec import dump_json, load_json
from streams.events import Change, Event, Kind

SCHEMA_VERSION: Final = 2
_NEVER: Final = 2**62  # above every revision

SCHEMA: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE positions (
    partition INTEGER PRIMARY KEY, position INTEGER NOT NULL, number INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE events (
    partition INTEGER NOT NULL, number INTEGER NOT NULL, position INTEGER NOT NULL,
    kind TEXT NOT NULL, id TEXT NOT NULL, revision INTEGER NOT NULL, change TEXT NOT NULL,
    tenant TEXT NOT NULL, asset TEXT NOT NULL, t_ms INTEGER NOT NULL, recorded_ms INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (partition, number)
) WITHOUT ROWID;
CREATE INDEX events_by_tenant ON events (tenant, partition, number, kind);
CREATE INDEX events_by_asset ON events (tenant, asset, partition, number, kind) WHERE asset <> '';
CREATE INDEX events_by_time ON events (recorded_ms);
CREATE TABLE trimmed (
    tenant TEXT NOT NULL, partition INTEGER NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (tenant, partition)
) WITHOUT ROWID;
CREATE TABLE objects (
    kind TEXT NOT NULL, id TEXT NOT NULL, revision INTEGER NOT NULL, change TEXT NOT NULL,
    tenant TEXT NOT NULL, asset TEXT NOT NULL, t_ms INTEGER NOT NULL, recorded_ms INTEGER NOT NULL,
    start_ms INTEGER NOT NULL, end_ms INTEGER,
    gate TEXT, zone TEXT, state TEXT, fleet TEXT, device TEXT,
    vin TEXT, exporter TEXT, batch TEXT, reference TEXT, authority TEXT,
    touched INTEGER NOT NULL, data BLOB NOT NULL
);
CREATE UNIQUE INDEX objects_by_id ON objects (kind, id);
CREATE INDEX objects_by_start ON objects (kind, tenant, start_ms, id);
CREATE INDEX objects_by_asset ON objects (kind, tenant, asset, start_ms, id);
CREATE INDEX objects_by_gate ON objects (kind, tenant, gate, start_ms, id) WHERE gate IS NOT NULL;
CREATE INDEX objects_by_zone ON objects (kind, tenant, zone, start_ms, id) WHERE zone IS NOT NULL;
CREATE INDEX objects_lasting ON objects (kind, tenant, start_ms, id) WHERE end_ms IS NULL;
CREATE INDEX objects_by_touch ON objects (kind, touched);
CREATE INDEX objects_by_vin ON objects (kind, vin, start_ms, id) WHERE vin IS NOT NULL;
CREATE INDEX objects_by_batch ON objects (kind, batch, start_ms, id) WHERE batch IS NOT NULL;
CREATE INDEX objects_by_reference ON objects (kind, reference) WHERE reference IS NOT NULL;
CREATE INDEX releases_by_authority ON objects (authority, start_ms, id) WHERE authority IS NOT NULL;
CREATE INDEX cases_of_asset ON objects (asset, gate) WHERE kind = 'case';
CREATE INDEX cases_by_gate ON objects (gate, start_ms, id) WHERE kind = 'case';
CREATE INDEX cases_open ON objects (gate, start_ms, id) WHERE kind = 'case' AND end_ms IS NULL;
"""

EVENT_COLUMNS: Final = (
    "partition, number, position, kind, id, revision, change, tenant, asset, t_ms, recorded_ms, data"
)
INSERT_EVENT: Final = f"INSERT INTO events ({EVENT_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"

OBJECT_COLUMNS: Final = "kind, id, revision, change, tenant, asset, t_ms, recorded_ms, start_ms, end_ms, data"
PUT_OBJECT: Final = """
INSERT INTO objects (kind, id, revision, change, tenant, asset, t_ms, recorded_ms, start_ms, end_ms,
                     gate, zone, state, fleet, device, vin, exporter, batch, reference, authority,
                     touched, data)
VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
ON CONFLICT (kind, id) DO UPDATE SET
    revision = excluded.revision, change = excluded.change, tenant = excluded.tenant,
    asset = excluded.asset, t_ms = excluded.t_ms,
    recorded_ms = excluded.recorded_ms, end_ms = excluded.end_ms, gate = excluded.gate, zone = excluded.zone,
    state = excluded.state, fleet = excluded.fleet, device = excluded.device, vin = excluded.vin,
    exporter = excluded.exporter, batch = excluded.batch, reference = excluded.reference,
    authority = excluded.authority, touched = excluded.touched, data = excluded.data,
    start_ms = CASE WHEN objects.kind IN ('asset', 'device', 'binding', 'batch', 'seal', 'regime')
        THEN objects.start_ms ELSE excluded.start_ms END
WHERE excluded.revision > objects.revision
"""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """The newest known revision of an object.

    ``start_ms``..``end_ms`` is the time it covers (``end_ms`` None while it lasts); of an asset, a device, a
    binding, a batch, a seal or a regime ``start_ms`` is when it was first heard of. ``data`` is as in Event.
    """

    kind: Kind
    id: str
    revision: int
    change: Change
    tenant: str
    asset: str
    t_ms: int
    recorded_ms: int
    start_ms: int
    end_ms: int | None
    data: dict[str, Any]


def event_row(event: Event) -> tuple[Any, ...]:
    """The row of an event, in the order of EVENT_COLUMNS."""
    return (
        event.partition,
        event.number,
        event.position,
        event.kind.value,
        event.id,
        event.revision,
        event.change.value,
        event.tenant,
        event.asset,
        event.t_ms,
        event.recorded_ms,
        dump_json(event.data),
    )


def event_of(row: tuple[Any, ...]) -> Event:
    """The event in a row of EVENT_COLUMNS."""
    partition, number, position, kind, id_, revision, change, tenant, asset, t_ms, recorded_ms, data = row
    return Event(
        partition,
        number,
        position,
        Kind(kind),
        id_,
        revision,
        Change(change),
        tenant,
        asset,
        t_ms,
        recorded_ms,
        load_json(data),
    )


def object_row(event: Event, touched: int, blob: bytes | None = None) -> tuple[Any, ...]:
    """The row that PUT_OBJECT takes; ``touched`` counts the writes, for the feed of changes; ``blob`` is the
    event's data when it is packed already."""
    start_ms, end_ms = span(event)
    data = event.data
    asset = (data.get("asset") or "") if event.kind is Kind.DEVICE else event.asset
    return (
        event.kind.value,
        event.id,
        event.revision,
        event.change.value,
        event.tenant,
        asset,
        event.t_ms,
        event.recorded_ms,
        start_ms,
        end_ms,
        data.get("gate"),
        data.get("zone"),
        data.get("state"),
        data.get("fleet"),
        data.get("device"),
        data.get("vin"),
        data.get("exporter"),
        data.get("batch"),
        data.get("reference"),
        data.get("authority"),
        touched,
        dump_json(data) if blob is None else blob,
    )


def object_of(row: tuple[Any, ...]) -> StoredObject:
    """The object in a row of OBJECT_COLUMNS."""
    kind, id_, revision, change, tenant, asset, t_ms, recorded_ms, start_ms, end_ms, data = row
    return StoredObject(
        Kind(kind),
        id_,
        revision,
        Change(change),
        tenant,
        asset,
        t_ms,
        recorded_ms,
        start_ms,
        end_ms,
        load_json(data),
    )


def span(event: Event) -> tuple[int, int | None]:
    """The time that an object covers: start, and end or None while it lasts."""
    data = event.data
    if event.kind is Kind.VISIT:
        return _estimate(data.get("enter"), event.t_ms), _estimate(data.get("leave"), None)
    if event.kind in (Kind.TRIP, Kind.STOP):
        return data.get("start_ms", event.t_ms), data.get("end_ms")
    if event.kind is Kind.CROSSING:
        stages = data.get("stages", {})
        known = [at for b in stages.values() if (at := _estimate(b, None)) is not None]
        over = data.get("state") in ("completed", "turned_back", "off_gate")
        return min(known, default=event.t_ms), max(known, default=event.t_ms) if over else None
    if event.kind in _BEGINS:
        return _clearance_span(event)
    return event.t_ms, None


_BEGINS: Final = {
    Kind.CASE: ("lodged_ms", "ended_ms"),
    Kind.FILING: ("lodged_ms", None),
    Kind.PERMIT: ("valid_from_ms", "valid_until_ms"),
    Kind.CONFLICT: ("first_ms", None),
    Kind.COUPLING: ("from_ms", "to_ms"),
    Kind.RELEASE: ("requested_ms", "decided_ms"),
    Kind.BATCH: (None, "crossed_ms"),
    **dict.fromkeys((Kind.COVER, Kind.EXPOSURE, Kind.GAP, Kind.BREACH), ("from_ms", "until_ms")),
    **dict.fromkeys((Kind.HANDOVER, Kind.INCIDENT), ("at_ms", "at_ms")),
    Kind.FEED: ("granted_ms", "revoked_ms"),
}
_OVER: Final = {Kind.FILING: "withdrawn", Kind.PERMIT: "revoked", Kind.CONFLICT: "settled"}


def _clearance_span(event: Event) -> tuple[int, int | None]:
    begin, end = _BEGINS[event.kind]
    start = event.data.get(begin) if begin else None
    until = event.data.get(end) if end else None
    if event.kind in _OVER and event.data.get("state") == _OVER[event.kind]:
        until = event.t_ms
    return event.t_ms if start is None else start, until


def _estimate(bracket: dict[str, Any] | None, absent: Any) -> Any:
    return bracket["estimate_ms"] if bracket else absent


def revisions(
    db: sqlite3.Connection, kind: Kind, reach: Reach, id_: str, before: int | None, limit: int
) -> list[Event]:
    """The revisions of one object below ``before``, the newest first; found by its asset where it has one.

    A device moves between assets, so its revisions are looked for among all of the tenant.
    """
    seen, of = of_objects(kind, reach)
    row = db.execute(
        f"SELECT tenant, asset FROM objects WHERE kind = ? AND id = ? AND {seen}", (kind.value, id_, *of)
    ).fetchone()
    if row is None:
        return []
    terms, values = ["tenant = ?", "kind = ?", "id = ?"], [row[0], kind.value, id_]
    if row[1] and kind is not Kind.DEVICE:
        terms.append("asset = ? AND asset <> ''")
        values.append(row[1])
    found = db.execute(
        f"SELECT {EVENT_COLUMNS} FROM events WHERE {' AND '.join(terms)} AND revision < ? "
        "ORDER BY revision DESC LIMIT ?",
        (*values, _NEVER if before is None else before, limit),
    )
    return [event_of(one) for one in found]


def retracted(db: sqlite3.Connection, tenant: str, asset: str, limit: int) -> list[StoredObject]:
    """What of an asset was derived and later retracted, the latest retracted first."""
    kinds = tuple(kind.value for kind in Kind if kind not in (Kind.ASSET, Kind.DEVICE, Kind.COMMAND))
    rows = db.execute(
        f"SELECT {OBJECT_COLUMNS} FROM objects WHERE kind IN ({','.join('?' * len(kinds))}) AND tenant = ? "
        "AND asset = ? AND change = 'retracted' ORDER BY recorded_ms DESC, id LIMIT ?",
        (*kinds, tenant, asset, limit),
    )
    return [object_of(row) for row in rows]
