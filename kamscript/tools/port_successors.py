"""What became of names that not every generation of Kamailio has, and of habits that newer ones replaced.

Which generation has a name is said by the catalogue (`kamscript.script.catalog`); this table says what to write in its
place, and where that is documented. `(manual M)` is the README of module M of Kamailio 5.6.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple


class Successor(NamedTuple):
    """What to write instead of one name."""

    kind: str  #: module, function, parameter, core parameter, MI command
    module: str  #: whose it is or was; empty for the core's and for MI commands
    name: str
    instead: str
    source: str
    arity: int = -1  #: of a function: only called with so many arguments; -1: however
    habit: bool = False  #: every generation has it, there is a better way since


def _of(kind: str, rows: str, *, habit: bool = False) -> list[Successor]:
    """Rows `module.name/arity | instead | source`."""
    found = []
    for row in rows.strip().splitlines():
        what, instead, source = (cell.strip() for cell in row.split(" | "))
        module, dot, name = what.rpartition(".")
        name, slash, arity = name.partition("/")
        found.append(Successor(kind, module if dot else "", name, instead, source, int(arity) if slash else -1, habit))
    return found


_MODULES = """
cpl-c | the module cplc: the same under a new name | manual cplc
jsonrpc-s | the module jsonrpcs: the same under a new name | manual jsonrpcs
jsonrpc-c | the module jsonrpcc: the same under a new name | manual jsonrpcc
janssonrpc-c | the module janssonrpcc: the same under a new name | manual janssonrpcc
mi_fifo | the module jsonrpcs with fifo_name (JSON), or ctl and kamcmd: MI ended with 5.0 | \
manual jsonrpcs 4.3
mi_datagram | the module jsonrpcs with dgram_socket (JSON): MI ended with 5.0, its commands are RPC commands | \
manual jsonrpcs 4.8
mi_rpc | nothing: what it carried over are RPC commands themselves since 5.0 | manual jsonrpcs
mi_xmlrpc | the module xmlrpc: RPC commands over HTTP | manual xmlrpc
pua_mi | the module pua_rpc: pua.publish and its kin are RPC commands | manual pua_rpc
iptrtpproxy | the module rtpengine, which relays in the kernel, too | manual rtpengine
userblacklist | the module userblocklist: check_blocklist(), check_allowlist() | manual userblocklist
malloc_test | the module misctest | manual misctest
purple | nothing: the gateway to libpurple ended | catalogue of 5.6
app_lua_sr | the module app_lua: Lua scripts call KSR.* functions (KEMI) | manual app_lua
app_java | a KEMI language: app_python3, app_lua, app_jsdt, app_ruby | catalogue of 6.x
app_mono | a KEMI language: app_python3, app_lua, app_jsdt, app_ruby | catalogue of 6.x
app_sqlang | a KEMI language: app_python3, app_lua, app_jsdt, app_ruby | catalogue of 6.x
auth_identity | the modules stirshaken or secsipid (RFC 8224) | manual stirshaken, secsipid
osp | nothing: the OSP client ended | catalogue of 6.x
db_berkeley | another database module, db_sqlite for a local file | manual db_sqlite
db_cassandra | another database module | catalogue of 6.x
print | nothing: it was an example | catalogue of 6.x
print_lib | nothing: it was an example | catalogue of 6.x
mysql | the module db_mysql | manual db_mysql
postgres | the module db_postgres | manual db_postgres
unixodbc | the module db_unixodbc | manual db_unixodbc
dbtext | the module db_text | manual db_text
flatstore | the module db_flatstore | manual db_flatstore
perl | the module app_perl | manual app_perl
perlvdb | the module db_perlvdb | manual db_perlvdb
avp_radius | the module misc_radius: radius_load_caller_avps() | manual misc_radius
group_radius | the module misc_radius: radius_is_user_in() | manual misc_radius
uri_radius | the module misc_radius: radius_does_uri_exist() | manual misc_radius
acc_db | the module acc: db_flag, db_url and their kin | manual acc
db_ops | the module sqlops: sql_query() | manual sqlops
avp_db | the modules avpops (avp_db_load()) or sqlops | manual avpops
gflags | the module cfgutils: set_gflag(), is_gflag() | manual cfgutils
eval | expressions of the language, and $var(x) | core cookbook
uri | the module siputils | manual siputils
options | the module siputils: options_reply() | manual siputils
dialog_ng | the module ims_dialog, or dialog outside of IMS | manual ims_dialog
unixsock | the module jsonrpcs with dgram_socket | manual jsonrpcs 4.8
"""

_FUNCTIONS = """
tm.t_relay/1 | t_relay_to(flags) | manual tm, t_relay_to
tm.t_was_cancelled | t_is_canceled() | manual tm, t_is_canceled
tm.t_on_negative | t_on_failure(route) | manual tm, t_on_failure
lcr.load_contacts | t_load_contacts() of tm | manual tm, t_load_contacts
lcr.next_contacts | t_next_contacts() of tm | manual tm, t_next_contacts
registrar.lookup_contacts | lookup(domain) | manual registrar, lookup
registrar.save_contacts | save(domain) | manual registrar, save
registrar.save_noreply | save(domain, "0x02") | manual registrar, save
registrar.save_memory | save(domain, "0x01") | manual registrar, save
registrar.save_mem_nr | save(domain, "0x03") | manual registrar, save
registrar.save_mem_only | save(domain, "0x01") | manual registrar, save
core.km_append_branch | append_branch() of corex | manual corex
rtpproxy.force_rtp_proxy | rtpproxy_manage(), or rtpproxy_offer() and rtpproxy_answer() | manual rtpproxy 5
avpops.avp_write | an assignment: $avp(name) = value | core cookbook, assignments
avp_db.load_attrs | avp_db_load() of avpops, or sql_query() of sqlops | manual avpops, sqlops
eval.eval_push | expressions of the language, and $var(x) | core cookbook
eval.eval_oper | expressions of the language, and $var(x) | core cookbook
db_ops.db_query | sql_query(connection, query, result) of sqlops | manual sqlops
db_ops.db_close | sql_result_free(result) of sqlops | manual sqlops
blst.blst_is_blacklisted | blst_is_blocklisted() | manual blst
userblacklist.check_blacklist | check_blocklist() of userblocklist | manual userblocklist
userblacklist.check_whitelist | check_allowlist() of userblocklist | manual userblocklist
userblacklist.check_user_blacklist | check_user_blocklist() of userblocklist | manual userblocklist
userblacklist.check_user_whitelist | check_user_allowlist() of userblocklist | manual userblocklist
corex.send | send_udp() or send_tcp() | manual corex
siputils.ring_insert_callid | change_reply_status(180, "Ringing") of textopsx in an onreply_route | manual textopsx
cnxcc.cnxcc_set_max_credit/5 | the form with six arguments: first pulse and further pulses apart | manual cnxcc
siprepo.sr_msg_pull/3 | the form with four arguments: a mode comes last | manual siprepo of 6.x
acc.acc_rad_request | acc_rad_request() of the module acc_radius | manual acc_radius
acc.acc_diam_request | acc_diam_request() of the module acc_diameter | manual acc_diameter
utils.http_query | http_client_query(url, [post], [headers], result) of http_client | manual http_client
http_async_client.http_async_query/3 | $http_req(body) = post; http_async_query(url, route) | \
manual http_async_client, $http_req
http_async_client.http_append_header | $http_req(hdr) = header | manual http_async_client, $http_req
http_async_client.http_set_method | $http_req(method) = method | manual http_async_client, $http_req
http_async_client.http_set_timeout | $http_req(timeout) = milliseconds | manual http_async_client, $http_req
http_async_client.http_async_suspend | $http_req(suspend) = 0 or 1 | manual http_async_client, $http_req
http_async_client.http_set_tls_ca_path | $http_req(tls_ca_path) = path | manual http_async_client, $http_req
http_async_client.http_set_tls_client_cert | $http_req(tls_client_cert) = path | manual http_async_client, $http_req
http_async_client.http_set_tls_client_key | $http_req(tls_client_key) = path | manual http_async_client, $http_req
http_async_client.tls_verify_host | the parameter tls_verify_host, for all queries | manual http_async_client
http_async_client.tls_verify_peer | the parameter tls_verify_peer, for all queries | manual http_async_client
"""

_PARAMETERS = """
dialog.dlg_flag | dlg_manage() on the initial INVITE | manual dialog, dlg_manage
rr.ignore_user | nothing: loose_route() looks at the address only | catalogue of 6.x
acc.radius_config | radius_config of the module acc_radius | manual acc_radius
acc.radius_flag | radius_flag of the module acc_radius | manual acc_radius
acc.radius_missed_flag | radius_missed_flag of the module acc_radius | manual acc_radius
acc.radius_extra | radius_extra of the module acc_radius | manual acc_radius
acc.service_type | service_type of the module acc_radius | manual acc_radius
acc.diameter_flag | diameter_flag of the module acc_diameter | manual acc_diameter
acc.diameter_missed_flag | diameter_missed_flag of the module acc_diameter | manual acc_diameter
acc.diameter_extra | diameter_extra of the module acc_diameter | manual acc_diameter
acc.diameter_client_host | diameter_client_host of the module acc_diameter | manual acc_diameter
acc.diameter_client_port | diameter_client_port of the module acc_diameter | manual acc_diameter
corex.network_io_intercept | nio_intercept | manual corex
corex.min_msg_len | nio_min_msg_len | manual corex
corex.msg_avp | nio_msg_avp | manual corex
dispatcher.dst_avp | xavp_dst: the addresses stand in $xavp(_dsdst_=>uri) | manual dispatcher 3.12
dispatcher.grp_avp | xavp_dst: $xavp(_dsdst_=>grp) | manual dispatcher 3.12
dispatcher.cnt_avp | xavp_ctx: $xavp(_dsctx_=>cnt) | manual dispatcher 3.14
dispatcher.dstid_avp | xavp_dst: $xavp(_dsdst_=>dstid) | manual dispatcher 3.12
dispatcher.attrs_avp | xavp_dst: $xavp(_dsdst_=>attrs) | manual dispatcher 3.12
dispatcher.sock_avp | xavp_dst: $xavp(_dsdst_=>sock) | manual dispatcher 3.12
http_client.authmetod | authmethod | manual http_client
sipcapture.promiscious_on | promiscuous_on | manual sipcapture
sipcapture.topoh_unamsk | topoh_unmask | manual sipcapture
kazoo.amqp_timmer_process_interval | amqp_timer_process_interval | catalogue of 6.x
siputils.ring_timeout | nothing: ring_insert_callid() ended, too | catalogue of 5.6
tm.delete_timer | nothing: transactions go when nobody needs them | catalogue of 5.6
utils.http_query_timeout | connection_timeout of http_client | manual http_client
utils.http_response_mode | nothing: http_client_query() gives the whole body | manual http_client
utils.http_response_trim | nothing: {s.trim} does it | manual pv
app_lua.register | nothing: scripts reach KSR.* without it | manual app_lua
cnxcc.dlg_flag | nothing: calls are known once dlg_manage() of dialog tracks them | catalogue of 6.x
ims_usrloc_pcscf.hashing_type | nothing | catalogue of 5.6
ims_usrloc_pcscf.lookup_check_received | nothing | catalogue of 5.6
presence.to_tag_pref | nothing | catalogue of 5.6
sipcapture.table_time_sufix | nothing | catalogue of 6.x
nathelper.rtpproxy_sock | rtpproxy_sock of the module rtpproxy | manual rtpproxy
nathelper.rtpproxy_disable_tout | rtpproxy_disable_tout of the module rtpproxy | manual rtpproxy
nathelper.rtpproxy_tout | rtpproxy_tout of the module rtpproxy | manual rtpproxy
nathelper.rtpproxy_retr | rtpproxy_retr of the module rtpproxy | manual rtpproxy
nathelper.natping_method | sipping_method | manual nathelper
registrar.nat_flag | nat_bflag of usrloc: the flag of the branch | manual usrloc
registrar.save_nat_flag | nat_bflag of usrloc: the flag of the branch | manual usrloc
registrar.load_nat_flag | nat_bflag of usrloc: the flag of the branch | manual usrloc
auth_db.plain_password_column | password_column, with calculate_ha1 = 1 | manual auth_db
domain.db_mode | nothing: domains are always kept in memory, domain.reload reads them anew | manual domain
"""

_CORE = """
fifo | modparam("jsonrpcs", "fifo_name", path) | manual jsonrpcs 4.3
fifo_mode | modparam("jsonrpcs", "fifo_mode", mode) | manual jsonrpcs
unix_sock | modparam("jsonrpcs", "dgram_socket", path) | manual jsonrpcs 4.8
statistics | nothing: it had no effect since 3.0 | core/cfg.lex
use_dst_blacklist | use_dst_blocklist | core cookbook
dst_blacklist_mem | dst_blocklist_mem | core cookbook
dst_blacklist_expire | dst_blocklist_expire | core cookbook
dst_blacklist_gc_interval | dst_blocklist_gc_interval | core cookbook
disable_dns_blacklist | use_dst_blocklist, with the opposite value | core cookbook
disable_dns_failover | use_dns_failover, with the opposite value | core cookbook
avp_aliases | #!define or #!subst | core cookbook
avp_db_url | modparam("avpops", "db_url", url) | manual avpops
sip_trace | the module siptrace: trace_on, trace_mode | manual siptrace
"""

_MI = """
dlg_list | dlg.list | manual dialog
dlg_list_ctx | dlg.list_ctx | manual dialog
dlg_end_dlg | dlg.end_dlg | manual dialog
dlg_terminate_dlg | dlg.terminate_dlg | manual dialog
dlg_bridge | dlg.bridge_dlg | manual dialog
profile_get_size | dlg.profile_get_size | manual dialog
profile_list_dlgs | dlg.profile_list | manual dialog
ds_list | dispatcher.list | manual dispatcher
ds_reload | dispatcher.reload | manual dispatcher
ds_set_state | dispatcher.set_state | manual dispatcher
sht_reload | htable.reload | manual htable
sht_dump | htable.dump | manual htable
sht_delete | htable.delete | manual htable
ul_dump | ul.dump | manual usrloc
ul_add | ul.add | manual usrloc
ul_rm | ul.rm | manual usrloc
ul_rm_contact | ul.rm_contact | manual usrloc
ul_show_contact | ul.lookup | manual usrloc
get_statistics | stats.get_statistics | manual kex
reset_statistics | stats.reset_statistics | manual kex
clear_statistics | stats.clear_statistics | manual kex
uptime | core.uptime | core RPC
version | core.version | core RPC
ps | core.ps | core RPC
which | system.listMethods | core RPC
debug | dbg.ls, corex.debug, or the core's debug over cfg.set_now_int | manual corex
nh_enable_ping | nathelper.enable_ping | manual nathelper
pike_list | pike.list | manual pike
address_reload | permissions.addressReload | manual permissions
trusted_reload | permissions.trustedReload | manual permissions
domain_reload | domain.reload | manual domain
lcr_reload | lcr.reload | manual lcr
dp_reload | dialplan.reload | manual dialplan
uac_reg_dump | uac.reg_dump | manual uac
cr_reload_routes | cr.reload_routes | manual carrierroute
mt_reload | mtree.reload | manual mtree
sip_trace | siptrace.status | manual siptrace
t_uac_dlg | tm.t_uac_start | manual tm
t_uac_cancel | tm.cancel | manual tm
"""

#: Every generation has these; newer configs write them otherwise.
_HABITS = """
avpops.avp_pushto | an assignment: $ru = $avp(x) | core cookbook, assignments
avpops.avp_copy | an assignment: $avp(y) = $avp(x) | core cookbook, assignments
avpops.avp_delete | an assignment: $(avp(x)[*]) = $null | core cookbook, assignments
avpops.avp_check | a condition: if ($avp(x) == ...) | core cookbook
avpops.avp_subst | an assignment with a transformation: $avp(x) = $(avp(x){re.subst,/.../.../}) | manual textops
avpops.avp_op | an assignment: $avp(x) = $avp(x) + 1 | core cookbook
avpops.is_avp_set | a condition: if ($avp(x) != $null) | core cookbook
kex.avp_printf | an assignment: $avp(x) = "..." | core cookbook, assignments
nathelper.fix_nated_contact | set_contact_alias() and handle_ruri_alias(): the Contact stays what RFC 3261 wants | \
manual nathelper 5.1
rtpproxy.unforce_rtp_proxy | rtpproxy_destroy() or rtpproxy_manage() | manual rtpproxy 5
core.force_send_socket | an assignment: $fs = "udp:10.0.0.1:5060", which takes variables | pseudo-variables, $fs
core.sethost | an assignment: $rd = ... | pseudo-variables, $rd
core.sethostport | assignments: $rd = ..., $rp = ... | pseudo-variables, $rd
core.setport | an assignment: $rp = ... | pseudo-variables, $rp
core.setuser | an assignment: $rU = ... | pseudo-variables, $rU
core.seturi | an assignment: $ru = ... | pseudo-variables, $ru
core.prefix | an assignment: $rU = "00" + $rU | pseudo-variables, $rU
core.strip | an assignment: $rU = $(rU{s.strip,n}) | manual pv, transformations
core.strip_tail | an assignment: $rU = $(rU{s.striptail,n}) | manual pv, transformations
core.log | xlog(level, text), which takes variables | manual xlog
"""

SUCCESSORS: Final = (
    *_of("module", _MODULES),
    *_of("function", _FUNCTIONS),
    *_of("parameter", _PARAMETERS),
    *_of("core parameter", _CORE),
    *_of("MI command", _MI),
    *_of("function", _HABITS, habit=True),
)


@cache
def _index() -> dict[tuple[str, str], list[Successor]]:
    table: dict[tuple[str, str], list[Successor]] = {}
    for row in SUCCESSORS:
        table.setdefault((row.kind, row.name), []).append(row)
    return table


def successor(kind: str, name: str, module: str = "", arity: int = -1) -> Successor | None:
    """What replaced a name; None when the table does not know it.

    `module` is where it was found; empty: nowhere, as of a name that no generation has. Its own row goes first.
    """
    rows = [row for row in _index().get((kind, name), ()) if row.arity < 0 or arity < 0 or row.arity == arity]
    rows = [row for row in rows if not module or row.module == module or kind in ("module", "core parameter")]
    return rows[0] if rows else None


_TITLE = """\
# What replaced what

