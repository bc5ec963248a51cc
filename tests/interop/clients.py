#!/usr/bin/env python3
"""Runs h2probe against real clients and compares every verdict with tests/interop/expected_clients.tsv.

    tests/interop/clients.py                       all clients, all modes that each has
    tests/interop/clients.py curl node --repeat 50 two of them, 50 times; a verdict that changes is a failure

As for servers (run.py): whatever is neither `pass` nor `skip` must be listed with its defence, and what is listed must
come. `*` in the column mode stands for every mode.
"""

import argparse
import collections
import csv
import json
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True

from run import ANSWERED, ROOT, Tally, validate  # noqa: E402

HERE = os.path.dirname(os.path.realpath(__file__))
EXPECTED = os.path.join(HERE, 'expected_clients.tsv')
COLUMNS = ['client', 'mode', 'case', 'verdict', 'requirement', 'defence']
VERDICTS = ['pass', 'warn', 'fail', 'skip', 'inconclusive', 'error']
NEED_NO_ROW = ('pass', 'skip')
RUN_SECONDS = 300

# find: function to the program's path or None; command: function from the program and the mode to what h2probe runs.
Client = collections.namedtuple('Client', 'title find modes command')


def program(*names):
    return lambda: next((path for path in map(shutil.which, names) if path), None)


def python_with_h2():
    """A Python that has h2: a distribution's package is seen by its own interpreter alone."""
    for path in (sys.executable, shutil.which('python3'), '/usr/bin/python3'):
        if path and subprocess.run([path, '-c', 'import h2'], stderr=subprocess.DEVNULL).returncode == 0:
            return path
    return None


def curl(path, mode):
    how = '--http2-prior-knowledge' if mode == 'prior' else '--http2'
    return [path, '-sS', how, '--cacert', '{cacert}', '-o', '/dev/null', '{url}']


def nghttp(path, mode):
    return [path] + (['--upgrade'] if mode == 'upgrade' else []) + ['{url}']


def node(path, mode):
    return [path, os.path.join(HERE, 'clients/node.js'), '{url}', '{cacert}']


def python_h2(path, mode):
    return [path, os.path.join(HERE, 'clients/python_h2.py'), '{url}', '{mode}', '{cacert}']


CLIENTS = {
    'curl': Client('curl', program('curl'), ['alpn', 'upgrade', 'prior'], curl),
    'nghttp': Client('nghttp', program('nghttp'), ['alpn', 'upgrade', 'prior'], nghttp),
    'node': Client('Node.js http2', program('node', 'nodejs'), ['alpn', 'prior'], node),
    'python-h2': Client('h2 for Python', python_with_h2, ['alpn', 'upgrade', 'prior'], python_h2),
}


def read_expected():
    """{(client, mode): {case: verdict}}; a row without all of its columns is an error."""
    expected = collections.defaultdict(dict)
    with open(EXPECTED, newline='') as file:
        rows = [row for row in csv.reader(file, delimiter='\t', quoting=csv.QUOTE_NONE)
                if row and not row[0].startswith('#')]
    if rows[0] != COLUMNS:
        sys.exit('%s: the first line must be %s' % (EXPECTED, ' '.join(COLUMNS)))
    for row in rows[1:]:
        if len(row) != len(COLUMNS) or not all(row) or row[0] not in CLIENTS:
            sys.exit('%s: not a row of client, mode, case, verdict, requirement, defence: %s' % (EXPECTED, row))
        client, mode, case, verdict = row[:4]
        for each in CLIENTS[client].modes if mode == '*' else [mode]:
            expected[client, each][case] = verdict
    return expected


def probe(options, command, mode, base):
    """One run of h2probe: ({case: result}, exit status, its output)."""
    reports = [base + '.json', base + '.xml']
    for path in reports:
        if os.path.exists(path):
            os.unlink(path)
    words = [options.h2probe, 'client', '--mode', mode, '--report', 'json=' + reports[0],
             '--report', 'junit=' + reports[1]] + options.pass_on + ['--'] + command
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=RUN_SECONDS, universal_newlines=True, errors='replace')
        status, output = done.returncode, done.stdout
    except subprocess.TimeoutExpired:
        return {}, None, 'no end after %d s' % RUN_SECONDS
    try:
        with open(reports[0]) as file:
            results = json.load(file)['results']
    except (OSError, ValueError, KeyError) as error:
        return {}, status, '%s\nno JSON results: %s' % (output, error)
    return {each['id']: each for each in results}, status, output


