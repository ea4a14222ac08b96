"""What messages and time do to dialogs (dialog/dlg_handlers.c), in layers:

Events (moves, event routes) > Initial (new dialogs) > Replies > Within (sequential requests) > Timeouts > Tracking
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.modules.dialog.timeouts import Timeouts
from kamscript.modules.tm.callbacks import TMCB_REQUEST_IN

if TYPE_CHECKING:
    from kamscript.modules.dialog.parameters import Parameters


class Tracking(Timeouts):
    """Makes dialogs, moves them through their states, runs callbacks and event routes, ends what expired."""

    def __init__(self, module: Parameters) -> None:
        super().__init__(module)
        if module.dlg_mode == 0:
            self.tm.register_tmcb(TMCB_REQUEST_IN, self.on_request)
        self.rr.register_callback(self.on_route)
        hooks = module.server.hooks
        # The last to register is the first to run, as in Kamailio: in front of tm's.
        hooks.pre_script.insert(0, self.before_script)
        hooks.post_script.insert(0, self.after_script)
