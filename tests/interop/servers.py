#!/usr/bin/env python3
"""Real HTTP/2 servers on free loopback ports, each from a configuration written into a temporary directory.

    tests/interop/servers.py                 which there are, and whether they are installed
    tests/interop/servers.py nginx           starts one, prints its URLs, stops it on Ctrl-C
    tests/interop/servers.py nginx -- CMD    runs CMD with {alpn}, {upgrade}, {prior}, {cacert} replaced, then stops it

Nothing here needs to be root. Every server serves the same files: / (small), /large (256 KiB), /bytes/N for the
sizes below, and answers POST on /; all but nginx and Apache httpd send the content back from /echo.
"""

import argparse
import collections
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

READY_SECONDS = 10
SIZES = [0, 1, 16384, 65535, 65536, 100000, 262144, 1048576]
PROGRAM_PLACES = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/bin']
HERE = os.path.dirname(os.path.realpath(__file__))

# programs: names of the executable; version: what makes it tell its version, or a list for its interpreter; modes: what
# the TLS and the cleartext port offer; start: functions from a Site to a command line each (they write the
# configuration).
Server = collections.namedtuple('Server', 'title programs version modes start')
Site = collections.namedtuple('Site', 'directory program tls clear cert key')


def nginx(site):
    """nginx 1.22: `http2` on a cleartext port means prior knowledge alone; POST on a file is made an answer of it."""
    return [site.program, '-e', 'stderr', '-p', site.directory, '-c', write(site, 'nginx.conf', '''
        %(user)s
        daemon off; worker_processes 1; pid nginx.pid; error_log stderr warn;
        events { worker_connections 2048; }
        http {
            access_log off; default_type text/plain;
            client_body_temp_path tmp/body; proxy_temp_path tmp/proxy; fastcgi_temp_path tmp/fastcgi;
            uwsgi_temp_path tmp/uwsgi; scgi_temp_path tmp/scgi;
            ssl_certificate %(cert)s; ssl_certificate_key %(key)s; ssl_protocols TLSv1.2 TLSv1.3;
            server {
                listen 127.0.0.1:%(tls)d ssl http2; listen 127.0.0.1:%(clear)d http2;
                root htdocs; index index.html; error_page 405 =200 /index.html;
            }
        }''', user='user root;' if os.geteuid() == 0 else '')]


def apache(site):
    """Apache httpd with mod_http2: h2 on TLS; h2c by Upgrade and by prior knowledge on the same cleartext port.

    The MPM is worker: under event, httpd 2.4.71 ends an upgraded connection with GOAWAY "timeout" as soon as no stream
    is open, so that nothing after the first response can be tested.
    """
    modules = next(path for path in ('/usr/lib/apache2/modules', '/usr/lib64/httpd/modules', '/usr/lib/httpd/modules',
                                     '/usr/lib/apache2', '/opt/homebrew/lib/httpd/modules') if os.path.isdir(path))
    names = ['mpm_worker', 'authz_core', 'dir', 'mime', 'http2', 'ssl', 'unixd']
    load = '\n'.join('LoadModule %s_module %s/mod_%s.so' % (name, modules, name) for name in names
                     if os.path.exists('%s/mod_%s.so' % (modules, name)))
    return [site.program, '-DFOREGROUND', '-f', write(site, 'httpd.conf', '''
        ServerRoot %(directory)s
        ServerName localhost
        PidFile httpd.pid
        DefaultRuntimeDir tmp
        ErrorLog /dev/stderr
        LogLevel error
        %(load)s
        %(user)s
        TypesConfig /dev/null
        StartServers 2
        ServerLimit 2
        MinSpareThreads 1
        MaxSpareThreads 128
        ThreadsPerChild 64
        MaxRequestWorkers 128
        Listen 127.0.0.1:%(tls)d
        Listen 127.0.0.1:%(clear)d
        DocumentRoot htdocs
        DirectoryIndex index.html
        Protocols h2c http/1.1
        <VirtualHost 127.0.0.1:%(tls)d>
            Protocols h2 http/1.1
            SSLEngine on
            SSLCertificateFile %(cert)s
            SSLCertificateKeyFile %(key)s
        </VirtualHost>''', load=load, user='User nobody\nGroup nogroup' if os.geteuid() == 0 else '')]


