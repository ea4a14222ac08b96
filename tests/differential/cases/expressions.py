"""Expressions: operators, types and conversions, precedence, null, strings.

`= EXPR` says `int`, `str` or `null`; `? EXPR` a condition. See `case.battery`.
"""

from __future__ import annotations

from ..case import battery

battery(
    "expressions",
    "integers",
    """
    = 1 + 2
    = 1 - 2
    = 2 * 3 + 4
    = 2 + 3 * 4
    = (2 + 3) * 4
    = 7 / 2
    = -7 / 2
    = 7 mod 3
    = -7 mod 3
    = 7 mod -3
    = - 5
    = - - 5
    = -(2 + 3)
    = 0x10
    = 0xff + 1
    = 010
    = 0777
    = 2147483647
    = 2147483647 + 1
    = 2147483648
    = 4294967295
    = 4294967296
    = -2147483648
    = -2147483648 - 1
    = 65536 * 65536
    = 46341 * 46341
    = 10 / 3 * 3
    = 100 / 10 / 2
    = 10 - 3 - 2
    = 2 * 7 mod 4
    = 1 + 2 == 3
    = 5 & 3
    = 5 | 3
    = 5 ^ 3
    = ~5
    = ~0
    = 1 << 4
    = 1 << 31
    = 1 << 32
    = 256 >> 4
    = -16 >> 2
    = 1 << 2 + 1
    = 1 + 1 << 2
    = 1 | 2 & 3
    = 6 & 3 == 3
    = 1 | 2 == 2
    = !0
    = !1
    = !5
    = !!5
    = not 0
    = 1 && 2
    = 0 || 7
    = 0 || 0
    = 1 < 2
    = 2 < 1
    = 1 <= 1
    = 1 >= 2
    = 1 > 0
    = 1 != 1
    = 1 < 2 < 3
    = 3 > 2 > 1
    = 1 == 1 == 1
    = !1 + 1
    = -1 + 2
    = 1 / 0
    = 1 mod 0
    = 0 / 5
    """,
)

battery(
    "expressions",
    "integer_variables",
    """
    $var(a) = 7;
    $var(b) = 2;
    $var(z) = 0;
    $var(m) = -7;
    $var(big) = 2147483647;
    = $var(a) + $var(b)
    = $var(a) - $var(b)
    = $var(a) * $var(b)
    = $var(a) / $var(b)
    = $var(a) mod $var(b)
    = $var(m) / $var(b)
    = $var(m) mod $var(b)
    = $var(a) / $var(z)
    = $var(a) mod $var(z)
    = $var(big) + 1
    = $var(big) * 2
    = 0 - $var(big) - 2
    = $var(a) & $var(b)
    = $var(a) | 8
    = $var(a) ^ $var(b)
    = ~$var(a)
    = $var(b) << 3
    = $var(a) >> 1
    = $var(m) >> 1
    = -$var(a)
    = !$var(a)
    = !$var(z)
    = $var(a) && $var(b)
    = $var(a) && $var(z)
    = $var(z) || $var(b)
    = $var(a) > $var(b)
    = $var(a) == 7
    = $var(a) != 7
    = $var(a) == $var(b) + 5
    = $var(a) + 1 == 8 && $var(b) == 2
    = ($var(a) > 5) + ($var(b) > 1)
    = $var(a) - -1
    = -$var(a) * -1
    """,
)

