#!/usr/bin/env python3
"""Writes build.ninja, which is committed: a fresh clone builds with plain `ninja`.

The file that is written holds no path of one machine: compiler and library flags come from pkg-config
when ninja runs, Lua and the embedded Lua libraries are found when ninja runs. Every C file and every test
is listed by name in tools/lists.py; `ninja lint` fails when one of the tree is not.

    ./configure.py                                   the default build, in build/
    ./configure.py --bootstrap                       install what is missing first
    ./configure.py --release --build-dir build-rel   a second build beside it: ninja -f build-rel/build.ninja
"""

import argparse
import os
import re
import shlex
import sys

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.realpath(__file__))
DEFAULT_BUILDDIR = 'build'
sys.path.insert(0, ROOT)

from tools.lists import (  # noqa: E402
    C_BENCHES, C_TEST_PACKAGES, C_TEST_SUPPORT, C_TESTS, CI_FILES, FUZZ_TARGETS, LUA_TESTS, MAIN, PROGRAM_TESTS, PROOF,
    PY_BENCHES, SANITIZED_RUN, SOURCES,
)

LAYERS = {'base': ['base'], 'h2': ['base', 'h2'], 'io': ['base', 'io'], 'bind': ['base', 'h2', 'io', 'bind']}
PACKAGES = {'io': '$io_packages', 'bind': '$all_packages'}

WARNINGS = ('-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes '
            '-Wmissing-prototypes -Wvla').split()
CFLAGS = ['-std=c11', '-D_GNU_SOURCE', '-fPIC', '-Isrc'] + WARNINGS
SANITIZE = '-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined'.split()
RELEASE = ('-O2 -g -fno-semantic-interposition -fstack-protector-strong -U_FORTIFY_SOURCE '
           '-D_FORTIFY_SOURCE=2').split()
RELEASE_LINK = '-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack'.split()


class Ninja:
    """Collects the text of a ninja file."""

    def __init__(self):
        self.lines = []

    def comment(self, text):
        self.lines += ['', '# ' + text]

    def variable(self, name, value):
        self.lines.append('%s = %s' % (name, value))

    def rule(self, name, command, **more):
        self.lines.append('rule ' + name)
        self.lines.append('  command = ' + command)
        self.lines += ['  %s = %s' % item for item in more.items()]

    def build(self, output, rule, inputs=(), implicit=(), order_only=(), **variables):
        """One edge; returns its output."""
        words = ['build', output + ':', rule] + list(inputs)
        words += ['|'] + list(implicit) if implicit else []
        words += ['||'] + list(order_only) if order_only else []
        self.lines += self.wrap(words)
        self.lines += ['  %s = %s' % item for item in variables.items() if item[1] is not None]
        return output

    @staticmethod
    def wrap(words, width=110):
        lines, line = [], words[0]
        for word in words[1:]:
            if len(line) + len(word) + 3 > width:
                lines.append(line + ' $')
                line = '   '
            line += ' ' + word
        return lines + [line]

    def text(self):
        return '\n'.join(self.lines).lstrip('\n') + '\n'


class Variant:
    """One way to compile the tree: its name, the directory for what it makes, its flags."""

    def __init__(self, name, directory, cflags, ldflags=(), cc=None):
        self.name, self.directory, self.cc = name, directory, cc
        self.cflags, self.ldflags = ' '.join(cflags), ' '.join(ldflags)
        self.sanitized = name == 'asan'
        self.needs = ['$builddir/packages'] + (['$builddir/fuzz/toolchain'] if name == 'fuzz' else [])

    def compile(self, n, path, packages='', extra=''):
        flags = ['$$(pkg-config --cflags %s)' % packages] if packages else []
        target = '%s/obj/%s.o' % (self.directory, os.path.splitext(path)[0].replace('$builddir/', ''))
        return n.build(target, 'cc', [path], order_only=self.needs, variant='$%s_cflags' % self.name,
                       extra=' '.join(flags + ([extra] if extra else [])) or None, cc=self.cc)

    def link(self, n, name, objects, libs=None, ldflags=''):
        words = ['$%s_ldflags' % self.name] + ([ldflags] if ldflags else [])
        return n.build('%s/%s' % (self.directory, name), 'link', objects, ldflags=' '.join(words), libs=libs,
                       cc=self.cc)


def sources(layer):
    """The C files of one layer."""
    return ['src/%s/%s.c' % (layer, name) for name in SOURCES[layer]]


