"""The disk: nobody else opens a data file.

Locks, in the order they may be taken: the journal's, which all documents share, then that of one
room's history. Neither is held while anything waits for the disk or is published. The committer's
native thread takes no lock at all: it works on what it was handed.
"""
