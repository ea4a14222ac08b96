r"""jsonrpcs: requests in, replies out, as the script sees them."""

from __future__ import annotations

from ..case import battery
from .textops import BARE

REQUESTS = r"""
{"jsonrpc":"2.0","method":"core.echo","params":["a",2],"id":1}
{"jsonrpc":"2.0","method":"core.echo","params":{"x":"a","y":"b"},"id":12345678901}
{"jsonrpc":"2.0","method":"core.echo","params":["a",2.5,"c"],"id":7.5}
{"jsonrpc":"2.0","method":"core.prints","params":["q\"\u00e9\n\t\u0001\\/"],"id":"x\"y"}
{"jsonrpc":"2.0","method":"core.printi","params":[7.9],"id":-5}
{"jsonrpc":"2.0","method":"core.printi","params":["7"],"id":true}
{"jsonrpc":"2.0","method":"core.printi","params":[true],"id":null}
{"jsonrpc":"2.0","method":"jsonrpc.echo","params":["a",3],"id":2}
{"jsonrpc":"2.0","method":"jsonrpc.echo","params":[5,"6"],"id":2}
{"jsonrpc":"2.0","method":"jsonrpc.echo","params":[],"id":2}
{"jsonrpc":"2.0","method":"jsonrpc.echo"}
{"jsonrpc":"2.0","method":"no.such","id":3}
{"jsonrpc":"2.0","id":4}
{"method":"core.prints","id":5}
{"jsonrpc":"1.0","method":"core.prints","id":6}
{"jsonrpc":"2.0","method":"core.prints","params":"a","id":8}
[{"jsonrpc":"2.0","method":"core.prints","id":1}]
bad
{"jsonrpc":"2.0","method":"core.printi","params":[1],"id":9
 {"jsonrpc":"2.0","method":"core.printi","params":[1],"id":9} behind
{"JSONRPC":"2.0","Method":"core.printi","PARAMS":[1],"ID":1e3}
{"jsonrpc":"2.0","method":"stats.get_statistics","params":["bad_URIs_rcvd"],"id":9}
{"jsonrpc":"2.0","method":"stats.fetchn","params":["bad_URIs_rcvd","bad_msg_hdr"],"id":9}
{"jsonrpc":"2.0","method":"stats.fetch","params":["nope"],"id":9}
{"jsonrpc":"2.0","method":"stats.fetch","id":9}
{"jsonrpc":"2.0","method":"core.sockets_list","id":11}
{"jsonrpc":"2.0","method":"mod.stats","params":["xlog","shm"],"id":9}
{"jsonrpc":"2.0","method":"pkg.stats","params":["nope"],"id":1.5e10}
{"jsonrpc":"2.0","method":"core.tcp_info","id":0.0000001}
"""


def _facts() -> str:
    lines = ["> $jsonrpl(code)|$jsonrpl(text)|$jsonrpl(body)"]
    for request in REQUESTS.strip("\n").split("\n"):
        lines += [f"@ jsonrpc_exec('{request}')", "> $jsonrpl(code)|$jsonrpl(text)|$jsonrpl(body)"]
    lines += ['$var(m) = "core.printi";']
    lines += ["""@ jsonrpc_exec('{"jsonrpc":"2.0","method":"$var(m)","params":[$rP{s.len}],"id":1}')"""]
    lines += ["> $jsonrpl(code)|$jsonrpl(text)|$jsonrpl(body)", '@ jsonrpc_exec("")']
    return "\n".join(lines)


for name, before in (("pretty", ""), ("in one line", '\nmodparam("jsonrpcs", "pretty_format", 0)')):
    battery(
        "jsonrpcs",
        name,
        _facts(),
        modules="pv xlog kex jsonrpcs",
        before='disable_tcp=yes\nmodparam("jsonrpcs", "fifo_name", "")\n'
        f'modparam("jsonrpcs", "dgram_socket", ""){before}',
        messages=(BARE,),
    )
