#!/usr/bin/env python3
"""Checks what compilers do not: layers, lengths, that every file is listed, that no machine's path is in the tree.

    tests/lint.py             the checks
    tests/lint.py --format    clang-format instead; --fix writes
"""

import argparse
import ast
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
FILE_LINES, FUNCTION_LINES = 500, 60
TEXTS = ('.c', '.h', '.lua', '.py', '.sh', '.md', '.tsv', '.ninja', '.yml', '.xsd', '.txt', '')

# Directory of src, and the directories whose headers its files may include.
MAY_INCLUDE = {'base': ['base'], 'h2': ['base', 'h2'], 'io': ['base', 'io'], 'bind': ['base', 'h2', 'io', 'bind']}
# System headers that belong to one layer alone.
OWNED = [(re.compile(r'openssl/|uv\.h'), ('io', 'bind')), (re.compile(r'lua\.h|lauxlib\.h|lualib\.h'), ('bind', 'main.c')),
         (re.compile(r'nghttp2/'), ())]
# The layers of lua/ (docs/runtime.md): a module requires modules of its own layer and of those above it here.
LUA_LAYERS = [
    ('data', r'excerpt|outfile|pcapng|requirements|fields|frames|url|transcript|resources|selection|evidence|verdict|context|crash_report'),
    ('wire', r'open|conn(_\w+)?|expect|outcome(_\w+)?|watch(\..*)?|rules|server(\..*)?|client(\..*)?|under_test'),
    ('language', r'environment|schema|loader'),
    ('run', r'captures|preflight|client_preflight|sentinel|case_run|settle|second_looks|runner|death(_\w+)?|supervisor|results'),
    ('front', r'again|args(_\w+)?|words|targets|reporting|campaign|proof_\w+|main|report_files|actions|stored|merging|data_file|expectations(_\w+)?|gate|profile|rerun|settings_file|shard|completion|manual|takeaway|saved_script|target_list|matrix|fleet|deadline|coverage|server_command|cmd(\..*)?'),
]
MACHINE_PATH = re.compile(r'(?<![\w.~*}-])/(?:work|root|farm|home)/[\w.]')


def tree():
    """Every file of the project, without what is built or hidden."""
    for parent, children, names in os.walk('.'):
        children[:] = sorted(name for name in children
                             if name not in ('.git', '__pycache__') and not re.match(r'build(-|$)', name))
        for name in sorted(set(names) - {'.git'}):
            yield os.path.normpath(os.path.join(parent, name))


def read(path):
    with open(path, encoding='utf-8', errors='replace') as file:
        return file.read()


def check_layers(path, text):
    if not path.startswith('src/'):
        return
    layer = path.split('/')[1]
    for number, line in enumerate(text.splitlines(), 1):
        found = re.match(r'\s*#\s*include\s*(["<])([^">]+)', line)
        if not found:
            continue
        kind, header = found.groups()
        if kind == '"' and header.split('/')[0] not in MAY_INCLUDE.get(layer, MAY_INCLUDE['bind']):
            yield number, '%s does not know %s' % (layer, header)
        for pattern, owners in OWNED:
            if kind == '<' and pattern.match(header) and layer not in owners:
                yield number, '%s does not know <%s>' % (layer, header)


def check_lua_layers(path, text):
    """Suites see only the script environment, report writers only result tables, their own files and each other."""
    if not path.endswith('.lua') or not path.startswith(('suites/', 'reports/')):
        return
    for number, line in enumerate(text.splitlines(), 1):
        for module in re.findall(r'\brequire\b\W*([\w.]*)', line.split('--')[0]):
            if path.startswith('suites/') or not re.match(r'h2probe\.(reports\.|resources$|transcript$|xml$)|dkjson$', module):
                yield number, '%s is not for %s' % (module or 'require', path.split('/')[0])


def lua_layer(module):
    return next((rank for rank, (_, names) in enumerate(LUA_LAYERS) if re.fullmatch(names, module)), None)


