"""The parameters of rtpengine."""

from __future__ import annotations

from typing import Final

from kamscript.module import Param
from kamscript.modules._relays import RelayModule
from kamscript.modules.rtpengine import mos

MOST_NODES: Final = 30
_DTMF: Final = "the events of DTMF that an rtpengine sends by itself are not received"


class Parameters(RelayModule):
    """What modparam sets."""

    rtpengine_sock = Param("", "Addresses of a set: `[SET ==] udp:HOST:PORT[=WEIGHT] ...`.", repeat=True)
    rtpengine_disable_tout = Param(60, "Seconds for which one that does not answer is left alone.")
    aggressive_redetection = Param(1, "1: when all are down, try all of them again at once.", since="5.6")
    rtpengine_tout_ms = Param(1000, "Milliseconds to wait for an answer.")
    queried_nodes_limit = Param(MOST_NODES, "So many are asked at most.")
    rtpengine_retr = Param(5, "How often a command is sent when no answer comes.")
    rtpengine_allow_op = Param(0, "1: a call stays with its rtpengine when that is disabled, 2: when by hand.")
    control_cmd_tos = Param(-1, "Type of service of the commands; -1 as it is.", since="5.6")
    ping_mode = Param(1, "1: ping all of them every ping_interval seconds, too.", since="6.x")
    ping_interval = Param(60, "Seconds between two such pings.", since="6.x")
    hash_table_size = Param(256, "Slots of the table of calls.", inert="a dictionary grows as it has to")
    hash_table_tout = Param(3600, "Seconds after which a call is forgotten.")
    hash_algo = Param(0, "Chosen by Call-ID: 0 by its sum, 1 by its SHA-1, 2 by its CRC-32.", since="5.6")
    setid_default = Param(0, "Number of the set that counts when none is selected.")
    setid_avp = Param("", "AVP that holds the number of the set.")
    force_send_interface = Param("", "Own address that commands are sent from.")
    wsapi = Param("", "Module for commands over WebSocket.", since="5.6", inert="lwsc (WebSocket clients) is not there")

    db_url = Param("", "Database with the sets, instead of rtpengine_sock.")
    table_name = Param("rtpengine", "Table with the sets.")
    setid_col = Param("setid", "Column of the set's number.")
    url_col = Param("url", "Column of the address.")
    weight_col = Param("weight", "Column of the weight.")
    disabled_col = Param("disabled", "Column that is 1 for those disabled by hand.")

    extra_id_pv = Param("", "Text that via-branch=extra sends.")
    rtp_inst_pvar = Param("", "Variable that gets the address of the rtpengine that was used.")
    write_sdp_pv = Param("", "Variable that gets the new session description instead of the message.")
    write_sdp_pv_mode = Param(0, "1: the message gets it, too.", since="6.x")
    read_sdp_pv = Param("", "Variable that holds the session description to send instead of the message's.")
    media_duration = Param("", "Variable that gets the milliseconds of what play_media() plays.", since="5.6")

    dtmf_events_sock = Param("", "Address that events of DTMF come to.", repeat=True, since="6.x", inert=_DTMF)
    dtmf_event = Param("", "Variable for the key.", since="6.x", inert=_DTMF)
    dtmf_event_callid = Param("", "Variable for the Call-ID.", since="6.x", inert=_DTMF)
    dtmf_event_duration = Param("", "Variable for the duration.", since="6.x", inert=_DTMF)
    dtmf_event_source_ip = Param("", "Variable for the source.", since="6.x", inert=_DTMF)
    dtmf_event_source_label = Param("", "Variable for its label.", since="6.x", inert=_DTMF)
    dtmf_event_source_tag = Param("", "Variable for its tag.", since="6.x", inert=_DTMF)
    dtmf_event_tags = Param("", "Variable for all tags.", since="6.x", inert=_DTMF)
    dtmf_event_timestamp = Param("", "Variable for the time.", since="6.x", inert=_DTMF)
    dtmf_event_type = Param("", "Variable for the type.", since="6.x", inert=_DTMF)
    dtmf_event_volume = Param("", "Variable for the volume.", since="6.x", inert=_DTMF)
    event_callback = Param("", "KEMI function for events.", since="6.x", inert=_DTMF)
    enable_dmq = Param(0, "1: tell other servers of calls.", since="6.x", inert="calls are not shared over DMQ")
    dmq_peer_id = Param("rtpengine", "Name on the bus.", since="6.x", inert="calls are not shared over DMQ")

    mos_A_label_pv = Param("", "Text with the label of side A.", since="5.6")
    mos_B_label_pv = Param("", "Text with the label of side B.", since="5.6")
    for _name, _what in mos.PARAMS.items():
        _side = f", side {_what.side}" if _what.side else ""
        vars()[_name] = Param("", f"Variable for {_what.member} ({_what.kind}{_side}).", since="5.6")
    del _name, _what, _side
