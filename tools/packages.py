"""Installs the packages that h2probe needs: the work of `./configure.py --bootstrap`.

Only what is missing is installed, and installing never starts a service. On a system without a known package
manager the list of what is missing is printed.
"""

import collections
import os
import platform
import shutil
import subprocess
import sys
import tempfile

MANAGERS = ('apt-get', 'dnf', 'apk', 'pacman', 'brew')
POLICY = '/usr/sbin/policy-rc.d'
LUA_NAMES = ('lua5.4', 'lua54', 'lua')

# What is needed, how to see that it is there, and the packages in the order of MANAGERS; `rock:NAME` is LuaRocks'.
# probe: `cmd NAME...` any of these programs, `pkg NAME...` any of these pkg-config modules, `lua NAME` a Lua module,
# `py NAME` a Python module, `cc FLAGS` the C compiler links with FLAGS, `clang FLAGS` so does clang.
Need = collections.namedtuple('Need', 'what probe packages')

BUILD = [
    Need('C compiler', 'cmd cc', ('gcc libc6-dev', 'gcc', 'gcc musl-dev', 'gcc', '')),
    Need('ninja', 'cmd ninja', ('ninja-build', 'ninja-build', 'samurai', 'ninja', 'ninja')),
    Need('pkg-config', 'cmd pkg-config', ('pkg-config', 'pkgconf-pkg-config', 'pkgconf', 'pkgconf', 'pkgconf')),
    Need('Lua 5.4 headers', 'pkg lua5.4 lua-5.4 lua54 lua', ('liblua5.4-dev', 'lua-devel', 'lua5.4-dev', 'lua', 'lua')),
    Need('Lua 5.4', 'cmd lua5.4 lua54 lua', ('lua5.4', 'lua', 'lua5.4', 'lua', 'lua')),
    Need('OpenSSL 3', 'pkg openssl', ('libssl-dev', 'openssl-devel', 'openssl-dev', 'openssl', 'openssl@3')),
    Need('libuv', 'pkg libuv', ('libuv1-dev', 'libuv-devel', 'libuv-dev', 'libuv', 'libuv')),
    Need('argparse for Lua', 'lua argparse', ('lua-argparse', 'lua-argparse', 'rock:argparse', 'rock:argparse',
                                              'rock:argparse')),
    Need('dkjson for Lua', 'lua dkjson', ('lua-dkjson', 'rock:dkjson', 'rock:dkjson', 'rock:dkjson', 'rock:dkjson')),
]

TEST = [
    Need('sanitizers of the C compiler', 'cc -fsanitize=address,undefined', ('gcc', 'libasan libubsan', '', 'gcc', '')),
    Need('openssl program', 'cmd openssl', ('openssl', 'openssl', 'openssl', 'openssl', 'openssl@3')),
    Need('libcheck', 'pkg check', ('check', 'check-devel', 'check-dev', 'check', 'check')),
    Need('libnghttp2', 'pkg libnghttp2', ('libnghttp2-dev', 'libnghttp2-devel', 'nghttp2-dev', 'libnghttp2', 'libnghttp2')),
    Need('busted', 'cmd busted', ('lua-busted', 'rock:busted', 'rock:busted', 'rock:busted', 'rock:busted')),
    Need('luacheck', 'cmd luacheck', ('lua-check', 'rock:luacheck', 'rock:luacheck', 'luacheck', 'luacheck')),
    Need('xmllint', 'cmd xmllint', ('libxml2-utils', 'libxml2', 'libxml2-utils', 'libxml2', 'libxml2')),
    Need('clang', 'cmd clang', ('clang', 'clang', 'clang', 'clang', 'llvm')),
    Need('libFuzzer', 'clang -fsanitize=fuzzer,address,undefined', ('libclang-rt-dev', 'compiler-rt', 'compiler-rt',
                                                                    'compiler-rt', 'llvm')),
    Need('clang-format', 'cmd clang-format', ('clang-format', 'clang-tools-extra', 'clang-extra-tools', 'clang', 'clang-format')),
    Need('clang-tidy', 'cmd clang-tidy', ('clang-tidy', 'clang-tools-extra', 'clang-extra-tools', 'clang', 'llvm')),
    Need('YAML for Python', 'py yaml', ('python3-yaml', 'python3-pyyaml', 'py3-yaml', 'python-yaml', '')),
    Need('ps', 'cmd ps', ('procps', 'procps-ng', 'procps', 'procps-ng', '')),
    Need('curl', 'cmd curl', ('curl', 'curl', 'curl', 'curl', 'curl')),
]

