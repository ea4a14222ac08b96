"""Looks and behaviour of the HTML reports: everything stands in the file itself, nothing is loaded."""

HEAD = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
script-src 'unsafe-inline'">
<title>{title}</title><style>{style}</style></head><body>
"""

STYLE = """
:root{--bg:#fff;--fg:#1f2933;--dim:#627285;--line:#d8e0e8;--soft:#f5f7fa;--hit:#eef4ff;--com:#7b8794;--key:#7c3aed;
--str:#15803d;--nam:#b45309;--num:#0e7490;--bad:#b91c1c;--good:#15803d}
@media(prefers-color-scheme:dark){:root{--bg:#14181d;--fg:#dde4ec;--dim:#8b9bab;--line:#323c47;--soft:#1b2127;
--hit:#1d2a40;--com:#7b8794;--key:#b794f6;--str:#68d391;--nam:#f6ad55;--num:#4fd1c5;--bad:#fc8181;--good:#68d391}}
body{margin:0 auto;padding:20px 28px 60px;max-width:1500px;background:var(--bg);color:var(--fg);
font:14px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}
pre,code,.mono,svg text{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}
h1{font-size:20px;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:16px;margin:28px 0 8px}h3{font-size:12px;margin:0 0 6px;color:var(--dim);
text-transform:uppercase;letter-spacing:.06em}h3.plain{text-transform:none;letter-spacing:0;font-size:13px}
.badge{display:inline-block;border-radius:4px;padding:0 8px;font-size:12px;font-weight:700;color:#fff;
background:var(--dim)}
.badge.passed{background:#15803d}.badge.failed,.badge.error{background:#b91c1c}
.sum{color:var(--dim);margin:0 0 14px}.failure{border-left:4px solid #b91c1c;background:var(--soft);padding:10px 14px;
white-space:pre-wrap;overflow-x:auto}
.tools{display:flex;flex-wrap:wrap;gap:10px 16px;align-items:center;margin:10px 0;position:sticky;top:0;
background:var(--bg);padding:8px 0;z-index:2;border-bottom:1px solid var(--line)}
.tools select,.tools input[type=search]{font:inherit;color:inherit;background:var(--soft);border:1px solid var(--line);
border-radius:4px;padding:3px 8px;max-width:360px}.tools input[type=search]{width:260px}
.tools button{font:inherit;color:inherit;background:var(--soft);
border:1px solid var(--line);border-radius:4px;padding:3px 10px;cursor:pointer}
@media(max-width:600px){body{padding:12px 10px 40px}}
.ladder{overflow-x:auto;border:1px solid var(--line);border-radius:6px}
.ladder svg{display:block}.head{background:var(--soft);border-bottom:1px solid var(--line)}
.head text,.row svg text{font-size:12px;fill:var(--fg)}.head .name{font-weight:700;font-size:14px}
.head .address,.row .time{fill:var(--dim);font-size:11px}.rail{stroke:var(--line);stroke-width:1.5}
details.row>summary{list-style:none;cursor:pointer}details.row>summary::-webkit-details-marker{display:none}
details.row>summary:hover,details.row[open]>summary{background:var(--hit)}
details.row>summary:focus-visible{outline:2px solid #1d4ed8;outline-offset:-2px}
.request{--c:#2563eb}.provisional{--c:#64748b}.success{--c:#15803d}.failure-reply{--c:#dc2626}.other{--c:#7c3aed}
@media(prefers-color-scheme:dark){.request{--c:#7aa2f7}.provisional{--c:#94a3b8}.success{--c:#68d391}
.failure-reply{--c:#fc8181}}
line.arrow,path.loop{stroke:var(--c);stroke-width:1.6;fill:none}path.tip{fill:var(--c)}svg text.label{fill:var(--c)}
.again line.arrow{stroke-dasharray:5 4}.again text.label{opacity:.75}.lost line.arrow{stroke-dasharray:2 4}
.cross{stroke:#dc2626;stroke-width:2.2}.moment text{fill:var(--dim)!important;font-style:italic}
.inside{display:grid;grid-template-columns:minmax(320px,4fr) minmax(320px,7fr);gap:18px;padding:12px 16px 16px;
background:var(--soft);border-top:1px solid var(--line);border-bottom:1px solid var(--line)}
.inside.one{grid-template-columns:1fr}@media(max-width:900px){.inside{grid-template-columns:1fr}}
.inside pre{margin:0 0 12px;white-space:pre-wrap;overflow-wrap:anywhere;font-size:12.5px;line-height:1.45}
.first{font-weight:700}.hn{color:var(--key)}.uri{color:var(--num)}.par{color:var(--nam)}.body{color:var(--str)}
.com{color:var(--com)}.key{color:var(--key)}.str{color:var(--str)}.nam{color:var(--nam)}.num{color:var(--num)}
table.trace{border-collapse:collapse;font-size:12.5px;margin:0 0 12px;width:100%}
table.trace td{padding:1px 8px 1px 0;vertical-align:top}table.trace td.no{color:var(--dim);text-align:right;
user-select:none}table.trace td.src{white-space:pre}table.trace td.val{color:var(--dim);
overflow-wrap:anywhere}
table.trace .way{border-radius:3px;padding:0 5px;background:var(--line);color:var(--fg)}
table.trace tr.where td{padding-top:6px;font-weight:700}.changed{color:var(--fg);font-weight:600}
.log div{font-size:12.5px;overflow-wrap:anywhere}.log .ERROR,.log .CRITICAL,.log .ALERT{color:var(--bad)}
.log .WARNING{color:var(--nam)}.log .DEBUG{color:var(--dim)}
table.index{border-collapse:collapse;width:100%}table.index td,table.index th{text-align:left;padding:5px 12px 5px 0;
border-bottom:1px solid var(--line)}table.index td.n,table.index th.n{text-align:right}a{color:#2563eb}
@media(prefers-color-scheme:dark){a{color:#7aa2f7}}.hidden{display:none!important}
"""

LADDER_SCRIPT = """
for (const story of document.querySelectorAll('.story')) {
  const rows = [...story.querySelectorAll('.row')];
  const call = story.querySelector('.call'), text = story.querySelector('.text');
  const again = story.querySelector('.repeat');
  const show = () => {
    const word = text.value.toLowerCase();
    for (const row of rows) {
      const other = call.value && row.dataset.call !== call.value;
      const repeat = !again.checked && row.classList.contains('again');
      row.classList.toggle('hidden', other || repeat || (word && !row.textContent.toLowerCase().includes(word)));
    }
  };
  for (const part of [call, text, again]) part.addEventListener('input', show);
  story.querySelector('.open').addEventListener('click', () => rows.forEach(row => { row.open = true; }));
  story.querySelector('.shut').addEventListener('click', () => rows.forEach(row => { row.open = false; }));
}
"""

INDEX_SCRIPT = """
const rows = [...document.querySelectorAll('tbody tr')];
const text = document.querySelector('.text'), result = document.querySelector('.result');
const show = () => {
  const word = text.value.toLowerCase();
  for (const row of rows)
    row.classList.toggle('hidden', (result.value && row.dataset.result !== result.value) ||
      (word && !row.textContent.toLowerCase().includes(word)));
};
text.addEventListener('input', show);
result.addEventListener('input', show);
"""
