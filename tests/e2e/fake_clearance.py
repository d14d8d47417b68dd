"""Clearance as the API tells it: cases of the fake world, their board, papers, decisions, reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException, Request

from tests.e2e import fake_world as world

if TYPE_CHECKING:
    from tests.e2e.fake_api import FakeApi

LINE = [
    *("filed", "bound", "departing", "approaching", "arrived", "crossed", "arrived_entry", "released"),
    "cleared",
]
MINUTE_MS = 60_000
GATE = world.GATE["id"]


class FakeClearance:
    """Cases by id, what belongs to them, and what officers sent."""

    def __init__(self, fake: FakeApi, count: int = 12) -> None:
        self.fake = fake
        self.objects: dict[str, list[dict[str, Any]]] = {}
        self.case_of: dict[str, dict[str, Any]] = {}
        self.decisions: list[dict[str, Any]] = []
        self.settled: list[dict[str, Any]] = []
        self.refuse: str | None = None
        self.files: dict[str, str] = {}
        for truck in fake.trucks[:count]:
            self.lodge(truck, truck.number % 6 + 1)
        self.slip(fake.trucks[5])

    def now_ms(self) -> float:
        """The world's time."""
        return world.EPOCH_MS + self.fake.seconds() * 1000 * world.SPEED_UP

    def id_of(self, truck: world.Truck) -> str:
        """The id of a truck's case."""
        return f"case_{truck.number:024x}"

    def lodge(self, truck: world.Truck, reached: int) -> None:
        """A clean case that has reached stage number ``reached``."""
        at = self.now_ms()
        number, reference = truck.number, f"DEC-2026-{truck.number:04d}"
        ids = {kind: f"{kind}_{number:024x}" for kind in ("case", "filing", "permit", "release")}
        chassis = f"KA{100_000 + number * 137:06d}"
        way = "CN>LA" if truck.southward else "LA>CN"
        paper = {"kind": "export_declaration", "number": f"ED-{number}", "state": "ok"}
        self.put(
            ids["filing"],
            truck,
            {
                "reference": reference,
                "state": "lodged",
                "consignee": "Vientiane Motors",
                "exporter": truck.maker,
                "lodged": world.rfc3339(at - 600 * MINUTE_MS),
                "version": 2,
                "versions": [
                    {"version": 1, "by": "fleet", "at": world.rfc3339(at - 600 * MINUTE_MS), "changed": []},
                    {"version": 2, "by": "broker", "at": world.rfc3339(at), "changed": ["documents"]},
                ],
                "documents": [
                    {**paper, "issued": None, "expires": world.rfc3339(at + 9e9), "sha256": "0" * 64}
                ],
                "data": {"batch": "B-7"},
                "findings": [],
            },
        )
        self.put(
            ids["permit"],
            truck,
            {
                "number": f"LA-{number}",
                "country": "LA",
                "state": "granted",
                "reason": None,
                "valid_from": world.rfc3339(at - 9e9),
                "valid_until": world.rfc3339(at + 9e9),
                "axle_limit_kg": 9500,
                "agent": "Boten Inspection",
            },
        )
        times = [at - (reached - k) * 40 * MINUTE_MS for k in range(reached + 1)]
        steps = [
            {
                "stage": LINE[k],
                "t": world.rfc3339(t),
                "earliest": world.rfc3339(t - 9000),
                "latest": world.rfc3339(t + 9000),
                "cause": {"kind": "filing", "id": ids["filing"], "revision": 1}
                if k < 2
                else {"kind": "crossing", "id": f"crossing_{number:04d}", "revision": k},
                "rule": f"{LINE[k]}-by-evidence",
                "inferred": k == 2 and reached > 3,
            }
            for k, t in enumerate(times)
        ]
        due = world.rfc3339(at + 5 * MINUTE_MS)
        text = "The filing must be lodged an hour before the vehicle reaches the port of Mohan."
        data = {
            "filing": ids["filing"],
            "reference": reference,
            "asset_kind": "tractor",
            "vin": truck.vin,
            "chassis": chassis,
            "exporter": truck.maker,
            "consignee": "Vientiane Motors",
            "gate": GATE,
            "direction": way,
            "batch": "B-7",
            "regime": "mohan-boten-cn-la",
            "regime_version": "0f" * 12,
            "state": LINE[reached],
            "stage": LINE[reached],
            "reasons": [],
            "steps": steps,
            "clocks_s": {
                "exit_port": 1800.0 if reached > 4 else None,
                "line": 300.0 if reached > 5 else None,
                "entry_port": None,
                "to_release": None,
                "total": None,
                "filing_to_release": None,
            },
            "benchmark_s": 10080.0,
            "within_benchmark": None,
            "crossing": f"crossing_{number:04d}" if f"crossing_{number:04d}" in self.fake.crossings else None,
            "by": None,
            "permit": ids["permit"],
            "release": None,
            "release_rule": None,
            "conflicts": [],
            "deadlines": [{"rule": "filed-before-arrival", "due": due, "state": "at_risk", "text": text}]
            if reached < 4
            else [],
            "documents": [paper],
            "window_from": world.rfc3339(at),
            "window_until": world.rfc3339(at + 300 * MINUTE_MS),
            "eta": world.rfc3339(at + (7 + number * 11) * MINUTE_MS) if reached < 4 else None,
            "lodged": world.rfc3339(at - 600 * MINUTE_MS),
            "version": 2,
            "ended": None,
        }
        self.put(ids["case"], truck, data)

    def slip(self, truck: world.Truck) -> str:
        """The bus tells a VIN with another character: manual verification. Gives the conflict's id."""
        known = self.case_of[self.id_of(truck)]
        got = known["vin"][:8] + ("5" if known["vin"][8] != "5" else "6") + known["vin"][9:]
        said = f"position 9: got {got[8]}, want {known['vin'][8]}"
        conflict = f"conflict_{truck.number:024x}"
        self.put(
            conflict,
            truck,
            {
                "what": "vin",
                "got": got,
                "want": known["vin"],
                "position": 9,
                "source": "can",
                "against": "filing",
                "cause": "slip",
                "text": said,
                "other": None,
                "first": world.rfc3339(self.now_ms()),
                "state": "open",
                "seen": [],
            },
            tell=False,
        )
        reason = {"code": "vin_differs", "text": f"VIN differs, {said}", "source": "can"}
        self.change(
            truck,
            state="manual_verification",
            conflicts=[conflict],
            reasons=[reason],
            steps=[step for step in known["steps"] if step["stage"] != "approaching"],
        )
        return conflict

    def change(self, truck: world.Truck, **fields: Any) -> None:
        """A new revision of a truck's case."""
        data = {**self.case_of[self.id_of(truck)], **fields}
        self.put(self.id_of(truck), truck, data)

    def put(self, id_: str, truck: world.Truck, data: dict[str, Any], *, tell: bool = True) -> None:
        """Keep a revision of an object; a case's is told as an event."""
        told = self.objects.setdefault(id_, [])
        kind = id_.partition("_")[0]
        at = world.rfc3339(self.now_ms())
        revision = len(told) + 1
        changed = [name for name in data if told and told[-1]["object"].get(name) != data[name]]
        why = {"changed": changed, "positions": [300 + revision]}
        event = {
            "cursor": f"c{len(self.fake.events) + 1}",
            "kind": kind,
            "id": id_,
            "revision": revision,
            "change": "created" if revision == 1 else "amended",
            "asset": truck.asset,
            "t": at,
            "recorded": at,
            "object": {**data, "why": why},
        }
        told.append({**event, "object": data, "why": why, "position": 400 + revision})
        if kind == "case":
            self.case_of[id_] = data
            if tell and hasattr(self.fake, "clearance"):
                self.fake.events.append(event)

    def shown(self, id_: str) -> dict[str, Any]:
        """An object as a single answer shows it."""
        if id_ not in self.objects:
            raise HTTPException(404, f"unknown: got {id_}")
        last = self.objects[id_][-1]
        head = {name: last[name] for name in ("id", "asset", "revision", "change", "t", "recorded")}
        return {**last["object"], **head}

    def row(self, id_: str) -> dict[str, Any]:
        """A case as the board shows it."""
        case = self.shown(id_)
        names = ("asset", "vin", "chassis", "exporter", "state", "stage", "reasons", "eta", "lodged")
        left = [one for one in case["deadlines"] if one["state"] != "met"]
        truck = self.fake.by_asset[case["asset"]]
        return {
            "case": id_,
            **{name: case[name] for name in (*names, "window_from", "conflicts", "by", "direction")},
            "kind": case["asset_kind"],
            "plate": f"云K {5100 + truck.number}",
            "deadline": left[0] if left else None,
            "release": {"id": case["release"], "state": "requested"} if case["release"] else None,
            "position": None,
            "since": case["steps"][-1]["t"],
        }

    def decided(self, id_: str, body: dict[str, Any]) -> dict[str, Any]:
        """Take an officer's decision."""
        if self.refuse:
            raise HTTPException(409, self.refuse)
        truck = self.fake.by_asset[self.objects[id_][-1]["asset"]]
        if "decision" not in body:
            self.settled.append({"case": id_, **body})
            self.change(truck, state="arrived", conflicts=[], reasons=[])
        else:
            self.decisions.append({"case": id_, **body})
            if body["decision"] == "release":
                self.change(truck, state="released", stage="released", release_rule="officer")
            else:
                self.change(truck, state="held", reasons=[{"code": body["decision"], "text": body["reason"]}])
        return self.shown(id_)

    def explained(self, id_: str) -> list[dict[str, Any]]:
        """Each revision of a case with sentences; a step that is gone was taken back."""
        found, had = [], set[str]()
        for told in self.objects[id_]:
            case = told["object"]
            has = {step["stage"] for step in case["steps"]}
            entries = [
                entry("back", f'Stepped back: "{stage}" no longer holds.', stage, None) for stage in had - has
            ]
            entries += [
                entry("step", f"{step['stage']} at {utc(step['t'])}.", step["stage"], step)
                for step in case["steps"]
                if step["stage"] not in had
            ]
            entries += [entry("reason", f"Reason: {one['text']}.", None, None) for one in case["reasons"]]
            had = has
            names = ("revision", "change", "t", "recorded", "position", "why")
            parts = {name: told[name] for name in names}
            kept = {name: case[name] for name in ("state", "stage", "regime", "regime_version")}
            found.append({**parts, **kept, "entries": entries})
        return found