def listed_files():
    """Every C file, Lua test and benchmark that the build knows; tests/lint.py compares them with the tree."""
    files = [path for layer in SOURCES for path in sources(layer)] + MAIN
    files += ['tests/c/check_%s.c' % name for names in C_TESTS.values() for name in names]
    files += [path for paths in C_TEST_SUPPORT.values() for path in paths]
    files += ['tests/lua/%s_spec.lua' % name for name in LUA_TESTS]
    files += ['tests/fuzz/fuzz_%s.c' % name for name in FUZZ_TARGETS]
    files += ['tests/bench/%s.py' % name for name in PY_BENCHES]
    return files + ['tests/bench/%s.c' % name for name in C_BENCHES]


def release_variant(options, directory):
    lto = ['-flto'] if 'clang' in options.cc else ['-flto', '-flto-partition=one']
    return Variant('release', directory, RELEASE + lto, RELEASE + lto + RELEASE_LINK)


def variants(options):
    """The build proper, and the one with sanitizers that `check` needs beside it."""
    werror = ['-Werror', '-Wno-error=maybe-uninitialized', '-Wno-error=format-truncation']
    if options.asan:
        return [Variant('asan', '$builddir', SANITIZE + werror, SANITIZE)]
    sanitized = Variant('asan', '$builddir/asan', SANITIZE + werror, SANITIZE)
    if options.release:
        return [release_variant(options, '$builddir'), sanitized]
    return [Variant('normal', '$builddir', ['-O2', '-g', '-fno-semantic-interposition']), sanitized]


def escape(text):
    """Text as one word for ninja and for the shell."""
    return shlex.quote(text).replace('$', '$$')


def write_variables(n, options, builds):
    n.comment('This file builds h2probe. configure.py writes it and it is committed: change configure.py.')
    n.lines.append('')
    n.variable('ninja_required_version', '1.8')
    n.variable('builddir', escape(options.build_dir))
    n.variable('prefix', escape(options.prefix))
    n.variable('cc', escape(options.cc))
    n.comment('Names differ from system to system, so they are looked up when a command runs.')
    n.variable('lua_package', '$$(for p in lua5.4 lua-5.4 lua54 lua; do pkg-config --exists "$$p >= 5.4" "$$p < 5.5" '
               '&& echo $$p && break; done)')
    n.variable('lua', '$$(command -v lua5.4 || command -v lua54 || command -v lua)')
    n.variable('io_packages', 'openssl libuv')
    n.variable('all_packages', '$io_packages $lua_package')
    n.comment('Libraries of the engine as a Lua module, whose Lua is that of its host, and of the program.')
    n.variable('module_libs', '$$(pkg-config --libs $io_packages)')
    if options.static:
        n.variable('libs', '$$(pkg-config --libs-only-L $all_packages) -Wl,-Bstatic '
                   '$$(pkg-config --libs-only-l $lua_package) -lssl -lcrypto '
                   '$$(pkg-config --exists libuv-static && echo -luv_a || echo -luv) '
                   '-Wl,-Bdynamic -lm -ldl -lpthread -lrt')
    else:
        n.variable('libs', '$$(pkg-config --libs $lua_package) $module_libs -lm')
    n.comment('Flags: for every C file, then for each way to build.')
    n.variable('cflags', ' '.join(CFLAGS))
    for variant in builds:
        n.variable(variant.name + '_cflags', variant.cflags)
        n.variable(variant.name + '_ldflags', variant.ldflags)


def write_rules(n):
    n.comment('Compiling and linking.')
    n.rule('cc', '$cc $cflags $variant $extra -MMD -MF $out.d -c $in -o $out',
           depfile='$out.d', deps='gcc', description='CC $out')
    n.rule('link', '$cc $ldflags -o $out $in $libs', description='LINK $out')
    n.rule('packages', 'pkg-config --print-errors --exists "openssl >= 3.0" "libuv >= 1.38" && '
           'test -n "$lua_package" && touch $out || '
           '{ echo "libraries are missing: run ./configure.py --bootstrap" >&2; exit 1; }',
           description='FIND libraries')
    n.rule('embed', 'python3 src/embed.py --lua "$lua" --depfile $out.d $out', depfile='$out.d', deps='gcc',
           description='EMBED $out', restat='1')
    n.comment('A test or a lint: tests/run.py keeps log and result, and shows the output when it fails.')
    n.rule('test', 'python3 tests/run.py --name "$name" --format $format --result $out -- $run',
           description='TEST $name')
    n.rule('summary', 'python3 tests/summary.py $in', description='SUMMARY $out', pool='console')
    n.rule('console', '$run', description='$out', pool='console')
    n.rule('fuzz_toolchain', 'tests/fuzz/cc --probe $out', description='FIND clang and libFuzzer', restat='1')
    n.build('always', 'phony')
    n.build('$builddir/packages', 'packages')
    n.build('$builddir/fuzz/toolchain', 'fuzz_toolchain', implicit=['tests/fuzz/cc', 'always'])