def nghttpd_tls(site):
    return [site.program, '-a', '127.0.0.1', '-d', site.directory + '/htdocs', '--echo-upload', str(site.tls),
            site.key, site.cert]


def nghttpd_clear(site):
    return [site.program, '-a', '127.0.0.1', '-d', site.directory + '/htdocs', '--echo-upload', '--no-tls',
            str(site.clear)]


def h2o(site):
    """h2o: TLS; Upgrade and prior knowledge on the cleartext port; POST by its embedded Ruby."""
    return [site.program, '-c', write(site, 'h2o.conf', '''
        num-threads: 1
        pid-file: %(directory)s/h2o.pid
        temp-buffer-path: %(directory)s/tmp
        %(user)s
        listen: {host: 127.0.0.1, port: %(clear)d}
        listen:
          host: 127.0.0.1
          port: %(tls)d
          ssl: {certificate-file: %(cert)s, key-file: %(key)s}
        hosts:
          default:
            paths:
              "/echo":
                mruby.handler: |
                  Proc.new { |env| [200, {}, [env["rack.input"] ? env["rack.input"].read : ""]] }
              "/":
                mruby.handler: |
                  Proc.new { |env| env["REQUEST_METHOD"] == "POST" ? [200, {}, ["ok\\n"]] : [399, {}, []] }
                file.dir: %(directory)s/htdocs''', user='user: root' if os.geteuid() == 0 else '')]


def haproxy(site):
    """HAProxy: TLS, and HTTP/1.1 and prior knowledge on the cleartext port; everything goes to the origin."""
    with open(os.path.join(site.directory, 'both.pem'), 'w') as both:
        for path in (site.cert, site.key):
            with open(path) as file:
                both.write(file.read())
    return [site.program, '-db', '-f', write(site, 'haproxy.cfg', '''
        global
            maxconn 1000
            nbthread 2
        defaults
            mode http
            timeout connect 5s
            timeout client 30s
            timeout server 30s
        frontend all
            bind 127.0.0.1:%(tls)d ssl crt %(directory)s/both.pem alpn h2,http/1.1
            bind 127.0.0.1:%(clear)d
            default_backend origin
        backend origin
            server origin unix@%(directory)s/origin''')]


def origin(site):
    """What HAProxy proxies to."""
    return [sys.executable, os.path.join(HERE, 'origin.py'), site.directory + '/origin', site.directory + '/htdocs']


def caddy(site):
    """Caddy: TLS; Upgrade and prior knowledge on the cleartext port."""
    return ['env', 'XDG_CONFIG_HOME=%s/tmp' % site.directory, site.program, 'run', '--adapter', 'caddyfile', '--config', write(site, 'Caddyfile', '''
        {
            admin off
            auto_https off
            storage file_system %(directory)s/tmp
            servers {
                protocols h1 h2 h2c
            }
        }
        (site) {
            bind 127.0.0.1
            root * %(directory)s/htdocs
            @echo {
                method POST
                path /echo
            }
            @post method POST
            respond @echo "{http.request.body}"
            respond @post "ok"
            file_server
        }
        http://:%(clear)d {
            import site
        }
        https://:%(tls)d {
            tls %(cert)s %(key)s
            import site
        }''')]


def node(site):
    return [site.program, os.path.join(HERE, 'node_server.js'), str(site.tls), str(site.clear), site.cert, site.key,
            site.directory + '/htdocs']


