"""What happened, put in order."""

from kamscript.report.story import Message, Moment
from tests.report.messages import short_call


def test_columns_stand_in_the_order_asked_for() -> None:
    assert [(party.name, party.addresses) for party in short_call().parties] == [
        ("alice", ["10.0.0.1:5060"]),
        ("kamailio", ["127.0.0.1:5060"]),
        ("bob", ["10.0.0.2:5060"]),
    ]


def test_the_same_bytes_on_the_same_way_are_a_retransmission() -> None:
    assert [message.again for message in short_call().messages] == [0, 0, 1, 0, 0, 0]


def test_kinds_of_messages() -> None:
    assert [message.kind for message in short_call().messages] == [
        "request", "request", "request", "provisional", "failure", "request",
    ]  # fmt: skip


def test_log_and_trace_belong_to_the_message_that_caused_them() -> None:
    first = short_call().messages[0]
    assert ([line.text for line in first.log], [run.title for run in first.runs]) == (
        ["INFO: <script>: to bob"],
        ["request_route"],
    )


def test_what_a_timer_caused_is_a_moment_of_its_own_before_what_it_sent() -> None:
    rows = short_call().rows
    assert [type(row) for row in rows[:4]] == [Message, Message, Moment, Message]
    assert [line.text for line in rows[2].log] == ["WARNING: tm: again"]


def test_call_ids() -> None:
    assert short_call().call_ids == ["1", "2"]
