"""ipops: what texts are addresses, kinds of addresses, subnets, names that stand in the hosts file."""

from __future__ import annotations

from ..case import battery, verdicts

MODULES = "pv xlog ipops"
TEXTS = """
192.0.2.1
0.0.0.0
255.255.255.255
256.1.1.1
1.2.3
1.2.3.4.5
1.2.3.4.
01.2.3.4
1.2.3.256
192.168.1.1
10.0.0.1
10.0.0.300
10.0.0.1x
172.15.255.255
172.16.0.1
172.31.9.9
172.32.0.1
192.169.1.1
100.64.1.1
127.0.0.1
::
::1
::1.
::1.2
::1.2.3.4
::ffff:192.0.2.1
2001:db8::1
2001:DB8:0:0:0:0:0:1
2001:db8:0:0:0:0:1
2001:db8::1::2
1:2:3:4:5:6:7:8
1:2:3:4:5:6:7::
1:2:3:4:5:6::8
1:2:3:4:5:6:7::8
1:2:3:4:5:6:7:8:9
fe80::1%eth0
fe80::1
12345::
[::1]
[2001:db8::1]
[::1
::1]
[192.0.2.1]
example.com
localhost
""".strip("\n").split("\n")
TEXTS += [" 10.0.0.1", "10.0.0.1 "]
ASKED = ("is_ip", "is_pure_ip", "is_ipv4", "is_ipv6", "is_ipv6_reference", "ip_type", "is_ip_rfc1918")

battery(
    "ipops",
    "what_texts_are",
    "\n".join(f'@ {name}("{text}")' for text in TEXTS for name in ASKED)
    + "\n"
    + "\n".join(f'@ {name}("{text}")' for text in ("", "$si", "$avp(none)", "x$si") for name in ASKED),
    modules=MODULES,
)

KINDS = """
10.1.1.1
172.16.5.5
192.168.3.4
192.0.2.9
198.51.100.1
203.0.113.1
192.88.99.1
192.0.0.1
192.0.0.9
198.18.0.1
169.254.1.1
100.64.0.1
127.3.3.3
0.1.2.3
240.0.0.1
255.255.255.255
224.0.0.1
8.8.8.8
::
::1
::ffff:1.2.3.4
::2
100::1
100:1::1
2001:2::1
2001::1
2001:db8::1
2001:10::1
2002::1
fec0::1
fe80::1
fe00::1
ff02::1
200::1
fc00::1
fd00::1
400::1
f800::1
800::1
f000::1
e000::1
1000::1
c000::1
2a00::1
4000::1
6000::1
8000::1
a000::1
[fe80::1]
example.com
""".strip("\n").split("\n")

battery(
    "ipops",
    "kinds_of_addresses",
    "\n".join(
        line
        for text in KINDS
        for line in (f'@ detailed_ip_type("{text}", "$var(kind)")', "> $var(kind)", '$var(kind) = "none";')
    )
    + r"""
    @ detailed_ipv4_type("10.0.0.1", "$var(kind)")
    > $var(kind)
    @ detailed_ipv4_type("fe80::1", "$var(kind)")
    @ detailed_ipv4_type(" 10.0.0.1 ", "$var(kind)")
    > $var(kind)
    @ detailed_ipv6_type("fe80::1", "$avp(kind)")
    = $avp(kind)
    @ detailed_ipv6_type("[fe80::1]", "$avp(kind)")
    @ detailed_ipv6_type("10.0.0.1", "$avp(kind)")
    @ detailed_ipv6_type("$si", "$avp(kind)")
    @ detailed_ip_type("$si", "$avp(kind)")
    @ detailed_ip_type("$avp(none)", "$avp(kind)")
    @ detailed_ip_type(" 10.0.0.1", "$avp(kind)")
    = $(avp(kind)[*])
    """,
    modules=MODULES,
)