def hypercorn(site):
    """Hypercorn on python3-h2: TLS; Upgrade and prior knowledge on the cleartext port."""
    return ['env', 'PYTHONDONTWRITEBYTECODE=1', 'PYTHONPATH=' + HERE, 'HTDOCS=%s/htdocs' % site.directory, site.program,
            '--bind', '127.0.0.1:%d' % site.tls, '--insecure-bind', '127.0.0.1:%d' % site.clear, '--certfile', site.cert,
            '--keyfile', site.key, 'asgi_app:app']


# For Hypercorn: told by the Python that runs it.
PYTHON_VERSIONS = ['-c', 'from importlib.metadata import version as v; print(v("hypercorn") + " with h2 " + v("h2"))']

SERVERS = {
    'nginx': Server('nginx', ['nginx'], '-v', {'tls': ['alpn'], 'clear': ['prior']}, [nginx]),
    'apache': Server('Apache httpd', ['apache2', 'httpd'], '-v', {'tls': ['alpn'], 'clear': ['upgrade', 'prior']}, [apache]),
    'nghttpd': Server('nghttpd', ['nghttpd'], '--version', {'tls': ['alpn'], 'clear': ['prior']}, [nghttpd_tls, nghttpd_clear]),
    'h2o': Server('h2o', ['h2o'], '--version', {'tls': ['alpn'], 'clear': ['upgrade', 'prior']}, [h2o]),
    'haproxy': Server('HAProxy', ['haproxy'], '-v', {'tls': ['alpn'], 'clear': ['prior']}, [origin, haproxy]),
    'caddy': Server('Caddy', ['caddy'], 'version', {'tls': ['alpn'], 'clear': ['upgrade', 'prior']}, [caddy]),
    'node': Server('Node.js', ['node', 'nodejs'], '--version', {'tls': ['alpn'], 'clear': ['prior']}, [node]),
    'hypercorn': Server('Hypercorn', ['hypercorn'], PYTHON_VERSIONS, {'tls': ['alpn'], 'clear': ['upgrade', 'prior']},
                        [hypercorn]),
}


def write(site, name, text, **more):
    """Writes a configuration, without the indentation that it has here; returns its path."""
    path = os.path.join(site.directory, name)
    lines = (text % dict(site._asdict(), **more)).split('\n')
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.startswith(' ')), default=0)
    with open(path, 'w') as file:
        file.write('\n'.join(line[indent:] if line.startswith(' ') else line for line in lines) + '\n')
    return path


def find_program(server):
    """The path of an installed server, or None."""
    path = os.pathsep.join([os.environ.get('PATH', '')] + PROGRAM_PLACES)
    return next(filter(None, (shutil.which(name, path=path) for name in server.programs)), None)


def find_version(server):
    """The version that an installed server tells, or None."""
    program = find_program(server)
    command = [program, server.version]
    if isinstance(server.version, list):
        with open(program) as file:
            command = file.readline()[2:].split() + server.version
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              universal_newlines=True, errors='replace')
    except OSError:
        return None
    found = re.search(r'\d+(\.\d+)+( with h2 [\d.]+)?', done.stdout)
    return found.group(0) if found else None


