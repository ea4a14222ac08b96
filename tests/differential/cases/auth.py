"""auth: challenges and answers to them, right and wrong; nonces that expire, are used again or belong elsewhere."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from typing import Any

from ..case import Scene, case, verdicts
from ..digest import Fields, answer, challenge, ha1

MODULES = "tm sl pv xlog textops siputils auth"
URI = "sip:example.com"

#: The request route: the user of the From URI says what is called, header fields hand over arguments.
PASSWORD = """
request_route {
    if ($hdr(X-Challenge) != $null) {
        $var(flags) = $(hdr(X-Challenge){s.int});
        if ($hdr(X-Proxy) != $null) { proxy_challenge("example.com", "$var(flags)"); } else { www_challenge("example.com", "$var(flags)"); }
        $var(rc) = $rc; xlog("challenge $var(rc)\\n");
        exit;
    }
    if ($hdr(X-Proxy) != $null) { pv_proxy_authenticate("example.com", "secret", "0"); } else { pv_www_authenticate("example.com", "secret", "0"); }
    $var(rc) = $rc;
    xlog("$rm $var(rc) au=$au ar=$ar ad=$ad aU=$aU Au=$Au AU=$AU adu=$adu aa=$aa\\n");
    if ($var(rc) > 0) { sl_send_reply("200", "OK"); } else { sl_send_reply("403", "No"); }
}
"""


def params(**values: int | str) -> str:
    """modparam lines of auth."""
    shown = {name: f'"{value}"' if isinstance(value, str) else value for name, value in values.items()}
    return "".join(f'modparam("auth", "{name}", {value})\n' for name, value in shown.items())


AUTH_INT = "Kamailio hashes memory that it never filled in place of the body: no answer with qop=auth-int is right"
STALE = "the manual has flag 16 put stale=true into the challenge; 5.6 ignores it there"
NO_500 = "the manual has flag 4 keep back the 500; 5.6 looks at the flags too late"


class Phone:
    """alice: asks for challenges and answers them, each time in a new request."""

    def __init__(self, scene: Scene, method: str = "REGISTER", *, proxy: bool = False) -> None:
        self.scene, self.method, self.proxy, self.count = scene, method, proxy, 0
        self.header = "Proxy-Authorization" if proxy else "Authorization"

    def send(self, headers: str, *, method: str = "", **more: Any) -> None:
        """A request of its own."""
        self.count += 1
        if self.proxy:
            headers += "\nX-Proxy: 1"
        self.scene.alice.request(
            method or self.method,
            more.pop("uri", URI),
            to=more.pop("to", "<sip:alice@example.com>"),
            cseq=self.count,
            headers=headers.strip("\n"),
            branch=f"z9hG4bK-auth-{self.count}",
            **more,
        )

    def ask(self, flags: int = 0, **more: str) -> Fields:
        """The challenge for a request without credentials."""
        self.scene.settle()
        self.scene.alice.drain()
        self.send(f"X-Challenge: {flags}", **more)
        return challenge(self.scene.alice.expect(407 if self.proxy else 401))

    def credentials(self, value: str, **more: str) -> None:
        """A request with these credentials."""
        self.send(f"{self.header}: {value}", **more)
        self.scene.settle()

    def answer(self, asked: Fields, uri: str = URI, *, method: str = "", **changed: Any) -> None:
        """A request that answers the challenge."""
        self.credentials(answer(asked, method or self.method, uri, **changed), method=method)


@case(PASSWORD, modules=MODULES)
def right_password(scene: Scene) -> None:
    """401, the answer, 200; and the pseudo-variables of credentials."""
    phone = Phone(scene)
    phone.answer(phone.ask())
    phone.answer(phone.ask(), user="alice@example.com")
    phone.answer(phone.ask(), user="sip:alice@example.com")


@case(PASSWORD, modules=MODULES)
def right_password_for_a_proxy(scene: Scene) -> None:
    """407 for an INVITE."""
    phone = Phone(scene, "INVITE", proxy=True)
    phone.answer(phone.ask())


@case(PASSWORD, modules=MODULES)
def wrong_answers(scene: Scene) -> None:
    """Passwords, realms, users and URIs that are not those of the challenge."""
    phone = Phone(scene)
    asked = phone.ask()
    phone.answer(asked, password="wrong")
    phone.answer(asked, realm="example.org")
    phone.answer(asked, realm="EXAMPLE.com")
    phone.answer({**asked, "realm": "EXAMPLE.com"})
    phone.answer(asked, username="bob")
    phone.answer(asked, "sip:other.com")
    phone.answer(asked, response="0" * 32)
    phone.answer(asked, response="0" * 31)
    phone.answer(asked, response="0" * 64)
    phone.answer({**asked, "algorithm": "SHA-256"})
    phone.answer({**asked, "algorithm": "MD5"})
    phone.answer({**asked, "algorithm": "md5-sess"})
    phone.answer({**asked, "algorithm": "AKAv1-MD5"})


@case(PASSWORD, modules=MODULES)
def bad_credentials(scene: Scene) -> None:
    """Missing fields, other schemes, garbage."""
    phone = Phone(scene)
    asked = phone.ask()
    for name in ("username", "realm", "nonce", "uri", "response"):
        phone.answer(asked, without=name)
    for name in ("qop", "nc", "cnonce"):
        phone.answer({**asked, "qop": "auth"}, without=name)
    phone.answer(asked, username="")
    phone.answer(asked, nonce="")
    phone.answer(asked, response="")
    for text in ("Basic YWxpY2U6c2VjcmV0", "Digest", "Digest ", "Digest realm", "Digest realm=", 'Digest realm="x', ""):
        phone.credentials(text)
    phone.credentials('Digest realm="example.com"')
    phone.credentials('digest\trealm=example.com, username=alice,nonce="x",uri="y",response="z"')
    phone.send("")
    scene.settle()


@case(PASSWORD, modules=MODULES)
def several_credentials(scene: Scene) -> None:
    """The header with the realm is found behind others; one that does not parse ends the search."""
    phone = Phone(scene)
    asked = phone.ask()
    good = answer(asked, "REGISTER", URI)
    other = answer({**asked, "realm": "example.org"}, "REGISTER", URI)
    for first in (other, "Basic xyz", "Digest realm"):
        phone.send(f"Authorization: {first}\nAuthorization: {good}")
        scene.settle()
    phone.send(f"Authorization: {good}\nAuthorization: Digest realm")
    phone.send(f"Authorization: {other}\nthis is no header\nAuthorization: {good}")
    phone.send(f"Authorization: {good}\nthis is no header")
    phone.send("this is no header")
    scene.settle()


@case(PASSWORD, modules=MODULES)
def bad_nonces(scene: Scene) -> None:
    """Nonces that this server never made."""
    phone = Phone(scene)
    asked = phone.ask()
    nonce = asked["nonce"]
    flipped = nonce[:-1] + ("A" if nonce[-1] != "A" else "B")
    early = "AAAAAAAAAAA" + nonce[11:]
    late = "/////////////" + nonce[13:]
    for bad in (flipped, nonce[:-1], nonce[:-4], nonce + "A", nonce + "AAAA", nonce + "A" * 48, nonce[::-1], "short"):
        phone.answer({**asked, "nonce": bad})
    for bad in (early, late, "*" * 32, "=" * 32, nonce[:30] + "==", nonce.lower()):
        phone.answer({**asked, "nonce": bad})


@case(PASSWORD, modules=MODULES)
def methods_that_nobody_can_challenge(scene: Scene) -> None:
    """ACK, CANCEL and PRACK are let through."""
    phone = Phone(scene)
    for method in ("ACK", "CANCEL", "PRACK", "INFO", "BYE"):
        phone.send("", method=method)
        scene.settle()


@case(
    PASSWORD,
    modules=MODULES,
    differs=dict.fromkeys(("alice/5", "alice/7", "alice/17", "log/5", "log/7", "log/17"), AUTH_INT),
)
def qualities_of_protection(scene: Scene) -> None:
    """Flags 1 and 2 of challenges offer auth and auth-int, 16 says stale."""
    phone = Phone(scene, "MESSAGE")
    for flags in (0, 1, 2, 3, 4, 8, 16, 17, 18):
        asked = phone.ask(flags)
        phone.answer(asked)
    asked = phone.ask(1)
    phone.answer(asked, qop="")
    phone.answer(asked, qop="AUTH")
    phone.answer(asked, qop="other")
    phone.answer(asked, nc="1")
    phone.answer(asked, nc="0000000g", cnonce="")


@case(params(nonce_expire=1) + PASSWORD, modules=MODULES)
def expired_nonce(scene: Scene) -> None:
    """Good for a second, then stale."""
    phone = Phone(scene)
    asked = phone.ask()
    phone.answer(asked)
    scene.wait(3.2)
    phone.answer(asked)
    phone.answer(asked, password="wrong")
    phone.answer(phone.ask(16))


@case(params(qop="auth", nonce_count=1, nc_array_size=1024) + PASSWORD, modules=MODULES)
def nonce_count(scene: Scene) -> None:
    """The count must rise and stay below 256; without one it is not looked at."""
    phone = Phone(scene)
    asked = phone.ask(1)
    for count in ("00000001", "00000001", "00000003", "00000002", "000000fE", "000000ff", "000000ff", "00000100"):
        phone.answer(asked, nc=count)
    other = phone.ask(1)
    for count in ("00000000", "1", "000000001", "0000000x", "00000010"):
        phone.answer(other, nc=count)
    phone.answer(other, qop="")
    phone.answer(other, nc="00000011", password="wrong")
    phone.answer(other, nc="00000011")
    phone.answer(other, nc="00000012")
    phone.answer(phone.ask(0))


@case(params(qop="auth", nonce_count=1, nc_array_size=4, nid_pool_no=2) + PASSWORD, modules=MODULES)
def nonce_count_with_little_room(scene: Scene) -> None:
    """A nonce is forgotten once as many others were made as there is room for."""
    phone = Phone(scene)
    first = phone.ask(1)
    phone.answer(first)
    second = phone.ask(1)
    phone.answer(first, nc="00000002")
    third = phone.ask(1)
    phone.answer(first, nc="00000003")
    phone.answer(second, nc="00000003")
    phone.answer(third, nc="00000003")


@case(params(one_time_nonce=1) + PASSWORD, modules=MODULES)
def one_time_nonce(scene: Scene) -> None:
    """Each nonce answers one request."""
    phone = Phone(scene)
    for flags in (0, 1):
        asked = phone.ask(flags)
        phone.answer(asked, password="wrong")
        phone.answer(asked)
        asked = phone.ask(flags)
        phone.answer(asked)
        phone.answer(asked)
        phone.answer(asked, nc="00000002")


@case(params(one_time_nonce=1, qop="auth", nonce_count=1, otn_in_flight_no=4096) + PASSWORD, modules=MODULES)
def one_time_nonce_beside_nonce_count(scene: Scene) -> None:
    """Counted nonces may be used again, others not."""
    phone = Phone(scene)
    asked = phone.ask(1)
    phone.answer(asked)
    phone.answer(asked, nc="00000002")
    phone.answer(asked, nc="00000002")
    phone.answer(asked, qop="")
    phone.answer(asked, qop="")


CHECKS = params(
    auth_checks_register=15, auth_checks_no_dlg=1, auth_checks_in_dlg=6, secret="a secret that is long enough for two"
)


@case(CHECKS + PASSWORD, modules=MODULES)
def nonces_bound_to_a_message(scene: Scene) -> None:
    """The nonce is stale for another request URI, Call-ID, From tag or address, as far as that is looked at."""
    phone = Phone(scene)
    asked = phone.ask()
    phone.answer(asked)
    good = answer(asked, "REGISTER", URI)
    phone.credentials(good, uri="sip:other.com")
    phone.credentials(good, call_id="another")
    phone.credentials(good, from_="<sip:alice@example.com>;tag=other;x")
    scene.bob.request("REGISTER", URI, to="<sip:alice@example.com>", headers=f"Authorization: {good}")
    scene.settle()
    good = answer(asked, "MESSAGE", URI)
    phone.credentials(good, method="MESSAGE")
    asked = phone.ask(method="MESSAGE")
    good = answer(asked, "MESSAGE", URI)
    phone.credentials(good, method="MESSAGE")
    phone.credentials(good, method="MESSAGE", uri="sip:other.com")
    phone.credentials(good, method="MESSAGE", call_id="another")
    phone.credentials(good, method="MESSAGE", to_tag="bob")
    asked = phone.ask(method="MESSAGE", to_tag="bob")
    good = answer(asked, "MESSAGE", URI)
    phone.credentials(good, method="MESSAGE", to_tag="bob")
    phone.credentials(good, method="MESSAGE", to_tag="bob", uri="sip:other.com")
    phone.credentials(good, method="MESSAGE", to_tag="bob", call_id="another")
    phone.credentials(good, method="MESSAGE")


@case(params(auth_checks_register=1, one_time_nonce=1, qop="auth-int", nonce_count=1) + PASSWORD, modules=MODULES)
def everything_in_one_nonce(scene: Scene) -> None:
    """Both sums, and the number of the nonce behind them."""
    phone = Phone(scene)
    asked = phone.ask(1)
    phone.answer(asked)
    phone.answer(asked, nc="00000002")
    phone.credentials(answer(asked, "REGISTER", URI, nc="00000003"), uri="sip:other.com")
    phone.credentials(answer(asked, "REGISTER", URI, qop=""), uri="sip:other.com")
    asked = phone.ask(0)
    phone.credentials(answer(asked, "REGISTER", URI), uri="sip:other.com")


@case(params(algorithm="SHA-256", add_authinfo_hdr=1) + PASSWORD, modules=MODULES)
def sha_256(scene: Scene) -> None:
    """The longer hash, and what the server answers of itself."""
    phone = Phone(scene)
    for flags in (0, 1, 16):
        phone.answer(phone.ask(flags))
    asked = phone.ask()
    phone.answer({**asked, "algorithm": "MD5"})
    phone.answer({**asked, "algorithm": ""})
    phone.answer(asked, algorithm="MD5")


@case(params(algorithm="MD5", add_authinfo_hdr=1, one_time_nonce=1) + PASSWORD, modules=MODULES)
def authentication_info_with_a_new_nonce(scene: Scene) -> None:
    """nextnonce answers the next request."""
    phone = Phone(scene)
    asked = phone.ask(1)
    scene.settle()
    scene.alice.drain()
    phone.send(f"Authorization: {answer(asked, 'REGISTER', URI)}")
    info = scene.alice.expect(200).header("Authentication-Info")
    asked["nonce"] = info.partition('nextnonce="')[2].partition('"')[0]
    phone.answer(asked)
    phone.answer(asked)


@case(
    params(realm_prefix="sip.")
    + """
