"""A config on real sockets: asyncio UDP and TCP, control sockets, a real clock, DNS and log."""
