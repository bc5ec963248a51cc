#!/usr/bin/env python3
"""Adds up the results of tests/run.py and ends with the line `N passed, N failed`.

Results that failed or were skipped are removed, so that the next run of ninja tries them again.
"""

import os
import sys


def main(paths):
    totals, failures, skips = [0, 0], [], []
    for path in paths:
        try:
            with open(path) as file:
                passed, failed, skipped, name = file.read().rstrip('\n').split('\t')
        except FileNotFoundError:  # another summary of the same run has reported and removed it
            passed, failed, skipped, name = 0, 1, 0, path
        totals[0] += int(passed)
        totals[1] += int(failed)
        failures += ['%s: %s failed, see %s.log' % (name, failed, path)] if int(failed) else []
        skips += [name] if int(skipped) else []
        if (int(failed) or int(skipped)) and os.path.exists(path):
            os.unlink(path)
    for line in failures:
        print(line)
    if skips:
        print('skipped: ' + ', '.join(skips))
    print('%d passed, %d failed' % tuple(totals))
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
