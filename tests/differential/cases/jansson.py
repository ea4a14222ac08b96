"""jansson: values out of JSON and into it, by path; XAVPs as JSON."""

# ruff: noqa: E501 - a line of a battery stays one line

from __future__ import annotations

from ..case import battery, verdicts

MODULES = "pv xlog jansson"
DOCUMENT = r"""
    $var(j) = '{"s":"text","i":7,"n":-3,"big":5000000000,"r":3.14159,"e":1e3,"t":true,"f":false,"z":null,"a":[1,"two",[3,4],{"k":"v"}],"o":{"x":{"y":"deep"},"":"empty"},"u":"\u00e4\u20ac \"q\" \\ \/ \n\t","sp ace":1,"d.ot":2}';
"""

PATHS = [
    "s",
    "i",
    "n",
    "big",
    "r",
    "e",
    "t",
    "f",
    "z",
    "a",
    "o",
    "u",
    "none",
    "a[0]",
    "a[1]",
    "a[2]",
    "a[2][1]",
    "a[3]",
    "a[3].k",
    "a[4]",
    "a[-1]",
    "a[]",
    "a[x]",
    "a[0x1]",
    "a[ 1]",
    "a[1",
    "a1]",
    "a[1]x",
    "a[1].x",
    "a.k",
    "o.x",
    "o.x.y",
    "o.x.y.z",
    "o.",
    ".o",
    "o..x",
    "s.x",
    "s[0]",
    "[0]",
    "sp ace",
    "d.ot",
    "S",
    "$var(none)",
    "a[$var(i)]",
]

battery(
    "jansson",
    "getting",
    DOCUMENT
    + "\n".join(f'@ jansson_get("{path}", $var(j), "$var(v)")\n= $var(v)\n$var(v) = "old";' for path in PATHS)
    + r"""
    @ jansson_get("", $var(j), "$var(v)")
    = $(var(v){s.len})
    @ jansson_get("i", "$var(j)", "$avp(v)")
    = $avp(v)
    @ jansson_get("z", "$var(j)", "$avp(v)")
    = $avp(v)
    @ jansson_get("z", "$var(j)", "$vn(v)")
    = $vn(v)
    @ jansson_get("s", "$var(j)", "$xavp(v)")
    = $xavp(v)
    @ jansson_get_field("$var(j)", "s", "$var(v)")
    = $var(v)
    @ jansson_get_field("{'foo':'bar'}", "foo", "$var(v)")
    $var(a) = '[0,1,[2,3]]';
    @ jansson_get("[1]", $var(a), "$var(v)")
    = $var(v)
    @ jansson_get("[2][0]", $var(a), "$var(v)")
    = $var(v)
    @ jansson_get("[2]", $var(a), "$var(v)")
    = $var(v)
    @ jansson_get("x", $var(a), "$var(v)")
    @ jansson_array_size("a", $var(j), "$var(n)")
    = $var(n)
    @ jansson_array_size("a[2]", $var(j), "$var(n)")
    = $var(n)
    @ jansson_array_size("", $var(a), "$var(n)")
    = $var(n)
    @ jansson_array_size("o", $var(j), "$var(n)")
    @ jansson_array_size("none", $var(j), "$var(n)")
    @ jansson_array_size("a", "x", "$var(n)")
    = $var(n)
    @ jansson_array_size("a", '{"a":[]}', "$var(n)")
    = $var(n)
    """,
    modules=MODULES,
)

TEXTS = r"""
{}
[]
{"a":1}
{"a" : 1 }
{"a":1}x
{"a":1,}
{"a":1,"a":2}
{'a':1}
{a:1}
{"a":01}
{"a":-0}
{"a":+1}
{"a":1.}
{"a":.5}
{"a":1.50}
{"a":1e2}
{"a":1E-2}
{"a":100000000000000000000.0}
{"a":0.1}
{"a":123456789.123456789}
{"a":1e400}
{"a":9223372036854775807}
{"a":9223372036854775808}
{"a":2147483647}
{"a":2147483648}
{"a":-2147483648}
{"a":-2147483649}
{"a":True}
{"a":NaN}
{"a":Infinity}
{"a":"\u0000"}
{"a":"\ud800"}
{"a":"\ud83d\ude00"}
{"a":"\x"}
{"a":"/"}
{"a":"b
{"a":"	"}
{"a":[1,2,{"b":[]}]}
{"a":[1.0,2.50,1e2]}
{"a":{"z":1,"b":2}}
{"a":["\u0001\u001f\u007f\"\\/\u00e9"]}
{"a":[1,]}
{"a":/*c*/1}
1
"a"
null
x
""".strip("\n").split("\n")


