"""The pytest plugin: one fixture, `lab`, that loads a config into a fresh lab."""
