#!/usr/bin/env python3
"""Measures whole runs: CPU per case, wall time, start-up and memory, as ratios against curl where it does the same.

    tests/bench/bench_run.py build/h2probe       (`ninja bench`)

Medians of rounds, in which what is compared alternates. Nothing here can fail for being slow: figures are for people.
The peer of curl and of the runs marked `external` is `h2probe serve` in a process of its own, whose CPU is not counted.
"""

import asyncio
import contextlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 7
MODES = ['prior', 'upgrade', 'alpn']
CURL_MODES = {'prior': ['--http2-prior-knowledge'], 'upgrade': ['--http2'], 'alpn': ['--http2', '--insecure']}
IDLE = 1000
IDLE_PROBE = '''title, timeout = "idle connections", 60
local open = {}
for i = 1, %d do
  open[i] = connect {}
end
'''
GENERATED = [1, 1000, 10000]  # cases of a generated suite
SUITE_HEAD = 'suite { "generated-%d", title = "generated", rfc = 9113, section = "6.7" }\n'
SUITE_CASE = '''case { id = "c%d", title = "PING is answered", req = "RFC9113-6.7-2", run = function(conn)
  conn:send(PING "h2probe!")
  check(conn:recv { name = "PING", ack = true }, "a PING with ACK", "none")
end }
'''
POLL_SECONDS = 0.0005
STEADY, LONG = 5, 50  # rounds of --repeat between which memory should not grow


def line(what, figure, note=''):
    print('%-38s %s%s' % (what, figure, ', ' + note if note else ''), flush=True)


def children_cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(command):
    """CPU and wall seconds of a command that has to succeed."""
    cpu, wall = children_cpu(), time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    wall = time.perf_counter() - wall
    if done.returncode != 0:
        sys.exit('bench_run: %s: exit status %d\n%s' % (' '.join(command), done.returncode, done.stderr.decode()))
    return children_cpu() - cpu, wall


def medians(*commands):
    """Median (CPU, wall) of each command, run in turns; None stays None."""
    rounds = [[command and measure(command) for command in commands] for _ in range(ROUNDS)]
    return [commands[i] and tuple(map(statistics.median, zip(*(each[i] for each in rounds))))
            for i in range(len(commands))]


def high_water(pid):
    """Peak resident octets of a process so far; None where the system does not tell or the process has ended."""
    try:
        with open('/proc/%d/status' % pid) as status:
            return next((int(row.split()[1]) * 1024 for row in status if row.startswith('VmHWM:')), None)
    except OSError:
        return None


def peak(command):
    """Peak resident octets of a command: the last value before its end. (ru_maxrss counts from this process's own.)"""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    most = None
    while process.poll() is None:
        most = high_water(process.pid) or most
        time.sleep(POLL_SECONDS)
    return most


@contextlib.contextmanager
def reference_server(h2probe):
    """The cleartext and the TLS URL of `h2probe serve`, and its process."""
    process = subprocess.Popen([h2probe, 'serve'], stdout=subprocess.PIPE, text=True)
    try:
        clear, tls = (process.stdout.readline().split()[0] for _ in range(2))
        yield clear, tls, process
    finally:
        process.terminate()
        process.wait()


def run_command(h2probe, mode, url, *more):
    return [h2probe, 'run', '--mode', mode] + ([url, '--insecure'] if url else []) + list(more)


def count_cases(h2probe, mode, url):
    text = subprocess.run(run_command(h2probe, mode, url, '--report', 'json'), stdout=subprocess.PIPE).stdout
    return json.loads(text)['summary']['total']


async def copy(reader, writer):
    with contextlib.suppress(OSError):
        while octets := await reader.read(65536):
            writer.write(octets)
            await writer.drain()
    writer.close()


async def count_through(command, url):
    """Runs the command against a relay in front of the URL; the connections that it opened."""
    scheme, _, place = url.partition('://')
    host, _, port = place.rpartition(':')
    opened = 0

    async def accepted(reader, writer):
        nonlocal opened
        opened += 1
        there, back = await asyncio.open_connection(host, int(port))
        await asyncio.gather(copy(reader, back), copy(there, writer))

    relay = await asyncio.start_server(accepted, host, 0)
    address = '%s://%s:%d' % ((scheme,) + relay.sockets[0].getsockname()[:2])
    process = await asyncio.create_subprocess_exec(*command(address), stdout=subprocess.DEVNULL)
    await process.wait()
    relay.close()
    return opened


def curl_command(mode, url, requests):
    """So many requests, each on a connection of its own: curl keeps one per host name."""
    scheme, _, place = url.partition('://')
    return ['curl', '--silent', '--fail', '--output', os.devnull, '--connect-to', '::' + place] + CURL_MODES[mode] + [
        '%s://c[1-%d].test/' % (scheme, requests)]


def ratio(a, b):
    return '%.2fx' % (a / b)


def cpu(h2probe, mode, url, curl):
    """Prints CPU per case; returns the number of cases and the wall time of the run."""
    cases, command = count_cases(h2probe, mode, url), run_command(h2probe, mode, url)
    opened = asyncio.run(count_through(lambda relay: run_command(h2probe, mode, relay), url))
    once, again, theirs, single = medians(command, command + ['--repeat', str(STEADY)],
                                          curl and curl_command(mode, url, opened), curl and curl_command(mode, url, 1))
    later = (again[0] - once[0]) / (STEADY - 1)
    line('cpu per case (%s)' % mode, '%.2f ms' % (once[0] / cases * 1e3),
         '%.2f ms in later rounds, without the start-up' % (later / cases * 1e3))
    if curl:
        line('', '%s of a request by curl for each of its %d connections, %s of a process of curl' % (
            ratio(once[0], theirs[0]), opened, ratio(once[0] / cases, single[0])))
    return cases, once[1]


