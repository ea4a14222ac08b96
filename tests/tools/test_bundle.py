"""`kamscript bundle`: one file of a config and all that it includes, which does the same."""

from __future__ import annotations

import io
import socket
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kamscript.cli import main
from kamscript.script.parse import parse
from kamscript.script.preprocess import scan
from kamscript.source import ConfigError, MemoryReader, Source
from kamscript.tools.bundle import bundled
from tests.live.servers import KAMAILIO, kamailio

PORT, PHONE = 24151, 24152
MAIN = """# include_file "not.cfg"
debug=2 /* include_file "not.cfg" */
include_file "parts/modules.cfg"
#!ifdef WITH_MORE
import_file "more.cfg"
#!endif
import_file "local.cfg"
request_route { include_file "body.cfg"
}
"""
FILES = {
    "k.cfg": MAIN,
    "parts/modules.cfg": '#!include_file "pv.cfg"\nloadmodule "sl.so"',
    "parts/pv.cfg": 'loadmodule "pv.so"\n',
    "more.cfg": 'loadmodule "xlog.so"\n',
    "body.cfg": '$var(x) = "include_file \\"not.cfg\\"";\nsl_send_reply("200", "OK");',
}


def test_included_files_stand_where_they_were_asked_for() -> None:
    assert bundled("k.cfg", MemoryReader(FILES)) == (
        '# include_file "not.cfg"\n'
        'debug=2 /* include_file "not.cfg" */\n'
        "# >>> parts/modules.cfg, from k.cfg:3\n"
        "# >>> parts/pv.cfg, from parts/modules.cfg:1\n"
        'loadmodule "pv.so"\n'
        "# <<< parts/modules.cfg:2\n"
        'loadmodule "sl.so"\n'
        "# <<< k.cfg:4\n"
        "#!ifdef WITH_MORE\n"
        "# >>> more.cfg, from k.cfg:5\n"
        'loadmodule "xlog.so"\n'
        "# <<< k.cfg:6\n"
        "#!endif\n"
        "# local.cfg was not there (k.cfg:7)\n"
        "request_route { \n"
        "# >>> body.cfg, from k.cfg:8\n"
        '$var(x) = "include_file \\"not.cfg\\"";\n'
        'sl_send_reply("200", "OK");\n'
        "# <<< k.cfg:9\n"
        "}\n"
    )


@pytest.mark.parametrize("defines", [{}, {"WITH_MORE": ""}])
def test_it_means_the_same(defines: dict[str, str]) -> None:
    reader = MemoryReader(FILES)
    whole = bundled("k.cfg", reader)
    assert parse(Source("b.cfg", whole), None, defines).items == parse(Source("k.cfg", MAIN), reader, defines).items


_PIECE = st.sampled_from(
    [
        "debug=3\n",
        "# note",
        '/* "\n',
        "*/\n",
        "'x\n",
        "g.a = 'include_file'\n",
        '"',
        "\n",
        "#!ifdef A\n",
        "#!endif\n",
        " ",
    ]
)
_INCLUDE = st.sampled_from(
    ['include_file "a.cfg"\n', '#!import_file "b.cfg"', '!!include_file "b.cfg"\n', "include_file"]
)


@given(st.lists(_PIECE | _INCLUDE, max_size=8).map("".join), st.lists(_PIECE, max_size=4).map("".join))
@settings(max_examples=200, deadline=None)
def test_the_words_of_a_bundle_are_those_of_its_parts(main_text: str, included: str) -> None:
    reader = MemoryReader({"k.cfg": main_text, "a.cfg": "g.b = 1\n", "b.cfg": included})
    parts = scan(Source("k.cfg", main_text), reader)
    if parts.fatal or parts.open_end is not None:
        return  # a broken directive, or a text that ends in the middle of a word
    try:
        whole = scan(Source("b.cfg", bundled("k.cfg", reader)))
    except ConfigError as error:
        assert {one.rule for one in error.diagnostics} <= {"unbalanced-ifdef", "no-file"}
        return
    assert [(t.kind, t.value) for t in whole.tokens] == [(t.kind, t.value) for t in parts.tokens]


def test_a_name_that_a_substitution_changes() -> None:
    text = '#!subst "/SITE/oslo/"\ninclude_file "SITE.cfg"\n'
    assert "debug=3\n" in bundled("k.cfg", MemoryReader({"k.cfg": text, "oslo.cfg": "debug=3\n"}))


def test_a_lone_quote_in_a_branch_hides_nothing() -> None:
    text = '#!ifdef A\ndon"t /*\n#!endif\ninclude_file "a.cfg"\n'
    assert "debug=3\n" in bundled("k.cfg", MemoryReader({"k.cfg": text, "a.cfg": "debug=3\n"}))


def test_words_that_only_look_alike() -> None:
    text = 'my_include_file "x"\ninclude_files "x"\nx = \'include_file "x"\'\n'
    assert bundled("k.cfg", MemoryReader({"k.cfg": text})) == text


