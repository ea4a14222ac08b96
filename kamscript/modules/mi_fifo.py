"""mi_fifo: MI commands of the 4.x generation over a named FIFO.

    :dlg_list:reply_fifo        the command, and the FIFO in `reply_dir` that the answer goes to
    parameter                   one a line, each perhaps `name::value`; an empty line ends the request

The module says where to listen; `kamscript.live.mi` opens the FIFO.
Source: mi_fifo manual and modules/mi_fifo of Kamailio 4.4.
"""

from __future__ import annotations

from kamscript.module import FixupError, Module, Param


class MiFifo(Module, name="mi_fifo"):
    """Serve MI commands over a FIFO."""

    fifo_name = Param("kamailio_fifo", "Name of the FIFO, in the runtime directory unless absolute.", until="4.4")
    fifo_mode = Param(0o660, "Permissions of the FIFO.", until="4.4")
    fifo_group = Param("", "Group of the FIFO, a name or a number.", kind=object, until="4.4")
    fifo_user = Param("", "Owner of the FIFO, a name or a number.", kind=object, until="4.4")
    reply_dir = Param("/tmp/", "Directory where FIFOs for answers must be.", until="4.4")
    reply_indent = Param("\t", "What stands in front of an answer's line for each level of depth.", until="4.4")

    def start(self) -> None:
        """Check the names."""
        if not self.fifo_name:
            raise FixupError("fifo_name is empty: there is nothing to listen on")
        if not self.reply_dir:
            raise FixupError("reply_dir is empty: there is nowhere to answer")
        if not self.fifo_mode:
            self.server.log.warning(self.name, "fifo_mode is 0: 0600 is used")
            self.fifo_mode = 0o600