def wall(h2probe, external, cases):
    """Whole runs; with the embedded server the time is that of both sides."""
    for mode in MODES + ['all']:
        (used, seconds), = medians(run_command(h2probe, mode, None))
        note = '%.0f ms of CPU' % (used * 1e3)
        if mode in external:
            note += '; %.0f ms against an external server' % (external[mode] * 1e3)
        count = cases.get(mode, sum(cases.values()))
        line('whole run (%s, %d cases)' % (mode, count), '%.0f ms' % (seconds * 1e3), note)


def start_up(h2probe, curl):
    ours, theirs = medians([h2probe, '--version'], curl and ['curl', '--version'])
    line('start-up (--version)', '%.1f ms' % (ours[1] * 1e3), curl and ratio(ours[1], theirs[1]) + ' of curl')
    listed, = medians([h2probe, 'list'])
    line('start-up with all suites (list)', '%.1f ms' % (listed[1] * 1e3))


def memory(h2probe, urls):
    for mode in MODES:
        most = peak(run_command(h2probe, mode, urls[mode]))
        line('memory, 32 in flight (%s)' % mode, '%.1f MB' % (most / 1e6))
    most = peak(run_command(h2probe, 'all', None))
    line('memory, 32 in flight (all, embedded)', '%.1f MB' % (most / 1e6), 'with the server')
    few, many = (peak(run_command(h2probe, 'prior', urls['prior'], '--repeat', str(n))) for n in (STEADY, LONG))
    line('memory, %d rounds (prior)' % LONG, '%.1f MB' % (many / 1e6), '%s of %d rounds' % (ratio(many, few), STEADY))


def idle(h2probe, directory):
    """What a connection takes that is open and has nothing to do, on both sides."""
    probes = []
    for number in (0, IDLE):
        probes.append(os.path.join(directory, 'idle%d.lua' % number))
        with open(probes[-1], 'w') as file:
            file.write(IDLE_PROBE % number)
    for which, name in ((0, 'cleartext'), (1, 'TLS')):
        with reference_server(h2probe) as server:
            none, server_none = peak([h2probe, 'probe', probes[0], server[which], '-k']), high_water(server[2].pid)
            full, server_full = peak([h2probe, 'probe', probes[1], server[which], '-k']), high_water(server[2].pid)
        line('memory per idle connection (%s)' % name, '%.1f KB' % ((full - none) / IDLE / 1e3),
             '%.1f KB as the server, with %d open' % ((server_full - server_none) / IDLE / 1e3, IDLE))


def watchman(h2probe, url, directory):
    """Its share of a run's CPU: the same run from a copy of the tree in which it looks at nothing."""
    tree = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
    for name in ('lua', 'suites', 'reports'):
        shutil.copytree(os.path.join(tree, name), os.path.join(directory, name))
    blind = os.path.join(directory, 'lua/watch.lua')
    with open(blind) as file:
        text = file.read()
    head = 'function Watch:event(conn, event)\n'
    with open(blind, 'w') as file:
        file.write(text.replace(head, head + '  if true then return end\n'))
    seeing, without = medians(*(run_command(h2probe, 'prior', url, '--root', root, '--repeat', str(STEADY))
                                for root in (tree, directory)))
    line('the watchman', '%.1f %% of the CPU' % ((seeing[0] - without[0]) / seeing[0] * 100))


def growth(h2probe, url, directory):
    """What a case costs when there are many: each adds as much as the others, or something looks through them all."""
    commands = []
    for count in GENERATED:
        path = os.path.join(directory, 'generated%d.lua' % count)
        with open(path, 'w') as file:
            file.write(SUITE_HEAD % count + ''.join(SUITE_CASE % number for number in range(count)))
        commands.append(run_command(h2probe, 'prior', url, path))
    one, some, many = (cpu for cpu, _ in medians(*commands))
    each = [(some - one) / (GENERATED[1] - 1), (many - some) / (GENERATED[2] - GENERATED[1])]
    line('cost of one more case', '%.3f ms of CPU' % (each[0] * 1e3),
         '%.3f ms from %d to %d generated cases, %s' % (each[1] * 1e3, GENERATED[1], GENERATED[2], ratio(each[1], each[0])))


def allow_files(wanted):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted <= hard or hard == resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def main(h2probe):
    curl = shutil.which('curl') is not None
    allow_files(IDLE + 100)
    cases, external = {}, {}
    with reference_server(h2probe) as (clear, tls, _):
        urls = {'prior': clear, 'upgrade': clear, 'alpn': tls}
        for mode in MODES:
            cases[mode], external[mode] = cpu(h2probe, mode, urls[mode], curl)
        wall(h2probe, external, cases)
        with tempfile.TemporaryDirectory() as directory:
            watchman(h2probe, clear, directory)
            growth(h2probe, clear, directory)
        start_up(h2probe, curl)
        if high_water(os.getpid()) is None:
            return line('memory', 'not measured: no /proc here')
        memory(h2probe, urls)
    with tempfile.TemporaryDirectory() as directory:
        idle(h2probe, directory)


if __name__ == '__main__':
    main(sys.argv[1])
