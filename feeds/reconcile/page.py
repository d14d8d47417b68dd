"""The result as one HTML file to work through: printable, filterable, without any other file.

Everything that comes from the lists is escaped, and the page allows no script but its own, by its hash. With
very many findings the first are shown, and the page says so: the workbook and JSON have all.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from html import escape
from typing import Final

from feeds.reconcile.findings import TITLES, Finding, Place, Result

MOST: Final = 5_000
_STYLE: Final = """
body{font:15px/1.45 system-ui,"Noto Sans","Noto Sans SC","Noto Sans Lao",sans-serif;margin:2rem auto;
max-width:1100px;padding:0 1rem;color:#1b1f23;background:#fff}
h1{font-size:1.5rem;margin:0 0 .5rem}h2{font-size:1.1rem;margin:1.5rem 0 .5rem}
table{border-collapse:collapse;width:100%}
td,th{border-bottom:1px solid #d5dae0;padding:.35rem .5rem;text-align:left;vertical-align:top}
code{font:13px ui-monospace,"Noto Sans Mono",monospace;overflow-wrap:anywhere}
mark{background:#ffd7d5;padding:0 1px;border-radius:2px}
#filters{display:flex;gap:.75rem;flex-wrap:wrap;margin:1rem 0;align-items:center}
input,select{font:inherit;padding:.3rem .5rem}
section{border:1px solid #d5dae0;border-left:6px solid #b42318;border-radius:6px;padding:.75rem 1rem;
margin:.75rem 0;break-inside:avoid}
section.warning{border-left-color:#b78103}section[hidden]{display:none}
section h3{font-size:1rem;margin:0 0 .25rem}section p{margin:.25rem 0}
.todo::before{content:"\\2610  "}.note{color:#57606a}
.clean{border:1px solid #1a7f37;border-radius:6px;padding:1rem;color:#1a7f37}
@media print{#filters{display:none}body{margin:0;max-width:none;font-size:11px}}
"""
_SCRIPT: Final = """
const text=document.getElementById('text'),kind=document.getElementById('kind');
const weight=document.getElementById('weight'),shown=document.getElementById('shown');
const all=[...document.querySelectorAll('section')].map(one=>[one,one.textContent.toUpperCase()]);
function apply(){
const words=text.value.toUpperCase().split(/\\s+/).filter(Boolean);let n=0;
for(const [one,said] of all){
const hit=(!kind.value||one.dataset.kind===kind.value)&&(!weight.value||one.className===weight.value)
&&words.every(word=>said.includes(word));one.hidden=!hit;n+=hit;}
shown.textContent=n+' of '+all.length;}
for(const one of [text,kind,weight])one.addEventListener('input',apply);
apply();
"""


def page(result: Result) -> str:
    """The HTML document."""
    return "".join(_parts(result))


def _parts(result: Result) -> Iterator[str]:
    allowed = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{allowed}'"
    yield '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield f"<title>Reconcile before filing</title><style>{_STYLE}</style></head><body>"
    yield "<h1>Reconcile before filing</h1>"
    yield from _lists(result)
    if result.clean:
        yield '<p class="clean">Nothing to look at: all lists agree.</p>'
    else:
        yield from _findings(result)
    yield "</body></html>\n"


def _lists(result: Result) -> Iterator[str]:
    yield "<table><thead><tr><th>list</th><th>file</th><th>rows</th><th>columns</th></tr></thead><tbody>"
    for one in result.lists:
        sheet = f", sheet {escape(one.sheet)}" if one.sheet else ""
        columns = ", ".join(f"{escape(name)}: {escape(held)}" for name, held in one.columns.items())
        notes = "".join(f'<br><span class="note">{escape(note)}</span>' for note in one.notes)
        yield f"<tr><td>{one.side.value}</td><td>{escape(one.file)}{sheet}{notes}</td>"
        yield f"<td>{one.rows}</td><td>{columns}</td></tr>"
    yield "</tbody></table>"
    yield f"<p>{result.agreed} vehicles have the same two codes in production and filings.</p>"


def _findings(result: Result) -> Iterator[str]:
    yield "<h2>What was found</h2><table><tbody>"
    for kind, count in result.counts.items():
        yield f"<tr><td>{escape(TITLES[kind])}</td><td>{count}</td></tr>"
    yield "</tbody></table>"
    if len(result.findings) > MOST:
        yield f'<p class="note">The first {MOST} of {len(result.findings)} findings are shown here; '
        yield "the workbook and the JSON file have all.</p>"
    yield '<div id="filters"><input id="text" type="search" placeholder="VIN, chassis, cell, word" '
    yield 'aria-label="filter by text"><select id="kind" aria-label="filter by kind">'
    yield '<option value="">all kinds</option>'
    for kind in result.counts:
        yield f'<option value="{kind.value}">{escape(TITLES[kind])}</option>'
    yield '</select><select id="weight" aria-label="filter by severity">'
    yield '<option value="">errors and warnings</option>'
    yield '<option value="error">errors</option><option value="warning">warnings</option></select>'
    yield '<span id="shown" role="status"></span></div>'
    for number, one in enumerate(result.findings[:MOST], 1):
        yield from _finding(number, one)
    yield f"<script>{_SCRIPT}</script>"


def _finding(number: int, one: Finding) -> Iterator[str]:
    yield f'<section class="{one.severity.value}" data-kind="{one.kind.value}">'
    yield f"<h3>{number}. {escape(TITLES[one.kind])} ({one.severity.value})</h3><p>{escape(one.text)}</p>"
    if one.got and one.want and one.position is not None:
        got, want = _marked(one.got, one.want), _marked(one.want, one.got)
        yield f"<p>got <code>{got}</code>, want <code>{want}</code></p>"
    yield f'<p class="todo">{escape(one.proposal)}</p>'
    yield "<table><thead><tr><th>list</th><th>VIN</th><th>chassis</th><th>where</th></tr></thead><tbody>"
    for place in one.places:
        yield _place(place)
    yield "</tbody></table></section>\n"


def _place(place: Place) -> str:
    where = escape(place.vin_at)
    if place.chassis_at != place.vin_at:
        where += f"; {escape(place.chassis_at)}"
    if place.reference:
        where += f"; {escape(place.reference)}"
    return (
        f"<tr><td>{place.side.value}</td><td><code>{escape(place.vin)}</code></td>"
        f"<td><code>{escape(place.chassis)}</code></td><td>{where}</td></tr>"
    )


def _marked(code: str, other: str) -> str:
    """``code`` with what differs from ``other`` marked, between what begins and what ends the same."""
    begin = next(
        (n for n, (a, b) in enumerate(zip(code, other, strict=False)) if a != b), min(len(code), len(other))
    )
    end = 0
    while end < min(len(code), len(other)) - begin and code[-1 - end] == other[-1 - end]:
        end += 1
    until = len(code) - end
    return f"{escape(code[:begin])}<mark>{escape(code[begin:until])}</mark>{escape(code[until:])}"