def test_a_bundle_of_a_bundle_is_itself() -> None:
    whole = bundled("k.cfg", MemoryReader(FILES))
    assert bundled("b.cfg", MemoryReader({"b.cfg": whole})) == whole


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"k.cfg": 'include_file "none.cfg"\n'}, "k.cfg:1:14: error: the included file none.cfg cannot be read"),
        ({"k.cfg": '#!ifdef X\ninclude_file "no.cfg"\n#!endif\n'}, "k.cfg:2:15: error: the included file no.cfg"),
        ({"k.cfg": 'include_file "b.cfg"\n', "b.cfg": "#!ifdef A\n"}, "the conditions of b.cfg do not end in the file"),
        ({"k.cfg": 'include_file "k.cfg"\n'}, "includes nest deeper than 10 files"),
        ({}, "cannot read k.cfg: no such file"),
    ],
)
def test_what_cannot_be_read_is_told(files: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigError) as error:
        bundled("k.cfg", MemoryReader(files))
    assert told in str(error.value)


def test_files_of_the_library(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    config = tmp_path / "k.cfg"
    config.write_text('include_file "kamscript/relay.cfg"\n', "latin-1")
    assert main(["bundle", str(config)]) == 0
    assert b"route[STD_RELAY]" in capfdbinary.readouterr().out


@pytest.mark.parametrize("cache", ["", "cache"])
def test_the_library_is_found_from_anywhere(
    cache: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KAMSCRIPT_CACHE", cache and str(tmp_path / cache))
    text = 'loadmodule "tm.so"\nloadmodule "sl.so"\ninclude_file "kamscript/relay.cfg"\n'
    text += "request_route { route(STD_RELAY); }\n"
    Path("k.cfg").write_text(text, "latin-1")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    words = (["check", "k.cfg"], ["check", "k.cfg"], ["check", "-"], ["run", "-c", "k.cfg"], ["port", "k.cfg"])
    assert [main(command) for command in words] == [0] * 5, capsys.readouterr()


def test_a_file_beside_the_config_goes_first(tmp_path: Path) -> None:
    (tmp_path / "kamscript").mkdir()
    (tmp_path / "kamscript" / "relay.cfg").write_text("# mine\n", "latin-1")
    (tmp_path / "k.cfg").write_text('include_file "kamscript/relay.cfg"\n', "latin-1")
    assert "# mine\n" in bundled(str(tmp_path / "k.cfg"))


def test_bytes_stay_bytes(tmp_path: Path) -> None:
    (tmp_path / "k.cfg").write_bytes(b"# caf\xe9 \xc3\xa9\n")
    assert main(["bundle", str(tmp_path / "k.cfg"), "-o", str(tmp_path / "b.cfg")]) == 0
    assert (tmp_path / "b.cfg").read_bytes() == b"# caf\xe9 \xc3\xa9\n"


def test_further_folders(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "more.cfg").write_text("debug=3\n", "latin-1")
    (tmp_path / "k.cfg").write_text('include_file "more.cfg"\n', "latin-1")
    out = str(tmp_path / "b.cfg")
    assert main(["bundle", str(tmp_path / "k.cfg"), "-o", out]) == 1
    assert main(["bundle", "-I", str(tmp_path / "shared"), str(tmp_path / "k.cfg"), "-o", out]) == 0


def test_an_output_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "k.cfg").write_text("debug=3\n", "latin-1")
    assert main(["bundle", str(tmp_path / "k.cfg"), "-o", str(tmp_path)]) == 2
    assert "cannot write" in capsys.readouterr().err


# -- on a real Kamailio -----------------------------------------------------------------------------------------------

CONFIG = f"""
#!define STD_MAX_FORWARDS "5"
listen=udp:127.0.0.1:{PORT}
alias="example.com"
children=1
debug=2
log_stderror=yes
disable_tcp=yes
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "sanity.so"
loadmodule "textops.so"
loadmodule "siputils.so"
include_file "kamscript/checks.cfg"
import_file "site.cfg"
request_route {{
    route(STD_CHECKS);
    sl_send_reply("404", "Nobody");
}}
"""


@pytest.mark.kamailio
@pytest.mark.kamailio
def test_kamailio_runs_the_bundle(tmp_path: Path) -> None:
    (tmp_path / "k.cfg").write_text(CONFIG, "latin-1")
    assert main(["bundle", str(tmp_path / "k.cfg"), "-o", str(tmp_path / "kamailio.cfg")]) == 0
    command = [KAMAILIO, "-c", "-f", str(tmp_path / "kamailio.cfg")]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    with kamailio(tmp_path / "kamailio.cfg", tmp_path, ports=(PORT,)), _phone() as phone:
        assert _asked(phone, "sip:example.com") == "SIP/2.0 200 Keepalive"
        assert _asked(phone, "sip:bob@example.com") == "SIP/2.0 404 Nobody"
        assert _asked(phone, "sip:example.com", hops=0) == "SIP/2.0 483 Too Many Hops"


def _phone() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", PHONE))
    made.settimeout(10)
    return made


def _asked(phone: socket.socket, uri: str, hops: int = 70) -> str:
    """The status line that an OPTIONS gets."""
    text = (
        f"OPTIONS {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{PHONE};branch=z9hG4bK-{len(uri)}-{hops}\r\n"
        f"From: <sip:a@example.com>;tag=1\r\nTo: <{uri}>\r\nCall-ID: {uri}-{hops}\r\nCSeq: 1 OPTIONS\r\n"
        f"Max-Forwards: {hops}\r\nContent-Length: 0\r\n\r\n"
    )
    phone.sendto(text.encode(), ("127.0.0.1", PORT))
    return phone.recv(65536).decode().partition("\r\n")[0]
