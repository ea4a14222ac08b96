"""The words of the language: which token each is, its canonical name, and the generations that know it.

Source: Kamailio's core/cfg.lex (5.6.3 and 6.x) and the token list of 4.4's cfg.y.
"""

from __future__ import annotations

from functools import cache
from typing import Literal, get_args

from kamscript.script.settings import SETTINGS
from kamscript.script.tables import TERMINALS

#: Whose language: one generation of Kamailio, or all of them together.
Target = Literal["4.4", "5.6", "6.x", "all"]
TARGETS: tuple[Target, ...] = get_args(Target)

#: Token kinds are the numbers of the grammar's terminals.
KIND: dict[str, int] = {name: number for number, name in enumerate(TERMINALS)}

#: The kinds of setting and the tokens of their names.
_SETTING_TOKENS = {
    "number": "SET_NUMBER",
    "integer": "SET_INTEGER",
    "text": "SET_TEXT",
    "word": "SET_WORD",
    "text|word": "SET_TEXT_WORD",
    "number|word": "SET_NUMBER_WORD",
    "number|text": "SET_NUMBER_TEXT",
    "ipv4": "SET_IPV4",
    "ipv6": "SET_IPV6",
    "listen_id": "SET_HOST",
    "tls_method": "SET_TLS_METHOD",
}

#: token: its words; `name=alias=alias` gives spellings of one canonical name.
_WORDS = {
    "BREAK": "break",
    "JUMP": "drop exit return",
    "IF": "if",
    "ELSE": "else",
    "WHILE": "while",
    "SWITCH": "switch",
    "CASE": "case",
    "DEFAULT": "default",
    "ROUTE": "route",
    "ROUTE_REQUEST": "request_route",
    "ROUTE_REPLY": "reply_route",
    "ROUTE_KIND": "failure_route onreply_route branch_route onsend_route",
    "ROUTE_EVENT": "event_route",
    "FORWARD": "forward",
    "FORWARD_BY": "forward_tcp forward_udp forward_tls forward_sctp",
    "LOG": "log",
    "ERROR": "error",
    "CMD_TEXT": "exec sethost=rewritehost=seth sethostport=rewritehostport=sethp "
    "sethostporttrans=rewritehostporttrans=sethpt setuser=rewriteuser=setu setuserpass=rewriteuserpass=setup "
    "setport=rewriteport=setp seturi=rewriteuri prefix cfg_reset",
    "CMD_NUMBER": "strip strip_tail set_advertised_port",
    "CMD_FLAG": "setflag resetflag isflagset",
    "CMD_AVPFLAG": "setavpflag resetavpflag isavpflagset",
    "CMD_EMPTY": "userphone clear_branches",
    "CMD_BARE": "revert_uri add_local_rport set_forward_no_connect set_reply_no_connect set_forward_close "
    "set_reply_close",
    "FORCE_RPORT": "force_rport=add_rport",
    "FORCE_TCP_ALIAS": "force_tcp_alias=add_tcp_alias",
    "REMOVE_BRANCH": "remove_branch",
    "UDP_MTU_TRY_PROTO": "udp_mtu_try_proto",
    "SET_ADV_ADDRESS": "set_advertised_address",
    "FORCE_SEND_SOCKET": "force_send_socket",
    "CFG_SELECT": "cfg_select",
    "FLAGS": "flags=bool avpflags",
    "URI_HOST": "uri:host",
    "URI_PORT": "uri:port",
    "METHOD": "method",
    "URI": "uri=status from_uri to_uri",
    "IP_SUBJECT": "src_ip dst_ip snd_ip to_ip",
    "INT_SUBJECT": "src_port dst_port snd_port to_port af snd_af=to_af msg:len",
    "PROTO_SUBJECT": "proto snd_proto=to_proto",
    "MYSELF": "myself",
    "NOT": "!=not defined",
    "OP": "&&=and ||=or mod",
    "EQUALITY": "eq ne",
    "INT_EQUALITY": "ieq ine",
    "LENGTH": "strlen strempty",
    "LISTEN": "listen",
    "ALIAS": "alias",
    "ADVERTISE": "advertise=ADVERTISE",
    "LOADMODULE": "loadmodule",
    "LOADPATH": "loadpath=mpath",
    "MODPARAM": "modparam",
    "DESCRIPTION": "description=descr=desc",
    "PROTOCOL": "udp=UDP tcp=TCP tls=TLS sctp=SCTP",
    "WS": "ws=WS wss=WSS",
    "TLS_METHOD": "sslv23=SSLv23=SSLV23 sslv2=SSLv2=SSLV2 sslv3=SSLv3=SSLV3 tlsv1=TLSv1=TLSV1",
    "MAX_LEN": "max_len",
}
_WORDS_56 = {
    "SELVAL": "selval",
    "LOADMODULE": "loadmodulex",
    "MODPARAMX": "modparamx",
    "CFGENGINE": "cfgengine",
    "KEMI": "kemi",
    "KEMI_CALLBACK": "onsend_route_callback reply_route_callback event_route_callback received_route_callback "
    "pre_routing_callback",
    "NAME": "name=NAME",
    "VIRTUAL": "virtual",
}
_WORDS_6 = {
    "ALIAS": "domain",
    "SOCKET": "socket",
    "BIND": "bind",
    "WORKERS": "workers",
    "AGNAME": "agname=AGNAME",
    "VRF": "vrf=VRF",
    "COREPARAM": "coreparam",
    "KEMI_CALLBACK": "request_route_callback",
}
#: Numbers written as words.
_NUMBERS = {
    "yes": 1,
    "true": 1,
    "on": 1,
    "enable": 1,
    "no": 0,
    "false": 0,
    "off": 0,
    "disable": 0,
    **dict.fromkeys(("inet", "INET", "ipv4", "IPv4", "IPV4"), 2),
    **dict.fromkeys(("inet6", "INET6", "ipv6", "IPv6", "IPV6"), 10),
}
_ORDER = ("4.4", "5.6", "6.x")