battery(
    "ipops",
    "comparing",
    r"""
    @ compare_ips("192.0.2.1", "192.0.2.1")
    @ compare_ips("192.0.2.1", "192.0.2.2")
    @ compare_ips("192.0.2.1", "::ffff:192.0.2.1")
    @ compare_ips("2001:db8::1", "2001:DB8:0:0::1")
    @ compare_ips("[2001:db8::1]", "2001:DB8:0:0::1")
    @ compare_ips("[2001:db8::1]", "[2001:DB8:0:0::2]")
    @ compare_ips("::1.2.3.4", "::102:304")
    @ compare_ips("x", "x")
    @ compare_ips("", "")
    @ compare_ips("$si", "127.0.0.11")
    @ compare_ips("$avp(none)", "127.0.0.11")
    @ compare_ips("127.0.0.11", "$avp(none)")
    @ compare_ips("::1.", "::1")
    @ compare_pure_ips("192.0.2.1", "192.0.2.1")
    @ compare_pure_ips("[2001:db8::1]", "2001:db8::1")
    @ compare_pure_ips("2001:db8::1", "[2001:db8::1]")
    @ compare_pure_ips("2001:db8::1", "2001:db8:0::1")
    @ compare_pure_ips("$avp(none)", "127.0.0.11")
    @ is_in_subnet("192.168.1.5", "192.168.1.0/24")
    @ is_in_subnet("192.168.2.5", "192.168.1.0/24")
    @ is_in_subnet("192.168.1.5", "192.168.1.9/24")
    @ is_in_subnet("192.168.1.5", "192.168.1.5")
    @ is_in_subnet("192.168.1.5", "192.168.1.6")
    @ is_in_subnet("192.168.1.5", "0.0.0.0/0")
    @ is_in_subnet("192.168.1.5", "192.168.1.5/32")
    @ is_in_subnet("192.168.1.5", "192.168.1.5/33")
    @ is_in_subnet("192.168.1.5", "192.168.1.5/x")
    @ is_in_subnet("192.168.1.5", "192.168.1.5/")
    @ is_in_subnet("192.168.1.5", "192.168.1.5/-1")
    @ is_in_subnet("192.168.1.5", "192.168.0.0/16abc")
    @ is_in_subnet("192.168.1.5", "10.0.0.0/8,192.168.0.0/16")
    @ is_in_subnet("192.168.1.5", "10.0.0.0/8, 192.168.0.0/16 ,172.16.0.0/12")
    @ is_in_subnet("192.168.1.5", "192.168.0.0/16,")
    @ is_in_subnet("192.168.1.5", ",,192.168.0.0/16")
    @ is_in_subnet("192.168.1.5", "10.0.0.0/8,,")
    @ is_in_subnet("192.168.1.5", "x,192.168.0.0/16")
    @ is_in_subnet("192.168.1.5", "192.168.0.0/16,x")
    @ is_in_subnet("192.168.1.5", "x")
    @ is_in_subnet("192.168.1.5", "")
    @ is_in_subnet("x", "192.168.0.0/16")
    @ is_in_subnet("", "192.168.0.0/16")
    @ is_in_subnet("192.168.1.5", "fe80::/10")
    @ is_in_subnet("192.168.1.5", "fe80::/10,192.168.0.0/16")
    @ is_in_subnet("2001:db8::5", "2001:db8::/32")
    @ is_in_subnet("2001:db9::5", "2001:db8::/32")
    @ is_in_subnet("2001:db8:1::5", "2001:db8:1::9/64")
    @ is_in_subnet("2001:db8:1::5", "2001:db8:1::5")
    @ is_in_subnet("2001:db8:1::5", "2001:db8:1::5/128")
    @ is_in_subnet("2001:db8:1::5", "2001:db8:1::5/129")
    @ is_in_subnet("2001:db8:1::5", "::/0")
    @ is_in_subnet("2001:db8:1::5", "fe80::/10,2001:db8::/32")
    @ is_in_subnet("2001:db8:1::5", "2001:db8:2::/48,2001:db8:1::5")
    @ is_in_subnet("2001:db8:1::5", "10.0.0.0/8,2001:db8:1::/48")
    @ is_in_subnet("[2001:db8::5]", "2001:db8::/32")
    @ is_in_subnet("2001:db8::5", "[2001:db8::]/32")
    @ is_in_subnet("$si", "127.0.0.0/8")
    $var(net) = "127.0.0.0/30,127.0.0.8/29";
    @ is_in_subnet("$si", "$var(net)")
    @ is_in_subnet("$avp(none)", "127.0.0.0/8")
    @ is_in_subnet("$si", "$avp(none)")
    """,
    modules=MODULES,
)

