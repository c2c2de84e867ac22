"""Who is at the other end of a socket."""

import socket
import struct

_CREDENTIALS = struct.Struct("3I")  # pid, uid, gid; see unix(7)


def peer_uid(connection: socket.socket) -> int:
    """The user who connected to a Unix socket, or who listens at it, as the kernel knows it."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _pid, uid, _gid = _CREDENTIALS.unpack(data)
    return int(uid)
