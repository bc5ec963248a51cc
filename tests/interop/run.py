#!/usr/bin/env python3
"""Runs h2probe against real servers and compares every verdict with tests/interop/expected.tsv.

    tests/interop/run.py                       all servers, all modes that each offers
    tests/interop/run.py nginx h2o --repeat 50 two of them, 50 times; a result that changes is a failure
    tests/interop/run.py --write-docs          docs/servers.md from the results

Whatever is not a pass or a skip must be listed there with its defence, and what is listed must come: a row whose case
passes fails this run too. docs/servers.md must say what was found. All JUnit files are validated with xmllint.
"""

import argparse
import collections
import json
import os
import subprocess
import sys
import time

sys.dont_write_bytecode = True

import defences  # noqa: E402
import servers  # noqa: E402
import servers_doc  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
SCHEMA = os.path.join(ROOT, 'tests/data/junit.xsd')
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


def probe(options, running, mode, base):
    """One run of h2probe: ({case: result} in the order of the suites, exit status, its output)."""
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


def probe_whole(options, running, mode, base):
    """One run in which no process of the server crashed (httpd's do, about once in twenty runs); the last of three, otherwise."""
    for _ in range(3):
        before = running.crashes()
        done = probe(options, running, mode, base)
        if running.crashes() == before:
            break
        print('  %s/%s: a process of the server crashed in this run: once more' % (running.name, mode), flush=True)
    return done


def compare(tally, running, mode, results, rows):
    """Every result against what is known of the server."""
    where = '%s/%s' % (running.name, mode)
    for case, result in sorted(results.items()):
        known = result['verdict'] in defences.NEED_NO_ROW or defences.find(rows, running.name, mode, result)
        tally.check(known, '%s %s: %s without a row in expected.tsv; observed: %s'
                    % (where, case, result['verdict'], result.get('observed')))
        for text, rule in defences.notes(result) if result['verdict'] != 'skip' else []:
            tally.check(rule, '%s %s: no rule of defences.py allows the note: %s' % (where, case, text))


def validate(tally, where, path):
    done = subprocess.run(['xmllint', '--noout', '--nonet', '--schema', SCHEMA, path], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, universal_newlines=True)
    tally.check(done.returncode == 0, '%s: JUnit is not valid: %s' % (where, done.stdout.strip()))


def facts(result, varies):
    """What must be the same in every run: all but times, transcripts and the temporary paths in commands.

    A finding of the watchman comes from the traffic of all cases: where it was seen first may be the server's chance.
    """
    bare = varies or result['id'].startswith('watch/')
    keys = ['verdict'] if bare else ['verdict', 'row', 'expected', 'observed', 'notes']
    return {key: result.get(key) for key in keys}


def changed(rows, running, mode, first, results):
    """Lines about results that differ from those of the first run, but for those that are the server's chance."""
    lines, where = [], '%s/%s' % (running.name, mode)
    for case in sorted(set(first) | set(results)):
        verdicts = [each[case]['verdict'] for each in (first, results) if case in each]
        if defences.by_chance(rows, running.name, mode, case, verdicts):
            continue
        if case not in first or case not in results:
            lines.append('%s %s: %s' % (where, case, 'came' if case in results else 'went'))
            continue
        varies = defences.varies(rows, running.name, mode, case)
        before, after = facts(first[case], varies), facts(results[case], varies)
        lines += ['%s %s: %s: %s, then %s' % (where, case, key, before[key], after[key])
                  for key in before if before[key] != after[key]]
    return lines


