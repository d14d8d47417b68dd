"""The papers of the demo's twelve exporters: what their maker, they and the ministry say, and when.

All of it goes in by the API as a customer's would. What is there already stays, so a demo that is started
again goes on. Which end each case has to take is written here too: the legend and the tests read it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from corridor.client import Client, ClientError
from streams.clearance.regime import Regime, parse

GATE, DIRECTION = "mohan-boten", "CN>LA"
AXLE_LIMIT_KG: Final = 10_000
_PLANNED_S: Final = 6_000
"""From setting out to the planned window at the gate."""
_DAY_S: Final = 86_400
_AT_ONCE: Final = 8
_MAKER_DAYS: Final = 20
TRAILER: Final = {
    "vin": "LJRTESTTXRN700021",
    "chassis": "KT40 090017",
    "kind": "semi_trailer",
    "maker": "CIMC",
    "name": "Container semi-trailer",
    "fleet": "Kunming Trailer Works (simulated)",
}
"""The semi-trailer that is exported behind truck 9; it has no unit."""


@dataclass(frozen=True, slots=True)
class Story:
    """One exporter's case. Minutes are of the demo's time since its trucks set out.

    ``state``: what the case must come to; ``code``: among its reasons then, or None; ``where``: what to see.
    """

    truck: int
    title: str
    state: str
    where: str
    code: str | None = None
    filed_min: int = 0
    permit_min: int | None = 0
    batch: str | None = None
    chassis_of: int | None = None
    trailer: bool = False

    @property
    def reference(self) -> str:
        """Of its filing."""
        return f"DEMO-{self.truck + 1:02}"

    @property
    def permit(self) -> str:
        """The number of its permit."""
        return f"LA-SIM-{self.truck + 1:04}"


STORIES: Final = (
    Story(0, "clean", "cleared", "the steps of its case, and its time against 2.8 h"),
    Story(1, "permit on the road", "cleared", "held without a permit at first, then not", permit_min=20),
    Story(2, "VIN slip", "manual_verification", "its bus says ...08 for ...03: position 17",
          code="binding_conflict"),
    Story(3, "swapped chassis pair", "manual_verification", "filed with the chassis number of DEMO-05",
          code="binding_conflict", chassis_of=4),
    Story(4, "swapped chassis pair", "manual_verification", "filed with the chassis number of DEMO-04",
          code="binding_conflict", chassis_of=3),
    Story(5, "no import permit", "held", "known before it set out", code="permit_missing", permit_min=None),
    Story(6, "axle overload", "held", "12,300 kg on an axle, 10,000 allowed", code="axle_overload"),
    Story(7, "broken seal", "held", "the unit reads it on the road", code="seal_broken"),
    Story(8, "late filing", "cleared", "its deadline: missed", filed_min=45),
    Story(9, "semi-trailer", "cleared", "no unit of its own: its case follows the tractor", trailer=True),
    Story(10, "batch of two", "cleared", "its batch is whole when both have crossed", batch="DEMO-BATCH-1"),
    Story(11, "batch of two", "cleared", "its batch is whole when both have crossed", batch="DEMO-BATCH-1"),
)  # fmt: skip


class Papers:
    """Puts in the papers of ``trucks`` (as registered, by number).

    ``begun_s``: when they set out; it may be put right after the first papers.
    Instants are seconds since 1970, of the demo's time. Blocking: call it from a thread.
    """

    def __init__(self, client: Client, trucks: list[dict[str, Any]], begun_s: float) -> None:
        self._client, self._trucks, self.begun_s = client, trucks, begun_s
        self._left = [list(self._planned(story)) for story in STORIES]
        self.refused: list[str] = []
        self._asked: Regime | None = None

    def _planned(self, story: Story) -> Iterator[tuple[int, Callable[[], None]]]:
        yield 0, self._claims(story)
        if story.trailer:
            yield 0, self._coupling(story)
        if story.permit_min is not None:
            yield story.permit_min, self._permit(story)
        yield story.filed_min, self._filing(story)

    def skip_known(self) -> None:
        """Leave out what is there from an earlier start. Raises ClientError."""
        filed = {one["reference"] for one in self._client.get("/v1/filings?limit=500")["items"]}
        granted = {one["number"] for one in self._client.get("/v1/permits?limit=500")["items"]}
        for at, story in enumerate(STORIES):
            if story.reference in filed:  # the papers before it are there too
                later = story.permit_min is not None and story.permit not in granted
                self._left[at] = [(story.permit_min or 0, self._permit(story))] if later else []

    def due(self, now_s: float) -> int:
        """Put in what is due at ``now_s``; returns how much is left.

        Raises ClientError when the system does not answer; what it refuses is kept in ``refused``.
        """
        with ThreadPoolExecutor(_AT_ONCE) as threads:  # exporters don't wait for each other
            list(threads.map(lambda papers: self._put(papers, now_s), self._left))
        return sum(len(papers) for papers in self._left)

    def _put(self, papers: list[tuple[int, Callable[[], None]]], now_s: float) -> None:
        """Put in what is due of one exporter's."""
        for entry in [one for one in papers if self.begun_s + 60 * one[0] <= now_s]:
            try:
                entry[1]()
            except ClientError as error:
                if error.status is None or error.status >= 500:
                    raise
                self.refused.append(str(error))
            papers.remove(entry)

    def vehicle(self, story: Story) -> Mapping[str, Any]:
        """What is exported."""
        return TRAILER if story.trailer else self._trucks[story.truck]

    def _claims(self, story: Story) -> Callable[[], None]:
        vehicle = self.vehicle(story)

        def put() -> None:
            made_s = self.begun_s - _MAKER_DAYS * _DAY_S
            claim = {
                "source": "maker",
                "vin": vehicle["vin"],
                "chassis": vehicle["chassis"],
                "scheme": "OEM",
                "from": _instant(made_s),
                "evidence": f"production record of {vehicle['maker']}, {_instant(made_s)[:10]}",
            }
            self._post(f"/v1/assets/{vehicle['vin']}/claims", claim)

        return put

    def _coupling(self, story: Story) -> Callable[[], None]:
        def put() -> None:
            coupled = {
                "carrier": self._trucks[story.truck]["vin"],
                "how": "coupled",
                "from": _instant(self.begun_s - 60),
                "evidence": "yard gate record, Kunming Trailer Works",
            }
            self._post(f"/v1/assets/{TRAILER['vin']}/couplings", coupled)

        return put

    def _filing(self, story: Story) -> Callable[[], None]:
        vehicle = self.vehicle(story)
        chassis = (
            vehicle["chassis"] if story.chassis_of is None else self._trucks[story.chassis_of]["chassis"]
        )

        def put() -> None:
            filing = {
                "reference": story.reference,
                "vin": vehicle["vin"],
                "chassis": chassis,
                "exporter": vehicle["fleet"],
                "consignee": "Vientiane Motors (simulated)",
                "gate": GATE,
                "direction": DIRECTION,
                "window_from": _instant(self.begun_s + _PLANNED_S),
                "window_until": _instant(self.begun_s + _DAY_S),
                **({"batch": story.batch} if story.batch else {}),
            }
            self._post(
                "/v1/filings", filing | papers_of(self._regime(), filing, vehicle["kind"], self.begun_s)
            )

        return put

    def _permit(self, story: Story) -> Callable[[], None]:
        vehicle = self.vehicle(story)

        def put() -> None:
            permit = {
                "number": story.permit,
                "vin": vehicle["vin"],
                "chassis": vehicle["chassis"],
                "country": "LA",
                "valid_from": _instant(self.begun_s - _DAY_S),
                "valid_until": _instant(self.begun_s + 90 * _DAY_S),
                "axle_limit_kg": AXLE_LIMIT_KG,
                "axles": 3,
                "gross_limit_kg": 36_000,
                "emission_class": "Euro V",
                "lighting": "UN R48",
                "agent": "Boten Technical Inspection (simulated)",
                "accreditation": "SIM-ACC-1",
            }
            self._post("/v1/permits", permit)

        return put

    def _regime(self) -> Regime | None:
        if self._asked is None:
            self._asked = self._in_force()
        return self._asked

    def _in_force(self) -> Regime | None:
        for known in self._client.get("/v1/regimes")["items"]:
            if known["in_force"] and [GATE, DIRECTION] in known["gates"]:
                return parse(self._client.get(f"/v1/regimes/{known['id']}")["text"])
        return None

    def _post(self, path: str, body: dict[str, Any]) -> None:
        try:
            self._client.post(path, body)
        except ClientError as error:
            if error.status != 409:  # it is there from an earlier start
                raise


def register_trailer(client: Client) -> None:
    """Register what has no unit; once. Raises ClientError."""
    try:
        client.post("/v1/assets", dict(TRAILER))
    except ClientError as error:
        if error.status != 409:
            raise


def papers_of(regime: Regime | None, filing: Mapping[str, Any], kind: str, begun_s: float) -> dict[str, Any]:
    """The documents and the minimum data set that the regime asks of a vehicle of this kind."""
    if regime is None:
        return {}
    reference = filing["reference"]
    known = {
        "batch": filing.get("batch", reference),
        "filer": filing["exporter"],
        "customs_office": "CNMHN",
        "transport_mode": "4",
    }
    issued, expires = _instant(begun_s - 2 * _DAY_S), _instant(begun_s + 60 * _DAY_S)
    documents = [
        {"kind": one.kind, "number": f"{reference}-{number}", "issued": issued, "expires": expires}
        for number, one in enumerate(regime.documents, 1)
        if not one.kinds or kind in one.kinds
    ]
    return {
        "documents": documents,
        "data": {one.name: known.get(one.name, f"{one.name} of {reference}") for one in regime.data},
    }


def _instant(t_s: float) -> str:
    return datetime.fromtimestamp(int(t_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
