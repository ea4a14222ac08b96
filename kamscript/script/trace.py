"""What Kamailio's debugger calls each action: number, name, and the route it stands in.

The numbers are those of `enum action_type` (core/route_struct.h); the names are what debugger/debugger_act.c prints,
"unknown" for actions it forgot.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kamscript.script import nodes
from kamscript.script.expressions import fold, guess_type

_ROUTE, _JUMP, _IF, _WHILE, _ASSIGN = 5, 2, 16, 23, 63
_EVAL, _BLOCK, _JUMP_TABLE, _CONDITIONS, _MATCH = 19, 18, 20, 21, 22
_MODULE, _MODULE_MANY, _MODULE_EVALUATED, _MODULE_MANY_EVALUATED = 24, 31, 31, 38
_MANY = 6
#: A jump table needs more than this many cases, less than that far from each other.
_TABLE_CASES, _TABLE_SIZE = 3, 100

_CORE_TEXT = """
forward 1 forward
log 3 log
error 4 error
exec 6 exec
sethost 7 sethost
sethostport 8 sethostport
setuser 9 setuser
setuserpass 10 setuserpass
setport 11 setport
seturi 12 seturi
sethostporttrans 13 sethostporttrans
userphone 15 setuserphone
setflag 39 setflag
resetflag 40 resetflag
isflagset 41 isflagset
setavpflag 42 avpflag
resetavpflag 42 avpflag
isavpflagset 42 avpflag
prefix 44 prefix
strip 45 strip
strip_tail 46 striptail
remove_branch 48 unknown
clear_branches 49 unknown
revert_uri 50 reverturi
forward_tcp 51 forward_tcp
forward_udp 52 forward_udp
forward_tls 53 forward_tls
forward_sctp 54 forward_sctp
force_rport 55 force_rport
add_local_rport 56 add_local_rport
set_advertised_address 57 set_adv_addr
set_advertised_port 58 set_adv_port
force_tcp_alias 59 force_tcp_alias
force_send_socket 62 force_send_socket
udp_mtu_try_proto 65 udp_mtu_try_proto
set_forward_no_connect 66 set_fwd_no_connect
set_reply_no_connect 67 set_rpl_no_connect
set_forward_close 68 set_fwd_close
set_reply_close 69 set_rpl_close
cfg_select 70 unknown
cfg_reset 71 unknown
"""
_CORE: Final = {word: (int(number), shown) for word, number, shown in map(str.split, _CORE_TEXT.strip().splitlines())}

#: What routes without a name are called, by the title of their block.
_UNNAMED: Final = {
    "onreply_route": "DEFAULT_ONREPLY",
    "reply_route": "DEFAULT_ONREPLY",
    "onsend_route": "DEFAULT_SEND",
    "failure_route": "DEFAULT_FAILURE",
    "branch_route": "DEFAULT_BRANCH",
}


def route_name(title: str) -> str:
    """The name of a route by its title in tracebacks: `A` of `route[A]`, DEFAULT_ROUTE of `request_route`."""
    kind, bracket, rest = title.partition("[")
    return rest.removesuffix("]") if bracket else _UNNAMED.get(kind, "DEFAULT_ROUTE")


def action(node: nodes.Statement | nodes.Expr) -> tuple[int, str]:
    """Number and name of a statement, or of a call inside an expression."""
    match node:
        case nodes.Do():
            return action(node.call)
        case nodes.Call():
            return _module(node)
        case nodes.CoreCall():
            return _CORE[node.name]
        case nodes.RouteCall():
            return _ROUTE, "route"
        case nodes.Jump():
            return _JUMP, "exit" if node.kind == "break" else node.kind
        case nodes.If():
            return _IF, "if"
        case nodes.While():
            return _WHILE, "while"
        case nodes.Switch():
            return _switch(node)
    return _ASSIGN, "assign"


def line(node: nodes.Statement | nodes.Expr) -> int:
    """The line that Kamailio keeps for it."""
    if isinstance(node, nodes.Statement):
        return node.cline
    return node.cline if isinstance(node, nodes.Call) and node.cline else node.pos.end_line


def _module(node: nodes.Call) -> tuple[int, str]:
    count = len(node.args)
    if all(fold(arg).op == "const" for arg in node.args):
        return (_MODULE + count if count <= _MANY else _MODULE_MANY), node.name
    return (_MODULE_EVALUATED + count if count <= _MANY else _MODULE_MANY_EVALUATED), node.name


def _switch(node: nodes.Switch) -> tuple[int, str]:
    labels = [case.label for case in node.cases if case.label is not None]
    if not labels:
        return (_BLOCK, "block") if node.cases else (_EVAL, "eval")
    constants = [fold(label) for label in labels]
    if any(case.regex for case in node.cases) or guess_type(constants[0]) == "str":
        return _MATCH, "case"
    numbers = [constant.value for constant in constants if isinstance(constant.value, int)]
    return (_JUMP_TABLE if _dense(numbers) else _CONDITIONS), "switch"


def _dense(numbers: Sequence[int]) -> bool:
    """Whether enough cases lie near each other for a jump table."""
    return any(sum(first <= number < first + _TABLE_SIZE for number in numbers) > _TABLE_CASES for first in numbers)