def run_mode(tally, options, running, mode, rows):
    """One server in one mode, as often as asked; returns the results of the first run."""
    where = '%s/%s' % (running.name, mode)
    base = os.path.join(options.output, '%s-%s' % (running.name, mode))
    first, status, output = probe_whole(options, running, mode, base)
    tally.check(status in ANSWERED and first, '%s: exit status %s\n%s' % (where, status, output))
    if not first:
        return first
    compare(tally, running, mode, first, rows)
    validate(tally, where, base + '.xml')
    changes, end = [], time.monotonic() + options.budget
    for number in range(2, options.repeat + 1):
        if time.monotonic() > end:
            print('  %s: %d runs' % (where, number - 1), flush=True)
            break
        results, status, output = probe_whole(options, running, mode, base + '-repeated')
        changes += ['run %d: %s' % (number, line) for line in changed(rows, running, mode, first, results)]
        validate(tally, '%s, run %d' % (where, number), base + '-repeated.xml')
        if status not in ANSWERED:
            changes.append('run %d: exit status %s: %s' % (number, status, output.strip()))
    if options.repeat > 1:
        tally.check(not changes, '%s: results changed\n    %s' % (where, '\n    '.join(changes)))
    tally.check(running.alive(), '%s: the server died\n%s' % (where, running.log()))
    return first


def run_server(tally, options, name, rows):
    """One server in all its modes: {mode: list of results}."""
    by_mode = {}
    try:
        with servers.Running(name) as running:
            for mode in running.urls:
                print('%s %s %s' % (name, mode, running.urls[mode]), flush=True)
                by_mode[mode] = list(run_mode(tally, options, running, mode, rows).values())
    except (OSError, RuntimeError) as error:
        tally.check(False, '%s: %s' % (name, error))
    return by_mode


def conclude(tally, options, ran, rows):
    """What can be said once all have run: rows that nothing came under, and docs/servers.md."""
    if options.pass_on:
        return  # a selection says nothing about what is missing
    for row in rows:
        if row.servers != '*' or len(ran) == len(servers.SERVERS):
            for server in row.missing(ran):
                tally.check(False, 'expected.tsv: %s did not come (%s)' % (row, server))
    sections = {name: servers_doc.section(name, by_mode, rows) for name, by_mode in ran.items() if by_mode}
    if options.write_docs:
        servers_doc.write(sections)
    else:
        problems = servers_doc.compare(sections)
        tally.check(not problems, 'docs/servers.md is not up to date: tests/interop/run.py --write-docs\n    '
                    + '\n    '.join(problems))


def summary(ran):
    print('\n%-10s %-8s %s' % ('server', 'mode', ' '.join('%12s' % verdict for verdict in servers_doc.VERDICTS)))
    for name, by_mode in ran.items():
        for mode, results in by_mode.items():
            counts = collections.Counter(result['verdict'] for result in results)
            print('%-10s %-8s %s' % (name, mode, ' '.join('%12d' % counts[each] for each in servers_doc.VERDICTS)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('servers', nargs='*', metavar='SERVER', help=', '.join(servers.SERVERS))
    parser.add_argument('--h2probe', default=os.path.join(ROOT, 'build/h2probe'), help='the program to run')
    parser.add_argument('--output', default=os.path.join(ROOT, 'build/interop'), help='where reports go')
    parser.add_argument('--repeat', type=int, default=1, metavar='N', help='runs of each mode')
    parser.add_argument('--budget', type=float, default=float('inf'), metavar='S',
                        help='no further run of a mode when its repetitions have taken so many seconds')
    parser.add_argument('--write-docs', action='store_true', help='write docs/servers.md')
    parser.add_argument('--pass-on', action='append', default=[], metavar='WORD',
                        help='one more word for `h2probe run`: --pass-on=--strict')
    options = parser.parse_args()
    unknown = set(options.servers) - set(servers.SERVERS)
    if unknown:
        parser.error('there is no server %s; there are %s' % (', '.join(sorted(unknown)), ', '.join(servers.SERVERS)))
    if not os.path.exists(options.h2probe):
        parser.error('%s does not exist: run ninja first' % options.h2probe)
    os.makedirs(options.output, exist_ok=True)
    rows, tally = defences.read(), Tally()
    ran = {name: run_server(tally, options, name, rows) for name in options.servers or servers.SERVERS}
    conclude(tally, options, ran, rows)
    summary(ran)
    print('%d passed, %d failed' % (tally.passed, len(tally.problems)))
    return 1 if tally.problems else 0


if __name__ == '__main__':
    sys.exit(main())
