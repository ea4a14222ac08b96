"""Tests of the tools around configs."""
