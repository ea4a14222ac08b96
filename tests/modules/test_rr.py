"""Record-Route and Route: what is written, what is followed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.core.context import Context
from kamscript.modules.rr import Rr
from kamscript.modules.rr.loose import param_of

from .tm.stage import Stage, request, story

MODULES = "tm rr sl pv xlog textops"


def relayed(config: str, **more: str) -> Stage:
    stage = Stage(config, modules=MODULES)
    stage.invite(**more)
    return stage


def record_routes(script: str, parameters: str = "", **more: str) -> list[str]:
    """The Record-Route headers of an INVITE behind a script."""
    stage = relayed(f"{parameters}\nrequest_route {{ {script} t_relay(); }}", **more)
    return stage.sent[-1].header("Record-Route")


@pytest.mark.parametrize(
    ("parameters", "script", "expected"),
    [
        ("", "record_route();", ["<sip:127.0.0.1;lr;ftag=a1>"]),
        ("", 'record_route(";x=1");', ["<sip:127.0.0.1;lr;ftag=a1;x=1>"]),
        ('modparam("rr", "enable_full_lr", 1)', "record_route();", ["<sip:127.0.0.1;lr=on;ftag=a1>"]),
        ('modparam("rr", "append_fromtag", 0)', "record_route();", ["<sip:127.0.0.1;lr>"]),
        ('modparam("rr", "add_username", 1)', "record_route();", ["<sip:bob@127.0.0.1;lr;ftag=a1>"]),
        (
            'modparam("rr", "add_username", 1) modparam("rr", "custom_user_avp", "$avp(user)")',
            '$avp(user) = "mine"; record_route();',
            ["<sip:mine@127.0.0.1;lr;ftag=a1>"],
        ),
        ('modparam("rr", "enable_double_rr", 2)', "record_route();",
         ["<sip:127.0.0.1;r2=on;lr;ftag=a1>", "<sip:127.0.0.1;r2=on;lr;ftag=a1>"]),
        ("", 'add_rr_param(";early=1"); record_route();', ["<sip:127.0.0.1;lr;ftag=a1;early=1>"]),
        ("", 'record_route(); add_rr_param(";late=1");', ["<sip:127.0.0.1;lr;ftag=a1;late=1>"]),
        ("", 'record_route(); add_rr_param(";a=1"); add_rr_param(";b=2");', ["<sip:127.0.0.1;lr;ftag=a1;a=1;b=2>"]),
        ("", 'record_route_preset("1.2.3.4:5080");', ["<sip:1.2.3.4:5080;ftag=a1;lr>"]),
        ("", 'record_route_preset("1.2.3.4", "5.6.7.8");', ["<sip:1.2.3.4;ftag=a1;lr>", "<sip:5.6.7.8;ftag=a1;lr>"]),
        ("", "record_route(); record_route();", ["<sip:127.0.0.1;lr;ftag=a1>"]),
        ("", "record_route(); remove_record_route();", []),
    ],
)  # fmt: skip
def test_what_is_written(parameters: str, script: str, expected: list[str]) -> None:
    assert record_routes(script, parameters) == expected


@pytest.mark.parametrize(("ignore", "scheme"), [(0, "sips"), (1, "sip")])
def test_sips(ignore: int, scheme: str) -> None:
    script = 'record_route(); $du = "sip:127.0.0.12";'
    found = record_routes(script, f'modparam("rr", "ignore_sips", {ignore})', uri="sips:bob@127.0.0.12")
    assert found == [f"<{scheme}:127.0.0.1;lr;ftag=a1>"]


def test_each_branch_records_its_own_route() -> None:
    stage = Stage(
        'request_route { append_branch("sip:carol@127.0.0.13"); t_on_branch("B"); t_relay(); }\n'
        'branch_route[B] { record_route(";b=$rU"); }',
        modules=MODULES + " corex",
    )
    stage.invite()
    assert [s.header("Record-Route") for s in stage.sent if s.line == "INVITE"] == [
        ["<sip:127.0.0.1;lr;ftag=a1;b=bob>"],
        ["<sip:127.0.0.1;lr;ftag=a1;b=carol>"],
    ]


FOLLOW = """
request_route {
    $var(r) = loose_route();
    xlog("$var(r) $ru $du $rdir(name)\\n");
    if (check_route_param("x=[0-9]+")) xlog("has x\\n");
    t_relay();
}
"""
OURS = "Route: <sip:127.0.0.1;lr;ftag=a1;x=7>\n"
THEIRS = "Route: <sip:127.0.0.13;lr>\n"


def follow(headers: str, uri: str = "sip:bob@127.0.0.12", to_tag: str = "b1", from_tag: str = "a1") -> Stage:
    stage = Stage(FOLLOW, modules=MODULES)
    stage.play(request("BYE", uri, headers=headers, to_tag=to_tag, from_tag=from_tag))
    return stage


@pytest.mark.parametrize(
    ("headers", "uri", "log", "to", "routes", "target"),
    [
        ("", "sip:bob@127.0.0.12", "-1 sip:bob@127.0.0.12 <null> downstream", "bob", [], "sip:bob@127.0.0.12"),
        (OURS, "sip:bob@127.0.0.12", "1 sip:bob@127.0.0.12 <null> downstream", "bob", [], "sip:bob@127.0.0.12"),
        (OURS + THEIRS, "sip:bob@127.0.0.12", "1 sip:bob@127.0.0.12 sip:127.0.0.13;lr downstream", "carol",
         ["<sip:127.0.0.13;lr>"], "sip:bob@127.0.0.12"),
        ("Route: <sip:127.0.0.1;lr>, <sip:127.0.0.13;lr>\n", "sip:bob@127.0.0.12",
         "1 sip:bob@127.0.0.12 sip:127.0.0.13;lr downstream", "carol", ["<sip:127.0.0.13;lr>"], "sip:bob@127.0.0.12"),
        (THEIRS, "sip:bob@127.0.0.12", "1 sip:bob@127.0.0.12 sip:127.0.0.13;lr downstream", "carol",
         ["<sip:127.0.0.13;lr>"], "sip:bob@127.0.0.12"),
        # a strict router next
        (OURS + "Route: <sip:127.0.0.13>\n", "sip:bob@127.0.0.12", "1 sip:127.0.0.13 <null> downstream", "carol",
         ["<sip:bob@127.0.0.12>"], "sip:127.0.0.13"),
        # behind a strict router: we are the request URI
        ("Route: <sip:127.0.0.13;lr>, <sip:bob@127.0.0.12>\n", "sip:127.0.0.1;lr",
         "1 sip:bob@127.0.0.12 sip:127.0.0.13;lr downstream", "carol", ["<sip:127.0.0.13;lr>"], "sip:bob@127.0.0.12"),
        ("Route: <sip:bob@127.0.0.12>\n", "sip:127.0.0.1;lr", "1 sip:bob@127.0.0.12 <null> downstream", "bob", [],
         "sip:bob@127.0.0.12"),
        # two of ours
        ("Route: <sip:127.0.0.1;r2=on;lr>, <sip:127.0.0.1:5060;r2=on;lr>\n" + THEIRS, "sip:bob@127.0.0.12",
         "1 sip:bob@127.0.0.12 sip:127.0.0.13;lr downstream", "carol", ["<sip:127.0.0.13;lr>"], "sip:bob@127.0.0.12"),
        ("Route: <sip:127.0.0.1;lr;maddr=1.1.1.1>, <sip:127.0.0.13;maddr=127.0.0.14;lr>\n", "sip:bob@127.0.0.12",
         "1 sip:bob@127.0.0.12 sip:127.0.0.14 downstream", "dave", ["<sip:127.0.0.13;maddr=127.0.0.14;lr>"],
         "sip:bob@127.0.0.12"),
    ],
)  # fmt: skip
def test_what_is_followed(headers: str, uri: str, log: str, to: str, routes: list[str], target: str) -> None:
    stage = follow(headers, uri)
    assert stage.script[0] == log
    (sent,) = stage.sent
    assert (sent.to, sent.header("Route"), sent.text.split()[1]) == (to, routes, target)


def test_a_preloaded_route_of_ours() -> None:
    stage = follow(OURS, to_tag="")
    assert stage.script[0].startswith("-3 ")
    assert story(stage.sent) == ["0 BYE bob"] and not stage.sent[0].header("Route")


@pytest.mark.parametrize("route", ["Route: <sip:127.0.0.1\n", "Route: <nonsense;lr>\n"])
def test_a_broken_route(route: str) -> None:
    assert follow(route).script[0].startswith("-1 ")


@pytest.mark.parametrize(
    ("ftag", "from_tag", "direction"),
    [("a1", "a1", "downstream"), ("a1", "b1", "upstream"), ("", "b1", "downstream"), ("other", "", "downstream")],
)
def test_direction(ftag: str, from_tag: str, direction: str) -> None:
    stage = follow(f"Route: <sip:127.0.0.1;lr;ftag={ftag}>\n", from_tag=from_tag)
    assert stage.script[0].endswith(direction)


def test_parameters_of_the_route() -> None:
    assert "has x" in follow(OURS).script
    assert "has x" not in follow("Route: <sip:127.0.0.1;lr>\n").script


def test_the_wrong_user_is_not_ours() -> None:
    stage = Stage('modparam("rr", "ignore_user", "them")\n' + FOLLOW, modules=MODULES, target="4.4")
    stage.play(request("BYE", headers="Route: <sip:them@127.0.0.1;lr>\n", to_tag="b1"))
    assert stage.script[0].split()[2] == "sip:them@127.0.0.1;lr"


def test_what_other_modules_use() -> None:
    """record, loose, params and callbacks without a script."""
    heard: list[tuple[str, str]] = []
    stage = Stage("request_route { exit; }", modules=MODULES)
    rr = stage.server.modules["rr"]
    assert isinstance(rr, Rr)
    rr.register_callback(lambda ctx, params, param: heard.append((param, params)), "first")
    rr.register_callback(lambda ctx, params, param: heard.append((param, params)), "second")
    seen: list[Context] = []

    def hook(ctx: Context) -> bool:
        seen.append(ctx)
        return True

    stage.server.hooks.pre_script.append(hook)
    stage.play(request("BYE", headers=OURS, to_tag="b1"))
    (ctx,) = seen
    assert rr.loose(ctx) == 1
    assert heard == [("second", "lr;ftag=a1;x=7"), ("first", "lr;ftag=a1;x=7")]
    assert rr.route_param(ctx, "x") == "7" and rr.route_param(ctx, "lr") == "" and rr.route_param(ctx, "y") is None
    assert rr.direction(ctx) == 1
    assert rr.record(ctx, ";m=1") == 1 and rr.record(ctx) == -1
    assert rr.add_param(ctx, ";" + "x" * 600) in (1, -1)


NAME = st.text("abcdefxyz-", min_size=1, max_size=6)
VALUE = st.one_of(st.none(), st.text("abc019.:", max_size=6))


@given(st.dictionaries(NAME, VALUE, max_size=6), NAME)
def test_a_parameter_is_found_wherever_it_stands(params: dict[str, str | None], name: str) -> None:
    text = ";".join(key if value is None else f"{key}={value}" for key, value in params.items())
    expected = params[name] or "" if name in params else None
    assert param_of(f"{text};last=x", name) == expected
    if name in params and name == [*params][-1] and (not expected or len(text) <= len(name) + 2):
        expected = None  # the daemon does not look that far
    assert param_of(text, name) == expected


@given(st.text('abc=;" \\', max_size=30), NAME)
def test_any_parameters_are_read_without_harm(text: str, name: str) -> None:
    found = param_of(text, name)
    assert found is None or isinstance(found, str)
