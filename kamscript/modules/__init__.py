"""The Kamailio modules, one file or package each."""