request_route {
    xlog("has $hdr(X-Realm): ");
    if (has_credentials("$hdr(X-Realm)")) xlog("yes\\n"); else xlog("no\\n");
    $var(realm) = $hdr(X-Realm);
    pv_www_authenticate("$var(realm)", "secret", "0");
    $var(rc) = $rc; xlog("rc $var(rc) realm $var(realm)\\n");
    if ($var(rc) < 0) www_challenge("$var(realm)", "0");
    else if (!consume_credentials()) xlog("not consumed\\n");
    $du = "sip:127.0.0.12:21200";
    if ($var(rc) > 0) forward();
}
""",
    modules=MODULES,
)
def realm_prefix_and_consumed_credentials(scene: Scene) -> None:
    """sip.example.com is example.com; what was checked does not go on."""
    phone = Phone(scene)
    phone.send("X-Realm: sip.example.com")
    asked = challenge(scene.alice.expect(401))
    for realm in ("sip.example.com", "example.com", "Sip.example.com", "sip.", "sip"):
        phone.send(f"X-Realm: {realm}\nAuthorization: {answer(asked, 'REGISTER', URI)}\nX-Behind: here")
        scene.settle()
    other = answer({**asked, "realm": "sip.example.com"}, "REGISTER", URI)
    phone.send(f"X-Realm: sip.example.com\nAuthorization: {other}\nX-Behind: here")
    phone.send(f"X-Realm: sip.example.com\nProxy-Authorization: {other}\nX-Behind: here")
    both = f"Authorization: {other}\nAuthorization: {answer(asked, 'REGISTER', URI)}\nSubject: x"
    phone.send(f"X-Realm: example.com\n{both}")
    phone.send("X-Realm: example.com", method="ACK")
    scene.settle()


def consumer(first: str) -> str:
    """A config that looks at what is left once credentials were checked and consumed."""
    return f"""
