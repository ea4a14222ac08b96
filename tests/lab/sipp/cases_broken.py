"""Scenarios that SIPp refuses when it reads them, and odd ones that it takes."""

from __future__ import annotations

from tests.lab.sipp.stage import recv, reply, request, scenario, send


def within(*elements: str) -> str:
    """A server's scenario with something inside."""
    return scenario(recv("OPTIONS"), *elements, reply("200 OK"))


def received(*actions: str) -> str:
    """A server's scenario with actions upon what it receives."""
    return scenario(recv("OPTIONS", "", "".join(actions)), reply("200 OK"))


def between(*actions: str) -> str:
    """A server's scenario with actions upon nothing."""
    return within(f"<nop><action>{''.join(actions)}</action></nop>")


KNOWN = '<assign assign_to="n" value="1"/><log message="[$n]"/>'

BROKEN = {
    "ereg no regexp": received('<ereg search_in="msg" assign_to="_"/>'),
    "ereg no assign": received('<ereg regexp="a" search_in="msg"/>'),
    "ereg bad search_in": received('<ereg regexp="a" search_in="head" assign_to="_"/>'),
    "ereg hdr no header": received('<ereg regexp="a" search_in="hdr" assign_to="_"/>'),
    "ereg empty header": received('<ereg regexp="a" search_in="hdr" header="" assign_to="_"/>'),
    "ereg var no variable": received('<ereg regexp="a" search_in="var" assign_to="_"/>'),
    "ereg both checks": received('<ereg regexp="a" check_it="true" check_it_inverse="true" assign_to="_"/>'),
    "ereg bad check": received('<ereg regexp="a" check_it="yes" assign_to="_"/>'),
    "ereg bad regexp": received('<ereg regexp="(a" assign_to="_"/>'),
    "ereg space in assign": received('<ereg regexp="(a)" assign_to="_, x"/><log message="[$x]"/>'),
    "ereg dollar": received('<ereg regexp="(a)" assign_to="$x"/><log message="[$x]"/>'),
    "lonely variable": received('<assign assign_to="n" value="1"/>'),
    "referenced unknown": within('<Reference variables="n"/>'),
    "assign no value": between('<assign assign_to="n"/><log message="[$n]"/>'),
    "assign text": between('<assign assign_to="n" value="abc"/><log message="[$n]"/>'),
    "assign both": between('<assign assign_to="n" value="1" variable="n"/><log message="[$n]"/>'),
    "divide zero": between(KNOWN + '<divide assign_to="n" value="0"/>'),
    "test no compare": between(KNOWN + '<test assign_to="r" variable="n" value="1"/><log message="[$r]"/>'),
    "test bad compare": between(
        KNOWN + '<test assign_to="r" variable="n" compare="is" value="1"/><log message="[$r]"/>'
    ),
    "test no value": between(KNOWN + '<test assign_to="r" variable="n" compare="equal"/><log message="[$r]"/>'),
    "test no assign": between(KNOWN + '<test variable="n" compare="equal" value="1"/>'),
    "test both": between(
        KNOWN + '<test assign_to="r" variable="n" variable2="n" compare="equal" value="1"/><log message="[$r]"/>'
    ),
    "strcmp no value": between(KNOWN + '<strcmp assign_to="r" variable="n"/><log message="[$r]"/>'),
    "log no message": between("<log/>"),
    "log bad keyword": between('<log message="[nothing]"/>'),
    "log open bracket": between('<log message="[service"/>'),
    "log empty brackets": between('<log message="[]"/>'),
    "unknown action": between('<print message="x"/>'),
    "gettimeofday one": between('<gettimeofday assign_to="s"/><log message="[$s]"/>'),
    "sample none": between('<sample assign_to="s"/><log message="[$s]"/>'),
    "sample bad": between('<sample assign_to="s" distribution="even" value="1"/><log message="[$s]"/>'),
    "exec nothing": between("<exec/>"),
    "jump none": between("<jump/>"),
    "jump bad": between('<jump value="x"/>'),
    "verifyauth no user": received('<verifyauth assign_to="a" password="b"/><log message="[$a]"/>'),
    "verifyauth no pw": received('<verifyauth assign_to="a" username="b"/><log message="[$a]"/>'),
    "trim none": between("<trim/>"),
    "unknown element": within('<rcv request="INVITE"/>'),
    "recv bad response": within('<recv response="abc"/>'),
    "recv optional maybe": within('<recv request="INFO" optional="maybe"/>'),
    "optional before send": within('<recv request="INFO" optional="true"/>'),
    "optional before pause": scenario(
        recv("OPTIONS"), '<recv request="INFO" optional="true"/>', "<pause/>", reply("200 OK")
    ),
    "advance_state": within('<recv request="INFO" advance_state="false"/>'),
    "recv timeout text": within('<recv request="INFO" timeout="soon"/>'),
    "recv auth bad": within('<recv response="401" auth="yes"/>'),
    "next unknown": within('<nop next="x"/>'),
    "label twice": within('<label id="1"/>', '<label id="1"/>'),
    "label none": within("<label/>"),
    "chance 2": within('<nop next="x" chance="2"/>', '<label id="x"/>'),
    "chance text": within('<nop next="x" chance="often"/>', '<label id="x"/>'),
    "ontimeout unknown": within('<recv request="INFO" timeout="5" ontimeout="x"/>'),
    "pause text": within('<pause milliseconds="long"/>'),
    "pause unit": within('<pause milliseconds="1s"/>'),
    "pause unif one": within('<pause min="5"/>'),
    "pause unknown dist": within('<pause distribution="x" value="1"/>'),
    "pause huge": within('<pause distribution="normal" mean="1e12" stdev="1"/>'),
    "timewait middle": within('<timewait milliseconds="5"/>'),
    "timewait next": scenario(
        recv("OPTIONS"), reply("200 OK"), '<label id="1"/>', '<timewait milliseconds="5" next="1"/>'
    ),
    "send empty": within("<send></send>"),
    "send no cdata": within("<send>OPTIONS</send>"),
    "send no method": within("<send><![CDATA[\n[service] x SIP/2.0\n\n]]></send>"),
    "send one word": within("<send><![CDATA[\nOPTIONS\n\n]]></send>"),
    "send bad status": within("<send><![CDATA[\nSIP/2.0 abc\n\n]]></send>"),
    "send status 999": within("<send><![CDATA[\nSIP/2.0 999 x\n\n]]></send>"),
    "send retrans text": within(reply("200 OK").replace("<send", '<send retrans="x"')),
    "send bad keyword": within(reply("200 OK", headers="X: [nope]\n")),
    "send field no inf": within(reply("200 OK", headers="X: [field0]\n")),
    "send fill no var": within(reply("200 OK", headers="X: [fill text=a]\n")),
    "send start_txn reply": within(reply("200 OK", attributes='start_txn="a"')),
    "start_txn alone": within(request("INFO", attributes='start_txn="a"')),
    "response_txn alone": within('<recv response="200" response_txn="a"/>'),
    "request response_txn": within('<recv request="INFO" response_txn="a"/>'),
    "repeat_rtd alone": within('<recv request="INFO" repeat_rtd="true"/>'),
    "lost text": within('<recv request="INFO" lost="x"/>'),
    "partition none": within("<ResponseTimeRepartition/>"),
    "Global": within('<Global variables="a,b"/>'),
    "init send": scenario("<init>" + request("INFO") + "</init>", recv("OPTIONS")),
    "no xml decl": within()[within().index("<scenario") :],
    "not scenario": within().replace("scenario", "scenarios"),
    "wrong close": within("<nop></recv>"),
    "single quotes": within("<nop next='a'/>", "<label id='a'/>"),
    "no quotes": within("<pause milliseconds=5/>"),
    "bom": "\xef\xbb\xbf" + within(),
    "empty file": "",
    "blank first": "\n" + within(),
    "no steps": scenario(),
    "only pause": scenario("<pause/>"),
    "condexec unknown": within('<nop condexec="x"/>'),
    "case SEND": within("<SEND/>"),
    "rrs text": within('<recv request="INFO" rrs="maybe"/>'),
    "User": within('<User variables="a"/>'),
}
ODD = {
    "ereg no search_in": received('<ereg regexp="a" assign_to="_"/>'),
    "ereg check 1": received('<ereg regexp="a" check_it="1" assign_to="_"/>'),
    "ereg check TRUE": received('<ereg regexp="a" check_it="TRUE" assign_to="_"/>'),
    "ereg numbers": received('<ereg regexp="(a)" assign_to="1,2"/><log message="[$1] [$2]"/>'),
    "referenced": scenario(
        recv("OPTIONS", "", '<assign assign_to="n" value="1"/>'), reply("200 OK"), '<Reference variables="n"/>'
    ),
    "test check only": between(KNOWN + '<test variable="n" compare="equal" value="1" check_it="true"/>'),
    "sample uniform": between('<sample assign_to="s" distribution="uniform" min="1" max="2"/><log message="[$s]"/>'),
    "exec int": between('<exec int_cmd="stop_call"/>'),
    "optional at the end": scenario(recv("OPTIONS"), reply("200 OK"), '<recv request="INFO" optional="true"/>'),
    "recv auth 1": within('<recv response="401" auth="1"/>'),
    "next number": within('<nop next="1"/>', '<label id="1"/>'),
    "pause reversed": within('<pause min="5" max="1"/>'),
    "rtd true": within('<recv request="INFO" rtd="true"/>'),
    "rtd name": within('<recv request="INFO" rtd="abc"/>'),
    "lost 200": within('<recv request="INFO" lost="200"/>'),
    "crlf false": within('<recv request="INFO" crlf="false"/>'),
    "partition spaces": within('<ResponseTimeRepartition value=" 10, 20 ,30"/>'),
    "Global used": within('<Global variables="a"/>', '<nop><action><log message="[$a]"/></action></nop>'),
    "init nop": scenario("<init><nop/></init>", recv("OPTIONS")),
    "empty action": within("<nop><action/></nop>"),
    "entity": between('<log message="&amp;&lt;&gt;&quot;"/>'),
    "unknown entity": between('<log message="&nbsp;"/>'),
    "comment": within("<!-- a -- b <recv> -->"),
    "doctype": within().replace("<scenario", '<!DOCTYPE scenario SYSTEM "sipp.dtd">\n<scenario', 1),
    "encoding": within().replace('version="1.0"', 'version="1.0" encoding="ISO-8859-1"'),
    "hide": within('<nop hide="true"/>', '<nop hiderest="true"/>'),
    "display": within('<nop display="a"/>'),
    "ignoresdp": within('<recv request="INFO" ignoresdp="true"/>'),
    "counter": within('<nop counter="abc"/>'),
    "action in send": within(send("SIP/2.0 200 OK\nA: b\n", action='<action><log message="a"/></action>')),
}
