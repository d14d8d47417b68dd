"""Copied units, stolen keys, memories put back and edited: what each leaves on the wire."""

import hashlib
from pathlib import Path
from typing import Any

import cbor2

from firmware_sim.attacks import edited
from firmware_sim.device import Unit
from firmware_sim.fleet import Fleet
from firmware_sim.scenario_file import load
from firmware_sim.wire import Ack
from tests.unit.firmware_sim.test_signing import REPORT, holds

START_S = 1_780_000_000


def fleet(folder: Path, text: str) -> Fleet:
    folder.mkdir(exist_ok=True)
    path = folder / "s.toml"
    path.write_text(f'trucks = 3\n[unit]\nsign = "EdDSA"\n[[truck]]\ntrucks = [2]\nsign = "none"\n{text}')
    return Fleet(load(path), folder / "state", START_S)


def drive(trucks: Fleet, until_s: int) -> Fleet:
    while trucks.t_s < START_S + until_s:
        trucks.step()
    return trucks


def reports(unit: Unit) -> list[bytes]:
    return [unit.sender.flash.read(key) for key in unit.sender.flash.keys()]  # noqa: SIM118 - not a dict


def said(report: bytes) -> dict[str, Any]:
    found: dict[str, Any] = cbor2.loads(cbor2.loads(report).value[2])
    return found


def forget_all(unit: Unit) -> None:
    for key in list(unit.sender.flash.keys()):
        unit.sender.outbox.acknowledge(Ack(key.boot, ((key.seq, key.seq),), (), ()), 0.0)


CLONE = '[[attack]]\nkind = "cloned_device"\nof = 0\non = 1\nat_s = 200\n'


def test_a_copied_unit_speaks_from_elsewhere_with_the_key_and_forks_the_chain(tmp_path: Path) -> None:
    trucks = drive(fleet(tmp_path, CLONE), 199)
    first, last = trucks.units[0], trucks.units[-1]
    assert (last.who.device, last.sender.client) == ("sim-0000", "sim-0000-cloned_device-0")
    before = reports(first)
    drive(trucks, 400)
    assert reports(last)[: len(before)] == before  # what waited in the memory waits in its copy
    one, two = reports(first)[len(before) :], reports(last)[len(before) :]
    key = first.sender.key
    assert key is not None
    assert all(holds(key, report, REPORT.replace("0001", "0000")) for report in one + two)
    fork = hashlib.sha256(before[-1]).digest()
    assert (said(one[0])["prev"], said(two[0])["prev"]) == (fork, fork)
    assert said(one[0])["boot"] != said(two[0])["boot"]
    assert said(two[0])["boot_n"] == 2
    assert said(one[-1])["lon"] != said(two[-1])["lon"]
    vins = {f["vin"] for report in two for f in said(report).get("facts", []) if f["kind"] == "identity"}
    assert vins == {trucks.who[1].vin}  # the bus of the truck that it is in


def test_a_copy_is_silent_until_it_is_there_and_goes_on_after_a_stop(tmp_path: Path) -> None:
    trucks = drive(fleet(tmp_path, CLONE), 199)
    assert not reports(trucks.units[-1])
    assert not trucks.units[-1].sender.online
    drive(trucks, 300).save()
    boots = {said(report)["boot"] for report in reports(trucks.units[-1])}
    again = drive(fleet(tmp_path, CLONE), 400)
    found = [said(report) for report in reports(again.units[-1])]
    assert len({one["boot"] for one in found} - boots) == 1
    assert found[-1]["boot_n"] == 3


def test_a_stolen_key_signs_but_has_not_the_chain(tmp_path: Path) -> None:
    text = '[[attack]]\nkind = "stolen_key"\nof = 0\non = 1\nat_s = 200\n'
    trucks = drive(fleet(tmp_path, text), 400)
    key, found = trucks.units[0].sender.key, reports(trucks.units[-1])
    assert key is not None
    assert found
    assert all(holds(key, report, REPORT.replace("0001", "0000")) for report in found)
    assert "prev" not in said(found[0])
    assert said(found[0])["boot_n"] == 1


def test_a_memory_put_back_uses_a_start_twice_and_answers_to_an_older_report(tmp_path: Path) -> None:
    text = '[[attack]]\nkind = "rolled_back_flash"\nof = 0\nat_s = 400\nback_s = 200\n'
    trucks = drive(fleet(tmp_path, text), 199)
    old = reports(trucks.units[0])
    drive(trucks, 399)
    gone = reports(trucks.units[0])[len(old) :]
    forget_all(trucks.units[0])
    assert gone
    drive(trucks, 700).save()
    found = reports(trucks.units[0])
    assert found[: len(old)] == old  # sent again, as it was
    new = [said(report) for report in found[len(old) :]]
    assert new[0]["prev"] == hashlib.sha256(old[-1]).digest()  # not that of the last one which was sent
    assert new[0]["boot_n"] == 2
    assert new[0]["boot"] != said(old[0])["boot"]
    assert not set(found) & set(gone)
    again = drive(fleet(tmp_path, text), 1_000)
    assert reports(again.units[0])[: len(found)] == found  # done once
    assert said(reports(again.units[0])[-1])["boot"] != new[0]["boot"]


def test_an_edited_report_says_slower_speeds_and_its_signature_does_not_hold(tmp_path: Path) -> None:
    text = '[[attack]]\nkind = "edited_buffer"\nof = {}\nat_s = 200\n'
    trucks = drive(fleet(tmp_path, text.format(0) + text.format(2)), 199)
    before = {i: reports(trucks.units[i]) for i in (0, 2)}
    drive(trucks, 400)
    for i in (0, 2):
        found = reports(Fleet(trucks.scenario, trucks.state, START_S).units[i])  # the memory can be opened
        assert [len(report) for report in found[: len(before[i])]] == [len(report) for report in before[i]]
        changed = [n for n, (a, b) in enumerate(zip(before[i], found, strict=False)) if a != b]
        assert changed == [len(before[i]) - 1]
    key = trucks.units[0].sender.key
    assert key is not None
    signed = reports(trucks.units[0])
    topic = REPORT.replace("0001", "0000")
    at = len(before[0]) - 1
    assert [n for n, report in enumerate(signed) if not holds(key, report, topic)] == [at]
    prev = said(signed[at + 1])["prev"]
    assert prev == hashlib.sha256(before[0][at]).digest() != hashlib.sha256(signed[at]).digest()
    was, is_now = cbor2.loads(before[2][-1]), cbor2.loads(reports(trucks.units[2])[len(before[2]) - 1])
    assert was["odometer_m"] != is_now["odometer_m"]


def test_an_edit_waits_until_something_is_kept(tmp_path: Path) -> None:
    trucks = drive(fleet(tmp_path, '[[attack]]\nkind = "edited_buffer"\nof = 0\nat_s = 5\n'), 20)
    assert trucks.attacks.done == set()
    drive(trucks, 200)
    assert trucks.attacks.done == {0}


def test_reports_without_speeds_or_in_json_are_not_edited() -> None:
    assert edited(cbor2.dumps({"t": [1], "seq": 0})) is None
    assert edited(b'{"speed_kmh":[50.0]}') is None
    was = cbor2.dumps({"t": [1], "speed_kmh": [80.0, None]})
    assert cbor2.loads(edited(was) or b"") == {"t": [1], "speed_kmh": [40.0, None]}