INTEROP = [
    Need('nginx', 'cmd nginx', ('nginx-light', 'nginx', 'nginx', 'nginx', 'nginx')),
    Need('Apache httpd', 'cmd apache2 httpd', ('apache2-bin', 'httpd mod_http2 mod_ssl', 'apache2 apache2-http2 apache2-ssl',
                                               'apache', 'httpd')),
    Need('nghttpd', 'cmd nghttpd', ('nghttp2-server', 'nghttp2', 'nghttp2', 'nghttp2', 'nghttp2')),
    Need('nghttp', 'cmd nghttp', ('nghttp2-client', 'nghttp2', 'nghttp2', 'nghttp2', 'nghttp2')),
    Need('h2o', 'cmd h2o', ('h2o', 'h2o', 'h2o', 'h2o', 'h2o')),
    Need('HAProxy', 'cmd haproxy', ('haproxy', 'haproxy', 'haproxy', 'haproxy', 'haproxy')),
    Need('Caddy', 'cmd caddy', ('caddy', 'caddy', 'caddy', 'caddy', 'caddy')),
    Need('Node.js', 'cmd node nodejs', ('nodejs', 'nodejs', 'nodejs', 'nodejs', 'node')),
    Need('h2 for Python', 'py h2', ('python3-h2', 'python3-h2', 'py3-h2', 'python-h2', '')),
    Need('tshark', 'cmd tshark', ('tshark', 'wireshark-cli', 'tshark', 'wireshark-cli', 'wireshark')),
    Need('Hypercorn', 'cmd hypercorn', ('python3-hypercorn', 'python3-hypercorn', 'py3-hypercorn', 'hypercorn', '')),
    Need('zsh', 'cmd zsh', ('zsh', 'zsh', 'zsh', 'zsh', 'zsh')),
    Need('fish', 'cmd fish', ('fish', 'fish', 'fish', 'fish', 'fish')),
    Need('man', 'cmd man', ('man-db', 'man-db', 'mandoc', 'man-db', 'man-db')),
    Need('shellcheck', 'cmd shellcheck', ('shellcheck', 'ShellCheck', 'shellcheck', 'shellcheck', 'shellcheck')),
    Need('dpkg-shlibdeps', 'cmd dpkg-shlibdeps', ('dpkg-dev', 'dpkg-dev', 'dpkg-dev', 'dpkg', 'dpkg')),
    Need('Chromium', 'cmd chromium chromium-browser', ('chromium', 'chromium', 'chromium', 'chromium', 'chromium')),
    Need('chromedriver', 'cmd chromedriver', ('chromium-driver', 'chromedriver', 'chromium-chromedriver', 'chromium', 'chromedriver')),
]

INSTALL = {
    'apt-get': ['apt-get', 'install', '-y', '--no-install-recommends'],
    'dnf': ['dnf', 'install', '-y'],
    'apk': ['apk', 'add'],
    'pacman': ['pacman', '-S', '--needed', '--noconfirm'],
    'brew': ['brew', 'install'],
}


