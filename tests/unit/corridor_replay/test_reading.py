import gzip
from pathlib import Path

import pytest

from corridor.replay import ReplayError, read
from corridor.replay.recording import Recording

DATA = Path("tests/data/replay")
CAN = Path("tests/data/can")
NMEA = Path("tests/data/nmea")


def written(tmp_path: Path, name: str, text: str | bytes) -> Recording:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path)


def rows(recording: Recording) -> list[tuple[int, dict[str, float | int | None]]]:
    return [(t, dict(row)) for piece in recording.pieces for t, row in piece.rows]


def test_gpx_points_become_samples_with_speed_in_kmh() -> None:
    recording = read(DATA / "track_with_speed.gpx")
    assert (recording.kind, recording.skipped) == ("gpx", 0)
    t_ms, first = rows(recording)[0]
    assert t_ms == 1_236_002_752_000
    assert first == {"lon": 5.541371, "lat": 52.330848, "alt_m": 48.962041, "speed_kmh": 4.32}


@pytest.mark.parametrize(
    ("name", "points", "skipped"),
    [
        ("track-with-empty-segment.gpx", 9, 0),
        ("track-with-less-sec-time.gpx", 2, 0),
        ("gpx1.1_with_all_fields.gpx", 2, 4),
        ("cerknicko-without-times.gpx", 5, 291),
        ("around-visnjan-with-car.gpx", 104, 0),
    ],
)
def test_odd_gpx_files_are_read_and_what_has_no_time_is_counted(name: str, points: int, skipped: int) -> None:
    recording = read(DATA / name)
    assert (len(rows(recording)), recording.skipped) == (points, skipped)
    times = [piece.at_ms for piece in recording.pieces]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("route.gpx", "no times in GPX: route.gpx: got 55 points without a time"),
        ("unicode_with_bom.gpx", "no track in GPX: unicode_with_bom.gpx: got no trkpt"),
    ],
)
def test_gpx_that_can_not_be_played_says_why(name: str, line: str) -> None:
    with pytest.raises(ReplayError, match=line):
        read(DATA / name)


def test_gpx_with_entities_or_broken_xml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match="unsafe GPX"):
        written(tmp_path, "a.gpx", '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><gpx>&a;</gpx>')
    with pytest.raises(ReplayError, match="got broken XML"):
        written(tmp_path, "b.gpx", "<gpx><trk>")


def test_a_table_is_read_by_its_header_s_many_names(tmp_path: Path) -> None:
    recording = written(
        tmp_path,
        "a.csv",
        "\ufeffTimestamp;Latitude;Longitude;Speed (m/s);Engine RPM;Oil Temp;note\n"
        "2026-01-02T03:04:05Z;21.5;101.5;10;1200;88.5;hello\n"
        ";1;2;3;4;5;6\n"
        "1767323046;99;101.5;;;;\n",
    )
    assert rows(recording)[0] == (
        1_767_323_045_000,
        {"lat": 21.5, "lon": 101.5, "speed_kmh": 36.0, "engine_rpm": 1200.0, "oil_temp": 88.5, "note": None},
    )
    assert recording.skipped == 1
    assert "lon" not in rows(recording)[1][1]  # latitude 99 is no place


