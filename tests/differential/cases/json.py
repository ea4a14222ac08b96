"""json: fields of JSON texts, the transformation {json.parse}, texts that the library takes and others do not."""

# ruff: noqa: E501 - a line of a battery stays one line

from __future__ import annotations

from ..case import battery, verdicts
from .jansson import TEXTS, quoted

MODULES = "pv xlog json"
MORE = r"""
{"a":"x/y \"q\" \\ \u00e4\u0001 \t"}
{"a":"x"} trailing
{"a":1 "b":2}
{"a" 1}
{"a":}
{"a":[}
{"a":"unfinished
{"a":1, /* c */ "b":2}
{"a":1 // c
}
{"a":tRuE}
{"a":NULL}
{"a":infinity}
{"a":-Infinity}
{"a":-nan}
{"a":nan}
{'a':'single'}
{"a":'it"s'}
{"a":"\u00e4\u20ac"}
{"a":[1, 2,{"b":null,"c":[ ]}],"z":{}}
{"a":{"b":{"c":[[1],["x"]]}}}
{"a":-0.0}
{"a":1.}
{"a":1.10}
{"a":1E5}
{"a":-}
{"a":0x10}
{"a":00}
{"a":18446744073709551615}
{"a":18446744073709551616}
{"a":-9223372036854775809}
{"a":"b","a":"c"}
{"a":["x",]}
{"a":1,}
{"a":[,1]}
{"b":1}
{"":1}
[{"a":1}]
"a"
""".strip("\n").split("\n")

battery(
    "json",
    "fields",
    "\n".join(
        f'$var(v) = "old"; $var(j) = {quoted(text)};\n@ json_get_field("$var(j)", "a", "$var(v)")\n> $var(v)\n'
        f'$var(v) = "old";\n@ json_get_string("$var(j)", "a", "$var(v)")\n> $var(v)'
        for text in [*TEXTS, *MORE]
        if "// c" not in text and text != "}"
    )
    + r"""
    @ json_get_field("{}", "a", "$var(v)")
    @ json_get_field("", "a", "$var(v)")
    @ json_get_field("$avp(none)", "a", "$var(v)")
    $var(j) = '{"a":"x","b.c":1,"":2,"d":{"e":5}}';
    @ json_get_field("$var(j)", "b.c", "$var(v)")
    = $var(v)
    @ json_get_field("$var(j)", "", "$var(v)")
    = $var(v)
    @ json_get_field("$var(j)", "d.e", "$var(v)")
    @ json_get_field("$var(j)", "A", "$var(v)")
    @ json_get_field($var(j), "d", "$avp(v)")
    = $avp(v)
    @ json_get_string($var(j), "d", "$avp(v)")
    = $(avp(v)[*])
    """,
    modules=MODULES,
)

PATHS = [
    "s",
    "i",
    "r",
    "t",
    "n",
    "a",
    "o",
    "o.x",
    "o.x.y",
    "o.x.y.z",
    "a[0]",
    "a[1]",
    "a[2]",
    "a[2].k",
    "a[2].k[0]",
    "a[9]",
    "a[-1]",
]
PATHS += [
    "a[x]",
    "a[]",
    "none",
    "none.x",
    "o.none",
    "s[0]",
    "s.x",
    "o.x.",
    "d%ot",
    "o.d%ot",
    "d.ot",
    "a.k",
    "a[0][0]",
]

battery(
    "json",
    "parsing",
    r"""
    $var(j) = '{"s":"text","i":7,"r":1.50,"t":true,"n":null,"a":[1,"two",{"k":["v"]}],"o":{"x":{"y":"deep"},"d.ot":9},"d.ot":8}';
    """
    + "\n".join(f"= $(var(j){{json.parse,{path}}})" for path in PATHS)
    + r"""
    $var(p) = "o.x.y";
    = $(var(j){json.parse,$var(p)})
    = $(var(j){json.parse,$avp(none)})
    = $(var(j){json.parse,o.x}{json.parse,y})
    = $(var(j){json.parse,o.x.y}{s.len})
    > <$(var(j){json.parse,s})> <$(var(j){json.parse,none})>
    $var(bad) = "x";
    = $(var(bad){json.parse,s})
    $var(num) = 5;
    = $(var(num){json.parse,s})
    = $(avp(none){json.parse,s})
    $var(arr) = '[{"a":1},{"a":2}]';
    = $(var(arr){json.parse,a})
    """,
    modules=MODULES,
)

verdicts(
    "json",
    "what_the_start_is_refused_for",
    """
json_get_field("{}", "a", "x");
json_get_field("{}", "a", "$si");
json_get_field("{}", "a", "$var(x)");
json_get_field("{}", "$nosuch(a)", "$var(x)");
json_get_field("{}", "a");
json_get_string("{}", "a", "x");
json_get_string("{}", "a", "$avp(x)");
xlog("$(var(j){json.parse,a})");
xlog("$(var(j){json.parse,$var(a)})");
xlog("$(var(j){json.parse})");
xlog("$(var(j){json.encode})");
xlog("$(var(j){json.other})");
xlog("$(var(j){json.parse,})");
: modparam("json", "json_escape_char", "#")
: modparam("json", "json_escape_char", "")
: modparam("json", "json_escape_char", 1)
""",
    modules=MODULES,
)

battery(
    "json",
    "escaping",
    r"""
    $var(j) = '{"o":{"d.ot":9},"p%c":7,"h#h":6}';
    = $(var(j){json.parse,o.d#ot})
    = $(var(j){json.parse,o.d%ot})
    = $(var(j){json.parse,p%c})
    = $(var(j){json.parse,h#h})
    """,
    modules=MODULES,
    before='modparam("json", "json_escape_char", "#")\n',
    differs={
        f"facts/= $(var(j){{json.parse,{path}}})": "json_escape_char has no effect in 5.6.3"
        for path in ("o.d#ot", "o.d%ot", "p%c", "h#h")
    },
)