request_route {{
    {first}
    if (consume_credentials()) xlog("consumed\\n"); else xlog("not consumed\\n");
    if (consume_credentials()) xlog("consumed\\n"); else xlog("not consumed\\n");
    msg_apply_changes();
    xlog("$hdr(Authorization) $hdr(Proxy-Authorization) $hdr(Subject) $Au\\n");
    if (consume_credentials()) xlog("consumed\\n"); else xlog("not consumed\\n");
}}
"""


@case(
    consumer(
        'pv_www_authenticate("example.com", "x", "0"); pv_proxy_authenticate("example.org", "y", "0"); xlog("$Au $AU\\n");'
    ),
    modules=MODULES + " textopsx",
)
def what_is_consumed_was_looked_at(scene: Scene) -> None:
    """Credentials count as used once their realm was asked for, whatever the password."""
    fields = 'username="alice", nonce="x", uri="y", response="z"'
    both = f'Authorization: Digest realm="example.com", {fields}\nProxy-Authorization: Digest realm="example.org", {fields}'
    scene.alice.request("INVITE", URI, headers=f"{both}\nSubject: kept")
    scene.alice.request("INVITE", URI, headers=f"{both.splitlines()[1]}\nSubject: kept")
    scene.alice.request("INVITE", URI, headers=f"{both.splitlines()[1].replace('org', 'net')}\nSubject: kept")
    scene.settle()


CHECKER = """
request_route {
    if ($hdr(X-Challenge) != $null) { auth_challenge("example.com", "0"); $var(rc) = $rc; xlog("$rm challenge $var(rc)\\n"); exit; }
    $var(checks) = $(hdr(X-Checks){s.int});
    pv_auth_check("example.com", "secret", "0", "$var(checks)");
    $var(rc) = $rc; xlog("$rm from $fu to $tu ruri $ru checks $var(checks): $var(rc)\\n");
}
"""


def _identities(scene: Scene) -> None:
    for method, proxy in (("REGISTER", False), ("PUBLISH", True), ("INVITE", True)):
        phone = Phone(scene, method, proxy=proxy)
        asked = phone.ask()
        good = f"{phone.header}: {answer(asked, method, URI)}"
        for checks in (0, 1, 2, 3):
            for from_, to, uri in (
                ("alice@example.com", "alice@example.com", "alice@example.com"),
                ("bob@example.com", "alice@example.com", "alice@example.com"),
                ("alice@example.com", "bob@example.com", "alice@example.com"),
                ("alice@example.com", "alice@example.com", "bob@example.com"),
                ("alice@example.org", "alice@example.com", "alice@example.com"),
                ("alice@example.com", "alice@example.com", "alice@example.org"),
                ("Alice@example.com", "Alice@example.com", "Alice@example.com"),
            ):
                phone.send(f"{good}\nX-Checks: {checks}", from_=f"<sip:{from_}>", to=f"<sip:{to}>", uri=f"sip:{uri}")
                scene.settle()
        phone.send("X-Checks: 1")
        phone.send(f"{phone.header}: {answer(asked, method, URI, password='x')}\nX-Checks: 1")
        phone.send(f"{good}\nX-Checks: 1", from_="sip")
        scene.settle()


@case(CHECKER, modules=MODULES)
def identities(scene: Scene) -> None:
    """The user must be that of From, of To for REGISTER, and of the request URI for PUBLISH."""
    _identities(scene)


@case(params(use_domain=1) + CHECKER, modules=MODULES)
def identities_with_domains(scene: Scene) -> None:
    """The domains of these must be the same, too."""
    _identities(scene)


@case(CHECKER, modules=MODULES)
def methods_of_auth_challenge(scene: Scene) -> None:
    """401 for a REGISTER, 407 for others, nothing for ACK and CANCEL."""
    phone = Phone(scene)
    for method in ("REGISTER", "OPTIONS", "ACK", "CANCEL", "PRACK"):
        phone.send("X-Challenge: 1", method=method)
        phone.send("X-Checks: 1", method=method)
        scene.settle()


@case(
    """
