"""The core parameters: `name = value` lines outside the routes.

One table row per parameter: the value it takes, other spellings, the generations that know it, what it does, and, for
those that have no effect here, why. Sources: Kamailio's core/cfg.lex and cfg.y of 4.4, 5.6.3 and 6.x, and the core
cookbook.
"""

from __future__ import annotations

from dataclasses import dataclass

PROCESS = "there are no worker processes to arrange here"
MEMORY = "Python manages the memory"
OS = "left to the operating system's defaults"
KEEP = "the resolver that is handed in keeps answers as it likes"
HOST = "who starts the process decides (systemd, ulimit, chroot)"
LOGGER = "the modules log_custom and log_systemd are not simulated"
TLS = "TLS is configured by the tls module"
SCTP = "SCTP is not supported"
KEMI = "routes run in the native language only"
LOOP = "one event loop serves all streams and bounds what they hold itself"
DEAD = "it had no effect in Kamailio either"


@dataclass(frozen=True, slots=True)
class SettingDecl:
    """One core parameter.

    `kind` says what may stand behind `=`: number, integer (a minus is possible), text, word, `text|word`,
    `number|word`, `number|text`, ipv4, ipv6, listen_id, proto, tls_method. `late` are spellings that only the newest
    generation has. `inert` says in half a sentence why the parameter has no effect here; empty when it has.
    """

    name: str
    kind: str
    doc: str
    aliases: tuple[str, ...] = ()
    since: str = ""
    until: str = ""
    late: tuple[str, ...] = ()
    inert: str = ""


def _s(
    name: str, kind: str, doc: str, aliases: str = "", since: str = "", until: str = "", late: str = "", inert: str = ""
) -> SettingDecl:
    return SettingDecl(name, kind, doc, tuple(aliases.split()), since, until, tuple(late.split()), inert)