def test_a_real_table_with_times_to_the_minute() -> None:
    recording = read(DATA / "uci-go-track-points.csv")
    t_ms, first = rows(recording)[0]
    assert t_ms == 1_410_593_040_000  # 2014-09-13 07:24
    assert first == {"id": 1.0, "lat": -10.93934139, "lon": -37.06274211, "track_id": 1.0}
    assert len(rows(recording)) == 39


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("lat,lon\n1,2\n", "no time in CSV: a.csv: got header lat, lon, want a column t, time or timestamp"),
        ("t,name\n", "no usable row in CSV: a.csv: got 0 rows"),
        ("time\n2026-01-01T00:00:00Z\n", "not a recording"),
        ("time,\n2026-01-01T00:00:00Z,\n", "no values in CSV: a.csv: got header time"),
        (
            "t,lat,lon\nyesterday,1,2\n",
            "no usable row in CSV: a.csv: got 1 rows, want ISO 8601",
        ),
    ],
)
def test_a_table_that_can_not_be_played_says_why(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(ReplayError, match=line):
        written(tmp_path, "a.csv", text)


def test_events_give_positions_at_their_own_time_once_and_the_bus_at_the_device_s() -> None:
    recording = read(DATA / "portal-tajo-extract.jsonl")
    assert recording.kind == "jsonl"
    assert recording.pieces[0].facts == [{"t": 1_525_406_135_000, "kind": "ignition", "on": True}]
    t_ms, fix = rows(recording)[0]
    assert t_ms == 1_525_406_133_000  # two seconds before the event
    assert (fix["lon"], fix["lat"], fix["speed_kmh"], fix["heading_deg"]) == (
        98.1234207,
        24.0924625,
        0.0,
        150.0,
    )
    fixes = [t for t, row in rows(recording) if "lon" in row]
    assert len(fixes) == len(set(fixes))
    bus = next(row for t, row in rows(recording) if "engine_rpm" in row)
    assert (bus["engine_rpm"], bus["wheel_speed_kmh"], bus["tot_dist"]) == (578.0, 0.0, 266226.0)


def test_the_shipped_recording_drives_along_the_border_at_muse() -> None:
    recording = read(Path("corridor/replay/recordings/muse-border.jsonl.gz"))
    assert len(recording.pieces) == 492
    assert recording.skipped == 0
    places = [row for _, row in rows(recording) if "lon" in row]
    assert all(97.8 < (row["lon"] or 0) < 98.3 and 23.8 < (row["lat"] or 0) < 24.2 for row in places)
    with gzip.open("corridor/replay/recordings/muse-border.jsonl.gz") as file:
        assert b"5a2b6ecc" not in file.read()


def test_a_bus_log_keeps_every_29_bit_frame_and_never_cuts_a_transfer() -> None:
    recording = read(CAN / "FCBF0606_truck_tp.log")
    frames = [frame for piece in recording.pieces for frame in piece.frames]
    assert len(frames) == 1_815
    assert frames[0] == (1_622_547_830_084, 0x0CF00300, bytes.fromhex("FFFE00FFFFFF00FF"))
    announced = 0
    for piece in recording.pieces:
        left = 0
        for _, ident, data in piece.frames:
            if ident == 0x1CECFF00 and data[0] == 0x20:
                left, announced = data[3], announced + 1
            elif ident == 0x1CEBFF00:
                left -= 1
        assert left <= 0
    assert announced == 16


def test_11_bit_frames_are_counted_as_skipped() -> None:
    recording = read(CAN / "11111111_truck.log.gz")
    assert sum(len(piece.frames) for piece in recording.pieces) + recording.skipped == 57_849
    assert recording.skipped == 12_278
    assert max(len(piece.frames) for piece in recording.pieces) <= 900


def test_a_log_without_times_is_played_10_ms_apart() -> None:
    recording = read(CAN / "j1939-pgn-test.in")
    frames = [frame for piece in recording.pieces for frame in piece.frames]
    assert len(frames) == 853
    assert frames[1][0] - frames[0][0] == 10


@pytest.mark.parametrize("path", sorted(NMEA.glob("*.log")), ids=lambda path: path.stem)
def test_every_receiver_s_log_is_played_byte_for_byte_without_its_comments(path: Path) -> None:
    recording = read(path)
    assert recording.kind == "nmea"
    lines = path.read_bytes().splitlines(keepends=True)
    want = b"".join(line for line in lines if not line.startswith(b"#"))
    assert b"".join(piece.lines for piece in recording.pieces) == want
    assert max(len(piece.lines) for piece in recording.pieces) < 20_000
    times = [piece.at_ms for piece in recording.pieces]
    assert times == sorted(times)


def test_epochs_are_played_at_the_receiver_s_own_rate(tmp_path: Path) -> None:
    recording = written(
        tmp_path,
        "a.nmea",
        "$GPGGA,235958.50,,,,,0,,,,,,,,*00\r\n$GPRMC,235958.50,V,,,,,,,,,,N*00\r\n"
        "$GPGGA,235959.50,,,,,0,,,,,,,,*00\r\n$GPGGA,000001.50,,,,,0,,,,,,,,*00\r\n",
    )
    assert [piece.at_ms for piece in recording.pieces] == [0, 1_000, 3_000]
    assert recording.pieces[0].lines.count(b"$") == 2


@pytest.mark.parametrize(
    "data", [b"", b"   \n", b"MIT License\n\nCopyright", b"\x89PNG\r\n\x1a\n\x00\x00", b"\x1f\x8bbroken"]
)
def test_a_file_of_another_kind_is_one_line(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ReplayError) as caught:
        written(tmp_path, "thing", data)
    assert "got" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(ReplayError, match="recording not readable: got"):
            read(path)
