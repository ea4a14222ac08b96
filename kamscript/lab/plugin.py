"""The pytest plugin: configs, phones and a clock for tests, and what happened on the wire when one fails.

    def test_nobody_is_registered(lab):
        sip = lab("kamailio.cfg")
        assert sip.phone("alice").call("bob").status == 404

`lab` loads a config into a fresh server; the config is compiled once. With `kam_config` in the ini file, or the marker
`@pytest.mark.kam(config=...)`, the fixture itself is that lab: `lab.phone("alice")`. Relative paths are looked up
beside the test file, then beside the ini file. `snapshot("name")` is what was kept of an earlier run.

Everything else is the API in `kamscript.lab`; this is only its door.
"""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kamscript.stack import with_room

if TYPE_CHECKING:
    from kamscript.lab.lab import Lab
    from kamscript.lab.snapshots import Snapshot

#: Options of `Lab` that hold mappings or lists: what the marker, the ini file and the test say is put together.
_ADDED = ("defines", "params", "hosts", "files", "environ", "include")

_options: pytest.StashKey[dict[str, Any]] = pytest.StashKey()
_labs: pytest.StashKey[list[Lab]] = pytest.StashKey()
_at_end: pytest.StashKey[str] = pytest.StashKey()  # what a test was told after its last line
_checked: pytest.StashKey[list[Lab]] = pytest.StashKey()
_snapshots: pytest.StashKey[list[Snapshot]] = pytest.StashKey()


