#!/usr/bin/env python3
"""Runs one test program or lint for ninja and keeps its log and its result.

The result is a line `passed TAB failed TAB skipped TAB name`; tests/summary.py adds them up. The exit status is 0
also when tests failed, so that ninja goes on with the others and the summary comes last. The log is shown
when something failed. Exit status 77 of the program means: skipped, its output says why.
"""

import argparse
import os
import re
import signal
import subprocess
import sys

SKIPPED = 77


def run(command, log, environment, limit):
    """Exit status of a command, whose output goes to a file; the whole process group ends with it."""
    with open(log, 'wb') as file:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                                   env=environment, start_new_session=True)
        try:
            return process.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            file.write(b'\nstopped: still running after %d s\n' % limit)
            return 1
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()


def read(path):
    with open(path, errors='replace') as file:
        return file.read()


def count_tap(text):
    passed = len(re.findall(r'^ok\b', text, re.M))
    return passed, len(re.findall(r'^not ok\b', text, re.M))


def count(kind, text, status):
    """(passed, failed) of a log; a program that fails without saying where counts as one failure."""
    passed, failed = (1, 0) if kind == 'exit' else (0, 0)
    if kind in ('tap', 'libcheck'):
        passed, failed = count_tap(text)
    elif kind == 'proven':
        found = re.findall(r'^cases (\d+), proven (\d+)$', text, re.M)
        cases, passed = map(int, found[-1]) if found else (0, 0)
        failed = cases - passed
    if status != 0 and failed == 0:
        return (0, 1) if kind == 'exit' else (passed, 1)
    return (passed, failed) if passed + failed else (0, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--name', required=True)
    parser.add_argument('--format', required=True, choices=['libcheck', 'tap', 'proven', 'exit'])
    parser.add_argument('--result', required=True)
    parser.add_argument('--limit', type=float, default=300, help='seconds (%(default)s)')
    parser.add_argument('command', nargs='+')
    options = parser.parse_args()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))  # so that the program does not outlive ninja
    log, tap = options.result + '.log', options.result + '.tap'
    environment = dict(os.environ)
    if options.format == 'libcheck':
        environment['CK_TAP_LOG_FILE_NAME'] = tap
        if os.path.exists(tap):
            os.unlink(tap)
    status = run(options.command, log, environment, options.limit)
    output = read(log)
    if status == SKIPPED:
        passed, failed, skipped = 0, 0, 1
    else:
        counted = read(tap) if options.format == 'libcheck' and os.path.exists(tap) else output
        (passed, failed), skipped = count(options.format, counted, status), 0
    if failed or skipped:
        sys.stdout.write('%s: %s\n%s\n' % (options.name, 'FAILED' if failed else 'skipped', output.rstrip()))
        if failed and status < 0:
            print('ended by signal %d' % -status)
    with open(options.result, 'w') as file:
        file.write('%d\t%d\t%d\t%s\n' % (passed, failed, skipped, options.name))


if __name__ == '__main__':
    main()