request_route {
    $var(flags) = $(hdr(X-Flags){s.int});
    pv_www_authenticate("example.com", "$hdr(X-Password)", "$var(flags)", "$hdr(X-Method)");
    $var(rc) = $rc;
    xlog("$var(rc) <$avp(digest_challenge)> $(avp(digest_challenge)[1])\\n");
    if ($avp(digest_challenge) != $null) append_to_reply("$avp(digest_challenge)");
    sl_send_reply("499", "Look");
}
""",
    modules=MODULES,
    differs=dict.fromkeys(("alice/25/6", "alice/26/6", "log/25", "log/26"), STALE),
)
def challenges_in_an_avp(scene: Scene) -> None:
    """Flags 2, 4 and 8 leave a challenge for the script; 1 says that the password is hashed already."""
    phone = Phone(scene)
    phone.send("X-Flags: 2\nX-Password: secret\nX-Method: REGISTER")
    asked = challenge(scene.alice.expect(499))
    hashed = ha1("alice", "example.com", "secret")
    for flags in (0, 1, 2, 4, 8, 12, 14, 16, 18):
        phone.send(f"X-Flags: {flags}\nX-Password: wrong\nX-Method: REGISTER")
        phone.send(
            f"X-Flags: {flags}\nX-Password: wrong\nX-Method: REGISTER\nAuthorization: {answer(asked, 'REGISTER', URI)}"
        )
        phone.send(
            f"X-Flags: {flags}\nX-Password: secret\nX-Method: REGISTER\nAuthorization: {answer(asked, 'REGISTER', URI)}"
        )
        scene.settle()
    good = answer(asked, "OTHER", URI)
    for password in (hashed, hashed + "x", hashed[:31], hashed.upper(), "secret"):
        phone.send(f"X-Flags: 1\nX-Password: {password}\nX-Method: OTHER\nAuthorization: {good}")
        scene.settle()
    phone.send(f"X-Flags: 1\nX-Password: {hashed}\nX-Method: REGISTER\nAuthorization: {good}")
    phone.send(f"X-Flags: 1\nX-Password: {hashed}\nX-Method:\nAuthorization: {good}")
    phone.send(f"X-Flags: 1\nX-Password:\nX-Method: OTHER\nAuthorization: {good}")
    phone.send(f"X-Flags: 1\nX-Method: OTHER\nAuthorization: {good}")
    scene.settle()


@case(
    params(
        challenge_attr="$i:7",
        www_challenge_header="X-Www",
        proxy_challenge_header="X-Proxy",
        nonce_expire=1,
        secret="s",
    )
    + """
