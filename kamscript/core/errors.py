"""Error codes of forwarding and relaying, as `$rc` shows them, and the replies they make (core/error.h, error.c)."""

from __future__ import annotations

E_OK = 0
E_UNSPEC = -1
E_NO_SOCKET = -7
E_BAD_VIA = -8
E_BAD_TUPEL = -9
E_SCRIPT = -10
E_EXEC = -11
E_TOO_MANY_BRANCHES = -12
E_BAD_TO = -13
E_INVALID_PARAMS = -14
E_Q_INV_CHAR = -15
E_Q_EMPTY = -16
E_Q_TOO_BIG = -17
E_Q_DEC_MISSING = -18
E_DROP = -19
E_BAD_REQ = -400
E_SEND = -477
E_BAD_ADDRESS = -478
E_BAD_URI = -479
E_BAD_PROTO = -480
E_CANCELED = -487
E_BAD_SERVER = -500
E_ADM_PROHIBITED = -510
E_BLOCKLISTED = -520

_REASONS = {
    E_SEND: (477, "Unfortunately error on sending to next hop occurred"),
    E_BAD_ADDRESS: (478, "Unresolvable destination"),
    E_BAD_REQ: (400, "Bad Request"),
    E_BAD_URI: (479, "Regretfully, we were not able to process the URI"),
    E_BAD_TUPEL: (400, "Transaction tuple incomplete"),
    E_BAD_TO: (400, "Bad To"),
    E_EXEC: (500, "Error in external logic"),
    E_TOO_MANY_BRANCHES: (500, "Forking capacity exceeded"),
    E_Q_INV_CHAR: (400, "Invalid character in q parameter"),
    E_Q_EMPTY: (400, "Empty q parameter"),
    E_Q_TOO_BIG: (400, "Q parameter too big"),
    E_Q_DEC_MISSING: (400, "Decimal part missing in q"),
    E_CANCELED: (487, "Transaction canceled"),
    E_OK: (500, "No error"),
}


def error_reply(error: int, signature: str) -> tuple[int, str]:
    """Code and reason of the reply that `error` makes (err2reason_phrase); `signature` is "SL" or "TM"."""
    code, text = _REASONS.get(error, (500, "I'm terribly sorry, server error occurred"))
    return code, f"{text} ({-error}/{signature})"
