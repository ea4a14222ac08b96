"""The run-time variables of the core and of TCP: groups `core` and `tcp` (core/cfg_core.c, core/tcp_options.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kamscript.core.cfg import Cfg, CfgVar

if TYPE_CHECKING:
    from kamscript.core.server import Server


def _core() -> list[CfgVar]:
    v = CfgVar
    return [
        v("debug", 0, "debug level"),
        v("log_facility", "LOG_DAEMON", 'syslog facility, see "man 3 syslog"', readable=False),
        v("memdbg", 4, "log level of memory debugging"),
        v("use_dst_blocklist", 0, "keep a list of destinations that failed", high=1, readable=False),
        v("dst_blocklist_expire", 60, "seconds that a destination stays on the list"),
        v("dst_blocklist_mem", 250, "KB of memory for the list", readable=False),
        v("dst_blocklist_udp_imask", 0, "events that do not block UDP destinations"),
        v("dst_blocklist_tcp_imask", 0, "events that do not block TCP destinations"),
        v("dst_blocklist_tls_imask", 0, "events that do not block TLS destinations"),
        v("dst_blocklist_sctp_imask", 0, "events that do not block SCTP destinations"),
        v("dns_try_ipv6", 1, "look AAAA records up", high=1, readable=False),
        v("dns_try_naptr", 0, "look NAPTR records up", high=1),
        v("dns_udp_pref", 30, "preference of UDP among NAPTR records"),
        v("dns_tcp_pref", 20, "preference of TCP among NAPTR records"),
        v("dns_tls_pref", 10, "preference of TLS among NAPTR records"),
        v("dns_sctp_pref", 20, "preference of SCTP among NAPTR records"),
        v("dns_retr_time", -1, "seconds before a query is repeated"),
        v("dns_slow_query_ms", 0, "milliseconds after which a query counts as slow"),
        v("dns_retr_no", -1, "how often a query is repeated"),
        v("dns_servers_no", -1, "how many of the configured name servers are asked"),
        v("dns_use_search_list", 1, "0 leaves the search list of resolv.conf out", high=1),
        v("dns_search_full_match", 1, "check answers against the search list", high=1),
        v("dns_reinit", 0, "1 makes the resolver read its settings again", low=1, high=1, readable=False),
        v("dns_naptr_ignore_rfc", 1, "ignore the order field of NAPTR records"),
        v("use_dns_cache", 1, "keep answers", high=1, readable=False),
        v("dns_cache_flags", 0, "1 IPv4 only, 2 IPv6 only, 4 IPv6 first", high=4),
        v("use_dns_failover", 0, "try the next address when one fails", high=1, readable=False),
        v("dns_srv_lb", 0, "spread load over SRV records by weight", high=1),
        v("dns_cache_negative_ttl", 60, "seconds that a negative answer is kept"),
        v("dns_cache_min_ttl", 0, "seconds that an answer is kept at least"),
        v("dns_cache_max_ttl", -1, "seconds that an answer is kept at most"),
        v("dns_cache_mem", 500, "KB of memory for answers", readable=False),
        v("dns_cache_del_nonexp", 0, "drop answers that still hold when memory is short", high=1),
        v("dns_cache_rec_pref", 0, "0 no check for duplicates, 1 old, 2 new, 3 longer lived records", high=3),
        v("mem_dump_pkg", 0, "dump the memory of a process"),
        v("mem_dump_shm", 0, "dump shared memory", readable=False),
        v("max_while_loops", 100, "turns that a while loop may take"),
        v("udp_mtu", 0, "longer requests leave by another protocol", high=65535),
        v("udp_mtu_try_proto", 0, "that protocol: 1 udp, 2 tcp, 3 tls, 4 sctp", low=1, high=4),
        v("udp4_raw", 0, "send UDP through a raw socket", low=-1, high=1, readable=False),
        v("udp4_raw_mtu", 1500, "MTU of that socket", low=28, high=65535),
        v("udp4_raw_ttl", -1, "TTL of that socket", low=-1, high=255, readable=False),
        v("force_rport", 0, "treat every message as if it asked for rport", high=1),
        v("memlog", 4, "log level of memory summaries"),
        v("mem_summary", 12, "which memory summaries are printed at exit", high=31),
        v("mem_safety", 1, "safety level of memory operations"),
        v("mem_join", 1, "join free memory fragments"),
        v("mem_status_mode", 0, "show all fragments or the free ones"),
        v("sip_parser_log_oneline", 0, "print a message that does not parse on one line"),
        v("sip_parser_log", -1, "log level of messages that do not parse"),
        v("corelog", -1, "log level of errors of the core that are no threat"),
        v("latency_cfg_log", 3, "log level of the time that routes took"),
        v("latency_log", -1, "log level of exceeded latency limits"),
        v("latency_limit_db", 0, "milliseconds a database command may take"),
        v("latency_limit_action", 0, "milliseconds an action may take"),
        v("latency_limit_cfg", 0, "milliseconds a route may take"),
        v("pv_cache_limit", 2048, "pseudo-variables in the cache before a warning"),
        v("pv_cache_action", 0, "what happens then"),
    ]


def _tcp() -> list[CfgVar]:
    v = CfgVar
    top = 2**31 - 1
    return [
        v("connect_timeout", 10, "seconds to connect", low=1, high=top, setting="tcp_connect_timeout"),
        v("send_timeout", 10, "seconds to send", low=1, high=top, readable=False, setting="tcp_send_timeout"),
        v(
            "connection_lifetime",
            120,
            "seconds an idle connection lives",
            low=-1,
            high=top,
            readable=False,
            setting="tcp_connection_lifetime",
        ),
        v("max_connections", 2048, "connections", high=top, readable=False, setting="tcp_max_connections"),
        v("max_tls_connections", 2048, "TLS connections", high=top, readable=False, setting="tls_max_connections"),
        v("no_connect", 0, "never open a connection", high=1, setting="tcp_no_connect"),
        v("fd_cache", 1, "keep file descriptors", high=1, read_only=True, setting="tcp_fd_cache"),
        v("async", 1, "write without waiting", high=1, read_only=True, setting="tcp_buf_write"),
        v("connect_wait", 1, "one connect at a time to a destination", high=1, read_only=True),
        v("conn_wq_max", 32768, "bytes queued for one connection", high=1024 * 1024, setting="tcp_conn_wq_max"),
        v("wq_max", 10485760, "bytes queued for all", high=1 << 30, setting="tcp_wq_max"),
        v("defer_accept", 0, "accept only with data", high=3600, read_only=True, setting="tcp_defer_accept"),
        v("delayed_ack", 1, "delay the first acknowledgement", high=1, setting="tcp_delayed_ack"),
        v("syncnt", 0, "connection attempts", high=1024, setting="tcp_syncnt"),
        v("linger2", 0, "seconds in FIN_WAIT2", high=3600, setting="tcp_linger2"),
        v("keepalive", 1, "keepalive probes", high=1, setting="tcp_keepalive"),
        v("keepidle", 0, "seconds before the first probe", high=24 * 3600, setting="tcp_keepidle"),
        v("keepintvl", 0, "seconds between probes", high=24 * 3600, setting="tcp_keepintvl"),
        v("keepcnt", 0, "probes that may fail", high=1 << 10, setting="tcp_keepcnt"),
        v("crlf_ping", 1, "answer CRLF keepalives", high=1, setting="tcp_crlf_ping"),
        v("accept_aliases", 0, "heed alias parameters of Via", high=1, setting="tcp_accept_aliases"),
        v("alias_flags", 1, "how aliases are added: 1 in any case, 2 replacing", high=2),
        v("new_conn_alias_flags", 2, "the same for the alias of a new connection", high=2),
        v("accept_no_cl", 0, "accept messages without Content-Length", high=1, setting="tcp_accept_no_cl"),
        v("reuse_port", 0, "share ports", high=1, setting="tcp_reuse_port"),
        v("wait_data_ms", 5000, "milliseconds to wait for first data", high=7200000, setting="tcp_wait_data"),
        v("rd_buf_size", 16384, "read buffer", low=512, high=16777216, setting="tcp_rd_buf_size"),
        v("wq_blk_size", 2100, "write block", low=1, high=65535, setting="tcp_wq_blk_size"),
    ]


#: Declared once per process.
CORE_VARS: tuple[CfgVar, ...] = tuple(_core())
TCP_VARS: tuple[CfgVar, ...] = tuple(_tcp())


def core_values(settings: dict[str, Any]) -> dict[str, Any]:
    """What the variables of group `core` start with."""
    return {variable.name: settings.get(variable.name, variable.default) for variable in CORE_VARS}


def tcp_values(settings: dict[str, Any]) -> dict[str, Any]:
    """The same for group `tcp`."""
    return {variable.name: settings.get(variable.setting, variable.default) for variable in TCP_VARS}


def declare(cfg: Cfg, server: Server) -> None:
    """Make the groups that every server has, and the config's own; called when somebody first looks at the table."""
    for item in server.program.custom:
        if item.instance is not None:
            continue
        found = cfg.find(item.group)
        variable = CfgVar(item.name, item.value.value, item.description)
        if found is None:
            cfg.adopt(item.group, [variable], {item.name: item.value.value})
        else:
            found.variables[item.name] = variable
            found.values[item.name] = found.start[item.name] = item.value.value
    follow = server.follow_core
    cfg.adopt(
        "core",
        [_following(variable, follow) if variable.name in _FOLLOWED else variable for variable in CORE_VARS],
        cfg.core,
    )
    cfg.adopt("tcp", TCP_VARS, server.tcp)


#: Variables that the server keeps in another form.
_FOLLOWED = frozenset(
    ("debug", "dns_cache_flags", "force_rport", "latency_cfg_log", "log_facility", "udp_mtu_try_proto")
)


def _following(variable: CfgVar, follow: Callable[[], object]) -> CfgVar:
    return CfgVar(
        variable.name,
        variable.default,
        variable.doc,
        low=variable.low,
        high=variable.high,
        readable=variable.readable,
        on_change=lambda old, new: follow(),
    )