request_route {
    pv_www_authenticate("example.com", "secret", "4");
    xlog("<$avp(i:7)>\\n");
    pv_proxy_authenticate("example.com", "secret", "8");
    xlog("<$avp(i:7)>\\n");
    auth_get_www_authenticate("example.com", "1", "$var(made)");
    $var(rc) = $rc;
    xlog("$var(rc) <$var(made)>\\n");
    auth_get_www_authenticate("sip.$rd", "18", "$avp(made)");
    xlog("<$avp(made)>\\n");
    if (is_method("REGISTER")) www_challenge("$rd", "0"); else proxy_challenge("sip.$rd", "0");
}
""",
    modules=MODULES,
)
def names_and_realms(scene: Scene) -> None:
    """Headers and the AVP may be called otherwise; a realm is one pseudo-variable or a text."""
    phone = Phone(scene)
    phone.send("")
    phone.send("", method="INVITE")
    scene.settle()


@case(
    CHECKS
    + """
request_route {
    if ($hdr(X-Made) != $null) {
        auth_get_www_authenticate("example.com", "0", "$var(made)");
        append_to_reply("$var(made)");
        sl_send_reply("401", "Unauthorized");
        exit;
    }
    pv_www_authenticate("example.com", "secret", "0");
    $var(rc) = $rc; xlog("$var(rc)\\n");
}
""",
    modules=MODULES,
)
def nonce_of_auth_get_www_authenticate(scene: Scene) -> None:
    """It is bound to no message, and so good for none where nonces are."""
    phone = Phone(scene)
    phone.send("X-Made: 1")
    asked = challenge(scene.alice.expect(401))
    phone.answer(asked)
    phone.answer(asked, method="MESSAGE")


def _replies(scene: Scene) -> None:
    phone = Phone(scene, "INVITE", proxy=True)
    for how in ("", "X-New: 1"):
        phone.send(how)
        scene.settle()
        scene.label(how)


REPLIES = """
request_route {
    if (is_method("ACK")) { t_check_trans(); exit; }
    if ($hdr(X-New) != $null) t_newtran();
    append_to_reply("X-More: 1\\r\\n");
    auth_challenge("example.com", "0");
    $var(rc) = $rc; xlog("$var(rc) $T_reply_code $retcode\\n");
    auth_challenge("example.com", "0");
    $var(rc) = $rc; xlog("$var(rc) $T_reply_code $retcode\\n");
}
"""


@case(params(force_stateless_reply=0) + REPLIES, modules="tm tmx sl pv xlog textops auth", repeats=True)
def replies_of_the_transaction(scene: Scene) -> None:
    """A challenge is a reply of the transaction when there is one."""
    _replies(scene)


@case(params(force_stateless_reply=1) + REPLIES, modules="tm tmx sl pv xlog textops auth", repeats=True)
def replies_without_the_transaction(scene: Scene) -> None:
    """With force_stateless_reply it never is."""
    _replies(scene)


@case(
    """
