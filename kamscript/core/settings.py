"""Core parameters: their defaults, and what becomes of them when a server starts.

Names, spellings, types and meanings stand in `kamscript.script.settings`, which also says which ones have no effect
here and why. Sources of the defaults: core/cfg_core.c, core/tcp_options.c and main.c of 5.6, and the core cookbook.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Value = int | str | None

#: Default of every core parameter, by canonical name.
DEFAULTS: dict[str, Value] = {
    # messages and routing
    "advertised_address": "",
    "advertised_port": 0,
    "auto_aliases": 1,
    "check_via": 0,
    "force_rport": 0,
    "local_rport": 0,
    "max_branches": 12,
    "max_recursive_level": 256,
    "max_while_loops": 100,
    "mhomed": 0,
    "msg_time": 1,
    "onsend_route_reply": 0,
    "phone2tel": 1,
    "port": 5060,
    "received_route_mode": 0,
    "reply_to_via": 0,
    "server_header": "Server: kamailio (5.6.3 (x86_64/linux))",
    "server_id": 0,
    "server_signature": 1,
    "sip_warning": 0,
    "statistics": 1,
    "stats_name_separator": "_",
    "udp_mtu": 0,
    "udp_mtu_try_proto": 0,
    "uri_host_extra_chars": "",
    "hdr_name_extra_chars": "",
    "user_agent_header": "User-Agent: kamailio (5.6.3 (x86_64/linux))",
    "version_table": "version",
    "xavp_via_params": "",
    "xavp_via_fields": "",
    "xavp_via_reply_params": "",
    "http_reply_parse": 0,
    "sip_parser_mode": 1,
    # pseudo-variables
    "pv_buffer_size": 8192,
    "pv_buffer_slots": 40,
    "pv_cache_limit": 2048,
    "pv_cache_action": 0,
    # log
    "corelog": -1,
    "debug": 0,
    "latency_cfg_log": 3,
    "latency_log": -1,
    "latency_limit_action": 0,
    "latency_limit_cfg": 0,
    "latency_limit_db": 0,
    "log_color": 0,
    "log_engine_data": "",
    "log_engine_type": "",
    "log_facility": "LOG_DAEMON",
    "log_name": "",
    "log_prefix": "",
    "log_prefix_mode": 0,
    "log_stderror": 0,
    "sip_parser_log": -1,
    "sip_parser_log_oneline": 0,
    # DNS
    "dns": 0,
    "rev_dns": 0,
    "dns_cache_del_nonexp": 0,
    "dns_cache_flags": 0,
    "dns_cache_gc_interval": 120,
    "dns_cache_init": 1,
    "dns_cache_max_ttl": -1,
    "dns_cache_mem": 500,
    "dns_cache_min_ttl": 0,
    "dns_cache_negative_ttl": 60,
    "dns_cache_rec_pref": 0,
    "dns_naptr_ignore_rfc": 1,
    "dns_retr_no": -1,
    "dns_retr_time": -1,
    "dns_search_full_match": 1,
    "dns_sctp_pref": 20,
    "dns_servers_no": -1,
    "dns_slow_query_ms": 0,
    "dns_srv_lb": 0,
    "dns_tcp_pref": 20,
    "dns_tls_pref": 10,
    "dns_try_ipv6": 1,
    "dns_try_naptr": 0,
    "dns_udp_pref": 30,
    "dns_use_search_list": 1,
    "use_dns_cache": 1,
    "use_dns_failover": 0,
    # blocklist of destinations
    "dst_blocklist_expire": 60,
    "dst_blocklist_gc_interval": 60,
    "dst_blocklist_init": 1,
    "dst_blocklist_mem": 250,
    "dst_blocklist_sctp_imask": 0,
    "dst_blocklist_tcp_imask": 0,
    "dst_blocklist_tls_imask": 0,
    "dst_blocklist_udp_imask": 0,
    "use_dst_blocklist": 0,
    # streams
    "disable_sctp": 2,
    "disable_tcp": 0,
    "disable_tls": 1,
    "tcp_accept_aliases": 0,
    "tcp_accept_haproxy": 0,
    "tcp_accept_hep3": 0,
    "tcp_accept_no_cl": 0,
    "tcp_accept_unique": 0,
    "tcp_buf_write": 1,
    "tcp_children": 0,
    "tcp_clone_rcvbuf": 0,
    "tcp_connect_timeout": 10,
    "tcp_connection_lifetime": 120,
    "tcp_connection_match": 0,
    "tcp_conn_wq_max": 32768,
    "tcp_crlf_ping": 1,
    "tcp_defer_accept": 0,
    "tcp_delayed_ack": 1,
    "tcp_fd_cache": 1,
    "tcp_keepalive": 1,
    "tcp_keepcnt": 0,
    "tcp_keepidle": 0,
    "tcp_keepintvl": 0,
    "tcp_linger2": 0,
    "tcp_max_connections": 2048,
    "tcp_no_connect": 0,
    "tcp_poll_method": "",
    "tcp_rd_buf_size": 16384,
    "tcp_reuse_port": 0,
    "tcp_script_mode": 0,
    "tcp_send_timeout": 10,
    "tcp_source_ipv4": "",
    "tcp_source_ipv6": "",
    "tcp_syncnt": 0,
    "tcp_wait_data": 5000,
    "tcp_wq_blk_size": 2100,
    "tcp_wq_max": 10485760,
    "tls_max_connections": 2048,
    "tls_port_no": 5061,
    # processes, memory, kernel
    "async_nonblock": 0,
    "async_usleep": 0,
    "async_workers": 0,
    "async_workers_group": "",
    "auto_bind_ipv6": 0,
    "bind_ipv6_link_local": 0,
    "children": 8,
    "chroot": "",
    "disable_core_dump": 0,
    "exit_timeout": 60,
    "fork": 1,
    "fork_delay": 0,
    "group": "",
    "ip_free_bind": 0,
    "ipv6_hex_style": "c",
    "kemi.event_route_callback": "",
    "kemi.onsend_route_callback": "ksr_onsend_route",
    "kemi.pre_routing_callback": "",
    "kemi.received_route_callback": "",
    "kemi.reply_route_callback": "ksr_reply_route",
    "maxbuffer": 262144,
    "mcast": "",
    "mcast_loopback": 0,
    "mcast_ttl": -1,
    "mem_join": 1,
    "mem_safety": 1,
    "mem_status_mode": 0,
    "mem_summary": 12,
    "memdbg": 4,
    "memlog": 4,
    "mlock_pages": 0,
    "modinit_delay": 0,
    "open_files_limit": -1,
    "pmtu_discovery": 0,
    "real_time": 0,
    "route_locks_size": 0,
    "rt_policy": 0,
    "rt_prio": 0,
    "rt_timer1_policy": 0,
    "rt_timer1_prio": 0,
    "rt_timer2_policy": 0,
    "rt_timer2_prio": 0,
    "rundir": "/var/run/kamailio",
    "sctp_children": 0,
    "shm_force_alloc": 0,
    "shm_mem": 64,
    "socket_workers": 0,
    "sql_buffer_size": 65535,
    "tos": 0x10,
    "udp4_raw": 0,
    "udp4_raw_mtu": 1500,
    "udp4_raw_ttl": -1,
    "user": "",
    "verbose_startup": 0,
    "wait_worker1_mode": 0,
    "wait_worker1_time": 4000000,
    "wait_worker1_usleep": 100000,
    "workdir": "",
    # TLS in the core of 4.4, now in module tls
    "tls_ca_list": "",
    "tls_certificate": "",
    "tls_handshake_timeout": 120,
    "tls_method": "TLSv1",
    "tls_private_key": "",
    "tls_require_certificate": 0,
    "tls_send_timeout": 120,
    "tls_verify": 0,
    "tlslog": 3,
    # of 6.x
    "async_tkv_evcb": "",
    "async_tkv_gname": "",
    "auto_domains": 1,
    "kemi.request_route_callback": "",
    "maxsndbuffer": 0,
    "mem_add_size": 0,
    "msg_apply_changes_mode": 0,
    "msg_clone_extra_size": 0,
    "msg_recv_max_size": 32767,
    "return_mode": 0,
    "rpc_exec_delta": 0,
    "rpc_exec_locks": 0,
    "rpc_exec_locks_mode": 0,
    "tcp_accept_iplimit": 1024,
    "tcp_accept_protocols": 0,
    "tcp_check_timer": 10,
    "tcp_close_rst": 1,
    "tcp_listen_backlog": 1024,
    "tcp_main_threads": 0,
    "tcp_msg_data_timeout": 20,
    "tcp_msg_read_timeout": 20,
    "tls_connection_match_domain": 0,
    "tls_threads_mode": 0,
    "udp_accept_proxy": 0,
    "udp_receiver_mode": 0,
}

#: Parameters whose other values than the default are not heeded, and what stays as it is: said when a server starts.
UNHEEDED: dict[str, str] = {
    "bind_ipv6_link_local": "addresses of one link are not listened on",
    "dns_slow_query_ms": "DNS questions are not timed",
    "hdr_name_extra_chars": "header names take the characters of RFC 3261",
    "http_reply_parse": "HTTP replies do not parse",
    "ipv6_hex_style": "IPv6 addresses are written in their shortest form",
    "latency_limit_action": "single actions are not timed",
    "latency_log": "actions and database commands are not timed",
    "latency_limit_db": "database commands are not timed",
    "mcast": "multicast groups are not joined",
    "msg_apply_changes_mode": "msg_apply_changes() treats replies as 5.6 does",
    "phone2tel": "a sip URI with user=phone counts as a tel URI",
    "return_mode": "return behaves as in 5.6",
    "sip_parser_mode": "a repeated header that must be unique ends the headers",
    "tcp_accept_protocols": "streams carry SIP, and what event routes make of other texts",
    "tcp_connection_match": "connections are found by the peer's address",
    "tcp_accept_haproxy": "the PROXY protocol is not spoken",
    "tcp_accept_hep3": "HEP3 is not spoken",
    "udp_accept_proxy": "the PROXY protocol is not spoken",
    "uri_host_extra_chars": "hosts of URIs take the characters of RFC 3261",
}

#: Names of the type of service (RFC 1349).
TOS = {"IPTOS_LOWDELAY": 0x10, "IPTOS_THROUGHPUT": 0x08, "IPTOS_RELIABILITY": 0x04, "IPTOS_MINCOST": 0x02}

#: Parameters that say the opposite of another one.
INVERTED: dict[str, str] = {
    "enable_tls": "disable_tls",
    "enable_sctp": "disable_sctp",
}


def collect(assignments: Iterable[tuple[str, Value]]) -> dict[str, Any]:
    """All settings: the defaults, changed by the config's assignments in their order."""
    settings: dict[str, Any] = dict(DEFAULTS)
    for name, value in assignments:
        if name in INVERTED:
            settings[INVERTED[name]] = int(not value)
            continue
        if name == "auto_domains":  # how 6.x calls it
            settings["auto_aliases"] = value
        settings[name] = value
    if not settings["children"] or int(settings["children"]) <= 0:
        settings["children"] = DEFAULTS["children"]
    # Without the table there is nothing to use.
    for table, use in (("dns_cache_init", "use_dns_cache"), ("dst_blocklist_init", "use_dst_blocklist")):
        if not settings[table]:
            settings[use] = 0
    # The plain name `force_rport` and `udp_mtu_try_proto` are also commands; as parameters they hold a number, the
    # protocol one of 1 udp, 2 tcp, 3 tls, 4 sctp.
    proto = settings["udp_mtu_try_proto"]
    if isinstance(proto, str):
        settings["udp_mtu_try_proto"] = {"udp": 1, "tcp": 2, "tls": 3, "sctp": 4}.get(proto.lower(), 0)
    if isinstance(settings["tos"], str):
        settings["tos"] = TOS.get(settings["tos"].upper(), DEFAULTS["tos"])
    return settings
