"""Traps of variables: one that is read but never written, a text in which none is expanded, one that is never null."""

from __future__ import annotations

from collections.abc import Iterator

from kamscript.script import nodes as n
from kamscript.script.pv import PvText
from kamscript.source import Diagnostic, did_you_mean
from kamscript.tools.traps import Config, constant, variable, variables_in
from kamscript.tools.traps.flow import conditions

#: Variables of the script itself, and what an unwritten one reads as.
_OWN = {"var": "0", "vz": "0", "vn": "null", "avp": "null", "xavp": "null"}
#: Variables whose value is always a text, and rarely one that reads as a number.
TEXTS = frozenset(
    (
        "ru",
        "rU",
        "rd",
        "rz",
        "fu",
        "fU",
        "fd",
        "tu",
        "tU",
        "td",
        "ci",
        "ua",
        "ct",
        "rm",
        "ou",
        "oU",
        "od",
        "du",
        "si",
        "hdr",
    )
)


def _key(pv: PvText) -> tuple[str, str] | None:
    """Kind and name of a script variable; None for others, and where the name is only known at run time."""
    if pv.name not in _OWN or pv.inner is None or "$" in pv.inner:
        return None
    name = pv.inner
    if pv.name == "avp":
        name = name.removeprefix("s:") if not name.startswith("i:") else name
    elif pv.name == "xavp":
        name = name.partition("=>")[0].partition("[")[0]
    return ("var" if pv.name == "vz" else pv.name), name


def _of_modules(config: Config) -> Iterator[tuple[str, str]]:
    """AVPs and XAVPs that modules write by a name that stands in no `$avp(...)`."""
    if "dispatcher" in config.resolved.modules:
        names = {"xavp_dst": "_dsdst_", "xavp_ctx": "_dsctx_"}
        for module, line in config.resolved.params:
            if module == "dispatcher" and line.name in names:
                names[line.name] = str(getattr(line.value, "value", ""))
        yield from (("xavp", name) for name in names.values())
    if "auth" not in config.resolved.modules:
        return
    attribute = "$digest_challenge"
    for module, line in config.resolved.params:
        value = str(getattr(line.value, "value", ""))
        if (module, line.name) == ("auth", "challenge_attr"):
            attribute = value
        elif (module, line.name) == ("auth_db", "load_credentials"):
            yield from (("avp", part.strip()) for part in value.split(";") if "=" not in part)
    yield "avp", attribute.removeprefix("$").removeprefix("s:")


def never_written(config: Config) -> Iterator[Diagnostic]:
    """A variable that is read, and that nothing in the config can write."""
    written: set[tuple[str, str]] = set(_of_modules(config))
    targets: set[int] = set()
    # kinds of which some name is only known at run time; the database knows those of lookup_domain()
    computed: set[str] = {"avp" for _ in config.calls("lookup_domain")}
    for _, assignment in config.all(n.Assign):
        target = assignment.target
        targets.add(id(target))
        pv = variable(target)
        if isinstance(target, n.Attr):
            written.add(("avp", target.name))
        elif pv is not None:
            key = _key(pv)
            if key is not None:
                written.add(key)
            elif pv.name in _OWN:
                computed.add(pv.name)
    reads: list[tuple[tuple[str, str], PvText, n.Node]] = []
    arguments: set[int] = set()
    for _, call in config.all(n.Call):
        for arg in call.args:
            text = constant(arg)
            if text is None:
                continue
            arguments.add(id(arg))
            found = variables_in(text)
            alone = len(found) == 1 and found[0].text == text
            for pv in found:
                key = _key(pv)
                if key is None:
                    continue
                if alone:
                    written.add(key)  # the function may write it
                else:
                    reads.append((key, pv, arg))
    for line in config.resolved.config.items:
        if isinstance(line, n.ModParam):
            for pv in variables_in(str(getattr(line.value, "value", "") or getattr(line.value, "text", ""))):
                key = _key(pv)
                if key is not None:
                    written.add(key)
    for _, node in config.all(n.Pv):
        if id(node) in targets:
            continue
        pv = variable(node)
        for part in () if pv is None else (pv, *variables_in(pv.inner or "")):
            key = _key(part)
            if key is not None:
                reads.append((key, part, node))
    # AVPs are also written by modules, under names of their own, which only their code knows.
    foreign = bool(config.unknown_modules())
    told: set[tuple[str, str]] = set()
    for key, pv, place in reads:
        kind, name = key
        if key in written or key in told or kind in computed:
            continue
        near = [other for what, other in written if what == kind]
        hint = did_you_mean(name, near)
        if kind in ("avp", "xavp") and (foreign or name.isdigit() or name.startswith("i:")) and not hint:
            continue
        told.add(key)
        yield Diagnostic(
            "never-written",
            f"nothing in this config writes {_shown(pv)}: it always reads as {_OWN[pv.name]}",
            place.pos,
            "warning",
            hint.replace("mean ", f"mean ${pv.name}: ") if hint else "",
        )


def _shown(pv: PvText) -> str:
    return f"${pv.name}({pv.inner})"


def not_expanded(config: Config) -> Iterator[Diagnostic]:
    """A text in an expression with a variable in it: only functions expand those."""
    inside: set[int] = set()
    for _, call in config.all(n.Call):
        inside.update(id(node) for arg in call.args for node in n.walk(arg))
    for _, core in config.all(n.CoreCall):
        inside.update(id(arg) for arg in core.args)
    for _, route_call in config.all(n.RouteCall):
        inside.update(id(node) for node in n.walk(route_call.target))
    for _, node in config.all(n.StrLit):
        if id(node) in inside or "$" not in node.value:
            continue
        found = [pv for pv in variables_in(node.value) if _known(config, pv) and pv.text != "$"]
        if found:
            yield Diagnostic(
                "not-expanded",
                f"{found[0].text} in this text is not expanded: texts in expressions stay as they are",
                node.pos,
                "warning",
                f'join the parts with +: "..." + {found[0].text}',
            )


def _known(config: Config, pv: PvText) -> bool:
    """Whether the name is that of a variable, and not the end of a regular expression by chance."""
    if pv.name.isdigit() or not pv.name:
        return False
    return any(pv.name in cls.pvs for cls in config.classes.values()) or pv.name in ("var", "avp", "rc", "retcode")


def never_null(config: Config) -> Iterator[Diagnostic]:
    """`$var(x) == $null`: a `$var` is never null."""
    for _, node in config.all(n.Binary):
        left, right = variable(node.left), variable(node.right)
        if left is None or right is None or right.name != "null" or left.name not in ("var", "vz"):
            continue
        if left.transformations or node.op not in (n.BinaryOp.EQ, n.BinaryOp.NE):
            continue
        verdict = "false" if node.op is n.BinaryOp.EQ else "true"
        yield Diagnostic(
            "never-null",
            f"${left.name} is never null: one without a value is 0, and this is always {verdict}",
            node.left.pos,
            "warning",
            f"$vn({left.inner}) can be null",
        )


def text_condition(config: Config) -> Iterator[Diagnostic]:
    """`if ($rU)`: a text counts as the number it reads as, so a name is false."""
    for node in conditions(config):
        pv = variable(node)
        if pv is None or pv.name not in TEXTS or pv.transformations:
            continue
        yield Diagnostic(
            "text-condition",
            f"{pv.text} is a text: as a condition it is false unless it reads as a number greater than 0",
            node.pos,
            "warning",
            f'{pv.text} != $null asks whether there is one, {pv.text} != "" whether it is empty',
        )


TRAPS = (never_written, not_expanded, never_null, text_condition)