request_route {
    $var(flags) = 4;
    if ($rU == "flag") { www_challenge("$avp(none)", "4"); }
    else if ($rU == "noflag") { www_challenge("$avp(none)", "0"); }
    else if ($rU == "empty") { $var(e) = ""; proxy_challenge("$var(e)", "0"); }
    else if ($rU == "auth") { auth_challenge("$avp(none)", "4"); }
    else if ($rU == "text") { www_challenge("example.com", "$rU"); }
    else if ($rU == "null") { www_challenge("example.com", "$avp(none)"); }
    else if ($rU == "number") { $avp(n) = 17; www_challenge("$avp(n)", "$avp(n)"); }
    else if ($rU == "string") { $avp(n) = "1"; www_challenge("example.com", "$avp(n)"); }
    else if ($rU == "negative") { www_challenge("example.com", "-1"); }
    else if ($rU == "get") { auth_get_www_authenticate("$avp(none)", "0", "$var(x)"); }
    else if ($rU == "getflags") { auth_get_www_authenticate("x", "$rU", "$var(x)"); }
    else if ($rU == "realm") { pv_www_authenticate("$avp(none)", "x", "0"); }
    else if ($rU == "erealm") { $var(e) = ""; pv_www_authenticate("$var(e)", "x", "6"); }
    else if ($rU == "pass") { pv_proxy_authenticate("x", "$avp(none)", "6"); }
    else if ($rU == "flags") { pv_proxy_authenticate("x", "y", "$rU"); }
    else if ($rU == "check") { pv_auth_check("x", "y", "0", "$rU"); }
    else if ($rU == "checkflags") { pv_auth_check("x", "y", "$rU", "0"); }
    else if ($rU == "checkrealm") { pv_auth_check("$avp(none)", "y", "0", "0"); }
    else if ($rU == "has") { has_credentials("$avp(none)"); }
    else if ($rU == "consume") { consume_credentials(); }
    $var(rc) = $rc; xlog("$rU $var(rc) <$avp(digest_challenge)>\\n");
}
""",
    modules=MODULES,
    differs=dict.fromkeys(("alice: flag", "alice: auth"), NO_500),
)
def arguments_without_a_value(scene: Scene) -> None:
    """What becomes of realms, passwords and flags that are not there."""
    for name in (
        *("flag", "noflag", "empty", "auth", "text", "null", "number", "string", "negative", "get", "getflags"),
        *("realm", "erealm", "pass", "flags", "check", "checkflags", "checkrealm", "has", "consume"),
    ):
        scene.alice.request("INVITE", f"sip:{name}@example.com", branch=f"z9hG4bK-{name}")
        scene.settle()
        scene.label(name)


@case(
    """
