"""A server that can be brought down, for tests/lua/server_command_spec.lua: `fragile.py PORT H2PROBE TRIGGER=ACTION...` passes
everything on to a reference server that it starts, until it finds the 8 octets of a trigger in what a client sends. ACTION:

    abort, segv     ends by this signal
    exit:N          ends with this status
    late:N          the same after N milliseconds, and after the connection of the client has ended
    hang            answers nobody any more, and accepts nobody
    run:PROGRAM,... becomes this program, a crash of its own kind
    say:PROGRAM,... runs it beside and goes on
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time


def act(action):
    """Brings the server down."""
    name, _, value = action.partition(':')
    if name == 'abort':
        os.abort()
    elif name == 'segv':
        os.kill(os.getpid(), signal.SIGSEGV)
    elif name == 'exit':
        os._exit(int(value))
    elif name == 'hang':
        os.kill(os.getpid(), signal.SIGSTOP)
    elif name == 'run':
        os.execvp(value.split(',')[0], value.split(','))
    elif name == 'say':
        subprocess.run(value.split(','), check=False)


def later(action):
    """The delay of a late action is what is tested."""
    time.sleep(int(action.partition(':')[2]) / 1000)
    os._exit(9)


class Link:
    """One client and its connection to the reference server."""

    def __init__(self, client, port, triggers):
        self.client, self.triggers, self.late = client, triggers, None
        self.upstream = socket.create_connection(('127.0.0.1', port))

    def pump(self, source, sink, listening):
        """One direction."""
        seen = b''
        try:
            octets = source.recv(65536)
            while octets:
                seen = (seen + octets)[-65536 - 8:] if listening else b''
                for trigger, action in self.triggers.items():
                    if trigger in seen:
                        seen = b''
                        self.late = action if action.startswith('late') else self.late
                        if not self.late:
                            act(action)
                sink.sendall(octets)
                octets = source.recv(65536)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        if listening and self.late:
            later(self.late)

    def serve(self):
        """Both directions."""
        threading.Thread(target=self.pump, args=(self.upstream, self.client, False), daemon=True).start()
        self.pump(self.client, self.upstream, True)


def main():
    """Listens until it is killed, or brought down."""
    port, program = int(sys.argv[1]), sys.argv[2]
    triggers = {}
    for text in sys.argv[3:]:
        trigger, _, action = text.partition('=')
        triggers[trigger.encode()] = action
    server = subprocess.Popen([program, 'serve'], stdout=subprocess.PIPE, text=True)
    upstream = int(server.stdout.readline().split()[0].rpartition(':')[2])
    listener = socket.create_server(('127.0.0.1', port))
    while True:
        link = Link(listener.accept()[0], upstream, triggers)
        threading.Thread(target=link.serve, daemon=True).start()


main()