SETTINGS: tuple[SettingDecl, ...] = (
    _s("debug", "integer", "Log level: messages up to this level are written."),
    _s("fork", "number", "Run as a daemon with several processes.", inert=PROCESS),
    _s("fork_delay", "number", "Microseconds to wait before each fork.", inert=PROCESS),
    _s("modinit_delay", "number", "Microseconds to wait after each module's start.", inert=PROCESS),
    _s("log_stderror", "number", "Write the log to standard error instead of syslog."),
    _s("log_facility", "word", "Syslog facility."),
    _s("log_name", "text", "Name shown in the syslog instead of the program's."),
    _s("log_color", "number", "Colour the log on standard error."),
    _s("log_prefix", "text", "Text with pseudo-variables in front of each log line."),
    _s("log_prefix_mode", "number", "1: evaluate log_prefix for every line instead of once per message.", since="5.6"),
    _s("log_engine_type", "text", "Module that writes the log.", inert=LOGGER),
    _s("log_engine_data", "text", "Data for the log engine.", inert=LOGGER),
    _s("xavp_via_params", "text", "XAVP whose fields become parameters of the Via added to requests.", since="5.6"),
    _s("xavp_via_fields", "text", "XAVP whose fields set the parts of the Via added to requests.", since="5.6"),
    _s("dns", "number", "Look up the host of the topmost Via."),
    _s("rev_dns", "number", "Look up the source address by reverse DNS.", aliases="dns_rev_via", late="dns_rev_via"),
    _s("dns_try_ipv6", "number", "Ask for AAAA when there is no A."),
    _s("dns_try_naptr", "number", "Ask for NAPTR first (RFC 3263)."),
    _s("dns_srv_lb", "number", "Spread over SRV records of one priority by weight.", aliases="dns_srv_loadbalancing"),
    _s("dns_udp_pref", "integer", "Preference of UDP among NAPTR records.", aliases="dns_udp_preference"),
    _s("dns_tcp_pref", "integer", "Preference of TCP among NAPTR records.", aliases="dns_tcp_preference"),
    _s("dns_tls_pref", "integer", "Preference of TLS among NAPTR records.", aliases="dns_tls_preference"),
    _s("dns_sctp_pref", "integer", "Preference of SCTP among NAPTR records.", aliases="dns_sctp_preference"),
    _s("dns_retr_time", "number", "Seconds before a DNS question is repeated."),
    _s(
        "dns_slow_query_ms",
        "number",
        "Milliseconds after which a DNS question counts as slow.",
        since="5.6",
    ),
    _s("dns_retr_no", "number", "How often a DNS question is repeated."),
    _s("dns_servers_no", "number", "How many name servers are asked."),
    _s("dns_use_search_list", "number", "Use the resolver's search list."),
    _s("dns_search_full_match", "number", "Insist on whole names when the search list is used.", inert=KEEP),
    _s("dns_naptr_ignore_rfc", "number", "Order NAPTR records by our own preferences."),
    _s("dns_cache_init", "number", "Have a DNS cache at all."),
    _s("use_dns_cache", "number", "Use the DNS cache.", aliases="dns_use_cache", late="dns_use_cache"),
    _s(
        "use_dns_failover",
        "number",
        "Try the next address when one fails.",
        aliases="dns_use_failover",
        late="dns_use_failover",
    ),
    _s("dns_cache_flags", "number", "Families kept in the DNS cache."),
    _s("dns_cache_negative_ttl", "number", "Seconds a failed look-up is kept."),
    _s("dns_cache_max_ttl", "number", "Longest time to keep a record, in seconds.", inert=KEEP),
    _s("dns_cache_min_ttl", "number", "Shortest time to keep a record, in seconds.", inert=KEEP),
    _s("dns_cache_mem", "number", "KiB for the DNS cache.", inert=MEMORY),
    _s("dns_cache_gc_interval", "number", "Seconds between clean-ups of the DNS cache.", inert=KEEP),
    _s(
        "dns_cache_del_nonexp",
        "number",
        "Drop also records that live when memory is short.",
        aliases="dns_cache_delete_nonexpired",
        inert=MEMORY,
    ),
    _s("dns_cache_rec_pref", "number", "Which records go first when memory is short.", inert=KEEP),
    _s("auto_bind_ipv6", "number", "Listen on IPv6 addresses too when listening on every address."),
    _s("ipv6_hex_style", "text", "How IPv6 addresses are written: a, A or c.", since="5.6"),
    _s("bind_ipv6_link_local", "number", "Accept link-local addresses for listening.", since="5.6"),
    _s("dst_blocklist_init", "number", "Have a blocklist of dead destinations at all."),
    _s("use_dst_blocklist", "number", "Use the blocklist."),
    _s("dst_blocklist_mem", "number", "KiB for the blocklist.", inert=MEMORY),
    _s(
        "dst_blocklist_expire",
        "number",
        "Seconds an address stays blocked.",
        aliases="dst_blocklist_ttl",
    ),
    _s(
        "dst_blocklist_gc_interval",
        "number",
        "Seconds between clean-ups of the blocklist.",
        inert="what is over leaves the list when it is asked for",
    ),
    _s("dst_blocklist_udp_imask", "number", "UDP errors that do not block."),
    _s("dst_blocklist_tcp_imask", "number", "TCP errors that do not block."),
    _s("dst_blocklist_tls_imask", "number", "TLS errors that do not block."),
    _s("dst_blocklist_sctp_imask", "number", "SCTP errors that do not block."),
    _s(
        "ip_free_bind",
        "integer",
        "Bind addresses the machine does not have yet.",
        aliases="ipfreebind ip_nonlocal_bind",
        since="5.6",
    ),
    _s("port", "number", "Port for listen lines without one."),
    _s("maxbuffer", "number", "Largest receive buffer to ask the kernel for, in bytes.", inert=OS),
    _s("sql_buffer_size", "number", "Bytes for one SQL statement.", inert=MEMORY),
    _s("children", "number", "Worker processes per UDP socket.", inert=PROCESS),
    _s("stats_name_separator", "text", "Character between group and name of statistics.", since="5.6"),
    _s("socket_workers", "number", "Worker processes for the next listen line.", inert=PROCESS),
    _s("async_workers", "number", "Processes for asynchronous tasks.", inert=PROCESS),
    _s("async_usleep", "number", "Microseconds an asynchronous worker waits for work.", inert=PROCESS),
    _s("async_nonblock", "number", "Do not block on the task socket.", since="5.6", inert=PROCESS),
    _s("async_workers_group", "text", "Named group of asynchronous workers.", since="5.6", inert=PROCESS),
    _s("check_via", "number", "Compare the topmost Via of replies with our addresses."),
    _s("phone2tel", "number", "Treat sip URIs with user=phone as tel."),
    _s("memlog", "integer", "Log level of memory reports.", aliases="mem_log", inert=MEMORY),
    _s("memdbg", "integer", "Log level of memory debugging.", aliases="mem_dbg", inert=MEMORY),
    _s("mem_summary", "integer", "What is reported about memory at exit.", inert=MEMORY),
    _s("mem_safety", "integer", "Survive a double free.", inert=MEMORY),
    _s("mem_join", "integer", "Join free fragments.", inert=MEMORY),
    _s("mem_status_mode", "integer", "How much a memory report says.", inert=MEMORY),
    _s("sip_parser_log_oneline", "integer", "Log a broken message in one line.", since="5.6"),
    _s("sip_parser_log", "integer", "Log level of parser errors.", since="5.6"),
    _s("sip_parser_mode", "integer", "0: be strict about broken header fields.", since="5.6"),
    _s("corelog", "integer", "Log level of the core's own messages.", aliases="core_log"),
    _s("sip_warning", "number", "Add a Warning header to replies made here."),
    _s("version_table", "text", "Table with the versions of database tables."),
    _s("user", "text|word", "User to run as.", aliases="uid"),
    _s("group", "text|word", "Group to run as.", aliases="gid"),
    _s("chroot", "text|word", "Root directory to change to.", inert=HOST),
    _s("workdir", "text|word", "Working directory.", aliases="wdir"),
    _s("rundir", "text|word", "Directory of control sockets and PID files.", aliases="run_dir"),
    _s("mhomed", "number", "Pick the sending socket by the kernel's route."),
    _s("disable_tcp", "number", "Do not use TCP."),
    _s("tcp_accept_aliases", "number", "Honour `alias` in Via: use the connection for that port."),
    _s("tcp_accept_unique", "number", "Refuse a second connection from the same address and port.", since="5.6"),
    _s("tcp_connection_match", "number", "How a connection is found by address.", since="5.6"),
    _s("tcp_children", "number", "Processes that read TCP.", inert=PROCESS),
    _s("tcp_connect_timeout", "integer", "Seconds to connect."),
    _s("tcp_send_timeout", "integer", "Seconds to wait for a send."),
    _s("tcp_connection_lifetime", "integer", "Seconds an idle connection lives."),
    _s(
        "tcp_poll_method",
        "text|word",
        "How sockets are watched: poll, epoll_lt, epoll_et, kqueue, select, sigio_rt.",
        inert=OS,
    ),
    _s("tcp_max_connections", "number", "Most TCP connections."),
    _s("tls_max_connections", "number", "Most TLS connections."),
    _s("tcp_no_connect", "number", "Never open TCP connections."),
    _s("tcp_source_ipv4", "ipv4", "IPv4 source address of new connections."),
    _s("tcp_source_ipv6", "ipv6", "IPv6 source address of new connections."),
    _s("tcp_fd_cache", "number", "Keep file descriptors in worker processes.", inert=PROCESS),
    _s(
        "tcp_buf_write",
        "number",
        "Queue what cannot be sent at once.",
        aliases="tcp_async",
        inert="a write never waits here",
    ),
    _s("tcp_conn_wq_max", "number", "Most bytes queued per connection."),
    _s("tcp_wq_max", "number", "Most bytes queued over all connections."),
    _s("tcp_rd_buf_size", "number", "Bytes of a connection's read buffer: the longest message."),
    _s("tcp_wq_blk_size", "number", "Bytes per block of the queue.", inert=MEMORY),
    _s("tcp_defer_accept", "number", "Kernel option: wake up when data is there."),
    _s("tcp_delayed_ack", "number", "Kernel option: delayed acknowledgement."),
    _s("tcp_syncnt", "number", "Kernel option: SYN retries."),
    _s("tcp_linger2", "number", "Kernel option: time in FIN_WAIT2."),
    _s("tcp_keepalive", "number", "Kernel option: keep-alive."),
    _s("tcp_keepidle", "number", "Kernel option: seconds before the first keep-alive."),
    _s("tcp_keepintvl", "number", "Kernel option: seconds between keep-alives."),
    _s("tcp_keepcnt", "number", "Kernel option: keep-alives before giving up."),
    _s("tcp_crlf_ping", "number", "Answer CRLF CRLF with CRLF (RFC 5626)."),
    _s("tcp_accept_no_cl", "number", "Accept messages without Content-Length."),
    _s("tcp_accept_hep3", "number", "Accept HEP3 on TCP.", since="5.6"),
    _s("tcp_accept_haproxy", "number", "Expect the PROXY protocol in front of a connection.", since="5.6"),
    _s("tcp_clone_rcvbuf", "number", "Copy the receive buffer for each message.", inert=MEMORY),
    _s("tcp_reuse_port", "number", "Share the port between processes.", since="5.6", inert=PROCESS),
    _s(
        "tcp_wait_data",
        "integer",
        "Milliseconds to wait for data of an accepted connection.",
        since="5.6",
        inert="it is for the PROXY protocol, which is not spoken",
    ),
    _s("tcp_script_mode", "integer", "What a connection does when the script fails.", since="5.6"),
    _s("disable_tls", "number", "Do not use TLS.", aliases="tls_disable"),
    _s("enable_tls", "number", "Use TLS.", aliases="tls_enable"),
    _s("tlslog", "number", "Log level of TLS.", aliases="tls_log", inert=TLS),
    _s("tls_port_no", "number", "Port of TLS sockets without one."),
    _s("tls_method", "tls_method", "TLS version, when TLS was part of the core.", inert=TLS),
    _s("tls_verify", "number", "Verify certificates, when TLS was part of the core.", inert=TLS),
    _s("tls_require_certificate", "number", "Require a certificate, when TLS was part of the core.", inert=TLS),
    _s("tls_certificate", "text", "Certificate, when TLS was part of the core.", inert=TLS),
    _s("tls_private_key", "text", "Private key, when TLS was part of the core.", inert=TLS),
    _s("tls_ca_list", "text", "Trusted authorities, when TLS was part of the core.", inert=TLS),
    _s("tls_handshake_timeout", "number", "Handshake timeout, when TLS was part of the core.", inert=TLS),
    _s("tls_send_timeout", "number", "Send timeout, when TLS was part of the core.", inert=TLS),
    _s("disable_sctp", "number", "Do not use SCTP.", inert=SCTP),
    _s("enable_sctp", "number", "Use SCTP.", inert=SCTP),
    _s("sctp_children", "number", "Worker processes per SCTP socket.", inert=SCTP),
    _s("server_signature", "number", "Add Server and User-Agent headers."),
    _s("server_header", "text", "The Server header, name included."),
    _s("user_agent_header", "text", "The User-Agent header, name included."),
    _s("uri_host_extra_chars", "text", "Further characters allowed in the host of a URI.", since="5.6"),
    _s("hdr_name_extra_chars", "text", "Further characters allowed in header names.", since="5.6"),
    _s("reply_to_via", "number", "Send replies to the address in Via, not to the source."),
    _s("auto_aliases", "number", "Make names of listening addresses aliases."),
    _s("advertised_address", "listen_id", "Address to write into Via and Record-Route."),
    _s("advertised_port", "number", "Port to write into Via and Record-Route."),
    _s("disable_core_dump", "number", "No core files.", inert=HOST),
    _s("open_files_limit", "number", "Most open files.", inert=HOST),
    _s("shm_mem", "number", "MiB of shared memory.", aliases="shm shm_mem_size", inert=MEMORY),
    _s("shm_force_alloc", "number", "Touch all shared memory at start.", inert=MEMORY),
    _s("mlock_pages", "number", "Lock memory.", inert=HOST),
    _s("real_time", "number", "Real-time scheduling.", inert=HOST),
    _s("rt_prio", "number", "Real-time priority.", inert=HOST),
    _s("rt_policy", "number", "Real-time policy.", inert=HOST),
    _s(
        "rt_timer1_prio",
        "number",
        "Real-time priority of the fast timer.",
        aliases="rt_fast_timer_prio rt_ftimer_prio",
        inert=HOST,
    ),
    _s("rt_timer1_policy", "number", "Real-time policy of the fast timer.", aliases="rt_ftimer_policy", inert=HOST),
    _s("rt_timer2_prio", "number", "Real-time priority of the slow timer.", aliases="rt_stimer_prio", inert=HOST),
    _s("rt_timer2_policy", "number", "Real-time policy of the slow timer.", aliases="rt_stimer_policy", inert=HOST),
    _s("mcast_loopback", "number", "Receive our own multicast."),
    _s("mcast_ttl", "number", "Multicast TTL."),
    _s("mcast", "text|word", "Multicast interface.", since="5.6", inert=OS),
    _s("tos", "number|word", "IP type of service."),
    _s("pmtu_discovery", "number", "Path MTU discovery."),
    _s("exit_timeout", "number", "Seconds a shutdown may take.", aliases="ser_kill_timeout", inert=PROCESS),
    _s("max_while_loops", "number", "Most turns of a `while`."),
    _s("pv_buffer_size", "number", "Bytes for the text of one expanded string.", inert=MEMORY),
    _s("pv_buffer_slots", "number", "Texts expanded at the same time.", inert=MEMORY),
    _s("pv_cache_limit", "number", "Parsed pseudo-variables kept at run time.", since="5.6", inert=MEMORY),
    _s("pv_cache_action", "number", "What happens when that is exceeded.", since="5.6", inert=MEMORY),
    _s("http_reply_parse", "number", "Parse HTTP replies as SIP replies.", aliases="http_reply_hack"),
    _s(
        "verbose_startup",
        "number",
        "Log more at start.",
        since="5.6",
        inert="the processes and routes that it prints are not there or not printed",
    ),
    _s("route_locks_size", "number", "Locks that serialise messages of one Call-ID.", since="5.6", inert=PROCESS),
    _s("wait_worker1_mode", "number", "Wait for the first worker.", since="5.6", inert=PROCESS),
    _s("wait_worker1_time", "number", "How long, in microseconds.", since="5.6", inert=PROCESS),
    _s("wait_worker1_usleep", "number", "How often it is checked, in microseconds.", since="5.6", inert=PROCESS),
    _s("server_id", "number", "Number of this server, `$sid`-like."),
    _s(
        "kemi.onsend_route_callback",
        "text",
        "Function of the other language for messages being sent.",
        since="5.6",
        inert=KEMI,
    ),
    _s("kemi.reply_route_callback", "text", "Function of the other language for replies.", since="5.6", inert=KEMI),
    _s("kemi.event_route_callback", "text", "Function of the other language for events.", since="5.6", inert=KEMI),
    _s(
        "kemi.received_route_callback",
        "text",
        "Function of the other language for received bytes.",
        since="5.6",
        inert=KEMI,
    ),
    _s("kemi.pre_routing_callback", "text", "Function of the other language before routing.", since="5.6", inert=KEMI),
    _s("received_route_mode", "integer", "1: run event_route[core:msg-received].", since="5.6"),
    _s("max_recursive_level", "number", "Deepest nesting of routes."),
    _s("max_branches", "number", "Most branches of a destination set."),
    _s("latency_log", "integer", "Log level of latency messages."),
    _s("latency_cfg_log", "integer", "Log level of the duration of whole routes.", since="5.6"),
    _s("latency_limit_db", "number", "Microseconds after which a database question is logged."),
    _s("latency_limit_action", "number", "Microseconds after which an action is logged."),
    _s("latency_limit_cfg", "number", "Microseconds after which a route is logged.", since="5.6"),
    _s("msg_time", "number", "Stamp messages on arrival.", inert="the time of arrival is always at hand"),
    _s("onsend_route_reply", "number", "Run onsend_route for replies too."),
    _s("udp_mtu", "number", "Bytes above which UDP requests go by another transport."),
    _s("force_rport", "number", "Treat every request as if it had rport.", aliases="add_rport"),
    _s("local_rport", "number", "Add rport to our Via always.", since="5.6"),
    _s("udp_mtu_try_proto", "proto", "Transport of requests that are larger than udp_mtu."),
    _s("udp4_raw", "integer", "Send UDP through a raw socket.", inert=OS),
    _s("udp4_raw_mtu", "number", "MTU of the raw socket.", inert=OS),
    _s("udp4_raw_ttl", "number", "TTL of the raw socket.", inert=OS),
    _s("statistics", "text", "Unused since 3.0.", until="4.4", inert=DEAD),
    _s("xavp_via_reply_params", "text", "XAVP whose fields become parameters of the Via of replies.", since="6.x"),
    _s("maxsndbuffer", "number", "Largest send buffer to ask the kernel for, in bytes.", since="6.x", inert=OS),
    _s("msg_clone_extra_size", "number", "Bytes added when a message is copied.", since="6.x", inert=MEMORY),
    _s("msg_apply_changes_mode", "number", "How msg_apply_changes treats replies.", since="6.x"),
    _s("msg_recv_max_size", "number", "Longest message accepted.", since="6.x"),
    _s("tcp_msg_read_timeout", "number", "Seconds within which a message must arrive whole.", since="6.x"),
    _s("tcp_msg_data_timeout", "number", "Seconds within which data must arrive.", since="6.x"),
    _s("tcp_accept_iplimit", "number", "Most connections from one address.", since="6.x"),
    _s("tcp_main_threads", "number", "Threads of the TCP main process.", since="6.x", inert=PROCESS),
    _s(
        "tcp_check_timer",
        "number",
        "Seconds between checks of connections.",
        since="6.x",
        inert="ages are looked at twice a second",
    ),
    _s("async_tkv_gname", "text", "Group that receives key-value events.", since="6.x", inert=PROCESS),
    _s("async_tkv_evcb", "text", "Callback for key-value events.", since="6.x", inert=PROCESS),
    _s("mem_add_size", "integer", "Bytes added to each allocation.", since="6.x", inert=MEMORY),
    _s("tcp_listen_backlog", "number", "Kernel option: connections waiting to be accepted.", since="6.x", inert=OS),
    _s("tcp_accept_protocols", "number|text", "Protocols accepted on TCP.", aliases="tcp_accept_protos", since="6.x"),
    _s("tcp_close_rst", "number", "Close with RST.", since="6.x", inert=OS),
    _s("tls_connection_match_domain", "number", "Match TLS connections by domain too.", since="6.x", inert=TLS),
    _s("tls_threads_mode", "number", "Threads around libssl.", since="6.x", inert=PROCESS),
    _s("auto_domains", "number", "Make names of listening addresses aliases (6.x name of auto_aliases).", since="6.x"),
    _s("return_mode", "number", "What `return` without a value gives.", since="6.x"),
    _s("kemi.request_route_callback", "text", "Function of the other language for requests.", since="6.x", inert=KEMI),
    _s(
        "rpc_exec_delta",
        "number",
        "Seconds between RPC commands that reload.",
        since="6.x",
        inert="none of the commands here is among those that it slows down",
    ),
    _s("rpc_exec_locks", "number", "Locks for RPC commands.", since="6.x", inert=PROCESS),
    _s("rpc_exec_locks_mode", "number", "How they are used.", since="6.x", inert=PROCESS),
    _s("udp_receiver_mode", "number", "How UDP is received: processes or threads.", since="6.x", inert=PROCESS),
    _s("udp_accept_proxy", "number", "Expect the PROXY protocol in front of datagrams.", since="6.x"),
)


def by_name() -> dict[str, SettingDecl]:
    """All parameters, by canonical name and by every other spelling."""
    table: dict[str, SettingDecl] = {}
    for decl in SETTINGS:
        for name in (decl.name, *decl.aliases):
            table[name] = decl
    return table
