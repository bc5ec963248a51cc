"""Servers for tests/lua/cli_spec.lua that are no HTTP/2 servers: `peer.py KIND [PORT]` prints a free loopback port and
serves until it is killed, two minutes at most. KIND proxy passes everything on to PORT, and prints a line when the client
says READY; mortal does the same and dies of its 60th connection; mute does the same, says nothing to the 60th and those
after it, and dies when it has 8 of these; single takes one connection after the other."""

import os
import signal
import socket
import sys
import threading

ANSWERS = {
    'http1': b'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    'garbage': bytes(range(256)) * 64,
    'ssh': b'SSH-2.0-OpenSSH_9.2\r\n',
}
PROXIES = ('proxy', 'mortal', 'mute', 'single')
LIMIT = 120  # seconds
LIVES = 60  # connections
MUTE = 8  # connections
DEATHS = {'mortal': LIVES, 'mute': LIVES + MUTE - 1}


def say(text):
    """A line to the test."""
    print(text, flush=True)


def drain(connection):
    """Reads to the end."""
    while connection.recv(65536):
        pass


def pump(source, sink):
    """Passes octets on, one direction."""
    try:
        octets = source.recv(65536)
        while octets:
            if b'READY' in octets:
                say('ready')
            sink.sendall(octets)
            octets = source.recv(65536)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()
        sink.close()


def proxy(connection):
    """One connection, both directions."""
    upstream = socket.create_connection(('127.0.0.1', int(sys.argv[2])))
    threading.Thread(target=pump, args=(upstream, connection), daemon=True).start()
    pump(connection, upstream)


def serve(kind, connection):
    """One connection."""
    if kind in PROXIES:
        proxy(connection)
    elif kind == 'silent':
        drain(connection)
    elif kind != 'close':
        if kind != 'ssh':
            connection.recv(65536)
        connection.sendall(ANSWERS[kind])
        connection.shutdown(socket.SHUT_WR)
        drain(connection)


def guarded(kind, connection):
    """The client may go at any time."""
    try:
        serve(kind, connection)
    except OSError:
        pass
    finally:
        if kind not in PROXIES:
            connection.close()


def main():
    """Listens; the port is the first line of the output."""
    signal.alarm(LIMIT)
    listener = socket.create_server(('127.0.0.1', 0))
    say(listener.getsockname()[1])
    count, held = 0, []
    while True:
        connection = listener.accept()[0]
        count += 1
        if count == DEATHS.get(sys.argv[1]):
            os._exit(0)
        if sys.argv[1] == 'mute' and count >= LIVES:
            held.append(connection)
            continue
        if sys.argv[1] == 'single':
            guarded('single', connection)
            continue
        threading.Thread(target=guarded, args=(sys.argv[1], connection), daemon=True).start()


main()
