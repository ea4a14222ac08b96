"""Runs calls through the config under coverage.py and writes every report: `measure.py CORE BRANCHES`."""

import sys
from pathlib import Path

from coverage import Coverage

core, branch = sys.argv[1], sys.argv[2] == "branches"
cov = Coverage(branch=branch, source=["."], omit=["measure.py"], config_file=False)
cov.set_option("run:plugins", ["kamscript.lab.coverage"])
cov.set_option("run:core", core)
cov.start()

from kamscript.lab import Lab  # noqa: E402

for user in ("001", "0123456", "bob"):
    lab = Lab("kamailio.cfg", defines={"WITH_GREETING": ""})
    lab.send(lab.request("OPTIONS", user))

cov.stop()
cov.save()
with Path("report.txt").open("w") as out:
    cov.report(file=out, show_missing=True)
cov.lcov_report(outfile="coverage.lcov")
cov.xml_report(outfile="coverage.xml")
cov.html_report(directory="html")