def free_ports(count):
    """Ports that were free a moment ago; all are held together, so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(('127.0.0.1', 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def make_certificate(directory):
    """A self-signed certificate for localhost and 127.0.0.1: (certificate, key)."""
    cert, key = os.path.join(directory, 'cert.pem'), os.path.join(directory, 'key.pem')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
                    '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=localhost',
                    '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'], check=True, stderr=subprocess.DEVNULL)
    os.chmod(key, 0o644)
    return cert, key


def make_files(directory):
    """What every server serves."""
    htdocs = os.path.join(directory, 'htdocs')
    os.makedirs(os.path.join(htdocs, 'bytes'))
    os.mkdir(os.path.join(directory, 'tmp'))
    os.chmod(os.path.join(directory, 'tmp'), 0o777)
    files = {'bytes/%d' % size: b'x' * size for size in SIZES}
    files.update({'echo': b'echo\n', 'index.html': b'<!doctype html><title>h2probe</title>\n', 'large': b'0123456789abcdef' * 16384})
    for name, data in files.items():
        with open(os.path.join(htdocs, name), 'wb') as file:
            file.write(data)


def accepts(port):
    try:
        socket.create_connection(('127.0.0.1', port), timeout=1).close()
        return True
    except OSError:
        return False


class Running:
    """A started server; a context manager that stops it and removes its directory."""

    def __init__(self, name):
        self.name, self.server, self.processes = name, SERVERS[name], []
        self.directory = tempfile.mkdtemp(prefix='h2probe-interop-')
        os.chmod(self.directory, 0o755)  # servers that leave root behind must still read it
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    def start(self):
        program = find_program(self.server)
        if not program:
            raise FileNotFoundError('%s is not installed' % self.server.title)
        make_files(self.directory)
        self.cacert, key = make_certificate(self.directory)
        for attempt in range(3):  # somebody else may take a free port before the server does
            tls, clear = free_ports(2)
            site = Site(self.directory, program, tls, clear, self.cacert, key)
            with open(os.path.join(self.directory, 'log'), 'ab') as log:
                self.processes = [subprocess.Popen(start(site), cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log,
                                                   stderr=log, start_new_session=True) for start in self.server.start]
            if self.wait_until_ready([tls, clear]):
                break
            self.stop_processes()
        else:
            raise RuntimeError('%s does not start:\n%s' % (self.server.title, self.log()))
        urls = {'tls': 'https://127.0.0.1:%d/' % tls, 'clear': 'http://127.0.0.1:%d/' % clear}
        self.urls = {mode: urls[port] for port, modes in self.server.modes.items() for mode in modes}

    def wait_until_ready(self, ports):
        """Whether all ports accept connections in time and every process lives."""
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end and self.alive():
            if all(accepts(port) for port in ports):
                return self.alive()
            time.sleep(0.01)
        return False

    def alive(self):
        return all(process.poll() is None for process in self.processes)

    def log(self):
        with open(os.path.join(self.directory, 'log'), errors='replace') as file:
            return file.read()

    def crashes(self):
        """How often a process of the server has crashed and was replaced, as its log tells: a crash ends connections of all cases."""
        return len(re.findall(r'exit signal|exited on signal', self.log()))

    def stop_processes(self):
        """SIGTERM, then SIGKILL to what is left of each process group."""
        for process in self.processes:
            for number, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, None)):
                try:
                    os.killpg(process.pid, number)
                    process.wait(patience)
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    pass
            process.wait()
        self.processes = []

    def stop(self):
        self.stop_processes()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def wait_for_signal():
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    signal.pause()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('server', nargs='?', choices=sorted(SERVERS))
    parser.add_argument('command', nargs=argparse.REMAINDER, help='-- COMMAND with {alpn}, {prior}, ... in it')
    options = parser.parse_args()
    if not options.server:
        for name, server in SERVERS.items():
            program = find_program(server)
            print('%-10s %s' % (name, '%s %s' % (program, find_version(server)) if program else 'not installed'))
        return 0
    try:
        with Running(options.server) as running:
            words = dict({'alpn': '', 'upgrade': '', 'prior': '', 'cacert': running.cacert}, **running.urls)
            command = [re.sub(r'\{(%s)\}' % '|'.join(words), lambda match: words[match.group(1)], word)
                       for word in options.command if word != '--']
            if command:
                return subprocess.call(command)
            for mode, url in running.urls.items():
                print('%-10s %s' % (mode, url))
            print('cacert     %s' % running.cacert, flush=True)
            wait_for_signal()
            return 0
    except (OSError, RuntimeError) as error:
        print('servers.py: %s' % error, file=sys.stderr)
        return 1


if __name__ == '__main__':
    sys.exit(main())