def compile_layers(n, variant, layers):
    """The objects of each layer: {layer: [object, ...]}."""
    return {layer: [variant.compile(n, path, PACKAGES.get(layer, '')) for path in sources(layer)]
            for layer in layers}


def write_program(n, variant, objects):
    """h2probe itself, and the engine as a module for plain Lua (tests/lua)."""
    embedded = variant.compile(n, '$builddir/embedded.c', '$all_packages', extra='-Wno-overlength-strings')
    common = [path for layer in LAYERS['bind'] for path in objects[layer]] + [embedded]
    main = [variant.compile(n, path, '$all_packages') for path in MAIN]
    return [variant.link(n, 'h2probe', main + common, ldflags='-pie' if variant.name == 'release' else ''),
            variant.link(n, 'lib/h2probe/engine.so', common, '$module_libs', '-shared')]


def write_c_tests(n, variant, objects):
    """tests/c, in one variant; returns the results."""
    results = []
    for layer, names in C_TESTS.items():
        for name in names:
            packages = ' '.join(['check'] + C_TEST_PACKAGES.get(name, []) + PACKAGES.get(layer, '').split())
            files = ['tests/c/check_%s.c' % name] + C_TEST_SUPPORT.get(name, [])
            inputs = [variant.compile(n, path, packages, '-Itests/c') for path in files]
            inputs += [path for below in LAYERS[layer] for path in objects[below]]
            program = variant.link(n, 'tests/check_' + name, inputs, '$$(pkg-config --libs %s)' % packages)
            results.append(n.build('%s/results/check_%s' % (variant.directory, name), 'test', implicit=[program],
                                   name='check_%s (%s)' % (name, variant.name), format='libcheck', run=program))
    return results


def write_lua_tests(n, variant):
    """tests/lua by busted against the engine as a module; with sanitizers only what tests the engine itself."""
    environment = "LUA_CPATH='%s/lib/?.so;;'" % variant.directory
    if variant.sanitized:
        environment += ' ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD="$$($cc -print-file-name=libasan.so)"'
    results = []
    for name in LUA_TESTS:
        if variant.sanitized and not name.startswith('engine'):
            continue
        spec = 'tests/lua/%s_spec.lua' % name
        implicit = [spec, variant.directory + '/lib/h2probe/engine.so', variant.directory + '/h2probe',
                    '$builddir/embedded.c', 'tests/lua/setup.lua']
        results.append(n.build('%s/results/%s_spec' % (variant.directory, name), 'test', implicit=implicit,
                               name='%s_spec (%s)' % (name, variant.name), format='tap',
                               run='env %s $lua tests/lua/setup.lua %s' % (environment, spec)))
    return results


def write_browser_tests(n, variant):
    """The HTML report in Chromium; skipped where there is none. `ninja browser` runs it alone."""
    files = ['tests/browser/' + name for name in ('pages.lua', 'run.py', 'webdriver.py')]
    files += ['tests/lua/' + name for name in ('html_data.lua', 'results_data.lua', 'setup.lua')]
    result = n.build('%s/results/browser' % variant.directory, 'test', name='browser', format='tap',
                     implicit=files + [variant.directory + '/lib/h2probe/engine.so', '$builddir/embedded.c'],
                     run="env LUA_CPATH='%s/lib/?.so;;' python3 tests/browser/run.py" % variant.directory)
    n.build('browser', 'summary', [result])
    return [result]


def write_program_tests(n, variant):
    """Tests that run the whole program."""
    program_tests = ([SANITIZED_RUN] if variant.sanitized else [PROOF, CI_FILES]) + PROGRAM_TESTS
    h2probe = variant.directory + '/h2probe'
    return [n.build('%s/results/%s' % (variant.directory, name), 'test', implicit=[h2probe],
                    name='%s (%s)' % (name, variant.name), format=kind, run=command.replace('H2PROBE', h2probe))
            for name, command, kind in program_tests]