battery(
    "expressions",
    "strings",
    """
    = "a" + "b"
    = "a" "b"
    = "1" + "2"
    = "1" + 2
    x = 1 + "2"
    x = 1 + "a"
    = "a" + 1
    = "a" + 1 + 2
    x = 1 + 2 + "a"
    = "a" + (1 + 2)
    = "a" + 1 * 2
    = "" + ""
    = ""
    = "" + 0
    = "abc" == "abc"
    = "abc" == "ABC"
    = "abc" != "abd"
    x = "a" < "b"
    x = "b" < "a"
    x = "10" < "9"
    x = "10" < 9
    x = 10 < "9"
    = "3" == 3
    x = 3 == "3"
    = "03" == 3
    x = 3 == "03"
    = "a" == 0
    x = 0 == "a"
    = "" == 0
    x = 0 == ""
    x = "3" * "2"
    x = "7" - 2
    x = "7" - "2"
    x = "7x" - 2
    x = "x" - 2
    = "0x10" + 0
    x = "0x10" - 0
    x = "010" - 0
    x = " 5" - 0
    x = "+5" - 0
    x = "-5" - 0
    x = "5 " - 0
    x = "99999999999" - 0
    x = -"5"
    x = -"a"
    x = ~"5"
    x = !"5"
    x = !"0"
    x = !""
    x = !"a"
    x = "5" && 1
    x = "0" && 1
    x = "a" && 1
    x = "" || 0
    x = "0" || 0
    x = "a" || 0
    x = "5" & 4
    x = "8" >> 1
    = "it's"
    = 'single $var(x) \\n'
    = "tab[\\t] backslash[\\\\] quote[\\"]"
    = "bell[\\a]x"
    = "octal[\\101] hex[\\x41]"
    = "unknown[\\q]"
    = "dollar $$ sign"
    = 'dollar $$ sign'
    = "no variable: $"
    """,
)

battery(
    "expressions",
    "string_variables",
    """
    $var(s) = "abc";
    $var(n) = "12";
    $var(i) = 12;
    $var(e) = "";
    $var(x) = "0x1f";
    = $var(s) + $var(n)
    = $var(s) + $var(i)
    = $var(i) + $var(n)
    = $var(n) + $var(i)
    = $var(i) + $var(s)
    = $var(n) + $var(n)
    = $var(n) + 1
    = 1 + $var(n)
    = $var(n) - 1
    = $var(n) * 2
    = 2 * $var(n)
    = $var(s) * 2
    = $var(s) - 1
    = $var(x) * 1
    = $var(n) == 12
    = $var(n) == "12"
    = $var(i) == 12
    = $var(i) == "12"
    = $var(i) == "012"
    = $var(n) == $var(i)
    = $var(i) == $var(n)
    = $var(s) == 0
    = $var(e) == 0
    = $var(e) == ""
    x = $var(s) > "abb"
    x = $var(s) < "abd"
    = $var(n) < 9
    x = $var(n) < "9"
    x = $var(i) < "9"
    = "$var(s)-$var(i)"
    = "$var(s)" + "-" + $var(n)
    = "$(var(s){s.len})" + 1
    = $(var(s){s.len}) + 1
    = $(var(n){s.int}) + 1
    = (int)$var(n) + 1
    = (int)$var(s)
    = (int)"12abc"
    = (int)"abc"
    = (int)""
    = (str)12 + 1
    = (str)$var(i) + 1
    x = (int)$var(n) + (str)1
    = (str)(1 + 2) + 3
    = (int)("1" + "2") + 1
    = -(int)$var(n)
    = strlen("hello")
    = strlen($var(s))
    = strlen($var(i))
    = strlen("")
    = strlen($var(s) + $var(n))
    = strempty("")
    = strempty("a")
    = strempty($var(e))
    = strempty($var(i))
    = strempty($var(s))
    ? $var(s)
    ? $var(n)
    ? $var(e)
    ? $var(i)
    ? !$var(s)
    ? !$var(e)
    ? not $var(e)
    ? $var(s) == "abc" and $var(n) == "12"
    ? $var(s) == "x" or $var(n) == "12"
    ? $var(s) == 'abc'
    ? $var(s) eq "abc"
    ? $var(s) ne "abc"
    ? $var(i) ieq 12
    ? $var(i) ine 12
    """,
)

