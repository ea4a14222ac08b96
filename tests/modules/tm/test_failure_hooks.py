"""What a failure route is to the rest of the server: a run of its own, over a message of its own."""

from __future__ import annotations

from kamscript.module import Route

from .stage import Stage

CONFIG = """
request_route { t_on_failure("F"); xlog("request $mi\\n"); t_relay(); }
failure_route[F] { xlog("failure $mi\\n"); }
"""


def test_post_script_hooks_hear_of_failure_routes() -> None:
    """As of the request route in front of it."""
    stage = Stage(CONFIG)
    heard: list[Route] = []
    stage.server.hooks.post_script.append(lambda ctx: heard.append(ctx.route))
    (sent,) = [one for one in stage.invite() if one.line == "INVITE"]
    stage.answer(sent, "486 Busy")
    assert heard == [Route.REQUEST, Route.FAILURE, Route.CORE_ONREPLY]


def test_a_failure_route_works_on_another_message() -> None:
    """`$mi` is one less than the request's, as in Kamailio."""
    stage = Stage(CONFIG)
    (sent,) = [one for one in stage.invite() if one.line == "INVITE"]
    stage.answer(sent, "486 Busy")
    assert stage.script == ["request 1", "failure 0"]
