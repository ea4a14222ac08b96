"""auth: digest authentication: challenges, nonces, and passwords that the config knows.

Other modules bring the passwords (auth_db); what they need is `Auth.pre_auth`, `check_response` and `post_auth`.
Source: auth manual; src/modules/auth/ and src/core/parser/digest/ of 5.6 and 6.x.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.module import FixupError, Module, Param, Route, Str, function
from kamscript.modules._authorized import Used, mark, used
from kamscript.modules._variable_args import Writable
from kamscript.modules.auth.arguments import FormatArg, Number, NumberArg, Text, TextArg
from kamscript.modules.auth.identity import check_identity
from kamscript.modules.auth.nonces import Checked, Nonces
from kamscript.modules.auth.results import (
    AUTH_ERROR,
    AUTH_INVALID_PASSWORD,
    AUTH_OK,
    RETURNED,
    Outcome,
)
from kamscript.modules.pv.variables import avp_key
from kamscript.sip.auth import Challenge, Credentials, digest_hash, ha1, parse_credentials, response
from kamscript.sip.errors import SipError

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.sl import Sl

WWW, PROXY = "authorization", "proxy-authorization"
_NAME = "auth"
_CHALLENGING = Route.REQUEST | Route.FAILURE | Route.ONREPLY
#: Requests that nobody can challenge.
_PASSED = ("ACK", "CANCEL", "PRACK")
#: Algorithms of 5.6; 6.x has the others, too.
_ALGORITHMS = ("MD5", "SHA-256")
_LATER_ALGORITHMS = (*_ALGORITHMS, "SHA-512", "SHA-512-256")
_REASONS = {401: "Unauthorized", 407: "Proxy Authentication Required"}

#: Flags of challenges.
_QOP_AUTH, _QOP_AUTH_INT, _NO_500, _STALE = 1, 2, 4, 16
#: Flags of pv_*_authenticate.
_HASHED, _AVP, _AVP_QOP_AUTH, _AVP_QOP_AUTH_INT, _KEEP_NONCE = 1, 2 | 4 | 8, 4, 8, 32
_CHECK_IDENTITY = 1


class Auth(Module, name="auth", requires=("sl",)):
    """Challenge requests and check the answers (digest authentication)."""

    secret = Param(None, "What nonces are signed with; without it one is made up at every start.", kind=str)
    nonce_expire = Param(300, "Seconds for which a nonce is good.")
    nonce_auth_max_drift = Param(3, "Seconds by which a nonce may come from the future.")
    protect_contacts = Param(0, "Declared, and read by nothing.", inert="Kamailio reads it nowhere either")
    challenge_attr = Param("$digest_challenge", "The AVP for challenges that the script sends itself.")
    proxy_challenge_header = Param("Proxy-Authenticate", "Name of the header with a challenge in a 407.")
    www_challenge_header = Param("WWW-Authenticate", "Name of the header with a challenge in a 401.")
    qop = Param("auth", "Quality of protection in the challenges of modules that build on this one.")
    auth_checks_register = Param(0, "What nonces of a REGISTER are bound to: 1 URI, 2 Call-ID, 4 From tag, 8 source.")
    auth_checks_no_dlg = Param(0, "The same for requests without a To tag.")
    auth_checks_in_dlg = Param(0, "The same for requests within a dialog.")
    nonce_count = Param(0, "1: the parameter nc must rise with each use of a nonce.")
    nc_array_size = Param(0, "How many nonces nonce_count remembers (a power of two; 0: 1048576).")
    nc_array_order = Param(0, "The same as a power of two: 20 for 1048576.")
    one_time_nonce = Param(0, "1: a nonce answers one request.")
    otn_in_flight_no = Param(0, "How many nonces one_time_nonce remembers (a power of two; 0: 1048576).")
    otn_in_flight_order = Param(0, "The same as a power of two.")
    nid_pool_no = Param(1, "Into how many parts the memory for nonces is divided (1 to 64, a power of two).")
    force_stateless_reply = Param(0, "1: challenges are sent without state, though there is a transaction.")
    realm_prefix = Param("", "A prefix that is cut off realms: `sip.`.")
    use_domain = Param(0, "1: pv_auth_check() compares domains, too.")
    algorithm = Param("", "MD5 or SHA-256 (6.x: SHA-512, SHA-512-256, too); empty: MD5 that is not named.", since="5.6")
    add_authinfo_hdr = Param(0, "1: a good answer adds Authentication-Info to the reply.", since="5.6")

    # -- life -----------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Check the parameters, make secrets and the memory for nonces."""
        self.sl: Sl = self.server.module("sl")
        self._modern = self.server.target == "6.x"
        self._offered_several = False
        self._known = _ALGORITHMS if self.server.target == "5.6" else _LATER_ALGORITHMS
        if self.algorithm and self.algorithm not in self._known:
            raise FixupError(f"unknown algorithm {self.algorithm!r}: {', '.join(self._known)} are possible")
        self._shown = self.algorithm or ("MD5" if self._modern else "")
        if self.challenge_attr[:1] != "$" or len(self.challenge_attr) < 2:
            raise FixupError(f"challenge_attr {self.challenge_attr!r} is no AVP: write it as $name")
        self._attribute = avp_key(self.challenge_attr[1:])
        quality = self.qop.strip(" \t\r\n").lower()
        if quality not in ("", "auth", "auth-int"):
            raise FixupError(f"qop {self.qop!r} is not supported: auth and auth-int are")
        if self.nonce_count and not quality:
            self.warning("nonce_count without qop has no effect")
        self.nonces = Nonces(self, counting=bool(self.nonce_count and quality))

    def error(self, text: str) -> None:
        """Log an error."""
        self.server.log.error(_NAME, text)

    def warning(self, text: str) -> None:
        """Log a warning."""
        self.server.log.warning(_NAME, text)

    # -- for other modules ----------------------------------------------------------------------------------------
    def strip_realm(self, realm: str) -> str:
        """A realm without the prefix `realm_prefix`."""
        return realm.removeprefix(self.realm_prefix) if self.realm_prefix else realm

    def find_credentials(self, ctx: Context, realm: str, kind: str) -> Used | Outcome:
        """The credentials for a realm in headers of a kind: NO_CREDENTIALS, or ERROR when a header does not parse."""
        msg = ctx.msg
        wanted = realm.lower()
        for header in msg.all(kind):
            try:
                credentials = parse_credentials(header.value)
            except SipError:
                self.error("error while parsing credentials")
                return Outcome.ERROR
            if credentials is not None and (credentials.realm or "").lower() == wanted:
                return Used(header, credentials)
        return Outcome.ERROR if msg.header_error else Outcome.NO_CREDENTIALS

    def pre_auth(
        self, ctx: Context, realm: str, kind: str, *, count: bool = True
    ) -> tuple[Outcome, Credentials | None]:
        """All that can be said before the password is known. `realm` is stripped already.

        DO_AUTHENTICATION with credentials: check the response now. Any other outcome is final: AUTHENTICATED for
        requests that nobody can challenge.
        """
        msg = ctx.msg
        if msg.method_id in _PASSED:
            return Outcome.AUTHENTICATED, None
        found = self.find_credentials(ctx, realm, kind)
        if isinstance(found, Outcome):
            return found, None
        credentials = found.credentials
        mark(ctx, kind, found.header, credentials)
        missing = credentials.missing()
        if missing:
            self.error(f"credentials without {', '.join(missing)}")
            return Outcome.BAD_CREDENTIALS, credentials
        checked = self.nonces.check(msg, credentials, count=count)
        if checked is Checked.GOOD:
            return Outcome.DO_AUTHENTICATION, credentials
        if checked is Checked.STALE:
            return Outcome.STALE_NONCE, credentials
        return (Outcome.NONCE_REUSED if checked is Checked.REUSED else Outcome.NOT_AUTHENTICATED), credentials

    def algorithm_of(self, credentials: Credentials) -> str | None:
        """The algorithm that credentials are checked with; None when it is none of those that are known.

        Before 6.x that is the server's own, whatever the credentials say.
        """
        if not self._modern and not self._offered_several:
            return self.algorithm
        wanted = (credentials.algorithm or "").lower()
        base = wanted.removesuffix("-sess")
        return wanted if not base or any(base == name.lower() for name in _LATER_ALGORITHMS) else None

    def hash_length(self, algorithm: str) -> int:
        """How many hexadecimal digits a hash has."""
        return len(digest_hash("", algorithm))

    def make_ha1(self, credentials: Credentials, realm: str, password: str) -> str:
        """H(A1) of a password for the user whom the credentials name."""
        algorithm = self.algorithm_of(credentials) or ""
        names = credentials.username or "", realm, password, algorithm
        return ha1(*names, credentials.nonce or "", credentials.cnonce or "")

    def check_response(self, ctx: Context, credentials: Credentials, method: str, hashed: str) -> Outcome:
        """AUTHENTICATED when the response was made with the password of that hash, else NOT_AUTHENTICATED."""
        algorithm = self.algorithm_of(credentials)
        if algorithm is None:
            return Outcome.BAD_CREDENTIALS
        length = self.hash_length(algorithm)
        if len(credentials.response or "") != length:
            return Outcome.BAD_CREDENTIALS
        wanted = self._response(credentials, method, hashed, algorithm, ctx.msg.body)
        return Outcome.AUTHENTICATED if wanted == credentials.response else Outcome.NOT_AUTHENTICATED

    def _response(self, credentials: Credentials, method: str, hashed: str, algorithm: str, body: str) -> str:
        length = self.hash_length(algorithm)
        return response(
            hashed[:length].ljust(length, "\0"),
            credentials.nonce or "",
            method,
            credentials.uri or "",
            qop=credentials.qop or "",
            nc=credentials.nc or "",
            cnonce=credentials.cnonce or "",
            body=body,
            algorithm=algorithm,
        )

    def post_auth(self, ctx: Context, credentials: Credentials, hashed: str) -> None:
        """The response was right: with `add_authinfo_hdr` the reply proves that the server knows the password."""
        if not self.add_authinfo_hdr:
            return
        c = credentials
        proof = self._response(c, "", hashed, self.algorithm_of(c) or "", "")
        following = self.nonces.make(ctx.msg) if self.one_time_nonce else c.nonce
        ctx.msg.add_reply_header(
            f'Authentication-Info: nextnonce="{following}", qop={c.qop or ""}, rspauth="{proof}", '
            f'cnonce="{c.cnonce or ""}", nc={c.nc or ""}\r\n'
        )

    def challenge_header(
        self, ctx: Context | None, realm: str, kind: str, *, qop: str = "", stale: bool = False, algorithms: str = ""
    ) -> str:
        """Header lines that challenge, CRLF included; without a context the nonce is bound to no request.

        `algorithms` is a list with commas; one header line for each of them. Raises ValueError for one that is unknown.
        """
        nonce = self.nonces.make(ctx.msg if ctx is not None else None)
        name = self.proxy_challenge_header if kind == PROXY else self.www_challenge_header
        names = [text.strip(" \t\r\n") for text in algorithms.split(",")] if algorithms else [self._shown]
        lines = []
        for algorithm in names:
            if algorithms and algorithm not in _LATER_ALGORITHMS:
                raise ValueError(f"unsupported challenge algorithm: {algorithm}")
            challenge = Challenge(self.strip_realm(realm), nonce, algorithm=algorithm, qop=(qop,) if qop else ())
            challenge.stale = stale
            lines.append(f"{name}: {challenge.text()}\r\n")
        return "".join(lines)

    def build_challenge(self, ctx: Context, realm: str, kind: str, *, stale: bool = False) -> None:
        """Leave a challenge with the quality `qop` in the AVP `challenge_attr`."""
        line = self.challenge_header(ctx, realm, kind, qop=self.qop.strip(" \t\r\n"), stale=stale)
        ctx.avps.push(self._attribute, line)

    # -- challenges -----------------------------------------------------------------------------------------------
    def challenge(self, ctx: Context, realm: str, flags: int, kind: str, algorithms: str = "") -> int:
        """Send a 401 or 407 with a challenge (auth_challenge_hftype)."""
        try:
            line = self._challenge_line(ctx, realm, flags, kind, algorithms)
        except ValueError as error:
            self.error(str(error))
            return self._failed(ctx, -2, flags)
        ctx.msg.add_reply_header(line)
        return 1 if self._reply(ctx, 407 if kind == PROXY else 401) >= 0 else -3

    def _challenge_line(self, ctx: Context | None, realm: str, flags: int, kind: str, algorithms: str = "") -> str:
        if algorithms:
            self._offered_several = True
        qop = "auth-int" if flags & _QOP_AUTH_INT else "auth" if flags & _QOP_AUTH else ""
        return self.challenge_header(ctx, realm, kind, qop=qop, stale=bool(flags & _STALE), algorithms=algorithms)

    def _reply(self, ctx: Context, code: int) -> int:
        send = self.sl.sl_reply if self.force_stateless_reply else self.sl.freply
        return send(ctx, code, _REASONS.get(code, "Internal Server Error"))

    def _failed(self, ctx: Context, result: int, flags: int) -> int:
        if not flags & _NO_500 and self._reply(ctx, 500) < 0:
            return -4
        return result

    def _challenge(self, ctx: Context, realm: Text, flags: Number, kind: str, algorithms: Text | None = None) -> int:
        name = realm.of(ctx)
        wanted = flags.of(ctx)
        if not name:
            self.error("no realm")
            return self._failed(ctx, AUTH_ERROR, wanted or 0)
        if wanted is None:
            self.error("flags are no number")
            return self._failed(ctx, AUTH_ERROR, 0)
        listed = ""
        if algorithms is not None:
            listed = algorithms.of(ctx) or ""
            if not listed:
                self.error("no algorithms")
                return self._failed(ctx, AUTH_ERROR, wanted)
        return self.challenge(ctx, name, wanted, kind, listed)

    @function(_CHALLENGING)
    def www_challenge(self, ctx: Context, realm: TextArg, flags: NumberArg) -> int:
        """Reply 401 with a challenge.

        `flags`: 1 offer qop=auth, 2 qop=auth-int, 4 no 500 when it fails, 16 say stale=true. Returns 1; -1 no realm or
        flags, -3 the challenge was not sent, -4 nor was the 500.
        """
        return self._challenge(ctx, realm, flags, WWW)

    @function(_CHALLENGING)
    def proxy_challenge(self, ctx: Context, realm: TextArg, flags: NumberArg) -> int:
        """Reply 407 with a challenge; else as www_challenge()."""
        return self._challenge(ctx, realm, flags, PROXY)

    @function(_CHALLENGING)
    def auth_challenge(self, ctx: Context, realm: TextArg, flags: NumberArg) -> int:
        """www_challenge() for a REGISTER, proxy_challenge() for others; ACK and CANCEL pass."""
        method = ctx.msg.method_id
        if method in ("ACK", "CANCEL"):
            return 1
        return self._challenge(ctx, realm, flags, WWW if method == "REGISTER" else PROXY)

    @function(_CHALLENGING, name="www_challenge", since="6.x")
    def www_challenge_algorithms(self, ctx: Context, realm: TextArg, flags: NumberArg, algorithms: TextArg) -> int:
        """www_challenge() with one header for each of the algorithms, a list with commas."""
        return self._challenge(ctx, realm, flags, WWW, algorithms)

    @function(_CHALLENGING, name="proxy_challenge", since="6.x")
    def proxy_challenge_algorithms(self, ctx: Context, realm: TextArg, flags: NumberArg, algorithms: TextArg) -> int:
        """proxy_challenge() with one header for each of the algorithms, a list with commas."""
        return self._challenge(ctx, realm, flags, PROXY, algorithms)

    @function(_CHALLENGING, name="auth_challenge", since="6.x")
    def auth_challenge_algorithms(self, ctx: Context, realm: TextArg, flags: NumberArg, algorithms: TextArg) -> int:
        """auth_challenge() with one header for each of the algorithms, a list with commas."""
        method = ctx.msg.method_id
        if method in ("ACK", "CANCEL"):
            return 1
        return self._challenge(ctx, realm, flags, WWW if method == "REGISTER" else PROXY, algorithms)

    @function(Route.REQUEST)
    def auth_get_www_authenticate(self, ctx: Context, realm: TextArg, flags: NumberArg, pvdest: Writable) -> int:
        """Write the header line of a challenge to a pseudo-variable; its nonce is bound to no request.

        `flags` as those of www_challenge().
        """
        name, wanted = realm.of(ctx), flags.of(ctx)
        if not name or wanted is None:
            self.error("no realm" if not name else "flags are no number")
            return AUTH_ERROR
        assert pvdest.set is not None
        pvdest.set(ctx, self._challenge_line(None, name, wanted, WWW))
        return 1

    @function(Route.REQUEST, since="6.x")
    def auth_algorithm(self, ctx: Context, alg: Str) -> int:
        """Set the parameter `algorithm` from now on."""
        if alg and alg not in _LATER_ALGORITHMS:
            self.error(f"unknown algorithm {alg}: {', '.join(_LATER_ALGORITHMS)} are possible")
            return -1
        self.algorithm = self._shown = alg or "MD5"
        return 1

    # -- credentials ----------------------------------------------------------------------------------------------
    @function(Route.REQUEST)
    def consume_credentials(self, ctx: Context) -> int:
        """Remove the header whose credentials were looked at."""
        if ctx.msg.method_id in _PASSED:
            return -1
        found = used(ctx, WWW) or used(ctx, PROXY)
        if found is None:
            self.error("no credentials were checked (an error of the script)")
            return -1
        header = found.header
        ctx.msg.edits.delete(header.start, header.end - header.start)
        return 1

    @function(Route.REQUEST)
    def has_credentials(self, ctx: Context, realm: Str) -> bool:
        """Whether there are credentials for the realm, of either kind."""
        return any(isinstance(self.find_credentials(ctx, realm, kind), Used) for kind in (PROXY, WWW))

    def pv_authenticate(self, ctx: Context, realm: str, password: str, flags: int, kind: str, method: str) -> int:
        """Check credentials with a password, or its hash (flag 1). Returns as pv_www_authenticate()."""
        realm = self.strip_realm(realm)
        result = self._authenticate(ctx, realm, password, flags, kind, method)
        if result < 0 and flags & _AVP:
            qop = "auth-int" if flags & _AVP_QOP_AUTH_INT else "auth" if flags & _AVP_QOP_AUTH else ""
            line = self.challenge_header(ctx, realm, kind, qop=qop, stale=bool(flags & _STALE))
            ctx.avps.push(self._attribute, line)
        return result

    def _authenticate(self, ctx: Context, realm: str, password: str, flags: int, kind: str, method: str) -> int:
        keep = bool(flags & _KEEP_NONCE) and self.server.target not in ("4.4", "5.6")
        outcome, credentials = self.pre_auth(ctx, realm, kind, count=not keep)
        if outcome is not Outcome.DO_AUTHENTICATION or credentials is None:
            return RETURNED[outcome]
        algorithm = self.algorithm_of(credentials)
        if algorithm is None:
            self.error(f"unsupported digest algorithm: {credentials.algorithm}")
            return AUTH_ERROR
        if not flags & _HASHED:
            hashed = self.make_ha1(credentials, realm, password)
        elif self._modern and (algorithm.endswith("-sess") or len(password) != self.hash_length(algorithm)):
            self.error("this is no hash for the algorithm of the credentials")
            return AUTH_ERROR
        else:
            hashed = password
        outcome = self.check_response(ctx, credentials, method, hashed)
        if outcome is not Outcome.AUTHENTICATED:
            return AUTH_INVALID_PASSWORD if outcome is Outcome.NOT_AUTHENTICATED else AUTH_ERROR
        self.post_auth(ctx, credentials, hashed)
        if keep:
            self.nonces.check(ctx.msg, credentials)
        return AUTH_OK

    def _pv_authenticate(
        self, ctx: Context, realm: Text, passwd: Text, flags: Number, kind: str, method: Text | None = None
    ) -> int:
        values = realm.of(ctx), passwd.of(ctx), ctx.msg.method if method is None else method.of(ctx)
        wanted = flags.of(ctx)
        if not all(values) or wanted is None:
            names = [name for name, value in zip(("realm", "password", "method"), values, strict=True) if not value]
            self.error(f"no {names[0] if names else 'flags'}")
            return AUTH_ERROR
        name, password, verb = values
        return self.pv_authenticate(ctx, name or "", password or "", wanted, kind, verb or "")

    @function(Route.REQUEST)
    @function(Route.REQUEST, name="pv_www_authorize")
    def pv_www_authenticate(self, ctx: Context, realm: FormatArg, passwd: FormatArg, flags: NumberArg) -> int:
        """Check the credentials in Authorization with a password.

        `flags`: 1 the password is its hash HA1; when the check fails, leave a challenge in the AVP `challenge_attr`:
        2 without qop, 4 with qop=auth, 8 with qop=auth-int, and 16 with stale=true. Returns 1, -1 error, -2 wrong
        password, -4 the nonce is stale, -5 no credentials for the realm, -6 the nonce was used already.
        """
        return self._pv_authenticate(ctx, realm, passwd, flags, WWW)

    @function(Route.REQUEST, name="pv_www_authenticate")
    def pv_www_authenticate_method(
        self, ctx: Context, realm: FormatArg, passwd: FormatArg, flags: NumberArg, method: FormatArg
    ) -> int:
        """pv_www_authenticate() as if the request had another method."""
        return self._pv_authenticate(ctx, realm, passwd, flags, WWW, method)

    @function(Route.REQUEST)
    @function(Route.REQUEST, name="pv_proxy_authorize")
    def pv_proxy_authenticate(self, ctx: Context, realm: FormatArg, passwd: FormatArg, flags: NumberArg) -> int:
        """Check the credentials in Proxy-Authorization; else as pv_www_authenticate()."""
        return self._pv_authenticate(ctx, realm, passwd, flags, PROXY)

    @function(Route.REQUEST)
    def pv_auth_check(
        self, ctx: Context, realm: FormatArg, passwd: FormatArg, flags: NumberArg, checks: NumberArg
    ) -> int:
        """pv_www_authenticate() for a REGISTER, pv_proxy_authenticate() for others; ACK and CANCEL pass.

        `checks` 1: the user must be that of the From URI, of the To URI for REGISTER and PUBLISH, and of the request
        URI for PUBLISH; with `use_domain` their domains must be the same: -8 when they are not.
        """
        msg = ctx.msg
        if msg.method_id in ("ACK", "CANCEL"):
            return AUTH_OK
        wanted = checks.of(ctx)
        if wanted is None:
            self.error("checks are no number")
            return AUTH_ERROR
        kind = WWW if msg.method_id == "REGISTER" else PROXY
        result = self._pv_authenticate(ctx, realm, passwd, flags, kind)
        if result != AUTH_OK or not wanted & _CHECK_IDENTITY or msg.method_id in _PASSED:
            return result
        return check_identity(ctx, self._checked_user(ctx, kind), use_domain=bool(self.use_domain))

    def _checked_user(self, ctx: Context, kind: str) -> str:
        """The user that pv_auth_check() compares: before 6.x that of the first credentials of the kind."""
        found = used(ctx, kind)
        assert found is not None, "the credentials were checked"
        first = ctx.msg.first(kind)
        if self._modern or first is None or first.start == found.header.start:
            return found.credentials.user or ""
        credentials = parse_credentials(first.value)
        return (credentials.user if credentials is not None else None) or ""
