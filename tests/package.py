#!/usr/bin/env python3
"""Looks at a Debian package that `ninja deb` made: what is in it and where, who owns it, and whether what is in it works.

    tests/package.py build/h2probe_*.deb

Nothing is installed: it is unpacked into a temporary directory. With lintian there, lintian looks as well.
"""

import argparse
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile

FILES = {
    'usr/bin/h2probe': '-rwxr-xr-x',
    'usr/share/man/man1/h2probe.1.gz': '-rw-r--r--',
    'usr/share/bash-completion/completions/h2probe': '-rw-r--r--',
    'usr/share/zsh/vendor-completions/_h2probe': '-rw-r--r--',
    'usr/share/fish/vendor_completions.d/h2probe.fish': '-rw-r--r--',
    'usr/share/h2probe/meta/h2probe.lua': '-rw-r--r--',
    'usr/share/doc/h2probe/copyright': '-rw-r--r--',
    'usr/share/doc/h2probe/changelog.gz': '-rw-r--r--',
    'usr/share/doc/h2probe/README.md': '-rw-r--r--',
    'usr/share/doc/h2probe/scripting.md': '-rw-r--r--',
    'usr/share/doc/h2probe/ci/github/action.yml': '-rw-r--r--',
    'usr/share/doc/h2probe/ci/gitlab.yml': '-rw-r--r--',
    'usr/share/doc/h2probe/ci/Jenkinsfile': '-rw-r--r--',
    'usr/share/doc/h2probe/ci/Dockerfile': '-rw-r--r--',
}
NEEDED = ('libc6', 'libssl3', 'libuv1', 'liblua5.4-0')

passed = failed = 0


def check(truth, what):
    global passed, failed
    print('%s %d - %s' % ('ok' if truth else 'not ok', passed + failed + 1, what))
    if truth:
        passed += 1
    else:
        failed += 1


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout


def look_at_control(deb):
    fields = dict(re.findall(r'^(\S+): (.*)$', output('dpkg-deb', '-f', deb), re.M))
    check(fields['Package'] == 'h2probe', 'Package')
    check(os.path.basename(deb) == 'h2probe_%s_%s.deb' % (fields['Version'], fields['Architecture']), 'its name')
    for package in NEEDED:
        check(re.search(r'\b%s[ ,]' % re.escape(package), fields['Depends'] + ','), 'depends on ' + package)
    check(re.fullmatch(r'.+ <\S+@\S+>', fields['Maintainer']), 'Maintainer')
    return fields


def look_at_list(deb):
    rows = [line.split(None, 5) for line in output('dpkg-deb', '-c', deb).splitlines()]
    modes = {row[5][2:]: row[0] for row in rows}
    for path, mode in sorted(FILES.items()):
        check(modes.get(path) == mode, '%s %s' % (mode, path))
    check(all(row[1] == 'root/root' for row in rows), 'root owns everything')
    check(all(re.match(r'drwxr-xr-x|-rw[x-]r-[x-]r-[x-]', row[0]) for row in rows), 'directories and files can be read')
    check(all(path == '' or path.startswith('usr/') for path in modes), 'everything is below usr')


def look_inside(root, version):
    """What the program writes about itself is what the package has, and the program runs."""
    program = root + '/usr/bin/h2probe'
    check(output(program, '--version').split()[1] == version, 'the version is the program\'s')
    with gzip.open(root + '/usr/share/man/man1/h2probe.1.gz', 'rt') as file:
        check(file.read() == output(program, 'man'), 'the manual page')
    for shell, path in (('bash', 'bash-completion/completions/h2probe'), ('zsh', 'zsh/vendor-completions/_h2probe'),
                        ('fish', 'fish/vendor_completions.d/h2probe.fish')):
        with open('%s/usr/share/%s' % (root, path)) as file:
            check(file.read() == output(program, 'completion', shell), 'completions of ' + shell)
    check('.symtab' not in output('readelf', '-SW', program), 'the program is stripped')
    check('BIND_NOW' in output('readelf', '-dW', program), 'the program is a release build')
    run = subprocess.run([program, 'run', 'preface', '--mode', 'prior'], cwd=root, env={'PATH': os.defpath},
                         stdout=subprocess.PIPE, universal_newlines=True)
    check(run.returncode == 0 and re.search(r'passed', run.stdout), 'the program runs its suites, away from its source')


def look_at_sums(root, control):
    with open(control + '/md5sums') as file:
        rows = [line.rstrip('\n').split('  ', 1) for line in file]
    good = 0
    for digest, path in rows:
        with open(os.path.join(root, path), 'rb') as file:
            good += hashlib.md5(file.read()).hexdigest() == digest
    check(rows and good == len(rows), 'md5sums')
    check({path for _, path in rows} >= set(FILES), 'md5sums of everything')


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('deb')
    deb = parser.parse_args().deb
    fields = look_at_control(deb)
    look_at_list(deb)
    with tempfile.TemporaryDirectory() as root:
        subprocess.run(['dpkg-deb', '-x', deb, root], check=True)
        subprocess.run(['dpkg-deb', '-e', deb, root + '/DEBIAN'], check=True)
        look_at_sums(root, root + '/DEBIAN')
        look_inside(root, fields['Version'])
    if shutil.which('lintian'):
        said = subprocess.run(['lintian', '--allow-root', '--fail-on', 'error,warning', deb], stdout=subprocess.PIPE,
                              universal_newlines=True)
        check(said.returncode == 0, 'lintian ' + said.stdout.replace('\n', '; '))
    print('%d passed, %d failed' % (passed, failed))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