battery(
    "expressions",
    "null_and_undefined",
    """
    = $null
    = $vn(u)
    = $var(u)
    = $vz(u)
    = $avp(u)
    = $hdr(Nope)
    = $hdr(Nope) + 1
    = 1 + $hdr(Nope)
    = $hdr(Nope) + "a"
    = "a" + $hdr(Nope)
    = "[$hdr(Nope)]"
    = $vn(u) + 1
    = 1 + $vn(u)
    = $vn(u) - 1
    = $vn(u) * 2
    = $vn(u) + "a"
    = "a" + $vn(u)
    = $avp(u) + 1
    = $avp(u) + "a"
    = -$vn(u)
    = !$vn(u)
    = ~$vn(u)
    = (int)$vn(u)
    = (str)$vn(u)
    = (str)$vn(u) + 1
    = strlen($vn(u))
    = strlen($null)
    = strempty($vn(u))
    = strempty($null)
    = defined $vn(u)
    = defined $var(u)
    = defined $avp(u)
    = defined $null
    = defined $ru
    = defined "x"
    x = defined 5
    = defined ""
    = defined $hdr(Nope)
    = defined $hdr(To)
    = defined @to.tag
    = !defined $vn(u)
    = $vn(u) == $null
    = $null == $vn(u)
    = $null == $null
    = $null != $null
    = $vn(u) != $null
    = $var(u) == $null
    = $var(u) == 0
    = $vn(u) == 0
    = $vn(u) == ""
    = $vn(u) == "a"
    = $vn(u) != 0
    = $vn(u) != ""
    = $vn(u) != "a"
    = 0 == $vn(u)
    = "" == $vn(u)
    = $vn(u) < 1
    = $vn(u) > -1
    x = $vn(u) < "a"
    x = "a" > $vn(u)
    = $vn(u) == $vn(v)
    = $hdr(Nope) == ""
    = $hdr(Nope) == $null
    = $hdr(To) == $null
    = $avp(u) == 0
    = $avp(u) == ""
    = $avp(u) == $avp(v)
    = $vn(u) =~ "a"
    = $vn(u) =~ ""
    = $vn(u) =~ ".*"
    = $vn(u) && 1
    = $vn(u) || 1
    = $vn(u) & 1
    = $vn(u) | 1
    ? $vn(u)
    ? $null
    ? $var(u)
    ? $hdr(Nope)
    ? $hdr(To)
    ? !$hdr(Nope)
    ? not $hdr(Nope)
    ? $null == $null
    $vn(x) = 5;
    = $vn(x)
    $vn(x) = $null;
    = $vn(x)
    $var(x) = "abc";
    $var(x) = $null;
    = $var(x)
    $var(x) = "abc";
    $var(x) = $hdr(Nope);
    = $var(x)
    $vn(x) = "abc";
    $vn(x) = $hdr(Nope);
    = $vn(x)
    $avp(x) = "abc";
    $avp(x) = $null;
    = $avp(x)
    $avp(x) = 1;
    $avp(x) = 2;
    $avp(x) = $null;
    = $avp(x)
    $avp(x) = 1;
    $avp(x) = 2;
    $(avp(x)[*]) = $null;
    = $avp(x)
    $vz(x) = "abc";
    $vz(x) = $null;
    = $vz(x)
    $vn(x) = 1 + 1 == 3;
    = $vn(x)
    """,
)

