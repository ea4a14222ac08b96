"""@selects of the core: the older way to read parts of a message."""

from __future__ import annotations

from ..case import REQUEST, battery
from .pseudo_variables import BARE, FULL

battery(
    "selects",
    "of_the_core",
    """
    = @ruri
    = @ruri.user
    = @ruri.host
    = @ruri.port
    = @ruri.pwd
    = @ruri.params
    = @ruri.params.transport
    = @ruri.hostport
    = @ruri.type
    = @ruri.transport
    = @request_uri
    = @dst_uri
    = @next_hop
    = @next_hop.host
    = @from
    = @from.uri
    = @from.uri.user
    = @from.uri.host
    = @from.uri.port
    = @from.tag
    = @from.name
    = @from.params.tag
    = @from.params.fp
    = @f.tag
    = @to
    = @to.uri
    = @to.uri.host
    = @to.tag
    = @to.name
    = @t.uri.user
    = @refer_to
    = @refer_to.uri
    = @rpid
    = @rpid.uri
    = @rpid.params.party
    = @remote_party_id.name
    = @contact
    = @contact.uri
    = @contact.uri.host
    = @contact.name
    = @contact.q
    = @contact.expires
    = @contact.params.q
    = @m.uri
    = @via
    = @via[1]
    = @via[2]
    = @via[3]
    = @via[-1]
    = @via[1].host
    = @via[1].port
    = @via[1].transport
    = @via[1].name
    = @via[1].version
    = @via[1].branch
    = @via[1].rport
    = @via[1].received
    = @via[2].received
    = @via[2].host
    = @via[1].params.x
    = @v.host
    = @record_route
    = @record_route.uri
    = @rr.uri.host
    = @rr.name
    = @rr.params.lr
    = @cseq
    = @cseq.num
    = @cseq.method
    = @call_id
    = @expires
    = @max_forwards
    = @content_type
    = @content_length
    = @subject
    = @organization
    = @priority
    = @user_agent
    = @event
    = @date
    = @session_expires
    = @min_se
    = @msg
    = @msg.first_line
    = @msg.len
    = @msg.type
    = @msg.flags
    = @msg.body
    = @msg.body.sdp
    = @msg.body.sdp.line["m"]
    = @msg.body.sdp.line.c
    = @msg.content
    = @msg.request
    = @msg.request.method
    = @msg.request.uri
    = @msg.request.version
    = @msg.response
    = @msg.response.code
    = @msg.header.subject
    = @msg.header.X_Multi
    = @msg.header["X-Multi"]
    = @msg.header["P-Asserted-Identity"].nameaddr.uri
    = @msg.header["P-Asserted-Identity"].nameaddr.name
    = @msg.h.diversion.params.reason
    = @msg.header.diversion.nameaddr.params.reason
    = @message.len
    = @method
    = @version
    = @status
    = @code
    = @reason
    = @authorization["arealm"]
    = @authorization["arealm"].username
    = @authorization["arealm"].username.user
    = @authorization["arealm"].username.domain
    = @authorization["arealm"].realm
    = @authorization["arealm"].nonce
    = @authorization["arealm"].uri
    = @authorization["arealm"].response
    = @authorization["arealm"].nc
    = @authorization["arealm"].qop
    = @authorization["arealm"].algorithm
    = @authorization["arealm"].cnonce
    = @authorization["arealm"].opaque
    = @authorization["other"].username
    = @proxy_authorization["arealm"].username
    = @src.ip
    = @src.port
    = @src.ip_port
    = @dst.ip
    = @dst.port
    = @dst.ip_port
    = @received.proto
    = @received.ip
    = @received.port
    = @received.ip_port
    = @received.proto_ip_port
    = @branch.count
    = @branch.uri
    = @branch.q
    = @sys.server_id
    = @hf_value.subject
    = @hf_value["X-Multi"]
    = @hf_value.x_multi[2]
    = @hf_value.x_multi[-1]
    = @hf_value["P-Asserted-Identity"].uri
    = @hf_value["Diversion"].p.reason
    = @hf_value_exists["X-Multi"].two
    = @hf_value_exists["X-Multi"].four
    = @cfg_get.core.debug
    ? @to.tag == ""
    ? @to.tag == "totag"
    ? @from.uri =~ "^sip:Alice"
    ? @hf_value.nope == ""
    = "[" + @to.tag + "]"
    = @cseq.num + 1
    x = 1 + @cseq.num
    = strlen(@ruri)
    > $sel(ruri.user) | $sel(from.tag) | $sel(via[1].host)
    """,
    modules="tm pv xlog textops textopsx",
    before="debug=1",
    messages=(FULL, BARE, REQUEST),
)