# -- options --------------------------------------------------------------------------------------------------------
def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """What the ini file and the command line may say."""
    from kamscript.lab import evidence

    pluginmanager.register(evidence, "kamscript-evidence")
    parser.addini("kam_config", "config that `lab` loads when a test names none", default="")
    parser.addini("kam_defines", "defines for every config: NAME or NAME=VALUE", type="linelist", default=[])
    parser.addini("kam_params", "parameters for every config: module.name=value, core.name=value", "linelist", [])
    parser.addini("kam_include", "folders in which included files are looked for last", type="linelist", default=[])
    parser.addini("kam_target", "Kamailio generation of every config: 4.4, 5.6, 6.x or all", default="")
    parser.addini("kam_leaks", "what may be left of a test: check, ignore or strict", default="")
    parser.addini("kam_seed", "the lab's chance: a number, or random", default="")
    group = parser.getgroup("kamscript", "Kamailio routing scripts (kamscript)")
    group.addoption("--kam-config", metavar="FILE", default="", help="config that `lab` loads when a test names none")
    group.addoption("--kam-define", metavar="NAME[=VALUE]", action="append", default=[], help="define for every config")
    group.addoption(
        "--kam-param", metavar="MODULE.NAME=VALUE", action="append", default=[], help="parameter for every config"
    )
    group.addoption("--kam-target", metavar="TARGET", default="", help="Kamailio generation: 4.4, 5.6, 6.x or all")
    group.addoption("--kam-seed", metavar="N", default="", help="the lab's chance: a number, or random")
    group.addoption("--kam-update", action="store_true", help="write the snapshots as they are now")
    group.addoption("--kam-real", action="store_true", help="run each test on a real Kamailio, too, and compare")
    group.addoption(
        "--kam-real-wait", metavar="SECONDS", type=float, default=5.0, help="how long such a test may really wait"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Announce the markers; draw a seed when a random one is asked for (workers of xdist get it with the options)."""
    _stand_alone(config)
    config.addinivalue_line(
        "markers",
        "kam(config, **options): what `lab` loads for this test, with any options of kamscript.lab.Lab",
    )
    config.addinivalue_line(
        "markers", "kam_lab_only(reason): why `--kam-real` does not run this test on Kamailio: skipped with the reason"
    )
    seed = str(config.getoption("--kam-seed") or config.getini("kam_seed"))
    if seed == "random":
        import random

        seed = str(random.SystemRandom().randrange(1, 1_000_000))
    if seed and not re.fullmatch(r"-?\d+", seed):
        raise pytest.UsageError(f"--kam-seed={seed}: a number or random is wanted")
    config.option.kam_seed = seed
    if config.getoption("--kam-real"):
        from kamscript.lab.real import daemon
        from kamscript.lab.real.twice import Twice

        if not daemon.version():
            raise pytest.UsageError("--kam-real: no kamailio is installed here (apt-get install kamailio)")
        config.pluginmanager.register(Twice(config.getoption("--kam-real-wait"), _forget), "kamscript-real")


def _stand_alone(config: pytest.Config) -> None:
    """A pytest that runs within a test (pytester) has labs of its own: they are not those of the test around it."""
    labs = sys.modules.get("kamscript.lab.lab")
    if labs is None or not (labs.observers or labs.Lab.substitute):
        return
    observers, substitute = [*labs.observers], labs.Lab.substitute

    def back() -> None:
        labs.observers[:] = observers
        labs.Lab.substitute = substitute

    labs.observers.clear()
    labs.Lab.substitute = None
    config.add_cleanup(back)


def _forget(item: pytest.Item) -> None:
    """Drop what the first of two runs left on the item: snapshots are counted anew."""
    item.stash.setdefault(_snapshots, []).clear()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Keep what pytest has loaded so far out of the collector's way: fresh servers make it run often."""
    if any("lab" in getattr(item, "fixturenames", ()) for item in session.items):
        gc.freeze()


def pytest_sessionfinish() -> None:
    """The process may live on."""
    gc.unfreeze()


def pytest_report_header(config: pytest.Config) -> str | None:
    """Tell the seed when it is not the usual one."""
    seed = config.option.kam_seed
    return f"kamscript: --kam-seed={seed}" if seed else None


def _named_values(lines: Sequence[str], what: str) -> dict[str, dict[str, int | str]]:
    """`module.name=value` lines as parameters; whole numbers are numbers."""
    params: dict[str, dict[str, int | str]] = {}
    for line in lines:
        name, equals, value = line.partition("=")
        module, dot, name = name.strip().partition(".")
        if not equals or not dot:
            raise pytest.UsageError(f"{what}: {line!r} is not MODULE.NAME=VALUE")
        value = value.strip()
        params.setdefault(module, {})[name] = int(value) if re.fullmatch(r"-?\d+", value) else value.strip('"')
    return params


def options_of(config: pytest.Config) -> dict[str, Any]:
    """What ini file and command line ask of every lab."""
    from kamscript.loader import defines_of

    if _options in config.stash:
        return config.stash[_options]
    options: dict[str, Any] = {}
    root = config.inipath.parent if config.inipath is not None else config.rootpath
    defines = [*config.getini("kam_defines"), *config.getoption("--kam-define")]
    if defines:
        options["defines"] = defines_of(defines)
    params = [*config.getini("kam_params"), *config.getoption("--kam-param")]
    if params:
        options["params"] = _named_values(params, "kam_params, --kam-param")
    include = [root / folder for folder in config.getini("kam_include")]
    if include:
        options["include"] = include
    target = config.getoption("--kam-target") or config.getini("kam_target")
    if target:
        options["target"] = target
    if config.getini("kam_leaks"):
        options["leaks"] = config.getini("kam_leaks")
    if config.option.kam_seed:
        options["seed"] = int(config.option.kam_seed)
    if config.getoption("--kam-config"):
        options["config"] = config.invocation_params.dir / config.getoption("--kam-config")
    elif config.getini("kam_config"):
        options["config"] = root / config.getini("kam_config")
    config.stash[_options] = options
    return options


# -- fixtures -------------------------------------------------------------------------------------------------------
class LabLoader:
    """The fixture `lab`: call it to load a config, or use it as the lab of the default config.

    The arguments are those of `kamscript.lab.Lab`; what they leave out comes from the marker `kam`, the command line
    and the ini file. The seed of the command line is stronger than all.
    """

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._item: pytest.Item = request.node
        self._path = request.path
        self._made: list[Lab] = []
        self._item.stash[_checked] = self._made

    def __call__(self, config: str | Path | None = None, **options: Any) -> Lab:
        """Load a config, or `text=...`, into a fresh lab."""
        from kamscript.lab.lab import Lab

        if config is not None:
            options["config"] = config
        options = self._all(options)
        if options.get("config") is None and options.get("text") is None:
            from kamscript.loader import UsageError

            raise UsageError(
                'no config: write lab("kamailio.cfg"), @pytest.mark.kam(config="kamailio.cfg"), or kam_config in the '
                "ini file"
            )
        made = Lab(options.pop("config", None), **options)
        self._made.append(made)
        return made

    def _all(self, options: dict[str, Any]) -> dict[str, Any]:
        layers = [options_of(self._item.config)]
        for marker in reversed(list(self._item.iter_markers("kam"))):
            said = dict(marker.kwargs)
            if marker.args:
                said["config"] = marker.args[0]
            layers.append(said)
        layers.append(options)
        result: dict[str, Any] = {}
        for layer in layers:
            if layer.get("text") is not None:
                result.pop("config", None)
            elif layer.get("config") is not None:
                result.pop("text", None)
                layer = {**layer, "config": self._found(layer["config"])}
            for name, value in layer.items():
                known = result.get(name)
                result[name] = _together(name, known, value) if name in _ADDED and known is not None else value
        seed = self._item.config.getoption("--kam-seed")
        return {**result, "seed": int(seed)} if seed else result

    def _found(self, config: str | Path) -> str | Path:
        """A relative path beside the test file, beside the ini file, else as it is."""
        if Path(config).is_absolute():
            return config
        ini = self._item.config.inipath
        for folder in (self._path.parent, *([ini.parent] if ini is not None else [])):
            if (folder / config).exists():
                return folder / config
        return config

    def __repr__(self) -> str:
        return f"<lab fixture: {', '.join(map(repr, self._made)) or 'nothing loaded'}>"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._only(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("_item", "_path", "_made"):
            object.__setattr__(self, name, value)
        else:
            setattr(self._only(), name, value)

    def _only(self) -> Lab:
        if len(self._made) > 1:
            from kamscript.loader import UsageError

            raise UsageError("the test loaded several configs: use what lab(...) returned")
        return self._made[0] if self._made else self()


def _together(name: str, known: Any, value: Any) -> Any:
    from kamscript.loader import defines_of

    if name == "include":
        return [*value, *known]
    if name == "defines":
        return {**defines_of(known), **defines_of(value)}
    if name == "params":
        return {module: {**known.get(module, {}), **value.get(module, {})} for module in {**known, **value}}
    assert isinstance(known, Mapping)
    return {**known, **value}


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> Iterator[LabLoader]:
    """Load a config into a fresh lab: `lab("kamailio.cfg", defines={"WITH_AUTH": ""})` or `lab(text="...")`."""
    loader = LabLoader(request)
    yield loader
    for made in loader._made:
        made.close()


@pytest.fixture
def snapshot(request: pytest.FixtureRequest) -> Any:
    """What was kept of an earlier run: `assert lab.messages == snapshot("invite")`; without a name, the test's."""
    from kamscript.lab.snapshots import Snapshot

    node, path = request.node, request.path
    made: list[Snapshot] = node.stash.setdefault(_snapshots, [])

    def find(name: str = "") -> Snapshot:
        wanted = name or (f"{node.name}-{len(made) + 1}" if made else node.name)
        file = re.sub(r"[^\w.=-]+", "_", wanted).strip("_")
        found = Snapshot(
            path.parent / "snapshots" / path.stem / f"{file}.txt", update=request.config.getoption("--kam-update")
        )
        made.append(found)
        return found

    return find


# -- the end of a test ----------------------------------------------------------------------------------------------
@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    """Run the test, then see that nothing of it is left in the labs that the fixture made; note all labs."""
    from kamscript.lab import lab as labs

    made: list[Lab] = []
    item.stash[_labs] = made
    labs.observers.append(made.append)
    if _checked in item.stash:  # a test with `lab`: as quick at every depth of the stack
        item.runtest = partial(with_room, item.runtest)  # type: ignore[method-assign]
    try:
        result = yield
    finally:
        labs.observers.remove(made.append)
        vars(item).pop("runtest", None)
    for one in item.stash.get(_checked, []):
        try:
            one.verify()
        except AssertionError as error:
            item.stash[_at_end] = str(error)
            raise
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Tell a failure in the words of the config and the wire: no lines of kamscript's own, a ladder, the log."""
    told = call.excinfo is not None and _tell(item, call.excinfo)
    report = yield
    if told and call.excinfo is not None:
        report.longrepr = call.excinfo.getrepr(style="value")
    if call.when == "call" and report.failed:
        from kamscript.lab.failure import sections

        found = item.stash.get(_labs, [])
        for number, made in enumerate(found, 1):
            which = f" of lab {number}" if len(found) > 1 else ""
            text = str(call.excinfo.value) if call.excinfo is not None else ""
            report.sections += [(f"{title}{which}", part) for title, part in sections(made, text)]
        for one in item.stash.get(_snapshots, []):
            if one.differs and one.kept is not None:
                report.sections.insert(0, (f"snapshot {one.path.stem}", one.difference()))
    if call.when == "teardown":
        for stash in (_labs, _checked):
            if stash in item.stash:
                del item.stash[stash]
    if call.when == "call":
        for one in item.stash.get(_snapshots, []):
            if one.written:
                item.user_properties.append(("kam_snapshot", str(one.path)))
        report.user_properties = item.user_properties
    return report


def _tell(item: pytest.Item, excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
    """Leave kamscript's own frames out of what is meant for the test's author; True when the text says it all."""
    from kamscript.lab.failure import in_a_test, meant_for_people, without_own_frames
    from kamscript.source import ConfigError

    error = excinfo.value
    if not meant_for_people(error) or item.config.getoption("fulltrace", False):
        return False
    kept = without_own_frames(error.__traceback__)
    if isinstance(error, ConfigError) or (str(error) == item.stash.get(_at_end, "") and not in_a_test(kept)):
        return True
    if kept is not None:
        error.__traceback__ = kept
        excinfo.traceback = type(excinfo.traceback)(kept)
    return False


def pytest_assertrepr_compare(config: pytest.Config, op: str, left: object, right: object) -> list[str] | None:
    """Explain a snapshot that differs."""
    from kamscript.lab.snapshots import Snapshot

    found = next((side for side in (right, left) if isinstance(side, Snapshot)), None)
    return [found.explain()] if found is not None and op == "==" else None


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Name the snapshots that were written."""
    written = dict.fromkeys(
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == "kam_snapshot"
    )
    for path in written:
        terminalreporter.write_line(f"snapshot written: {path}")