def quoted(text: str) -> str:
    """A text as a config writes it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'


battery(
    "jansson",
    "texts",
    "\n".join(
        f'$var(v) = "old"; $var(j) = {quoted(text)};\n@ jansson_get("a", $var(j), "$var(v)")\n= $var(v)'
        for text in TEXTS
    ),
    modules=MODULES,
)

battery(
    "jansson",
    "setting",
    r"""
    @ jansson_set("string", "mystr", "my input string", "$var(j)")
    = $var(j)
    @ jansson_set("integer", "count", 9000, "$var(j)")
    @ jansson_set("int", "count", "9001", "$var(j)")
    @ jansson_set("true", "mybool", 0, "$var(j)")
    @ jansson_set("false", "no", "", "$var(j)")
    @ jansson_set("null", "nil", "x", "$var(j)")
    @ jansson_set("real", "pi", "3.14159", "$var(j)")
    @ jansson_set("real", "whole", "2", "$var(j)")
    @ jansson_set("real", "small", "1e-7", "$var(j)")
    @ jansson_set("real", "large", "1e30", "$var(j)")
    @ jansson_set("real", "tenth", "0.1", "$var(j)")
    = $var(j)
    @ jansson_set("obj", "myobj", '{"foo":"bar"}', "$var(j)")
    @ jansson_set("str", "myobj.foo", "baz", "$var(j)")
    @ jansson_set("str", "myobj.new.deep.er", "x", "$var(j)")
    = $var(j)
    @ jansson_set("array", "list", '[0,1,2]', "$var(j)")
    @ jansson_set("str", "list[1]", "one", "$var(j)")
    @ jansson_set("str", "list[3]", "three", "$var(j)")
    @ jansson_set("str", "list[x]", "three", "$var(j)")
    @ jansson_set("str", "list.x", "three", "$var(j)")
    @ jansson_set("str", "newlist[0]", "x", "$var(j)")
    @ jansson_set("str", "newlist[0].x", "x", "$var(j)")
    @ jansson_set("str", "mystr.x", "x", "$var(j)")
    @ jansson_set("str", "count.x", "x", "$var(j)")
    @ jansson_set("str", "", "x", "$var(j)")
    @ jansson_set("str", "myobj.", "x", "$var(j)")
    @ jansson_set("str", ".x", "x", "$var(j)")
    @ jansson_set("str", "list[1", "x", "$var(j)")
    @ jansson_set("str", "list[1]x", "x", "$var(j)")
    @ jansson_set("str", "q\"uote", "a\"b\\c/d", "$var(j)")
    = $var(j)
    @ jansson_set("other", "a", "x", "$var(j)")
    @ jansson_set("String", "a", "x", "$var(j)")
    @ jansson_set("int", "a", "x", "$var(j)")
    @ jansson_set("int", "a", "12x", "$var(j)")
    @ jansson_set("int", "blank", " 12", "$var(j)")
    @ jansson_set("int", "none", "", "$var(j)")
    @ jansson_set("int", "huge", "99999999999999999999", "$var(j)")
    @ jansson_set("int", "big", "5000000000", "$var(j)")
    @ jansson_set("real", "a", "x", "$var(j)")
    @ jansson_set("real", "a", "inf", "$var(j)")
    @ jansson_set("obj", "a", "[]", "$var(j)")
    @ jansson_set("obj", "a", "{", "$var(j)")
    @ jansson_set("array", "a", "{}", "$var(j)")
    @ jansson_set("array", "a", "x", "$var(j)")
    @ jansson_set("str", "null", "$avp(none)", "$var(j)")
    @ jansson_set("str", "from", "$fu", "$var(j)")
    = $var(j)
    $var(k) = "";
    @ jansson_set("str", "a", "b", "$var(k)")
    = $var(k)
    $var(k) = 5;
    @ jansson_set("str", "a", "b", "$var(k)")
    = $var(k)
    $var(k) = "x";
    @ jansson_set("str", "a", "b", "$var(k)")
    $var(k) = "[1,2]";
    @ jansson_set("str", "a", "b", "$var(k)")
    @ jansson_set("str", "[1]", "b", "$var(k)")
    @ jansson_set("str", "[2]", "b", "$var(k)")
    = $var(k)
    @ jansson_set("str", "a", "b", "$avp(k)")
    @ jansson_set("str", "c", "d", "$avp(k)")
    = $(avp(k)[*])
    @ jansson_set("str", "a", "b", "$xavp(k=>js)")
    = $xavp(k=>js)
    $var(l) = '[]';
    @ jansson_append("int", "", 0, "$var(l)")
    @ jansson_append("str", "", "x", "$var(l)")
    @ jansson_append("obj", "", '{"a":1}', "$var(l)")
    @ jansson_append("str", "[2]", "replaced", "$var(l)")
    @ jansson_append("str", "[2].a", "y", "$var(l)")
    = $var(l)
    $var(o) = '{"b":2, "c":3,"l":[1],"o":{"x":1}}';
    @ jansson_append("obj", "", '{"a":1, "b":100}', "$var(o)")
    @ jansson_append("int", "l", 5, "$var(o)")
    @ jansson_append("obj", "o", '{"y":2,"x":3}', "$var(o)")
    @ jansson_append("int", "o", 1, "$var(o)")
    @ jansson_append("int", "b", 1, "$var(o)")
    @ jansson_append("int", "none", 1, "$var(o)")
    @ jansson_append("int", "", 1, "$var(o)")
    @ jansson_append("int", "o.", 1, "$var(o)")
    @ jansson_append("obj", "o.", '{"z":0}', "$var(o)")
    @ jansson_append("array", "l", '[6]', "$var(o)")
    = $var(o)
    """,
    modules=MODULES,
)

battery(
    "jansson",
    "xavps",
    r"""
    @ jansson_xdecode('{"foo":"bar","n":5,"big":5000000000,"r":1.5,"t":true,"f":false,"z":null,"a":[1,2],"o":{"x":1}}', "js")
    = $xavp(js=>foo)
    = $xavp(js=>n)
    = $xavp(js=>big)
    = $xavp(js=>r)
    = $xavp(js=>t)
    = $xavp(js=>f)
    = $xavp(js=>z)
    = $xavp(js=>a)
    = $xavp(js=>o)
    @ jansson_xencode("js", "$var(js)")
    = $var(js)
    @ jansson_xdecode('[{"a":1},{"a":2},3,{"a":4}]', "list")
    = $cnt($xavp(list))
    = $xavp(list[0]=>a)
    = $xavp(list[1]=>a)
    = $xavp(list[2]=>a)
    = $xavp(list[3]=>a)
    @ jansson_xdecode('{}', "empty")
    = $xavp(empty=>a)
    @ jansson_xdecode('[]', "none")
    @ jansson_xdecode('5', "none")
    @ jansson_xdecode('x', "none")
    @ jansson_xdecode('', "none")
    @ jansson_xencode("none", "$var(js)")
    $xavp(a=>foo) = "bar";
    $xavp(a[0]=>num) = 5;
    $xavp(a[0]=>quo) = "a\"b\\c";
    @ jansson_xencode("a", "$var(js)")
    = $var(js)
    $xavp(p) = "plain";
    @ jansson_xencode("p", "$var(js)")
    @ jansson_xencode("$rU", "$var(js)")
    @ jansson_xdecode('{"x":"y"}', "$rU")
    @ jansson_xencode("$rU", "$avp(js)")
    = $avp(js)
    """,
    modules=MODULES,
)

verdicts(
    "jansson",
    "what_the_start_is_refused_for",
    """
jansson_get("a", "{}", "x");
jansson_get("a", "{}", "$si");
jansson_get("a", "{}", "$var(x)");
jansson_get("$nosuch(a)", "{}", "$var(x)");
jansson_get("a", "{}");
jansson_set("str", "a", "b", "x");
jansson_set("str", "a", "b", "$si");
jansson_set("x", "a", "b", "$var(x)");
jansson_array_size("a", "{}", "x");
jansson_array_size("a", "{}", "$si");
jansson_xencode("a", "x");
jansson_xencode("a", "$si");
jansson_xencode("a", "$var(x)");
jansson_xdecode("{}", "x");
jansson_get_field("{}", "a", "x");
jansson_append("str", "a", "b", "$var(x)");
""",
    modules=MODULES,
)