request_route {
    if (is_method("ACK")) exit;
    t_on_failure("F");
    t_on_reply("R");
    $du = "sip:127.0.0.12:21200";
    t_relay();
}
onreply_route[R] { if ($rs == 183) { www_challenge("reply.com", "0"); $var(rc) = $rc; xlog("$rs $var(rc)\\n"); } }
failure_route[F] {
    if ($T_reply_code == 486) { proxy_challenge("failed.com", "1"); $var(rc) = $rc; xlog("$T_reply_code $var(rc)\\n"); }
}
""",
    modules="tm tmx sl pv xlog textops auth",
)
def challenges_in_other_routes(scene: Scene) -> None:
    """In a failure route the caller is challenged; a reply is not answered."""
    scene.alice.request("INVITE", "sip:bob@example.com")
    scene.alice.expect(100)
    invite = scene.bob.expect("INVITE")
    invite.answer(183, "Progress")
    scene.settle()
    invite.answer(486, "Busy")
    scene.settle()


@case(
    """
request_route {
    if (is_method("ACK")) exit;
    t_on_failure("F");
    $du = "sip:127.0.0.12:21200";
    t_relay();
}
failure_route[F] {
    if (auth_challenge("failed.com", "1")) { $var(rc) = $rc; xlog("$T_reply_code $var(rc)\\n"); }
}
""",
    modules="tm tmx sl pv xlog textops auth",
)
def challenge_in_a_failure_route(scene: Scene) -> None:
    """The caller gets it in place of the reply that failed."""
    scene.alice.request("INVITE", "sip:bob@example.com")
    scene.alice.expect(100)
    scene.bob.expect("INVITE").answer(486, "Busy")
    scene.settle()


@case(
    """
request_route {
    if (is_method("ACK")) exit;
    pv_proxy_authenticate("example.com", "x", "0");
    t_on_failure("F");
    t_on_reply("R");
    $du = "sip:127.0.0.12:21200";
    t_relay();
}
onreply_route[R] { xlog("reply $Au\\n"); }
failure_route[F] { xlog("failed $Au $AU\\n"); }
""",
    modules="tm tmx sl pv xlog textops auth",
)
def credentials_stay_with_the_transaction(scene: Scene) -> None:
    """A failure route sees whose credentials were looked at."""
    fields = 'username="dave", realm="example.com", nonce="x", uri="y", response="z"'
    scene.alice.request("INVITE", "sip:bob@example.com", headers=f"Proxy-Authorization: Digest {fields}")
    scene.alice.expect(100)
    scene.bob.expect("INVITE").answer(486, "Busy")
    scene.settle()


verdicts(
    "auth",
    "arguments",
    """
www_challenge("", "0");
www_challenge("x", "");
www_challenge("x", "y");
www_challenge("x", 1);
www_challenge("x.$rd", "1");
www_challenge("$nosuch", "1");
www_challenge($rd, "1");
www_challenge("x" + $rd, "1");
www_challenge("@ruri.host", "1");
www_challenge("x", "$var(f)");
www_challenge("x", "1$var(f)");
proxy_challenge("", "0");
auth_challenge("x", "q");
pv_www_authenticate("", "x", "0");
pv_www_authenticate("x", "", "0");
pv_www_authenticate("x", "y", "");
pv_www_authenticate("x", "y", "z");
pv_www_authenticate("x$rd", "y$rU", "1");
pv_www_authenticate("x", "y", "0", "");
pv_www_authenticate("x", "y", "0", "$rm");
pv_www_authenticate($rd, $var(p), "0");
pv_www_authenticate("x", "$nosuch(y)", "0");
pv_www_authenticate("x", "a$nosuch(y)", "0");
pv_proxy_authorize("x", "y", "0");
pv_auth_check("x", "y", "0", "");
pv_auth_check("x", "y", "0", "z");
pv_auth_check("x", "y", 0, 1);
has_credentials("");
has_credentials("x$rd");
has_credentials($rd);
has_credentials("$nosuch");
auth_get_www_authenticate("x", "0", "$rm");
auth_get_www_authenticate("x", "0", "x");
auth_get_www_authenticate("x", "0", "");
auth_get_www_authenticate("x", "0", "$var(x)");
auth_get_www_authenticate("x", "0", "$hdr(x)");
auth_get_www_authenticate("", "0", "$var(x)");
""",
    before='loadmodule "sl.so"\nloadmodule "auth.so"\n',
)

verdicts(
    "auth",
    "parameters",
    r"""
