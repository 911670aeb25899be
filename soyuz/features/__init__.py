"""The product, one word a file: the only place where the disk and the wire meet.

Each has `register(messenger, app)`; a feature may call only those before it in server.py's FEATURES.
"""
