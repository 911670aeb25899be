"""Engine.IO under Socket.IO: the stock one, but it waits for no reader and complains in one line.

It leans on these names of python-engineio 4.15: `Server.sockets`, `Server.disconnect`,
`Socket.close`; a test holds them.
"""

from __future__ import annotations

import logging

import engineio

COMPLAINT_MAX_CHARACTERS = 120

log = logging.getLogger("soyuz.live.engine")
log.setLevel(logging.ERROR)  # below that the library tells of every packet


class Engine(engineio.Server):
    """See the module."""

    def disconnect(self, sid: str | None = None) -> None:
        """Close one connection, or all of them.

        The library would wait until the client has read what is queued, and a client that polls no
        more never does.
        """
        found = list(self.sockets.values()) if sid is None else [self.sockets.get(sid)]
        for connection in found:
            if connection is not None:
                connection.close(wait=False, reason=self.reason.SERVER_DISCONNECT)


def in_one_line(record: logging.LogRecord) -> bool:
    """Take the traceback from a POST that is no Engine.IO: its sender is at fault, not the server."""
    if record.msg == "post request handler error" and record.exc_info:
        problem = repr(str(record.exc_info[1]))
        record.msg = f"a POST that is not Engine.IO: {problem:.{COMPLAINT_MAX_CHARACTERS}}"
        record.exc_info, record.args = None, None
    return True


log.addFilter(in_one_line)