battery(
    "expressions",
    "regular_expressions",
    """
    $var(s) = "sip:Alice.Smith@Example.com;transport=udp";
    ? $var(s) =~ "^sip:"
    ? $var(s) =~ "^SIP:"
    ? $var(s) =~ "alice"
    ? $var(s) =~ "ALICE\\.SMITH"
    ? $var(s) =~ "@example\\.com"
    ? $var(s) =~ "@example.com$"
    ? $var(s) =~ "udp$"
    ? $var(s) =~ "^sip:[A-Za-z.]+@"
    ? $var(s) =~ "^sip:[[:alpha:].]+@"
    ? $var(s) =~ "(tcp|udp)$"
    ? $var(s) =~ "Al{1}ice"
    ? $var(s) =~ "l{2}"
    ? $var(s) =~ "x*"
    ? $var(s) =~ ""
    ? $var(s) =~ "."
    ? $var(s) =~ "\\."
    ? $var(s) =~ "a\\+b"
    ? "a+b" =~ "a\\+b"
    ? "aab" =~ "^a+b$"
    ? "ab" =~ "^(a|b)+$"
    ? "a\\nb" =~ "^a.b$"
    ? "a\\nb" =~ "^b"
    ? "a\\nb" =~ "a$"
    ? "5" =~ "^[0-9]+$"
    x ? 5 =~ "^[0-9]+$"
    x ? 125 =~ "2"
    ? "+49123" =~ "^\\+[0-9]{5}$"
    ? "+49123" =~ "^\\+[1-9][0-9]{3,15}$"
    ? "a-b" =~ "^[a-b-]+$"
    ? "a]b" =~ "[]]"
    ? "a^b" =~ "[\\^]"
    ? "tab\\there" =~ "[[:space:]]"
    ? "word" =~ "\\bword\\b"
    ? "word" =~ "\\w+"
    ? "12" =~ "\\d"
    ? "d" =~ "\\d"
    ? "aa" =~ "(a)\\1"
    $var(re) = "^sip:alice";
    ? $var(s) =~ $var(re)
    ? $var(s) =~ "$var(re)"
    ? $ru =~ "bob"
    ? $ru =~ "^sip:bob@example\\.com$"
    ? $rm =~ "INVITE|ACK"
    ? $rm =~ "invite"
    ? method =~ "INV"
    ? uri =~ "bob@"
    ? from_uri =~ "alice"
    ? to_uri =~ "alice"
    ? src_ip == 127.0.0.11
    ? src_ip == 127.0.0.0/8
    ? src_ip == 10.0.0.0/8
    ? dst_ip == 127.0.0.1
    ? dst_port == 5060
    ? src_port != 5060
    ? proto == UDP
    ? proto == TCP
    ? af == INET
    ? af == INET6
    ? msg:len > 100
    ? msg:len < 100
    ? uri == myself
    ? from_uri == myself
    ? src_ip == myself
    ? dst_ip == myself
    ? uri != myself
    ? method == INVITE
    ? method == "INVITE"
    ? method == "invite"
    ? method == BYE
    ? method == INVITE || method == ACK
    ? method == "INVITE|ACK"
    ? uri == "sip:bob@example.com"
    ? uri == "sip:bob@EXAMPLE.com"
    = $ru =~ "bob"
    = $ru =~ "alice"
    """,
)

battery(
    "expressions",
    "precedence_and_short_circuit",
    """
    = 1 || 0 && 0
    = (1 || 0) && 0
    = !0 && 0
    = !(0 && 0)
    = 1 == 1 && 2 == 2
    = 1 + 1 == 2
    = 2 == 1 + 1
    = 1 < 2 == 1
    = 1 == 2 < 3
    = 4 & 6 == 4
    = (4 & 6) == 4
    = 1 | 2 ^ 3
    = 1 ^ 1 & 0
    = 1 << 1 << 1
    = 16 >> 1 + 1
    = 2 * 3 mod 4
    = 10 mod 4 * 2
    = -2 * 3
    = !1 == 0
    = !(1 == 0)
    = ! 1 + 1
    = ~1 + 1
    = "a" + "b" == "ab"
    = "a" == "b" + "c"
    = "3" + 4 == 34
    x = 1 + 2 + "x" == "3x"
    = defined $ru && 1
    = strlen("abc") + 1
    = strlen("ab" + "c")
    = (int)"3" + 4
    x = (int)"3" * 4 + "x"
    $var(n) = 0;
    ? 0 && $(var(n){s.int}) / 0
    """,
)

