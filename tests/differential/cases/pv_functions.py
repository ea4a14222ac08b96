r"""pv: its functions, and what they leave in XAVPs, XAVUs, XAVIs, branches and AVPs."""

from __future__ import annotations

from ..case import battery
from .textops import BARE

battery(
    "pv_functions",
    "about variables",
    r"""
    $var(i) = 5;
    $var(s) = "text";
    @ is_int("$var(i)")
    @ is_int("$var(s)")
    @ is_int("$hdr(X-None)")
    @ typeof("$var(i)", "int")
    @ typeof("$var(s)", "str")
    @ typeof("$var(s)", "int")
    @ typeof("$hdr(X-None)", "null")
    @ typeof("$var(s)", "null")
    @ not_empty("$var(s)")
    @ not_empty("$var(i)")
    @ not_empty("$var(none)")
    @ not_empty("$hdr(X-None)")
    @ pv_isset("$hdr(X-None)")
    @ pv_isset("$var(s)")
    @ pv_isset("$var(none)")
    $avp(a) = "x";
    @ pv_isset("$avp(a)")
    @ pv_unset("$avp(a)")
    @ pv_isset("$avp(a)")
    @ pv_unset("$avp(a)")
    @ pv_unset("$var(s)")
    > $var(s)
    @ pv_unset("$du")
    @ pv_unset("$rm")
    $var(i) = 5;
    $var(f) = "[$$var(i)] [$$rm]";
    > $var(f)
    @ pv_evalx("$var(o)", "$var(f)")
    > $var(o)
    @ pv_evalx("$var(o)", "plain $rm")
    > $var(o)
    @ pv_evalx("$avp(o)", "$$ru and $$(rm{s.len})")
    > $avp(o)
    $var(f) = "$$nonesuch(x)";
    @ pv_evalx("$var(o)", "$var(f)")
    > $var(o)
    """,
    modules="pv xlog",
    messages=(BARE,),
)

battery(
    "pv_functions",
    "variables and XAVPs",
    r"""
    $var(va) = 7;
    $var(vb) = "seven";
    @ pv_var_to_xavp("va", "one")
    > $xavp(one=>va) $xavp(one[0]=>va)
    @ pv_var_to_xavp("none", "nothing")
    > $xavp(nothing=>none)
    @ pv_var_to_xavp("vb", "one")
    > $xavp(one=>va) $xavp(one=>vb)
    @ pv_var_to_xavp("*", "all")
    > $xavp(all=>va) $xavp(all=>vb)
    $var(va) = 0;
    $var(vb) = 0;
    @ pv_xavp_to_var("all")
    > $var(va) $var(vb)
    @ pv_xavp_to_var("absent")
    $xavp(s) = "scalar";
    @ pv_xavp_to_var("s")
    """,
    modules="pv xlog",
    messages=(BARE,),
)

battery(
    "pv_functions",
    "XAVPs are copied, moved and removed",
    r"""
    $xavp(x=>a) = 1;
    $xavp(x[0]=>b) = "two";
    $xavp(x=>a) = 3;
    > $(xavp(x[0]=>a)) $(xavp(x[1]=>a)) $(xavp(x[1]=>b))
    @ xavp_copy("x", "0", "y")
    > $xavp(y=>a) $(xavp(y[1]=>a))
    @ xavp_copy("x", "1", "y")
    > $xavp(y=>a) $xavp(y=>b) $(xavp(y[1]=>a))
    @ xavp_copy("x", "5", "y")
    @ xavp_copy("none", "0", "y")
    @ xavp_copy("x", "0", "y", "0")
    > $(xavp(y[0]=>a)) $(xavp(y[1]=>a)) $(xavp(y[2]=>a))
    @ xavp_copy("x", "0", "y", "9")
    @ xavp_child_seti("z", "n", "5")
    > $xavp(z=>n)
    @ xavp_child_seti("z", "n", "6")
    > $xavp(z=>n) $(xavp(z[0]=>n[0])) $(xavp(z[0]=>n[1]))
    @ xavp_child_sets("z", "t", "text")
    > $xavp(z=>t)
    @ xavp_child_sets("z", "t", "other")
    > $xavp(z=>t) $(xavp(z[0]=>t[1]))
    @ xavp_child_rm("z", "t")
    > $xavp(z=>t) $xavp(z=>n)
    @ xavp_child_rm("z", "t")
    @ xavp_child_rm("none", "t")
    @ xavp_rm("z")
    > $xavp(z=>n)
    @ xavp_rm("z")
    $xavp(r=>a) = 1;
    $xavp(r=>a) = 2;
    @ xavp_rm("r")
    > $xavp(r=>a)
    @ xavp_rm("r")
    > $xavp(r=>a)
    """,
    modules="pv xlog",
    messages=(BARE,),
)

