"""Self-contained pages, for the screen and for paper: charts are inline SVG, nothing is fetched.

Works on values as the API gives them: instants are RFC 3339 text, durations seconds (``_s``), shares of 1.
All text is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from feeds.clearance.charts import bars, histogram

_STYLE: Final = """
:root { --ink: #16202b; --soft: #5b6877; --line: #d5dbe3; --good: #1d7a4c; --bad: #b3261e; --bar:
#2b6cb0 } * { box-sizing: border-box } body { font: 14px/1.5 system-ui, sans-serif; color: var(--ink);
margin: 2rem auto; max-width: 62rem; padding: 0 1rem } h1 { font-size: 1.5rem; margin: 0 } h2 {
font-size: 1.1rem; margin: 2rem 0 .5rem } p.under { color: var(--soft); margin: .2rem 0 1rem } table {
border-collapse: collapse; width: 100%; font-size: 13px } th, td { text-align: left; padding: .3rem
.5rem; border-bottom: 1px solid var(--line); vertical-align: top } th { color: var(--soft); font-weight:
600 } td.n { font-variant-numeric: tabular-nums } .tiles { display: flex;
flex-wrap: wrap; gap: 1rem; margin: 1rem 0 } .tiles div { border: 1px solid var(--line); border-radius:
8px; padding: .6rem 1rem; min-width: 9rem } .tiles b { display: block; font-size: 1.5rem } .tiles span,
.note { color: var(--soft); font-size: 12px } svg { width: 100%; height: auto; display: block } svg text
{ font: 12px system-ui, sans-serif; fill: var(--soft) } .good { color: var(--good) } .bad { color:
var(--bad) } ol.way { list-style: none; margin: 0; padding: 0 0 0 1.2rem; border-left: 2px solid
var(--line) } ol.way li { margin: 0 0 1rem; position: relative } ol.way li::before { content: "";
position: absolute; left: -1.6rem; top: .45rem; width: .7rem; height: .7rem; border-radius: 50%;
background: var(--good) } ol.way li.no::before { background: var(--bad) } ol.way time { color:
var(--soft); font-size: 12px } code { font-size: 12px } @media print { body { margin: 0; max-width: none
} h2 { break-after: avoid } svg, tr, li { break-inside: avoid } }
"""
_BY: Final = {
    "gate": "Gate",
    "day": "Day",
    "exporter": "Exporter",
    "kind": "Kind",
    "delay": "Reason of delay",
}
_SPAN: Final = {
    "exit_port": "Exit port",
    "line": "Between the ports",
    "to_release": "Entry port, waiting for the release",
    "entry_port": "Entry port, after the release",
    "manual_verification": "In manual verification (beside the way)",
    "held": "Held (beside the way)",
}


def report_page(report: Mapping[str, Any]) -> str:
    """The pilot's report as one page; ``report`` as ``GET /v1/gates/{gate}/clearance`` answers."""
    took, limit = report["clearance"], report["benchmark_s"]
    period = f"{_instant(report.get('from')) or 'the beginning'} to {_instant(report.get('until'))}"
    manual, up = report["manual_verification"], report.get("uptime")
    tiles = [
        ("Cases lodged", str(report["cases"])),
        ("Cleared", str(took["count"])),
        ("Mean clearance time", _duration(took["mean_s"])),
        ("Median / 90 %", f"{_duration(took['p50_s'])} / {_duration(took['p90_s'])}"),
        (f"Within {_duration(limit)}", _share(took.get("within"))),
        ("Manual verification", _share(manual.get("share"))),
        ("System up", _share(up["up"], 1) if up else "not measured"),
    ]
    body = [
        f"<h1>Clearance at {escape(str(report['gate']))}</h1><p class=under>{escape(period)}</p>",
        f"<div class=tiles>{''.join(_tile(name, value) for name, value in tiles)}</div>",
        f"<h2>Clearance time against the benchmark of {_duration(limit)}</h2>",
        histogram(report["distribution"], limit),
        "<p class=note>From the estimate of entering the exit port to the estimate of leaving the entry port,"
        " released. Open cases have none yet.</p>",
        "<h2>Hours lost by stage</h2>",
        bars([(_SPAN[row["span"]], row["lost_s"] / 3600, _lost_note(row)) for row in report["lost"]], "h"),
        "<p class=note>Lost: what each case took beyond the fastest tenth of all cases in that stage.</p>",
        "<h2>Manual verification by cause</h2>",
        _table(
            ("Cause", "Cases", "Share of all"),
            [(row["cause"], row["cases"], _share(row["share"])) for row in manual["causes"]],
        ),
        *(
            f"<h2>By {title.lower()}</h2>{_groups(title, report['by'][name])}"
            for name, title in _BY.items()
            if len(report["by"][name]) > 1 or name in ("day", "delay")
        ),
        "<h2>Uptime of the system</h2>",
        _uptime(up),
        f"<h2>Cases</h2>{_cases(report['rows'])}",
    ]
    return page(f"Clearance at {report['gate']}", body)