Keyword = tuple[int, str | int]


def _entries(words: dict[str, str]) -> dict[str, Keyword]:
    table: dict[str, Keyword] = {}
    for token, text in words.items():
        for group in text.split():
            spellings = ["!", "not"] if group == "!=not" else group.split("=")
            for spelling in spellings:
                table[spelling] = (KIND.get(token, -1), spellings[0])
    return table


@cache
def keywords(target: Target) -> tuple[dict[str, Keyword], frozenset[str]]:
    """Word to (token kind, canonical name or number) for a target, and the words that count only in front of `=`.

    For target "all" the words that 6.x added are reserved only where they are used, so that a 5.6 config may go on
    using them as names. A kind of -1 is a reserved word that no rule takes.
    """
    table = _entries(_WORDS)
    for word, value in _NUMBERS.items():
        table[word] = (KIND["NUMBER"], value)
    soft: set[str] = set()
    newest = _ORDER.index("6.x" if target == "all" else target)
    for generation, words in (("5.6", _WORDS_56), ("6.x", _WORDS_6)):
        if _ORDER.index(generation) <= newest:
            added = _entries(words)
            table.update(added)
            if target == "all" and generation == "6.x":
                soft.update(added)
    for decl in SETTINGS:
        if decl.name.startswith("kemi.") or decl.name in ("force_rport", "udp_mtu_try_proto"):
            continue
        if decl.since and _ORDER.index(decl.since) > newest:
            continue
        if decl.until and target != "all" and _ORDER.index(decl.until) < newest:
            continue
        for word in (decl.name, *decl.aliases):
            late = word in decl.late or decl.since == "6.x"
            if late and newest < 2:
                continue
            table[word] = (KIND[_SETTING_TOKENS[decl.kind]], decl.name)
            if target == "all" and (late or decl.until):
                soft.add(word)
    if target == "5.6":
        table["statistics"] = (-1, "statistics")
    return table, frozenset(soft)
