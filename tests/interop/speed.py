#!/usr/bin/env python3
"""Measures h2probe against real servers, beside h2load with as many connections and one request on each.

    tests/interop/speed.py                 all servers, all modes that each offers
    tests/interop/speed.py nginx h2o       two of them

Medians of rounds in which what is compared alternates; a table for docs/performance.md. Nothing here fails for being
slow. h2load does not upgrade: there it opens its connections with prior knowledge, where the server takes them.
"""

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(ROOT, 'tests/bench'))

import bench_run  # noqa: E402
import servers  # noqa: E402

NEGOTIATION = ['alpn', 'upgrade', 'preface']
COLUMNS = ['server', 'mode', 'cases', 'connections', 'whole run', 'h2load', 'ratio', 'negotiation suites']


def wall(command):
    """Wall seconds of a command, whatever it thinks of the server."""
    begun = time.perf_counter()
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begun


def medians(rounds, *commands):
    times = [[wall(command) if command else None for command in commands] for _ in range(rounds)]
    return [statistics.median(column) if column[0] is not None else None for column in zip(*times)]


def load_command(running, mode, connections):
    url = running.urls.get('prior' if mode == 'upgrade' else mode)
    load = shutil.which('h2load')
    return load and url and [load, '-n', str(connections), '-c', str(connections), '-m', '1', url]


def measure(options, running, mode):
    """One row of the table."""
    url = running.urls[mode]

    def run(at, *words):
        return [options.h2probe, 'run', at, '--mode', mode, '--insecure'] + list(words)

    cases = bench_run.count_cases(options.h2probe, mode, url)
    connections = asyncio.run(bench_run.count_through(run, url.rstrip('/')))
    whole, load, three = medians(options.rounds, run(url), load_command(running, mode, connections), run(url, *NEGOTIATION))
    return [running.server.title, mode, cases, connections, '%.2f s' % whole, '%.2f s' % load if load else '',
            '%.1f' % (whole / load) if load else '', '%.2f s' % three]


def show(row):
    print('| ' + ' | '.join(str(cell) for cell in row) + ' |', flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('servers', nargs='*', metavar='SERVER', help=', '.join(servers.SERVERS))
    parser.add_argument('--h2probe', default=os.path.join(ROOT, 'build/h2probe'), help='the program to run')
    parser.add_argument('--rounds', type=int, default=3, metavar='N')
    options = parser.parse_args()
    unknown = set(options.servers) - set(servers.SERVERS)
    if unknown:
        parser.error('there is no server %s' % ', '.join(sorted(unknown)))
    show(COLUMNS)
    show(['---'] * len(COLUMNS))
    for name in options.servers or servers.SERVERS:
        with servers.Running(name) as running:
            for mode in running.urls:
                show(measure(options, running, mode))
    return 0


if __name__ == '__main__':
    sys.exit(main())
