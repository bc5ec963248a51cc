#!/usr/bin/env python3
"""Writes the C file that holds the runtime, suites, reports and Lua libraries (src/bind/embedded.h).

Directories are scanned, and they are dependencies themselves: a new Lua file needs no ./configure.py.
"""

import argparse
import os
import subprocess
import sys

# Directory, and the endings that are taken from it and below; None takes every file.
TREES = [('lua', ['.lua', '.bash', '.zsh', '.fish']), ('suites', ['.lua', '.tsv']), ('reports', None)]
FILES = ['LICENSE', 'docs/licences.md', 'docs/h2probe.1.in']
LIBRARIES = {'argparse': 'lua-argparse', 'dkjson': 'lua-dkjson'}
PLACES = ['/usr/share/lua/5.4', '/usr/local/share/lua/5.4', '/opt/homebrew/share/lua/5.4',
          '/usr/share/lua/common', '/usr/share/lua/5.3']


def scan(directory, endings):
    """Files below a directory that are wanted, and all directories that were looked at."""
    files, directories = [], []
    for parent, children, names in os.walk(directory):
        children[:] = sorted(name for name in children if not name.startswith('.'))
        directories.append(parent)
        files += [os.path.join(parent, name) for name in names
                  if not name.startswith('.') and (endings is None or os.path.splitext(name)[1] in endings)]
    return files, directories


def find_library(lua, name):
    """The path of a pure Lua library: where Lua finds it, else where systems put it."""
    script = 'io.write(package.searchpath(%r, package.path) or "")' % name
    try:
        found = subprocess.run([lua, '-e', script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               universal_newlines=True).stdout
    except OSError:
        found = ''
    candidates = ([found] if os.path.isabs(found) else []) + [os.path.join(place, name + '.lua') for place in PLACES]
    for path in candidates:
        if os.path.isfile(path):
            return path
    sys.exit('embed.py: the Lua library %s is missing: run ./configure.py --bootstrap, or install %s '
             '(luarocks: %s)' % (name, LIBRARIES[name], name))


def collect(lua):
    """({embedded name: path}, directories)."""
    found, directories = {}, []
    for tree, endings in TREES:
        files, below = scan(tree, endings)
        directories += below
        found.update((path, path) for path in files)
    found.update((path, path) for path in FILES)
    found.update(('third_party/%s.lua' % name, find_library(lua, name)) for name in LIBRARIES)
    return found, directories


def literal(data):
    """Octets as C string literals, one a line of the input; C11 knows no longer escapes than three octal digits."""
    table = {value: '\\%03o' % value for value in range(256) if not 32 <= value < 127}
    table.update({10: '\\n', 9: '\\t', 34: '\\"', 92: '\\\\', 63: '\\077'})
    lines = [''.join(table.get(value) or chr(value) for value in line) for line in data.splitlines(keepends=True)]
    return '\n'.join('    "%s"' % line for line in lines) or '    ""'


def render(files):
    """The C file: one array each, and the table sorted by the octets of the name."""
    out = ['/* Files that are part of the program. Written by src/embed.py. */', '#include "bind/embedded.h"', '']
    names = sorted(files, key=os.fsencode)
    for index, name in enumerate(names):
        with open(files[name], 'rb') as file:
            data = file.read()
        out += ['/* %s */' % name, 'static const unsigned char file_%d[%d] =' % (index, len(data) + 1), literal(data) + ';', '']
    out.append('const struct embedded_file embedded_files[] = {')
    out += ['    {"%s", file_%d, sizeof file_%d - 1},' % (name, index, index) for index, name in enumerate(names)]
    out += ['};', 'const size_t embedded_count = %d;' % len(names), '']
    return '\n'.join(out)


def write(path, text):
    """Replaces a file unless it says the same already, so that nothing is built again for nothing."""
    try:
        with open(path) as file:
            if file.read() == text:
                return
    except FileNotFoundError:
        pass
    with open(path + '.new', 'w') as file:
        file.write(text)
    os.replace(path + '.new', path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--lua', default='lua5.4', help='interpreter that knows where the libraries are')
    parser.add_argument('--depfile', required=True)
    parser.add_argument('output')
    options = parser.parse_args()
    files, directories = collect(options.lua)
    write(options.output, render(files))
    needs = sorted(files.values()) + sorted(directories)
    with open(options.depfile, 'w') as file:
        file.write('%s: %s\n' % (options.output, ' '.join(path.replace(' ', '\\ ') for path in needs)))


if __name__ == '__main__':
    main()
