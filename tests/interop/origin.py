#!/usr/bin/env python3
"""A small HTTP/1.1 origin for proxies: serves a directory, answers POST, sends the content back from /echo.

    tests/interop/origin.py SOCKET DIRECTORY
"""

import functools
import http.server
import socketserver
import sys


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def address_string(self):
        return 'proxy'

    def log_message(self, *_):
        pass

    def read_content(self):
        """The content of the request, by its length or by chunks."""
        if self.headers.get('Transfer-Encoding', '').lower() != 'chunked':
            return self.rfile.read(int(self.headers.get('Content-Length', 0)))
        chunks = []
        while True:
            size = int(self.rfile.readline().split(b';')[0], 16)
            if size == 0:
                break
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b''.join(chunks)

    def do_POST(self):
        content = self.read_content()
        body = content if self.path == '/echo' else b'ok\n'
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_OPTIONS(self):
        self.read_content()
        self.send_response(204)
        self.send_header('Allow', 'GET, HEAD, OPTIONS, POST')
        self.end_headers()


class Origin(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 4096  # a full queue of a Unix socket refuses at once


def main():
    path, directory = sys.argv[1:]
    with Origin(path, functools.partial(Handler, directory=directory)) as server:
        server.serve_forever()


if __name__ == '__main__':
    main()
