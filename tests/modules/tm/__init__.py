"""Module tm, in memory: messages in, messages out, and a clock that a test turns."""
