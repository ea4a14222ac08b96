"""The one error of this package."""

from __future__ import annotations


class SipError(Exception):
    """A message, header or URI that Kamailio would refuse; the text says why."""