battery(
    "ipops",
    "names",
    r"""
    @ dns_query("localhost", "xyz")
    = $dns(xyz=>count)
    = $dns(xyz=>addr)
    = $dns(xyz=>addr[0])
    = $dns(xyz=>type)
    = $dns(xyz=>ipv4)
    = $dns(xyz=>ipv6)
    = $dns(xyz=>addr[-1])
    = $dns(xyz=>addr[-2])
    = $dns(xyz=>addr[1])
    $var(i) = 0;
    = $dns(xyz=>addr[$var(i)])
    = $dns(xyz=>addr[$avp(none)])
    = $dns(never=>count)
    = $dns(never=>addr)
    @ dns_query("192.0.2.7", "xyz")
    = $dns(xyz=>count)
    = $dns(xyz=>addr)
    @ dns_query("2001:db8::0:7", "xyz")
    = $dns(xyz=>addr)
    = $dns(xyz=>type)
    = $dns(xyz=>ipv4)
    = $dns(xyz=>ipv6)
    @ dns_query("localhost", "$rU")
    = $dns(bob=>count)
    @ dns_query("$avp(none)", "xyz")
    @ dns_query("", "xyz")
    = $dns(xyz=>count)
    @ dns_query("localhost", "$avp(none)")
    @ dns_sys_match_ip("localhost", "127.0.0.1")
    @ dns_sys_match_ip("localhost", "127.0.0.2")
    @ dns_sys_match_ip("localhost", "x")
    @ dns_sys_match_ip("192.0.2.1", "192.0.2.1")
    @ dns_sys_match_ip("2001:db8::1", "[2001:db8::1]")
    @ dns_sys_match_ip("localhost", "2001:db8::1")
    @ dns_sys_match_ip("", "127.0.0.1")
    @ dns_sys_match_ip("localhost", "")
    @ dns_sys_match_ip("$avp(none)", "127.0.0.1")
    @ dns_int_match_ip("localhost", "x")
    @ dns_int_match_ip("192.0.2.1", "192.0.2.1")
    @ dns_int_match_ip("192.0.2.1", "192.0.2.2")
    @ dns_int_match_ip("$avp(none)", "127.0.0.1")
    @ srv_query("", "srv")
    @ srv_query("_sip._udp.localhost", "nosuch")
    = $srvquery(srv=>count)
    = $srvquery(srv=>port[0])
    @ naptr_query("", "naptr")
    @ naptr_query("localhost", "nosuch")
    = $naptrquery(naptr=>count)
    = $naptrquery(naptr=>order[0])
    @ srv_query("$avp(none)", "srv")
    @ dns_set_local_ttl(30)
    @ dns_set_local_ttl("0")
    @ dns_set_local_ttl("$var(i)")
    """,
    modules=MODULES,
)

verdicts(
    "ipops",
    "what_the_start_is_refused_for",
    """
is_ip();
is_ip("$nosuch(x)");
detailed_ip_type("10.0.0.1", "x");
detailed_ip_type("10.0.0.1", "$si");
detailed_ip_type("10.0.0.1", "$avp(x)");
detailed_ip_type("10.0.0.1", "");
dns_set_local_ttl("x");
dns_set_local_ttl("$var(x)");
xlog("$dns(x)");
xlog("$dns(x=>)");
xlog("$dns(x=>addr)");
xlog("$dns(x=>addr[])");
xlog("$dns(x=>addr[a])");
xlog("$dns(x=>addr[-1])");
xlog("$dns(x=>addr[1)");
xlog("$dns(x=>addr[$var(i)])");
xlog("$dns(x=>other)");
xlog("$dns(x=>hostname)");
xlog("$dns(x=>count[3])");
xlog("$dns(=>count)");
xlog("$dns(x =>count)");
xlog("$dns(x=> count)");
xlog("$dns(x=>count )");
xlog("$dns()");
xlog("$dns");
xlog("$HN(n)");
xlog("$HN(f)");
xlog("$HN(d)");
xlog("$HN(i)");
xlog("$HN(x)");
xlog("$HN(nn)");
xlog("$HN");
xlog("$srvquery(x=>count)");
xlog("$srvquery(x=>port)");
xlog("$srvquery(x=>port[0])");
xlog("$srvquery(x=>port[-1])");
xlog("$srvquery(x=>port[a])");
xlog("$srvquery(x=>port[$var(i)])");
xlog("$srvquery(x=>target[0]x)");
xlog("$srvquery(x=>other[0])");
xlog("$srvquery(x_y=>count)");
xlog("$srvquery(x=>count[0])");
xlog("$srvquery(x)");
xlog("$naptrquery(x=>count)");
xlog("$naptrquery(x=>order[0])");
xlog("$naptrquery(x=>regex[ 1 ])");
xlog("$naptrquery(x=>port[0])");
xlog("$naptrquery(x=>order)");
$dns(x=>count) = 1;
""",
    modules=MODULES,
)
