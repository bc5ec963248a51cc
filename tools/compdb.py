#!/usr/bin/env python3
"""Makes `ninja -t compdb` fit for editors: runs the $(...) of its commands, which they would not."""

import json
import re
import subprocess
import sys


def expand(command, known={}):
    """A command with its $(...) replaced by what they print."""
    def value(match):
        text = match.group(0)
        if text not in known:
            known[text] = subprocess.run(['sh', '-c', 'printf "%s " ' + text], stdout=subprocess.PIPE, check=True,
                                         universal_newlines=True).stdout.strip()
        return known[text]
    return re.sub(r'\$\((?:[^()]|\((?:[^()])*\))*\)', value, command)


def main():
    entries = [entry for entry in json.load(sys.stdin) if '/fuzz/' not in entry['output'] and
               '/asan/' not in entry['output']]
    for entry in entries:
        entry['command'] = expand(entry['command'])
    json.dump(entries, sys.stdout, indent=1)
    print()


if __name__ == '__main__':
    main()
