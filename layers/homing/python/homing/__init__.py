"""Homing: e-mail for an organisation that does not want to run mail servers."""

__version__ = "0.1.0"
