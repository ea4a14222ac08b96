"""dispatcher: the same request selects the same destination; states, failover, what the commands show."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from ..case import Scene, case

MODULES = "db_sqlite tm sl pv xlog textops siputils dispatcher"
PARAMS = """
modparam("dispatcher", "db_url", "sqlite:///DATABASE")
modparam("dispatcher", "flags", 2)
modparam("dispatcher", "reload_delta", 0)
modparam("dispatcher", "hash_pvar", "$fU@$ci")
"""
ROWS = [
    *((1, f"sip:10.0.0.{number}:50{number}0", 0, 0, f"duid=d{number};x={number}") for number in range(1, 8)),
    (2, "sip:10.0.1.1", 0, 5, "weight=50"),
    (2, "sip:10.0.1.2;transport=tcp", 1, 9, ""),
    (2, "sip:10.0.1.3", 8, 5, "maxload=2;duid=z"),
    (5, "sip:10.0.5.1:5090", 0, 0, "from=alice"),
    (4, "sip:127.0.0.12", 4, 0, ""),
    (3, "sip:10.0.3.1", 2, 0, ""),
]


def load(scene: Scene) -> None:
    """Fill the table and have it read."""
    scene.execute(
        *(
            "INSERT INTO dispatcher (setid, destination, flags, priority, attrs) "
            f"VALUES ({group}, '{uri}', {flags}, {priority}, '{attrs}')"
            for group, uri, flags, priority, attrs in ROWS
        )
    )
    scene.rpc("dispatcher.reload")


def calls(scene: Scene, count: int = 24) -> None:
    """Requests that differ in what is hashed."""
    users = ("alice", "b", "+49301234567", "", "a.long-user_name%20x")
    hosts = ("example.com", "10.9.8.7:5070", "example.org:5060", "[2001:db8::1]:5062")
    for number in range(count):
        user, host = users[number % 5], hosts[number % 4]
        uri = f"sip:{user}@{host}" if user else f"sip:{host}"
        scene.alice.request(
            uri=uri,
            to=f"<{uri}>",
            from_=f"<sip:{user or 'x'}{number}@{host}>",
            call_id=f"{'c' * (number % 9)}{number * 7919}@10.0.0.{number}",
            headers=f'Proxy-Authorization: Digest username="{user}{number}", realm="r", nonce="n", uri="{uri}", response="0"'
            if number % 2
            else "",
        )
        scene.settle()


HASHES = 'request_route {\n    ds_select_dst("1", "%d");\n    xlog("$rc $du $xavp(_dsctx_=>cnt)\\n");\n}\n'


@case(PARAMS + HASHES % 0, modules=MODULES)
def call_ids(scene: Scene) -> None:
    """Algorithm 0."""
    load(scene)
    calls(scene)


@case(PARAMS + HASHES % 1, modules=MODULES)
def from_uris(scene: Scene) -> None:
    """Algorithm 1."""
    load(scene)
    calls(scene)


@case(PARAMS + HASHES % 2, modules=MODULES)
def to_uris(scene: Scene) -> None:
    """Algorithm 2."""
    load(scene)
    calls(scene)


@case(PARAMS + HASHES % 3, modules=MODULES)
def request_uris(scene: Scene) -> None:
    """Algorithm 3."""
    load(scene)
    calls(scene)


@case(PARAMS + HASHES % 5, modules=MODULES)
def auth_users(scene: Scene) -> None:
    """Algorithm 5, round robin for requests without credentials."""
    load(scene)
    calls(scene)


@case(PARAMS + HASHES % 7, modules=MODULES)
def pseudo_variables(scene: Scene) -> None:
    """Algorithm 7."""
    load(scene)
    calls(scene)


@case(PARAMS + HASHES % 1, modules=MODULES)
def commands(scene: Scene) -> None:
    """The list in its three forms, states, hashes, adding and removing."""
    load(scene)
    scene.rpc("dispatcher.list")
    scene.rpc("dispatcher.list", "full")
    scene.rpc("dispatcher.set_state", "ip", 2, "sip:10.0.1.1")
    scene.rpc("dispatcher.set_state", "dp", 1, "all")
    scene.rpc("dispatcher.set_state", "x", 1, "all")
    scene.rpc("dispatcher.set_state", "a", 1, "sip:nobody")
    scene.rpc("dispatcher.set_duid_state", "tp", 2, "z")
    scene.rpc("dispatcher.add", 9, "sip:10.0.9.1", 8)
    scene.rpc("dispatcher.remove", 4, "sip:127.0.0.12")
    scene.rpc("dispatcher.list", "short")
    scene.rpc("dispatcher.hash", 4, "bob", "server.com")
    scene.rpc("dispatcher.hash", 0, "alice")
    scene.rpc("dispatcher.ping_active")
    scene.rpc("dispatcher.ping_active", 0)


FAILOVER = """
request_route {
    ds_select_dst("2", "4", "2");
    xlog("$rc $du $xavp(_dsdst_=>attrs) $xavp(_dsctx_=>cnt)\\n");
    ds_next_dst();
    xlog("$rc $du $xavp(_dsdst_=>grp)\\n");
    ds_mark_dst("t");
    xlog("$rc\\n");
    ds_next_domain();
    xlog("$rc $ru\\n");
    ds_select_routes("1=8;2=8", "ruri", "9");
    xlog("$rc $ru $xavp(_dsctx_[0]=>cnt) $(xavp(_dsdst_[7]=>uri))\\n");
    ds_is_from_list();
    xlog("$rc\\n");
    ds_is_from_list("5", "0", "sip:10.0.5.1:5090");
    xlog("$rc\\n");
    ds_is_from_list("-1", "0", "sip:10.0.5.1:5090;transport=tcp");
    xlog("$rc\\n");
    ds_is_from_list("4", "7", "sip:127.0.0.12");
    xlog("$rc\\n");
    ds_is_from_list("4", "3", "sip:127.0.0.12");
    xlog("$rc\\n");
    ds_list_exists("4");
    xlog("$rc\\n");
    ds_list_exists("44");
    xlog("$rc\\n");
    ds_is_active("4");
    xlog("$rc\\n");
    ds_is_active("3", "sip:10.0.3.1");
    xlog("$rc\\n");
    ds_select_dst("4", "4");
    xlog("$rc\\n");
    ds_select_dst("1", "77");
    xlog("$rc $du\\n");
}
event_route[dispatcher:dst-down] { xlog("down $rm $ru $dsv(code) $dsv(flags)\\n"); }
"""


@case(PARAMS + FAILOVER, modules=MODULES)
def failover(scene: Scene) -> None:
    """Next destinations, marks, several sets at once, and the questions about sets."""
    load(scene)
    calls(scene, 3)
    scene.rpc("dispatcher.list", "short")
