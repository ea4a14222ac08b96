"""Tools around configs: check them as the daemon would at start."""
