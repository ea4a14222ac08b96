"""What the steps of an authentication come to, and what the script is told of it (auth/api.h)."""

from __future__ import annotations

import enum
from typing import Final


class Outcome(enum.Enum):
    """What one step found (auth_result_t)."""

    NONCE_REUSED = enum.auto()
    NO_CREDENTIALS = enum.auto()
    STALE_NONCE = enum.auto()
    ERROR = enum.auto()
    NOT_AUTHENTICATED = enum.auto()
    DO_AUTHENTICATION = enum.auto()  #: nothing is wrong so far: look at the response now
    AUTHENTICATED = enum.auto()
    BAD_CREDENTIALS = enum.auto()


#: What functions return (auth_cfg_result_t).
AUTH_OK: Final = 1
AUTH_ERROR: Final = -1
AUTH_INVALID_PASSWORD: Final = -2
AUTH_USER_UNKNOWN: Final = -3
AUTH_STALE_NONCE: Final = -4
AUTH_NO_CREDENTIALS: Final = -5
AUTH_NONCE_REUSED: Final = -6
AUTH_USER_MISMATCH: Final = -8

#: What a function returns when the step before the response ended it.
RETURNED: Final = {
    Outcome.NONCE_REUSED: AUTH_NONCE_REUSED,
    Outcome.NO_CREDENTIALS: AUTH_NO_CREDENTIALS,
    Outcome.STALE_NONCE: AUTH_STALE_NONCE,
    Outcome.ERROR: AUTH_ERROR,
    Outcome.NOT_AUTHENTICATED: AUTH_ERROR,
    Outcome.AUTHENTICATED: AUTH_OK,
    Outcome.BAD_CREDENTIALS: AUTH_ERROR,
}
