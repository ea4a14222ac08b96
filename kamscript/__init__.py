"""kamscript: run, test and check Kamailio routing scripts in Python."""

__version__ = "0.1.0"
