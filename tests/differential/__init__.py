"""One case, two runners: the same config and the same bytes on real Kamailio and on kamscript.

A case (see `case.py`) is a config and a short script of what its parties do: plain UDP endpoints that send, expect and
answer. Running it yields an *outcome*: what each party received, in order; what the config logged; what RPC commands
answered. Branches, tags and other generated parts are normalised (`normalise.py`), everything else is compared byte
by byte.

    cases/*.py        the cases, one file per topic; read them as documentation of behaviour
    golden/*.json     what Kamailio 5.6.3 did, one file per topic
    real.py           runs a case on the daemon over loopback
    lab.py            runs the same case on kamscript, in process and in virtual time
    record.py         `python -m tests.differential.record [TOPIC [CASE]]` writes the golden files anew

Without a Kamailio the suite compares kamscript with the golden files. With one (`apt-get install kamailio
kamailio-extra-modules kamailio-utils-modules`) it also proves that the golden files are what the daemon does; with
REQUIRE_KAMAILIO=1 a missing daemon fails.

Addresses: Kamailio is 127.0.0.1:21200, the parties are alice 127.0.0.11, bob .12, carol .13, dave .14, each on port
21200. The daemon's runner replaces the digit in 212x0 by the number of a free block of ten ports, in the config and
in every message, and back again in what it reads: parallel runs do not meet, and no length changes.
"""
