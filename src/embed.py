#!/usr/bin/env python3
"""Writes the C file that holds the runtime, suites, reports and Lua libraries (src/bind/embedded.h).

Lua files are there as text and, with line numbers and names, as what Lua compiles them to: that loads three times as fast.

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


# Reads pairs of lines, the name of a chunk and its path; writes Lua's release and, for each, a length and so many octets.
COMPILER = '''
io.write(arg[1], "\\n")
for name in io.lines() do
  local path = io.read()
  local file = assert(io.open(path, "rb"))
  local code = string.dump(assert(load(file:read("a"), "@" .. name, "t")))
  file:close()
  io.write(#code, "\\n", code)
end
'''


def compile_all(lua, files):
    """(Lua's release, {embedded name: code}) of the Lua files."""
    names = [name for name in files if name.endswith('.lua')]
    release = subprocess.run([lua, '-v'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True).stdout.split()[1]
    done = subprocess.run([lua, '-e', 'arg = { %r }' % release.decode(), '-e', COMPILER], stdout=subprocess.PIPE,
                          input=''.join('%s\n%s\n' % (name, files[name]) for name in names).encode())
    if done.returncode != 0:
        sys.exit('embed.py: a Lua file cannot be compiled')
    rest, code = done.stdout.split(b'\n', 1)[1], {}
    for name in names:
        length, rest = rest.split(b'\n', 1)
        code[name], rest = rest[:int(length)], rest[int(length):]
    return release.decode(), code


def literal(data):
    """Octets as C string literals, one a line of the input; C11 knows no longer escapes than three octal digits."""
    table = {value: '\\%03o' % value for value in range(256) if not 32 <= value < 127}
    table.update({10: '\\n', 9: '\\t', 34: '\\"', 92: '\\\\', 63: '\\077'})
    lines = [''.join(table.get(value) or chr(value) for value in line) for line in data.splitlines(keepends=True)]
    return '\n'.join('    "%s"' % line for line in lines) or '    ""'


def array(index, kind, data):
    return ['static const unsigned char %s_%d[%d] =' % (kind, index, len(data) + 1), literal(data) + ';', '']


def render(files, release, code):
    """The C file: arrays for each file, and the table sorted by the octets of the name."""
    out = ['/* Files that are part of the program. Written by src/embed.py. */', '#include "bind/embedded.h"', '']
    names = sorted(files, key=os.fsencode)
    for index, name in enumerate(names):
        with open(files[name], 'rb') as file:
            out += ['/* %s */' % name] + array(index, 'text', file.read())
        out += array(index, 'code', code[name]) if name in code else []
    out.append('const struct embedded_file embedded_files[] = {')
    for index, name in enumerate(names):
        compiled = 'code_%d, sizeof code_%d - 1' % (index, index) if name in code else '0, 0'
        out.append('    {"%s", text_%d, sizeof text_%d - 1, %s},' % (name, index, index, compiled))
    out += ['};', 'const size_t embedded_count = %d;' % len(names), 'const char embedded_release[] = "%s";' % release, '']
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
    write(options.output, render(files, *compile_all(options.lua, files)))
    needs = sorted(files.values()) + sorted(directories)
    with open(options.depfile, 'w') as file:
        file.write('%s: %s\n' % (options.output, ' '.join(path.replace(' ', '\\ ') for path in needs)))


if __name__ == '__main__':
    main()
