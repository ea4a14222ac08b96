"""The cases, one file per topic."""
