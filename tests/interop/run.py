#!/usr/bin/env python3
"""Runs h2probe against real servers and compares every verdict with tests/interop/expected.tsv.

    tests/interop/run.py                       all servers, all modes that each offers
    tests/interop/run.py nginx h2o --repeat 50 two of them, 50 times; a verdict that changes is a failure

A `fail` or `error` must be listed there with its defence, and what is listed must come: a listed case that passes
fails this run too. `*` in the column mode stands for every mode. The JUnit files are validated with xmllint.
"""

import argparse
import collections
import csv
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True

import servers  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
EXPECTED = os.path.join(ROOT, 'tests/interop/expected.tsv')
SCHEMA = os.path.join(ROOT, 'tests/data/junit.xsd')
COLUMNS = ['server', 'mode', 'case', 'verdict', 'requirement', 'defence']
VERDICTS = ['pass', 'warn', 'fail', 'skip', 'inconclusive', 'error']
ANSWERED = (0, 1)  # exit statuses of a run that came to verdicts
RUN_SECONDS = 300


class Tally:
    """Counts checks and keeps what was wrong."""

    def __init__(self):
        self.passed, self.problems = 0, []

    def check(self, good, problem):
        if good:
            self.passed += 1
        else:
            self.problems.append(problem)
            print('  ' + problem, flush=True)


def read_expected():
    """{(server, mode): {case: verdict}}; a row without all of its columns is an error."""
    expected = collections.defaultdict(dict)
    with open(EXPECTED, newline='') as file:
        rows = [row for row in csv.reader(file, delimiter='\t', quoting=csv.QUOTE_NONE)
                if row and not row[0].startswith('#')]
    if rows[0] != COLUMNS:
        sys.exit('%s: the first line must be %s' % (EXPECTED, ' '.join(COLUMNS)))
    for row in rows[1:]:
        if len(row) != len(COLUMNS) or not all(row) or row[0] not in servers.SERVERS:
            sys.exit('%s: not a row of server, mode, case, verdict, requirement, defence: %s' % (EXPECTED, row))
        server, mode, case, verdict = row[:4]
        offered = [each for modes in servers.SERVERS[server].modes.values() for each in modes]
        for each in offered if mode == '*' else [mode]:
            expected[server, each][case] = verdict
    return expected


def probe(options, running, mode, base):
    """One run of h2probe: ({case: result}, exit status, its output)."""
    reports = [base + '.json', base + '.xml']
    for path in reports:
        if os.path.exists(path):
            os.unlink(path)
    command = [options.h2probe, 'run', running.urls[mode], '--mode', mode, '--cacert', running.cacert,
               '--report', 'json=' + reports[0], '--report', 'junit=' + reports[1]] + options.pass_on
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
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
            tally.check(verdict == wanted, '%s %s: %s, but %s is expected%s' % (where, case, verdict, wanted, seen))
        else:
            tally.check(verdict not in ('fail', 'error'), '%s %s: %s, not expected%s' % (where, case, verdict, seen))
    for case in sorted(set(expected) - set(results)):
        tally.check(False, '%s %s: expected, but there is no such case' % (where, case))


def validate(tally, where, path):
    done = subprocess.run(['xmllint', '--noout', '--nonet', '--schema', SCHEMA, path], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, universal_newlines=True)
    tally.check(done.returncode == 0, '%s: JUnit is not valid: %s' % (where, done.stdout.strip()))


def facts(result):
    """What must be the same in every run: all but times, transcripts and the temporary paths in commands."""
    return {key: result.get(key) for key in ('verdict', 'row', 'expected', 'observed', 'notes')}


def changed(where, first, results):
    """Lines about results that differ from those of the first run."""
    lines = []
    for case in sorted(set(first) | set(results)):
        if case not in first or case not in results:
            lines.append('%s %s: %s' % (where, case, 'came' if case in results else 'went'))
            continue
        before, after = facts(first[case]), facts(results[case])
        lines += ['%s %s: %s: %s, then %s' % (where, case, key, before[key], after[key])
                  for key in before if before[key] != after[key]]
    return lines


def run_mode(tally, options, running, mode, expected):
    """One server in one mode, as often as asked; returns the results of the first run."""
    where = '%s/%s' % (running.name, mode)
    base = os.path.join(options.output, '%s-%s' % (running.name, mode))
    first, status, output = probe(options, running, mode, base)
    tally.check(status in ANSWERED and first, '%s: exit status %s\n%s' % (where, status, output))
    if not first:
        return first
    compare(tally, where, first, expected)
    validate(tally, where, base + '.xml')
    changes = []
    for number in range(2, options.repeat + 1):
        results, status, output = probe(options, running, mode, base + '-repeated')
        changes += ['run %d: %s' % (number, line) for line in changed(where, first, results)]
        if status not in ANSWERED:
            changes.append('run %d: exit status %s: %s' % (number, status, output.strip()))
    if options.repeat > 1:
        tally.check(not changes, '%s: verdicts changed\n    %s' % (where, '\n    '.join(changes)))
    tally.check(running.alive(), '%s: the server died\n%s' % (where, running.log()))
    return first


def run_server(tally, options, name, expected):
    """One server in all its modes; returns rows for the table."""
    rows = []
    try:
        with servers.Running(name) as running:
            for mode in running.urls:
                print('%s %s %s' % (name, mode, running.urls[mode]), flush=True)
                results = run_mode(tally, options, running, mode, expected[name, mode])
                counts = collections.Counter(result['verdict'] for result in results.values())
                rows.append([name, mode] + [str(counts[verdict]) for verdict in VERDICTS])
    except (OSError, RuntimeError) as error:
        tally.check(False, '%s: %s' % (name, error))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('servers', nargs='*', metavar='SERVER', help=', '.join(servers.SERVERS))
    parser.add_argument('--h2probe', default=os.path.join(ROOT, 'build/h2probe'), help='the program to run')
    parser.add_argument('--output', default=os.path.join(ROOT, 'build/interop'), help='where reports go')
    parser.add_argument('--repeat', type=int, default=1, metavar='N', help='runs of each mode')
    parser.add_argument('--pass-on', action='append', default=[], metavar='WORD',
                        help='one more word for `h2probe run`: --pass-on=--strict')
    options = parser.parse_args()
    unknown = set(options.servers) - set(servers.SERVERS)
    if unknown:
        parser.error('there is no server %s; there are %s' % (', '.join(sorted(unknown)), ', '.join(servers.SERVERS)))
    if not os.path.exists(options.h2probe):
        parser.error('%s does not exist: run ninja first' % options.h2probe)
    os.makedirs(options.output, exist_ok=True)
    expected, tally, rows = read_expected(), Tally(), []
    for name in options.servers or servers.SERVERS:
        rows += run_server(tally, options, name, expected)
    print('\n%-8s %-8s %s' % ('server', 'mode', ' '.join('%12s' % verdict for verdict in VERDICTS)))
    for row in rows:
        print('%-8s %-8s %s' % (row[0], row[1], ' '.join('%12s' % count for count in row[2:])))
    print('%d passed, %d failed' % (tally.passed, len(tally.problems)))
    return 1 if tally.problems else 0


if __name__ == '__main__':
    sys.exit(main())
