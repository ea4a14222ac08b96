"""SIP itself: messages, URIs, headers, digest, SDP. Knows nothing of scripts, sockets or time."""