battery(
    "pv_functions",
    "XAVIs find names in any case",
    r"""
    $xavi(Head=>One) = 1;
    > $xavi(hEAD=>oNE)
    @ xavi_child_seti("HEAD", "two", "2")
    > $xavi(head=>TWO)
    @ xavi_child_sets("head", "Three", "3")
    > $xavi(Head=>three)
    @ xavi_child_rm("head", "THREE")
    > $xavi(head=>three)
    @ xavi_child_rm("head", "three")
    @ xavi_rm("HEAD")
    > $xavi(head=>one)
    @ xavi_rm("HEAD")
    """,
    modules="pv xlog",
    messages=(BARE,),
)

battery(
    "pv_functions",
    "parameters become fields and fields parameters",
    r"""
    @ xavp_params_explode("a=1;b=two;c=\"q u\";d", "p")
    > $xavp(p=>a) $xavp(p=>b) $xavp(p=>c) $xavp(p=>d)
    @ xavp_params_explode("", "p")
    @ xavp_params_explode("a=5", "p")
    > $(xavp(p[0]=>a)) $(xavp(p[1]=>a))
    @ xavp_params_implode("p", "$var(out)")
    > $var(out)
    $xavp(i=>n) = 5;
    $xavp(i[0]=>s) = "text";
    @ xavp_params_implode("i", "$var(out)")
    > $var(out)
    @ xavp_params_implode("none", "$var(out)")
    @ xavp_slist_explode("one, two ,three", ",", "t", "sl")
    > $(xavp(sl=>v[0])) $(xavp(sl=>v[1])) $(xavp(sl=>v[2])) $(xavp(sl=>v[3]))
    @ xavp_slist_explode("one,,two", ",", "", "sm")
    > $(xavp(sm=>v[0])) $(xavp(sm=>v[1])) $(xavp(sm=>v[2]))
    @ xavp_slist_explode("", ",", "t", "sn")
    $xavu(v=>n) = 5;
    @ xavu_params_implode("v", "$var(out)")
    > $var(out)
    @ xavu_params_explode("a=1;b=two", "u")
    > $xavu(u=>a) $xavu(u=>b)
    @ xavu_params_implode("u", "$var(out)")
    @ xavu_params_implode("none", "$var(out)")
    """,
    modules="pv xlog",
    messages=(BARE,),
    differs={
        'facts/@ xavu_params_implode("u", "$var(out)")': "5.6.3 puts the fields beside the XAVU",
    },
)

battery(
    "pv_functions",
    "the branch beside the list",
    r"""
    @ sbranch_reset()
    $sbranch(uri) = "sip:one@10.0.0.1";
    $sbranch(dst_uri) = "sip:10.0.0.2";
    $sbranch(q) = "500";
    $sbranch(flags) = 4;
    > $sbranch(uri) $sbranch(dst_uri) $sbranch(q) $sbranch(flags)
    @ sbranch_append()
    > $(branch(uri)[0]) $(branch(dst_uri)[0]) $(branch(q)[0]) $(branch(flags)[0]) $branch(count)
    @ sbranch_set_ruri()
    > $ru $du
    @ sbranch_reset()
    > $sbranch(uri)
    @ sbranch_append()
    > $branch(count)
    @ sbranch_set_ruri()
    > $ru
    """,
    modules="pv xlog",
    messages=(BARE,),
)