def trace_page(trace: Mapping[str, Any]) -> str:
    """One vehicle's way as one page; ``trace`` as ``GET /v1/trace/{vin}`` answers."""
    body = [
        f"<h1>{escape(str(trace['vin']))}</h1>",
        f"<p class=under>Chassis number {escape(str(trace.get('chassis') or 'not known'))}."
        f" {escape(str(trace['summary']))}</p>",
        f"<ol class=way>{''.join(_step(step) for step in trace['steps'])}</ol>",
    ]
    for one in trace.get("reports", ()):
        body.append(f"<p class=note>{escape(str(one['device']))}: {escape(str(one['text']))}.</p>")
    if trace["missing"]:
        body.append(f"<p class=note>Nothing here shows: {escape(', '.join(trace['missing']))}.</p>")
    return page(f"Trace of {trace['vin']}", body)


def page(title: str, body: Sequence[str]) -> str:
    """A whole HTML document of parts that are HTML already."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head>\n"
        f"<body>\n{chr(10).join(body)}\n</body></html>\n"
    )


def _tile(name: str, value: str) -> str:
    return f"<div><b>{escape(value)}</b><span>{escape(name)}</span></div>"


def _step(step: Mapping[str, Any]) -> str:
    at = _instant(step.get("t")) or "time not known"
    named = f" <code>{escape(str(step['object']))}</code>" if step.get("object") else ""
    return (
        f"<li{'' if step['ok'] else ' class=no'}><time>{escape(at)}</time><br>"
        f"<b>{escape(str(step['title']))}</b>: {escape(str(step['text']))}{named}</li>"
    )


def _groups(title: str, rows: Sequence[Mapping[str, Any]]) -> str:
    heads = (title, "Cases", "Cleared", "Mean", "Median", "90 %", "Longest", "Within")
    return _table(
        heads,
        [
            (
                *(row["key"], row["cases"], row["count"]),
                *(_duration(row[name]) for name in ("mean_s", "p50_s", "p90_s", "max_s")),
                _share(row.get("within")),
            )
            for row in rows
        ],
    )


def _uptime(up: Mapping[str, Any] | None) -> str:
    if up is None:
        return "<p class=note>Not measured.</p>"
    rows = [(_instant(o["from"]), _instant(o["until"])) for o in up["outages"]]
    away = f"away for {_duration(up['down_s'])} in {len(rows)} outages"
    said = f"<p>Up {_share(up['up'], 1)} of the time, {away}.</p>"
    return said + (_table(("Away from", "until"), rows[-50:]) if rows else "")


def _cases(rows: Sequence[Mapping[str, Any]]) -> str:
    heads = ("Filing", "VIN", "Exporter", "State", "Lodged", "Clearance", "Delay")
    return _table(
        heads,
        [
            (row["reference"], row["vin"], row["exporter"], str(row["state"]).replace("_", " "),
             _instant(row.get("lodged")), _duration(row["total_s"]), row["delay"])
            for row in rows
        ],
    )  # fmt: skip


def _table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    if not rows:
        return "<p class=note>None.</p>"
    top = "".join(f"<th>{escape(head)}</th>" for head in heads)
    body = "".join(f"<tr>{''.join(_cell(value) for value in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: Any) -> str:
    kind = " class=n" if isinstance(value, int | float) else ""
    return f"<td{kind}>{escape('' if value is None else str(value))}</td>"


def _lost_note(row: Mapping[str, Any]) -> str:
    if not row["cases"]:
        return "no case"
    return (
        f"{row['cases']} cases, fastest tenth {_duration(row['fast_s'])}, worst {_duration(row['worst_s'])}"
    )


def _duration(seconds: Any) -> str:
    if seconds is None:
        return "–"
    if seconds < 3_600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:.1f} h"


def _share(share: Any, digits: int = 0) -> str:
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def _instant(text: Any) -> str:
    return f"{str(text)[:10]} {str(text)[11:16]} UTC" if text else ""
