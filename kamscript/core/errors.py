"""Error codes of forwarding and relaying, as `$rc` shows them, the replies they make, and reason phrases
(core/error.h, error.c)."""

from __future__ import annotations

from typing import Final

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

_ERRORS: Final = {
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

_PHRASES: Final = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    200: "OK",
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    305: "Use Proxy",
    380: "Alternative Service",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    417: "Bad Extension",
    421: "Extension Required",
    423: "Interval Too Brief",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    485: "Ambiguous",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
    500: "Server Internal Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-Out",
    505: "Version Not Supported",
    513: "Message Too Large",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
}
_CLASS_PHRASES: Final = (
    "Unspecified",
    "Provisional",
    "Successful",
    "Redirection",
    "Request Failure",
    "Server Failure",
    "Global Failure",
)


def error_reply(error: int, signature: str) -> tuple[int, str]:
    """Code and reason of the reply that `error` makes (err2reason_phrase); `signature` is "SL" or "TM"."""
    code, text = _ERRORS.get(error, (500, "I'm terribly sorry, server error occurred"))
    return code, f"{text} ({-error}/{signature})"


def reason_phrase(code: int) -> str:
    """The reason phrase of a reply that this server makes up: the code's own, else that of its class (error_text)."""
    return _PHRASES.get(code) or _CLASS_PHRASES[min(code // 100, 6)]
