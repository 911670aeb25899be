"""Soyuz Messenger: a chat for small groups whose whole memory is plain files."""

__version__ = "0.1.0"
