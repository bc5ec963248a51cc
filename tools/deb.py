#!/usr/bin/env python3
"""Writes the Debian package: the work of `ninja deb`.

What tools/install.sh installs, in the places that Debian's policy has for it, with dependencies as dpkg-shlibdeps
finds them. The same tree gives the same package: times are those of the last commit, or of SOURCE_DATE_EPOCH.
DEBFULLNAME and DEBEMAIL name its maintainer.
"""

import argparse
import email.utils
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

PROGRAMS = {'dpkg-deb': 'dpkg', 'dpkg-shlibdeps': 'dpkg-dev', 'strip': 'binutils'}
DOC = 'usr/share/doc/h2probe'


def output(*command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, universal_newlines=True, **more).stdout.strip()


def commit_time():
    """Seconds: SOURCE_DATE_EPOCH, the last commit, or the newest document."""
    if os.environ.get('SOURCE_DATE_EPOCH', '').isdigit():
        return int(os.environ['SOURCE_DATE_EPOCH'])
    try:
        return int(output('git', 'log', '-1', '--format=%ct', stderr=subprocess.DEVNULL))
    except (OSError, subprocess.CalledProcessError, ValueError):
        return int(os.path.getmtime('README.md'))


def maintainer():
    return email.utils.formataddr((os.environ.get('DEBFULLNAME', 'h2probe contributors'),
                                   os.environ.get('DEBEMAIL', 'h2probe@example.org')))


def write(path, data):
    with open(path, 'wb') as file:
        file.write(data)
    os.chmod(path, 0o644)


def compress(path, data):
    write(path, gzip.compress(data, 9, mtime=0))


def stage(program, root):
    """The tree of the package, without DEBIAN/."""
    environment = dict(os.environ, DESTDIR=root, ZSH_DIR='share/zsh/vendor-completions')
    subprocess.run(['tools/install.sh', program, '/usr'], check=True, env=environment, stdout=subprocess.DEVNULL)
    subprocess.run(['strip', '--strip-unneeded', '--remove-section=.comment', '--remove-section=.note',
                    root + '/usr/bin/h2probe'], check=True)
    os.unlink('%s/%s/LICENSE' % (root, DOC))
    shutil.copyfile('tools/debian/copyright', '%s/%s/copyright' % (root, DOC))
    page = root + '/usr/share/man/man1/h2probe.1'
    with open(page, 'rb') as file:
        compress(page + '.gz', file.read())
    os.unlink(page)


def changelog(root, version, seconds):
    text = ('h2probe (%s) unstable; urgency=medium\n\n  * Version %s.\n\n -- %s  %s\n'
            % (version, version, maintainer(), email.utils.formatdate(seconds)))
    compress('%s/%s/changelog.gz' % (root, DOC), text.encode())


def files(root):
    found = [os.path.join(parent, name) for parent, _, names in os.walk(root) for name in names]
    return sorted(os.path.relpath(path, root) for path in found if '/DEBIAN/' not in path)


def dependencies(root):
    """The packages whose libraries the program needs, with their versions."""
    with tempfile.TemporaryDirectory() as directory:
        os.mkdir(directory + '/debian')
        write(directory + '/debian/control', b'Source: h2probe\n\nPackage: h2probe\nArchitecture: any\n')
        said = output('dpkg-shlibdeps', '-O', os.path.join(os.path.abspath(root), 'usr/bin/h2probe'), cwd=directory)
    return said[len('shlibs:Depends='):]


def control(root, version):
    with open('tools/debian/control.in') as file:
        text = file.read()
    size = sum(os.path.getsize(os.path.join(root, path)) for path in files(root))
    for name, value in (('VERSION', version), ('ARCHITECTURE', output('dpkg', '--print-architecture')),
                        ('MAINTAINER', maintainer()), ('SIZE', str((size + 1023) // 1024)), ('DEPENDS', dependencies(root))):
        text = text.replace('@%s@' % name, value)
    return text


def describe(root, version):
    """DEBIAN/: control and md5sums."""
    os.mkdir(root + '/DEBIAN')
    sums = []
    for path in files(root):
        with open(os.path.join(root, path), 'rb') as file:
            sums.append('%s  %s\n' % (hashlib.md5(file.read()).hexdigest(), path))
    text = control(root, version)
    write(root + '/DEBIAN/control', text.encode())
    write(root + '/DEBIAN/md5sums', ''.join(sums).encode())


def build(program, directory):
    """The path of the package."""
    version = output(program, '--version').split()[1]
    seconds = commit_time()
    with tempfile.TemporaryDirectory() as root:
        os.chmod(root, 0o755)
        stage(program, root)
        changelog(root, version, seconds)
        describe(root, version)
        path = '%s/h2probe_%s_%s.deb' % (directory, version, output('dpkg', '--print-architecture'))
        subprocess.run(['dpkg-deb', '--root-owner-group', '-Zxz', '--build', root, path], check=True,
                       stdout=subprocess.DEVNULL, env=dict(os.environ, SOURCE_DATE_EPOCH=str(seconds)))
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('program', help='build/release/h2probe')
    parser.add_argument('directory', help='where the package goes')
    options = parser.parse_args()
    missing = [package for name, package in sorted(PROGRAMS.items()) if not shutil.which(name)]
    if missing:
        sys.exit('deb.py: Debian packages are built on Debian and its relatives, with: apt-get install ' + ' '.join(missing))
    os.umask(0o022)
    print(build(options.program, options.directory))


if __name__ == '__main__':
    main()