Names that not every generation of Kamailio has (4.4, 5.6, 6.x), or that no longer exist, and what to write instead;
`kamscript port` ([port.md](port.md)) finds them in a config. This page is made by
`python -m kamscript.tools.port_successors`. Sources: "manual M" is the README of module M of Kamailio 5.6, "catalogue"
its export tables, "cookbook" the core cookbook of kamailio.org.
"""
_HEADINGS = {
    "module": "Modules",
    "function": "Functions",
    "parameter": "Module parameters",
    "core parameter": "Core parameters",
    "MI command": "Commands of the management interface (MI), which ended with 5.0",
}


def as_markdown() -> str:
    """The table as docs/successors.md."""
    lines = [_TITLE]
    for kind, heading in _HEADINGS.items():
        lines += _section(heading, [row for row in SUCCESSORS if row.kind == kind and not row.habit])
    lines += _section("Old habits: they work, newer configs write them otherwise", [r for r in SUCCESSORS if r.habit])
    return "\n".join(lines).rstrip() + "\n"


def _section(heading: str, rows: list[Successor]) -> list[str]:
    lines = [f"## {heading}\n", "| Name | Instead | Source |", "| --- | --- | --- |"]
    for row in rows:
        name = f"{row.module}: {row.name}" if row.module else row.name
        if row.kind == "function":
            name += "()" if row.arity < 0 else f"() with {row.arity} argument{'s' * (row.arity != 1)}"
        instead = row.instead.replace("|", "\\|").replace("*", "\\*")
        lines.append(f"| `{name}` | {instead} | {row.source} |")
    return [*lines, ""]


if __name__ == "__main__":
    import sys

    sys.stdout.write(as_markdown())