def compare(tally, where, results, expected):
    """Every verdict against what is expected, and everything expected against the verdicts."""
    for case, result in sorted(results.items()):
        verdict, wanted = result['verdict'], expected.get(case)
        seen = '; observed: %s' % result['observed'] if result.get('observed') else ''
        if wanted:
            allowed = {wanted.rstrip('?')} | (set(NEED_NO_ROW) if wanted.endswith('?') else set())
            tally.check(verdict in allowed, '%s %s: %s, but %s is expected%s' % (where, case, verdict, wanted, seen))
        else:
            tally.check(verdict in NEED_NO_ROW, '%s %s: %s, not expected%s' % (where, case, verdict, seen))
    for case in sorted(set(expected) - set(results)):
        tally.check(False, '%s %s: expected, but there is no such case' % (where, case))


def changed(where, first, results):
    """Lines about verdicts that differ from those of the first run."""
    def verdict(of, case):
        return of[case]['verdict'] if case in of else 'absent'
    return ['%s %s: %s, then %s%s' % (where, case, verdict(first, case), verdict(results, case),
                                      '; observed: %s' % results[case].get('observed') if case in results else '')
            for case in sorted(set(first) | set(results)) if verdict(first, case) != verdict(results, case)]


def run_mode(tally, options, name, path, mode, expected):
    """One client in one mode, as often as asked; returns the results of the first run."""
    where = '%s/%s' % (name, mode)
    base = os.path.join(options.output, 'client-%s-%s' % (name, mode))
    command = CLIENTS[name].command(path, mode)
    first, status, output = probe(options, command, mode, base)
    tally.check(status in ANSWERED and first, '%s: exit status %s\n%s' % (where, status, output))
    if not first:
        return first
    compare(tally, where, first, expected)
    validate(tally, where, base + '.xml')
    changes = []
    for number in range(2, options.repeat + 1):
        results, status, output = probe(options, command, mode, base + '-repeated')
        changes += ['run %d: %s' % (number, line) for line in changed(where, first, results)]
        if status not in ANSWERED:
            changes.append('run %d: exit status %s: %s' % (number, status, output.strip()))
    if options.repeat > 1:
        tally.check(not changes, '%s: verdicts changed\n    %s' % (where, '\n    '.join(changes)))
    return first


def run_client(tally, options, name, expected):
    """One client in all its modes; returns rows for the table."""
    path = CLIENTS[name].find()
    tally.check(path, '%s is not installed' % CLIENTS[name].title)
    rows = []
    for mode in CLIENTS[name].modes if path else []:
        print('%s %s' % (name, mode), flush=True)
        results = run_mode(tally, options, name, path, mode, expected[name, mode])
        counts = collections.Counter(result['verdict'] for result in results.values())
        rows.append([name, mode] + [str(counts[verdict]) for verdict in VERDICTS])
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('clients', nargs='*', metavar='CLIENT', help=', '.join(CLIENTS))
    parser.add_argument('--h2probe', default=os.path.join(ROOT, 'build/h2probe'), help='the program to run')
    parser.add_argument('--output', default=os.path.join(ROOT, 'build/interop'), help='where reports go')
    parser.add_argument('--repeat', type=int, default=1, metavar='N', help='runs of each mode')
    parser.add_argument('--pass-on', action='append', default=[], metavar='WORD',
                        help='one more word for `h2probe client`: --pass-on=--strict')
    options = parser.parse_args()
    unknown = set(options.clients) - set(CLIENTS)
    if unknown:
        parser.error('there is no client %s; there are %s' % (', '.join(sorted(unknown)), ', '.join(CLIENTS)))
    if not os.path.exists(options.h2probe):
        parser.error('%s does not exist: run ninja first' % options.h2probe)
    os.makedirs(options.output, exist_ok=True)
    expected, tally, rows = read_expected(), Tally(), []
    for name in options.clients or CLIENTS:
        rows += run_client(tally, options, name, expected)
    print('\n%-10s %-8s %s' % ('client', 'mode', ' '.join('%12s' % verdict for verdict in VERDICTS)))
    for row in rows:
        print('%-10s %-8s %s' % (row[0], row[1], ' '.join('%12s' % count for count in row[2:])))
    print('%d passed, %d failed' % (tally.passed, len(tally.problems)))
    return 1 if tally.problems else 0


if __name__ == '__main__':
    sys.exit(main())
