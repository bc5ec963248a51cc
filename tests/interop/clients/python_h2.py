#!/usr/bin/env python3
"""A client made of h2, as its documentation shows one: python_h2.py URL MODE [CACERT]. 0 only for a 200 to its end."""

import socket
import ssl
import sys
import urllib.parse

import h2.config
import h2.connection
import h2.events

LIMIT = 65536


def connect(url, mode, cacert):
    sock = socket.create_connection((url.hostname, url.port), timeout=30)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if mode != 'alpn':
        return sock
    context = ssl.create_default_context(cafile=cacert)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(['h2'])
    sock = context.wrap_socket(sock, server_hostname=url.hostname)
    if sock.selected_alpn_protocol() != 'h2':
        sys.exit('h2 was not selected')
    return sock


def upgrade(sock, url, connection):
    """The HTTP/1.1 exchange; returns the octets behind the 101."""
    settings = connection.initiate_upgrade_connection().decode('ascii')
    sock.sendall(('GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n'
                  'HTTP2-Settings: %s\r\n\r\n' % (url.path, url.netloc, settings)).encode('ascii'))
    data = b''
    while True:
        while b'\r\n\r\n' not in data:
            more = sock.recv(LIMIT)
            if not more:
                sys.exit('the connection ended before the 101')
            data += more
        head, data = data.split(b'\r\n\r\n', 1)
        lines = head.decode('latin-1').split('\r\n')
        status = lines[0].split()[1]
        if status == '101' and any(line.lower().replace(' ', '') == 'upgrade:h2c' for line in lines):
            return data
        if status == '101' or not status.startswith('1'):
            sys.exit('not upgraded: ' + lines[0])


def request(url, connection):
    stream = connection.get_next_available_stream_id()
    connection.send_headers(stream, [(':method', 'GET'), (':authority', url.netloc), (':scheme', url.scheme),
                                     (':path', url.path)], end_stream=True)
    return stream


def exchange(sock, connection, stream, data):
    """Reads until the response has come to its end; returns its status."""
    status = None
    while True:
        for event in connection.receive_data(data) if data else []:
            if isinstance(event, h2.events.ResponseReceived) and event.stream_id == stream:
                status = dict(event.headers)[b':status'].decode('ascii')
            elif isinstance(event, h2.events.DataReceived):
                connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded) and event.stream_id == stream:
                return status
            elif isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)):
                if getattr(event, 'last_stream_id', 0) < stream:
                    sys.exit(str(event))
        sock.sendall(connection.data_to_send())
        data = sock.recv(LIMIT)
        if not data:
            sys.exit('the connection ended without a response')


def main(text, mode, cacert=None):
    url = urllib.parse.urlsplit(text)
    sock = connect(url, mode, cacert)
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding=None))
    if mode == 'upgrade':
        data, stream = upgrade(sock, url, connection), 1
    else:
        connection.initiate_connection()
        data, stream = b'', request(url, connection)
    try:
        status = exchange(sock, connection, stream, data)
        connection.close_connection()
    except h2.exceptions.ProtocolError as error:
        sock.sendall(connection.data_to_send())
        sys.exit('%s: %s' % (type(error).__name__, error))
    sock.sendall(connection.data_to_send())
    sock.close()
    return 0 if status == '200' else 'status %s' % status


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