def entry(what: str, sentence: str, stage: str | None, step: dict[str, Any] | None) -> dict[str, Any]:
    """One thing that a revision changed."""
    step = step or {}
    more = {"cause": step.get("cause"), "rule": step.get("rule"), "inferred": bool(step.get("inferred"))}
    return {"what": what, "sentence": sentence, "stage": stage, "source": None, **more}


def utc(text: str) -> str:
    """An instant as the server's sentences write it."""
    return f"{text[:10]} {text[11:19]} UTC"


def report() -> dict[str, Any]:
    """The report of a gate."""
    summary = {"count": 10, "mean_s": 9000, "p10_s": 5400, "p50_s": 8100, "p90_s": 14400, "p95_s": 18000}
    lost = [
        {"span": span, "cases": 10, "fast_s": 600, "lost_s": lost_s, "worst_s": 7200}
        for span, lost_s in (("exit_port", 21_600), ("line", 900), ("to_release", 10_800))
    ]
    return {
        "gate": GATE,
        "from": None,
        "until": world.rfc3339(world.EPOCH_MS),
        "benchmark_s": 10_080,
        "cases": 12,
        "states": {"cleared": 10, "held": 1, "manual_verification": 1},
        "clearance": {**summary, "max_s": 20_000, "within": 0.8},
        "filing_to_release": {**summary, "max_s": 90_000, "within": 0.1},
        "distribution": {"width_s": 1800, "counts": [0, 0, 1, 3, 3, 1, 0, 1, 1], "more": False},
        "by": {},
        "manual_verification": {
            "cases": 2,
            "share": 0.166,
            "causes": [
                {"cause": "slip", "cases": 1, "share": 0.083},
                {"cause": "swapped_pair", "cases": 1, "share": 0.083},
            ],
        },
        "lost": lost,
        "uptime": None,
        "rows": [],
    }


