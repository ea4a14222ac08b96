"""What people read: ladders of the messages that crossed the network."""

from kamscript.report.ladder import Exchange, ladder

__all__ = ["Exchange", "ladder"]
