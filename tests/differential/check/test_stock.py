"""The stock config is clean, alone and with each switch of its header that `kamailio -c` accepts."""

from __future__ import annotations

import pytest

from kamscript.files import FileReader
from kamscript.tools.examine import examine

from ..verdicts.judge import kamailio
from ..verdicts.test_configs import STOCK, _switches

#: Switches that need another one for their database.
_DATABASES = ("WITH_ACCDB", "WITH_ALIASDB", "WITH_AUTH", "WITH_MULTIDOMAIN", "WITH_PRESENCE", "WITH_SPEEDDIAL")
_SWITCHES = ["", *_switches(), *(f"WITH_MYSQL {switch}" for switch in _DATABASES)]


@pytest.mark.kamailio
@pytest.mark.parametrize("switches", _SWITCHES)
def test_stock_config(switches: str) -> None:
    names = switches.split()
    found = examine(str(STOCK), FileReader(), defines=names, target="5.6")
    real = kamailio(STOCK, [word for name in names for word in ("-A", name)])
    told = [finding.render() for finding in found if finding.severity != "note"]
    if real.accepted or "DBURL" not in "".join(told):
        assert told == []
    else:
        assert {finding.rule for finding in found if finding.severity != "note"} == {"syntax"}
