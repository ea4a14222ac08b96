"""Small configs, each with one thing to judge: the started daemon and `kamscript check` accept and refuse the same.

The cases are statements and top-level lines (cases/*.txt, one a line) and the snippets of the verdicts, which
`kamailio -c` judges as well. Where both refuse, they name the same line.
"""

from __future__ import annotations

import pytest

from ..verdicts.judge import Verdict
from ..verdicts.test_snippets import CASES as SNIPPETS
from .judge import CASES, blocks, daemon, kamscript, lines, with_parameter, with_statement

_NAMES = "the daemon looks the name up; a check asks no name server"
_HERE = "it depends on the machine"
_LINE = "the daemon names the line kept for the statement, check that of the expression"
_STRICT = "the daemon starts with a value that means nothing; here it is refused"
#: Cases where the two differ, and why.
DIFFERENT = {
    "forward forms": _NAMES,
    "forward udp": _NAMES,
    "forward dashed": _NAMES,
    "user and group": _HERE,
    'modparam("ctl", "user", "no-such-user-here")': _HERE,
    "force_send_socket(udp:127.0.0.1:5060);": "without a listen line the addresses are those of the machine",
    'modparam("tm", "fr_timer", -1)': _STRICT,
    "modparam negative": _STRICT,
    'modparam("xlog", "log_colors", "L_ERR=zz")': _STRICT,
    "keep_hf();": "its fix-up fails without arguments in 5.6.3, though it is exported and documented without",
    '@reply change_reply_status("404", "$nope");': "the text is only read when the function runs; check reads it",
    'xlog("$ru and more", "x");': "what stands behind the variable of a level is ignored; here it is refused",
    "if (method =~ \"INV(\") exit;": _LINE,
    "if (uri =~ \"sip:[\") exit;": _LINE,
    "if (from_uri =~ \"(\") exit;": _LINE,
    "if (src_ip =~ \"10(\") exit;": _LINE,
    "@reply if (status =~ \"2(\") exit;": _LINE,
}  # fmt: skip


#: Snippets that swallow the route which the judge adds behind them.
OPEN = {"endif missing", "comment never closed", "text never closed behind the end"}


def _cases() -> list[object]:
    found: list[object] = []
    for stem, make in (("statements", with_statement), ("parameters", with_parameter)):
        found += [pytest.param(case, make(case), id=case) for case in lines(CASES / f"{stem}.txt")]
    for path in sorted(SNIPPETS.glob("*.txt")):
        found += [
            pytest.param(name, text, id=f"{path.stem}: {name}") for name, text in blocks(path) if name not in OPEN
        ]
    return found


@pytest.mark.kamailio
@pytest.mark.parametrize(("case", "text"), _cases())
def test_the_same_verdict(case: str, text: str) -> None:
    ours = kamscript(text)
    real: Verdict = daemon(text)
    if case in DIFFERENT:
        assert not ours.agrees(real), "it agrees now: remove the case from DIFFERENT and docs/differences.md"
    else:
        assert ours.agrees(real), f"daemon: {real}\nkamscript: {ours}"
