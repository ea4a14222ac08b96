"""How a registration ends: reply code, reason and the text of P-Registrar-Error (registrar/reply.c, rerrno.h)."""

from __future__ import annotations

import enum

REASONS = {
    200: "OK",
    400: "Bad Request",
    420: "Bad Extension",
    421: "Extension Required",
    423: "Interval Too Brief",
    439: "First Hop Lacks Outbound Support",
    500: "Server Internal Error",
    503: "Service Unavailable",
}


class Outcome(enum.Enum):
    """The end of a registration, `(reply code, P-Registrar-Error)`. Members with equal values keep their number."""

    FINE = (200, "No problem")
    DELETE_RECORD = (500, "usrloc_record_delete failed")
    GET_RECORD = (500, "usrloc_record_get failed")
    INSERT_RECORD = (500, "usrloc_record_new failed")
    BAD_CSEQ = (400, "Invalid CSeq number")
    INSERT_CONTACT = (500, "usrloc_contact_insert failed")
    DELETE_CONTACT = (500, "usrloc_contact_delete failed")
    UPDATE_CONTACT = (500, "usrloc_contact_update failed")
    AOR_TOO_LONG = (500, "Address Of Record too long")
    BAD_AOR = (400, "Error while parsing AOR")
    BAD_Q = (400, "Invalid q param in contact")
    BAD_MESSAGE = (400, "Message parse error")
    NO_TO = (400, "To header not found")
    NO_CALLID = (400, "Call-ID header not found")
    NO_CSEQ = (400, "CSeq header not found")
    BAD_EXPIRES = (400, "Expires parse error")
    BAD_CONTACT = (400, "Contact parse error")
    STAR_EXPIRES = (400, "* used in contact and expires is not zero")
    STAR_CONTACT = (400, "* used in contact and more than 1 contact")
    BAD_USER = (400, "Error while unescaping username")
    TOO_MANY = (503, "Too many registered contacts")
    CONTACT_TOO_LONG = (400, "Contact/received too long")
    CALLID_TOO_LONG = (400, "Callid too long")
    BAD_PATH = (400, "Path parse error")
    PATH_UNSUPPORTED = (420, "No support for found Path indicated")
    OUTBOUND_UNSUPPORTED = (421, "No support for Outbound indicated")
    OUTBOUND_REQUIRED = (420, "No support for Outbound on server")
    OUTBOUND_EDGE = (439, "No support for Outbound on edge proxy")
    BAD_REG_ID = (400, "Invalid Reg-Id number")
    TOO_BRIEF = (423, "Interval too brief")

    @property
    def code(self) -> int:
        """The reply code."""
        return self.value[0]

    @property
    def reason(self) -> str:
        """The reason phrase of the reply."""
        return REASONS[self.value[0]]

    @property
    def info(self) -> str:
        """What P-Registrar-Error says."""
        return self.value[1]


class Rejected(Exception):
    """The registration ends here, as `outcome` says."""

    def __init__(self, outcome: Outcome, text: str = "") -> None:
        super().__init__(text or outcome.info)
        self.outcome = outcome