def reconciled(names: list[str]) -> dict[str, Any]:
    """What comparing two files finds: one slip."""
    vin = "LZZ5ELND4KA100137"
    place = {"row": 3, "vin_at": "A3", "chassis_at": "B3", "chassis": "KA100137", "reference": None}
    return {
        "clean": False,
        "agreed": 41,
        "total": 1,
        "counts": {"vin_slip": 1},
        "lists": [
            {"side": name, "file": f"{name}.csv", "form": "csv", "sheet": None, "rows": 42, "notes": []}
            for name in names
        ],
        "findings": [
            {
                "kind": "vin_slip",
                "title": "slip in the VIN",
                "severity": "error",
                "text": "position 9: got 4, want X",
                "proposal": "Look at the vehicle: X passes the check digit.",
                "what": "vin",
                "position": 9,
                "got": vin,
                "want": vin[:8] + "X" + vin[9:],
                "places": [
                    {"side": "filings", "vin": vin, **place},
                    {"side": "production", "vin": vin[:8] + "X" + vin[9:], **place},
                ],
                "changes": [],
            }
        ],
    }


def router(fake: FakeApi) -> APIRouter:
    """The routes of clearance over the state of ``fake``."""
    routes = APIRouter()
    kept = fake.clearance

    @routes.get("/v1/gates/{gate}/board")
    def board(gate: str) -> dict[str, Any]:
        ids = [id_ for id_, case in kept.case_of.items() if case["gate"] == gate and case["ended"] is None]
        return {
            "gate": gate,
            "direction": None,
            "counts": {},
            "total": len(ids),
            "regime": None,
            "items": [kept.row(id_) for id_ in ids],
        }

    @routes.get("/v1/cases")
    def cases(asset: str) -> dict[str, Any]:
        ids = [id_ for id_ in kept.case_of if kept.objects[id_][-1]["asset"] == asset]
        return {"items": [kept.shown(id_) for id_ in ids], "next": None}

    @routes.get("/v1/cases/{case}")
    def case(case: str) -> dict[str, Any]:
        return kept.shown(case)

    @routes.get("/v1/cases/{case}/explain")
    def explain(case: str) -> dict[str, Any]:
        return {"case": case, "complete": True, "revisions": kept.explained(case)}

    @routes.post("/v1/cases/{case}/decisions")
    async def decide(case: str, request: Request) -> dict[str, Any]:
        return kept.decided(case, await request.json())

    @routes.post("/v1/cases/{case}/settle")
    async def settle(case: str, request: Request) -> dict[str, Any]:
        return kept.decided(case, await request.json())

    @routes.get("/v1/gates/{gate}/clearance")
    def clearance(gate: str) -> dict[str, Any]:
        return {**report(), "gate": gate}

    @routes.post("/v1/reconcile")
    async def reconcile(request: Request) -> dict[str, Any]:
        async with request.form() as form:
            for name, file in form.items():
                assert not isinstance(file, str)
                kept.files[name] = (await file.read()).decode()
            return reconciled(list(form))

    return routes
