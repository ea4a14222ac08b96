"""The same case on kamscript: in process, in virtual time, with the same addresses and no sockets."""

from __future__ import annotations

from .case import Address


class Lab:
    """kamscript as the world of a case; see `case.World` for the calls."""

    def __init__(self, config: str) -> None:
        raise NotImplementedError("waits for kamscript.lab")

    def open(self, address: Address) -> None:
        """Listen at `address`."""
        raise NotImplementedError

    def send(self, source: Address, data: bytes) -> None:
        """Hand a datagram to the server."""
        raise NotImplementedError

    def receive(self, address: Address, timeout: float) -> bytes | None:
        """The next datagram at `address`, turning the clock by up to `timeout` seconds."""
        raise NotImplementedError

    def pending(self, address: Address) -> list[bytes]:
        """What came to `address` and was not received."""
        raise NotImplementedError

    def settle(self) -> None:
        """Nothing to do: a message is dealt with when `send` returns."""

    def advance(self, seconds: float) -> None:
        """Turn the clock."""
        raise NotImplementedError

    def rpc(self, method: str, *args: str | int | float) -> object:
        """Run an RPC command."""
        raise NotImplementedError

    def log(self) -> list[str]:
        """What the config logged."""
        raise NotImplementedError

    def close(self) -> None:
        """End the server."""