: modparam("auth", "qop", "auth")
: modparam("auth", "qop", "AUTH-INT")
: modparam("auth", "qop", " auth ")
: modparam("auth", "qop", "")
: modparam("auth", "qop", "auth,auth-int")
: modparam("auth", "algorithm", "")
: modparam("auth", "algorithm", "MD5")
: modparam("auth", "algorithm", "md5")
: modparam("auth", "algorithm", "SHA-256")
: modparam("auth", "algorithm", "SHA-512-256")
: modparam("auth", "challenge_attr", "")
: modparam("auth", "challenge_attr", "x")
: modparam("auth", "challenge_attr", "$x")
: modparam("auth", "challenge_attr", "$")
: modparam("auth", "challenge_attr", "$i:x")
: modparam("auth", "challenge_attr", "$s:x")
: modparam("auth", "challenge_attr", "$avp(x)")
: modparam("auth", "challenge_attr", "$f.x")
: modparam("auth", "secret", "")
: modparam("auth", "secret", "")\nmodparam("auth", "auth_checks_register", 1)
: modparam("auth", "secret", "x")\nmodparam("auth", "auth_checks_register", 1)
: modparam("auth", "nonce_expire", -1)
: modparam("auth", "nonce_expire", 0)
: modparam("auth", "nonce_count", 1)
: modparam("auth", "nonce_count", 1)\nmodparam("auth", "qop", "")
: modparam("auth", "nonce_count", 1)\nmodparam("auth", "nc_array_size", 1)
: modparam("auth", "nonce_count", 1)\nmodparam("auth", "nc_array_size", 2)
: modparam("auth", "nonce_count", 1)\nmodparam("auth", "nc_array_size", 16777216)
: modparam("auth", "nonce_count", 1)\nmodparam("auth", "nc_array_size", 67108864)
: modparam("auth", "nonce_count", 1)\nmodparam("auth", "nc_array_order", 25)
: modparam("auth", "nonce_count", 1)\nmodparam("auth", "nc_array_order", 26)
: modparam("auth", "nonce_count", 1)\nmodparam("auth", "nc_array_order", 3)\nmodparam("auth", "nid_pool_no", 8)
: modparam("auth", "nonce_count", 1)\nmodparam("auth", "nc_array_order", 4)\nmodparam("auth", "nid_pool_no", 8)
: modparam("auth", "nonce_count", 1)\nmodparam("auth", "nc_array_order", 4)\nmodparam("auth", "nid_pool_no", 15)
: modparam("auth", "nonce_count", 1)\nmodparam("auth", "nid_pool_no", 100)
: modparam("auth", "one_time_nonce", 1)\nmodparam("auth", "otn_in_flight_no", 1)
: modparam("auth", "one_time_nonce", 1)\nmodparam("auth", "otn_in_flight_no", 32)
: modparam("auth", "one_time_nonce", 1)\nmodparam("auth", "otn_in_flight_no", 64)
: modparam("auth", "one_time_nonce", 1)\nmodparam("auth", "otn_in_flight_order", 5)
: modparam("auth", "one_time_nonce", 1)\nmodparam("auth", "otn_in_flight_order", 6)
: modparam("auth", "one_time_nonce", 1)\nmodparam("auth", "otn_in_flight_order", 7)\nmodparam("auth", "nid_pool_no", 4)
: modparam("auth", "one_time_nonce", 1)\nmodparam("auth", "otn_in_flight_order", 24)
: modparam("auth", "one_time_nonce", 1)\nmodparam("auth", "otn_in_flight_order", 25)
: modparam("auth", "one_time_nonce", 1)\nmodparam("auth", "otn_in_flight_no", -1)
: modparam("auth", "realm_prefix", "")
: modparam("auth", "protect_contacts", 1)
: modparam("auth", "nonce_auth_max_drift", -1)
""",
    before='loadmodule "sl.so"\nloadmodule "auth.so"\n',
)