def which(name):
    """The path of a program; servers are often outside of a user's PATH."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get('PATH', os.defpath), '/usr/sbin', '/usr/local/sbin']))


def succeeds(command, text=''):
    """Whether a command runs and ends with 0."""
    try:
        return subprocess.run(command, input=text.encode(), stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def links(compiler, flags):
    fuzzing = any('fuzzer' in flag for flag in flags)
    source = 'int %s(void);\nint %s(void) { return 0; }\n' % (('LLVMFuzzerTestOneInput' if fuzzing else 'main',) * 2)
    with tempfile.TemporaryDirectory() as directory:
        return succeeds([compiler] + flags + ['-x', 'c', '-', '-o', os.path.join(directory, 'a.out')], source)


def present(need):
    """Whether a need is met."""
    kind, *names = need.probe.split()
    if kind == 'cmd':
        return any(which(name) for name in names)
    if kind == 'pkg':
        versions = {'openssl': ['>= 3.0']}
        return any(succeeds(['pkg-config', '--exists', ' '.join([name] + versions.get(name, []))]) and
                   ('lua' not in name or succeeds(['pkg-config', '--exists', name + ' >= 5.4'])) for name in names)
    if kind == 'lua':
        return any(succeeds([lua, '-e', 'require %r' % names[0]]) for lua in LUA_NAMES if which(lua))
    if kind == 'py':
        return any(succeeds([python, '-c', 'import ' + names[0]]) for python in (sys.executable, '/usr/bin/python3'))
    return links(kind, names)


def as_root(command):
    """The command, by sudo where this is not root; brew must not be root."""
    if os.geteuid() == 0 or command[0] == 'brew':
        return command
    return ['sudo'] + command if which('sudo') else None


def run(command):
    """Runs a command that changes the system; True if it went well."""
    command = as_root(command)
    if command is None:
        return False
    print('+ ' + ' '.join(command), flush=True)
    environment = dict(os.environ, DEBIAN_FRONTEND='noninteractive')
    try:
        return subprocess.run(command, env=environment).returncode == 0
    except OSError as error:
        print(error, file=sys.stderr)
        return False


class NoServices:
    """While this is entered, Debian's packages start no services, whatever they install."""

    def __enter__(self):
        self.made = not os.path.exists(POLICY) and which('apt-get') and \
            run(['sh', '-c', "printf '#!/bin/sh\\nexit 101\\n' > %s && chmod 755 %s" % (POLICY, POLICY)])

    def __exit__(self, *_):
        if self.made:
            run(['rm', '-f', POLICY])


def package_names(needs, manager):
    """(packages of the system, rocks), each once and in order; needs without a package stay out."""
    column = MANAGERS.index(manager)
    words = [word for need in needs for word in need.packages[column].split()]
    words = list(collections.OrderedDict.fromkeys(words))
    rocks = [word[len('rock:'):] for word in words if word.startswith('rock:')]
    names = [word for word in words if not word.startswith('rock:')]
    if rocks and not which('luarocks'):
        names.append({'apk': 'luarocks5.4'}.get(manager, 'luarocks'))
    return names, rocks


def luarocks(names):
    program = which('luarocks') or which('luarocks-5.4') or 'luarocks'
    return [[program, '--lua-version', '5.4', 'install', name] for name in names]


def commands(needs, manager):
    """What has to be run to meet the needs."""
    names, rocks = package_names(needs, manager)
    update = {'apt-get': [['apt-get', 'update']], 'apk': [['apk', 'update']]}.get(manager, [])
    return (update + [INSTALL[manager] + names] if names else []) + luarocks(rocks)


def explain(missing, manager):
    """Says exactly what is missing and what installs it."""
    print('\nThese are missing and could not be installed:', file=sys.stderr)
    for need in missing:
        print('  %s' % need.what, file=sys.stderr)
    if manager:
        print('Install them with%s:' % ('' if manager == 'brew' else ', as root'), file=sys.stderr)
        for command in commands(missing, manager):
            print('  ' + ' '.join(command), file=sys.stderr)
    else:
        print('None of %s is here (%s). In Debian these packages have them:\n  %s'
              % (', '.join(MANAGERS), platform.system(), ' '.join(package_names(missing, 'apt-get')[0])), file=sys.stderr)
    print('Then run ./configure.py --bootstrap again.', file=sys.stderr)


def install(build_only, interop):
    """Installs what is missing; False, with an explanation, if something still is missing afterwards."""
    needs = BUILD + ([] if build_only else TEST) + (INTEROP if interop else [])
    missing = [need for need in needs if not present(need)]
    manager = next((name for name in MANAGERS if which(name)), None)
    if missing and manager:
        print('missing: ' + ', '.join(need.what for need in missing), flush=True)
        with NoServices():
            for command in commands(missing, manager):
                run(command)
        missing = [need for need in needs if not present(need)]
    if missing:
        explain(missing, manager)
        return False
    print('all packages are there')
    return True