def write_lint(n, variant):
    """Lints; clang-tidy is asked only about what changed (the object stands for the headers as well)."""
    def lint(name, run, implicit=('always',)):
        return n.build('$builddir/results/lint/' + name, 'test', implicit=implicit, name='lint ' + name,
                       format='exit', run=run)

    results = [lint('build.ninja', './configure.py --check'),
               lint('tree', 'python3 tests/lint.py'),
               lint('clang-format', 'python3 tests/lint.py --format'),
               lint('luacheck', 'luacheck --no-color -q .')]
    for layer in SOURCES:
        for path in sources(layer) + (MAIN if layer == 'bind' else []):
            packages = PACKAGES.get(layer)
            flags = ' $$(pkg-config --cflags %s)' % packages if packages else ''
            name = os.path.splitext(path)[0]
            results.append(lint('tidy/' + name, 'clang-tidy --quiet %s -- $cflags%s' % (path, flags),
                                ['.clang-tidy', '%s/obj/%s.o' % (variant.directory, name)] +
                                (['src/bind/.clang-tidy'] if layer == 'bind' else [])))
    return results


def write_fuzz(n):
    """libFuzzer targets, by clang; tests/fuzz/cc makes empty programs where clang cannot."""
    variant = Variant('fuzz', '$builddir/fuzz', SANITIZE + ['-fsanitize=fuzzer-no-link'],
                      SANITIZE + ['-fsanitize=fuzzer'],
                      cc='tests/fuzz/cc $builddir/fuzz/toolchain')
    n.comment('Fuzz targets: `ninja fuzz`, FUZZ_SECONDS for each (10).')
    n.variable('fuzz_cflags', variant.cflags)
    n.variable('fuzz_ldflags', variant.ldflags)
    needed = {layer for top in FUZZ_TARGETS.values() for layer in LAYERS[top]}
    objects = compile_layers(n, variant, [layer for layer in SOURCES if layer in needed])
    results = []
    for name, top in FUZZ_TARGETS.items():
        inputs = [variant.compile(n, 'tests/fuzz/fuzz_%s.c' % name)]
        inputs += [path for layer in LAYERS[top] for path in objects[layer]]
        libs = '$$(pkg-config --libs %s)' % PACKAGES[top] if top in PACKAGES else ''
        program = variant.link(n, 'fuzz_' + name, inputs, libs)
        results.append(n.build('$builddir/results/fuzz_' + name, 'test', implicit=[program, 'always'],
                               name='fuzz_' + name, format='exit', run='python3 tests/fuzz/run.py ' + program))
    n.build('fuzz', 'summary', results)


def write_bench(n, variant, objects):
    n.comment('Measurements.')
    programs = []
    for name in C_BENCHES:
        inputs = [variant.compile(n, 'tests/bench/%s.c' % name, 'libnghttp2')] + objects['base'] + objects['h2']
        programs.append(variant.link(n, name, inputs, '$$(pkg-config --libs libnghttp2)'))
    h2probe = variant.directory + '/h2probe'
    commands = programs + ['python3 tests/bench/%s.py %s' % (name, h2probe) for name in PY_BENCHES]
    n.build('bench', 'console', implicit=programs + [h2probe, 'always'], run=' && '.join(commands) or 'true')


def write_deb(n, options, products):
    """The Debian package holds a release build: the one that there is, or one of its own."""
    n.comment('The Debian package: `ninja deb`.')
    program = products[0]
    if not options.release:
        variant = release_variant(options, '$builddir/release')
        n.variable('release_cflags', variant.cflags)
        n.variable('release_ldflags', variant.ldflags)
        program = write_program(n, variant, compile_layers(n, variant, SOURCES))[0]
    n.build('deb', 'console', implicit=[program, 'always'], run='python3 tools/deb.py %s $builddir' % program)


def write_aliases(n, variant, products):
    n.comment('What to type.')
    h2probe = products[0]
    n.build('all', 'phony', products)
    n.build('demo', 'console', implicit=[h2probe, 'always'],
            run='%s run --mode all --report console --report junit=$builddir/demo.xml' % h2probe)
    n.build('install', 'console', implicit=[h2probe, 'always'],
            run='tools/install.sh %s $prefix' % h2probe)
    n.build('compdb', 'console', implicit=['always'],
            run='ninja -f %s -t compdb cc | python3 tools/compdb.py > compile_commands.json' % '$manifest')
    n.build('format', 'console', implicit=['always'], run='python3 tests/lint.py --format --fix')
    n.lines.append('default all')


