"""The lab: a config runs offline, on a virtual network and a clock that a test turns."""