battery(
    "expressions",
    "optimised_and_runtime_agree",
    """
    $var(one) = 1; $var(two) = 2; $var(s1) = "1"; $var(zero) = 0; $var(a) = "a"; $var(e) = "";
    = $var(one) + $var(two) * 3
    = $var(one) + 0
    = 0 + $var(one)
    = $var(one) * 1
    = $var(one) * 0
    = $var(s1) + 0
    = 0 + $var(s1)
    = $var(s1) * 1
    = $var(s1) - 0
    = $var(a) + ""
    = "" + $var(one)
    = $var(one) + ""
    = $var(one) + "" + $var(two)
    = $var(one) + $var(two) + ""
    = $var(one) + 1 + 2 + "x"
    = "x" + $var(one) + 1 + 2
    = $var(a) + 1 + 2
    = $var(s1) + 1 + 2
    = $var(one) && 1
    = $var(two) && 1
    = $var(one) || 0
    = $var(two) || 0
    = $var(zero) || 0
    = 1 && $var(two)
    = 0 || $var(two)
    = $var(a) && 1
    = $var(a) || 0
    = $var(s1) && 1
    = $var(s1) || 0
    = $var(e) && 1
    = $var(two) == 1
    = $var(a) == "a"
    = "a" == $var(a)
    = 1 == $var(s1)
    = $var(s1) == 1
    = $var(one) == $var(s1)
    = $var(s1) == $var(one)
    = $var(zero) == $var(a)
    = $var(a) == $var(zero)
    = $var(zero) == $var(e)
    = $var(e) == $var(zero)
    = $var(two) ^ $var(two)
    = $var(two) & 0
    = $var(two) | 0
    = $var(two) - $var(one) - 1
    = $var(two) / $var(one) / 2
    x = "$var(one)$var(two)" * 1
    = "$var(one)" + $var(two)
    = $var(one) + "$var(two)"
    = $rU + 1
    = 1 + $rU
    = $rs + 1
    = $rp
    = $ml > 10
    = $cs
    = $cs + 1
    = 1 + $cs
    = $rp + 1
    = 1 + $rp
    = $sp > 1000
    = $hdr(Max-Forwards)
    = $hdr(Max-Forwards) + 1
    = 1 + $hdr(Max-Forwards)
    = $hdr(Max-Forwards) - 1
    = $hdr(Max-Forwards) > 9
    x = $hdr(Max-Forwards) > "9"
    = $mf
    """,
    modules="tm pv xlog",
)

# Where a number is asked for, a `+` whose type was not known at load adds numbers, and a text that Kamailio keeps with
# a number (`$rm`, `$pr`, `$mF`) is that number.
battery(
    "expressions",
    "sums_where_a_number_is_asked",
    """
    $var(s) = "1"; $var(z) = "0"; $var(i) = 6; setflag(4);
    = 5 * ($var(s) + "5")
    = 5 + ($var(s) + "5")
    = $var(s) + ($var(s) + "5")
    = ($var(s) + "5") == 15
    = 6 == ($var(s) + "5")
    = 15 == ($var(s) + "5")
    = $var(i) == ($var(s) + "5")
    = $var(i) != ($var(s) + "5")
    = $var(i) + ($var(s) + "5")
    = -($var(s) + "5")
    = (int)($var(s) + "5")
    = (int)(str)($var(s) + "5")
    = (str)(int)($var(s) + "5")
    = 10 > ($hdr(CSeq) + 10)
    = 11 > ($hdr(CSeq) + 10)
    = ($var(s) + 1) && 1
    ? $var(s) + "-1"
    ? $var(s) + $var(z)
    ? $rm
    ? !$rm
    ? $pr
    = $rm + 1
    = (int)$rm
    = 1 - (int)$rm
    = 1 == $rm
    = $rm == 1
    = $pr * 1
    = $mF * 1
    = $mF + 1
    = $var(i) + $rm
    = $var(i) + ($rm + 2) + ($var(s) + ($var(i) + 1))
    $var(x) = $rm;
    = $var(x) * 1
    """,
)

battery(
    "expressions",
    "selval_as_a_value",
    """
    $var(s) = "1";
    = selval($var(s) > 0, 5, 6)
    = selval($var(s) > 0, 5, 6) + 1
    = $var(s) + selval($var(s) > 0, 5, 6)
    = "a" + selval($var(s) > 0, 5, 6)
    = strlen(selval($var(s) > 0, 5, 6))
    = (str)selval($var(s) > 0, 5, 6)
    = "5" == selval($var(s) > 0, 5, 6)
    = selval($var(s) > 0, selval($var(s) > 0, 1, 0), 6)
    = selval($var(s) > 0, selval($var(s) > 0, 1, 0), 6) =~ "1"
    = defined selval($var(s) > 0, 5, 6)
    """,
)