def generate(options):
    """The text of the ninja file for these options."""
    n = Ninja()
    builds = variants(options)
    write_variables(n, options, builds)
    n.variable('manifest', escape(manifest(options)))
    write_rules(n)
    n.comment('configure.py writes this file again when it changes.')
    n.rule('configure', './configure.py ' + ' '.join(arguments(options)), generator='1', description='CONFIGURE')
    n.build('$manifest', 'configure', implicit=['configure.py', 'tools/lists.py'])
    n.comment('The runtime, suites, reports and Lua libraries, as C.')
    n.build('$builddir/embedded.c', 'embed', implicit=['src/embed.py'], order_only=['$builddir/packages'])
    results, products = [], []
    for variant in builds:
        n.comment('The %s build.' % variant.name)
        objects = compile_layers(n, variant, SOURCES)
        made = write_program(n, variant, objects)
        products = products or made
        results += write_c_tests(n, variant, objects) + write_lua_tests(n, variant) + write_program_tests(n, variant)
        if variant is builds[0]:
            results += write_browser_tests(n, variant)
            write_bench(n, variant, objects)
    n.comment('Lint.')
    lints = write_lint(n, builds[0])
    n.build('lint', 'summary', lints)
    n.build('check', 'summary', results + lints, implicit=products)
    write_fuzz(n)
    write_deb(n, options, products)
    write_aliases(n, builds[0], products)
    return n.text()


def manifest(options):
    """Where the ninja file goes: the source directory for the default build directory, else into that one."""
    return 'build.ninja' if options.build_dir == DEFAULT_BUILDDIR else os.path.join(options.build_dir, 'build.ninja')


def arguments(options):
    """The arguments that lead to the same file again."""
    words = [flag for flag in ('asan', 'release', 'static') if getattr(options, flag)]
    words = ['--' + word for word in words]
    for name, default in (('prefix', '/usr/local'), ('build_dir', DEFAULT_BUILDDIR), ('cc', 'cc')):
        value = getattr(options, name)
        words += ['--%s' % name.replace('_', '-'), escape(value)] if value != default else []
    return words


def parse(argv):
    parser = argparse.ArgumentParser(description='Writes build.ninja for h2probe.')
    parser.add_argument('--bootstrap', action='store_true', help='first install the packages that are missing')
    parser.add_argument('--build-only', action='store_true', help='with --bootstrap: not what only the tests need')
    parser.add_argument('--interop', action='store_true',
                        help='with --bootstrap: also the servers of tests/interop, Chromium, shells, and what packages need')
    parser.add_argument('--asan', action='store_true', help='build with AddressSanitizer and UBSan')
    parser.add_argument('--release', action='store_true', help='link-time optimization and hardening')
    parser.add_argument('--static', action='store_true', help='link OpenSSL, Lua and libuv statically')
    parser.add_argument('--prefix', metavar='DIR', default='/usr/local', help='for `ninja install` (%(default)s)')
    parser.add_argument('--build-dir', metavar='DIR', default=DEFAULT_BUILDDIR,
                        help='build here (%(default)s); another one gets its own file: ninja -f DIR/build.ninja')
    parser.add_argument('--cc', metavar='CC', default='cc', help='C compiler (%(default)s)')
    parser.add_argument('--check', action='store_true', help='write nothing; fail if the file is not up to date')
    options = parser.parse_args(argv)
    if options.asan and options.release:
        parser.error('--asan and --release exclude each other')
    if (options.interop or options.build_only) and not options.bootstrap:
        parser.error('--interop and --build-only go with --bootstrap')
    options.build_dir = os.path.normpath(options.build_dir)
    if options.build_dir == '.':
        parser.error('--build-dir cannot be the source directory')
    if not re.match(r'[\w./+@%~-]+$', options.build_dir):
        parser.error('--build-dir takes letters, digits and ./+@%~_- alone')
    return options


def main(argv):
    os.chdir(ROOT)
    options = parse(argv)
    path, text = manifest(options), generate(options)
    if options.check:
        try:
            with open(path) as file:
                current = file.read() == text
        except FileNotFoundError:
            current = False
        if not current:
            print('%s is not what configure.py writes: run ./configure.py %s'
                  % (path, ' '.join(arguments(options))), file=sys.stderr)
        return 0 if current else 1
    if options.bootstrap:
        from tools import packages
        if not packages.install(options.build_only, options.interop):
            return 1
    os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
    with open(path, 'w') as file:
        file.write(text)
    print('wrote ' + path)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