def check_lua_runtime(paths):
    """The modules of lua/: no layer requires one that comes later, nothing requires itself in a circle."""
    needs = {}
    for path in paths:
        if path.startswith('lua/') and path.endswith('.lua') and not path.startswith('lua/meta/'):
            module = re.sub(r'\.init$', '', path[len('lua/'):-len('.lua')].replace('/', '.'))
            needs[module] = sorted(set(re.findall(r'\brequire *\(? *"h2probe\.([\w.]+)"', read(path))))
    for module, others in sorted(needs.items()):
        rank = lua_layer(module)
        for other in others:
            if None not in (rank, lua_layer(other)) and lua_layer(other) > rank:
                yield 'lua: %s (%s) does not know %s (%s)' % (module, LUA_LAYERS[rank][0], other,
                                                              LUA_LAYERS[lua_layer(other)][0])
    left = dict(needs)
    while any(not set(left[module]) & set(left) for module in left):
        left = {module: others for module, others in left.items() if set(others) & set(left)}
    if left:
        yield 'lua: these require each other in a circle: ' + ', '.join(sorted(left))


def functions(path, text):
    """(first line, number of lines, name) of the functions of a C, Lua or Python file."""
    lines = text.splitlines()
    if path.endswith('.py'):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                yield node.lineno, node.end_lineno - node.lineno + 1, node.name
        return
    start = name = closing = None
    for number, line in enumerate(lines, 1):
        if path.endswith('.lua'):
            opened = re.match(r'( *)(?:local )?function ([\w.:]+)\(', line)
            one_line = re.search(r'\bend$', line)
        else:
            opened = re.match(r'()(?!struct|union|enum|typedef|extern|#|static const)\w.*?(\w+)\(', line)
            one_line = line.rstrip().endswith(';')
        if opened and start is None and not one_line:
            start, name = number, opened.group(2)
            closing = opened.group(1) + ('end' if path.endswith('.lua') else '}')
        elif start is not None and line.rstrip() == closing:
            yield start, number - start + 1, name
            start = None


def check_lengths(path, text):
    if not path.endswith(('.c', '.h', '.lua', '.py')) or path.endswith('_table.h') or path.startswith('tests/data/'):
        return
    count = text.count('\n')
    if count > FILE_LINES and not path.startswith('lua/meta/'):
        yield count, 'file of %d lines, at most %d' % (count, FILE_LINES)
    for number, length, name in functions(path, text):
        if length > FUNCTION_LINES:
            yield number, '%s has %d lines, at most %d' % (name, length, FUNCTION_LINES)


def check_head(path, text):
    if path.endswith(('.c', '.h')) and not text.startswith('/*') or path.endswith('.lua') and not text.startswith('--'):
        if not path.startswith('tests/data/'):
            yield 1, 'the first line does not say what the file is for'


def check_text(path, text):
    if path.startswith('tests/data/'):
        return
    for number, line in enumerate(text.splitlines(), 1):
        if MACHINE_PATH.search(line):
            yield number, 'path of one machine: ' + line.strip()
        if line != line.rstrip() and path.endswith(('.c', '.h', '.py', '.lua')):
            yield number, 'blanks at the end of the line'
        if '\t' in line and path.endswith(('.c', '.h', '.py', '.lua')):
            yield number, 'tab'


def check_listed(paths):
    """The lists of configure.py against the tree."""
    sys.path.insert(0, ROOT)
    import configure
    listed = set(configure.listed_files())
    present = {path for path in paths if re.match(r'(src|tests)/.*\.c$|tests/lua/.*_spec\.lua$|tests/bench/.*\.py$', path)}
    yield from ('%s: not listed in tools/lists.py' % path for path in sorted(present - listed))
    yield from ('%s: listed in configure.py, but not there' % path for path in sorted(listed - present))


def check():
    paths, problems = list(tree()), 0
    for path in paths:
        if os.path.splitext(path)[1] not in TEXTS or os.path.islink(path):
            continue
        text = read(path)
        for rule in (check_layers, check_lua_layers, check_lengths, check_head, check_text):
            for number, message in rule(path, text):
                print('%s:%d: %s' % (path, number, message))
                problems += 1
    for message in list(check_listed(paths)) + list(check_lua_runtime(paths)):
        print(message)
        problems += 1
    return 1 if problems else 0


def format_c(fix):
    paths = [path for path in tree() if re.match(r'(src|tests)/.*\.[ch]$', path) and not path.endswith('_table.h')]
    return subprocess.call(['clang-format'] + (['-i'] if fix else ['--dry-run', '-Werror']) + paths) if paths else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--format', action='store_true', help='run clang-format')
    parser.add_argument('--fix', action='store_true', help='with --format: change the files')
    options = parser.parse_args()
    os.chdir(ROOT)
    return format_c(options.fix) if options.format else check()


if __name__ == '__main__':
    sys.exit(main())
