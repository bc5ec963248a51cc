#!/usr/bin/env python3
"""Runs one libFuzzer target for FUZZ_SECONDS (10); exit status 77 when there is no compiler to build it with."""

import os
import subprocess
import sys


def main(program):
    directory, name = os.path.split(program)
    if os.path.getsize(program) == 0:
        with open(os.path.join(directory, 'toolchain')) as file:
            print(file.read().strip())
        return 77
    learned = os.path.join(directory, 'corpus', name)
    os.makedirs(learned, exist_ok=True)
    seeds = os.path.join('tests/fuzz/corpus', name.replace('fuzz_', '', 1))
    seconds = int(os.environ.get('FUZZ_SECONDS', '10'))
    return subprocess.call([program, '-max_total_time=%d' % seconds, '-timeout=5', '-rss_limit_mb=1024', '-max_len=4096',
                            '-print_final_stats=1', '-artifact_prefix=%s/%s-' % (directory, name), learned] +
                           ([seeds] if os.path.isdir(seeds) else []))


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
