#!/usr/bin/env python3
"""Takes away what fails (--save-failing, --pcapng), and looks whether it is worth having.

    tests/interop/takeaway.py               nginx, h2o, guilty reference servers, curl as a client
    tests/interop/takeaway.py nginx guilty  some of them

Every saved script, run by the line in its command.txt, has to come to the verdict and the observation of the case that it was
saved from. tshark has to find HTTP/2 in the captures without being told where, in TLS and without it, and sound checksums.
"""

import argparse
import concurrent.futures
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

import servers  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
RUN_SECONDS = 300
SIDE_BY_SIDE = 3
KEPT = ('fail', 'error', 'inconclusive', 'warn')  # with --strict
# Mode, and violations that one server can have at once: each breaks a rule that others do not need.
GUILTY = [
    ('prior', ['RFC9113-6.5-10', 'RFC9113-6.7-6', 'RFC9113-6.9-8', 'RFC9113-6.4-6', 'RFC9113-6.10-6']),
    ('alpn', ['RFC9113-8.2.1-3', 'RFC9113-8.3-1', 'RFC9113-8.1.1-5', 'RFC9113-8.2.2-2']),
    ('upgrade', ['RFC7541-2.3.3-1', 'RFC7541-5.2-3', 'RFC7541-4.2-2']),
]
# What proved nothing may have been the chance of a busy machine: its script may as well come to a pass.
CHANCE = ('error', 'inconclusive')


class Tally:
    """Counts checks and shows what was wrong."""

    def __init__(self):
        self.passed, self.failed = 0, 0

    def check(self, good, problem):
        self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
        if not good:
            print('  ' + problem, flush=True)
        return good


def run(words, **more):
    return subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=RUN_SECONDS,
                          universal_newlines=True, errors='replace', **more)


def results_of(path):
    with open(path) as file:
        return json.load(file)['results']


def tshark(path, *words):
    done = subprocess.run(['tshark', '-n', '-r', path] + list(words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=RUN_SECONDS, universal_newlines=True, errors='replace')
    if done.returncode != 0:
        raise RuntimeError('tshark: ' + done.stderr.strip())
    return done.stdout.splitlines()


def check_capture(tally, where, path, results):
    """One capture of a run: the interfaces are the cases, HTTP/2 is found, nothing is wrong with what was made up."""
    names = {'%s (%s)' % (each['id'], each['mode']) for each in results}
    seen = set(tshark(path, '-T', 'fields', '-e', 'frame.interface_name'))
    tally.check(seen and seen <= names, '%s: interfaces that are no cases: %s' % (where, sorted(seen - names)))
    dissected = set(tshark(path, '-Y', 'http2', '-T', 'fields', '-e', 'frame.interface_name'))
    # Cases about what comes before HTTP/2 may have none.
    wanted = {name for name in seen if name.startswith(('http2/', 'hpack/', 'messages/'))}
    tally.check(wanted <= dissected, '%s: no HTTP/2 is found in %s' % (where, sorted(wanted - dissected)))
    tally.check(wanted, '%s: nothing to look at' % where)
    bad = tshark(path, '-o', 'tcp.check_checksum:TRUE', '-o', 'ip.check_checksum:TRUE', '-Y',
                 'tcp.checksum.status == 0 or ip.checksum.status == 0 or (tcp.analysis.flags and '
                 'not tcp.analysis.reused_ports)')
    tally.check(not bad, '%s: %d packets are wrong: %s' % (where, len(bad), bad[:1]))


def script_command(path):
    with open(path) as file:
        lines = file.read().splitlines()
    return next((lines[i + 1] for i, line in enumerate(lines) if line.startswith('# The saved script')), None)


def find(results, wanted):
    """The result that a saved script came to: a finding of the watchman by its id, else the one that was selected."""
    if wanted['id'].startswith('watch/'):
        return next((each for each in results if each['id'] == wanted['id']), None)
    return next((each for each in results if not each['id'].startswith('watch/')), None)


def check_script(tally, options, where, folder, wanted):
    """A saved script comes to what it was saved for."""
    line = script_command(os.path.join(folder, 'command.txt'))
    if not tally.check(line, '%s: no saved script' % where):
        return
    report = os.path.join(folder, 'again.json')
    words = shlex.split(line)
    at = words.index('--') if '--' in words else len(words)
    done = run([options.h2probe] + words[1:at] + ['--report', 'json=' + report] + words[at:])
    if not tally.check(os.path.exists(report), '%s: %s: %s' % (where, line, done.stdout.strip())):
        return
    found = find(results_of(report), wanted)
    if not tally.check(found, '%s: no such result from %s' % (where, line)):
        return
    if wanted['verdict'] in CHANCE:
        tally.check(found['verdict'] in (wanted['verdict'], 'pass'), '%s: %s, then %s: %s'
                    % (where, wanted['verdict'], found['verdict'], found.get('observed')))
        return
    for key in ('verdict', 'expected', 'observed', 'level'):
        tally.check(found.get(key) == wanted.get(key), '%s: %s: %r, then %r' % (where, key, wanted.get(key), found.get(key)))


def check_folders(tally, options, where, directory, results):
    """A folder for each case that failed, and no other."""
    failing = {'%s.%s' % (each['id'].replace('/', '.'), each['mode']): each for each in results if each['verdict'] in KEPT}
    there = set(os.listdir(directory))
    tally.check(failing, '%s: nothing failed' % where)
    tally.check(there == set(failing), '%s: folders too many: %s; missing: %s'
                % (where, sorted(there - set(failing)), sorted(set(failing) - there)))
    for name in sorted(there & set(failing)):
        folder = os.path.join(directory, name)
        with open(os.path.join(folder, 'transcript.txt')) as file:
            tally.check(failing[name]['id'] in file.read(), '%s %s: the transcript is another one' % (where, name))
    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        list(pool.map(lambda name: check_script(tally, options, '%s %s' % (where, name), os.path.join(directory, name),
                                                failing[name]), sorted(there & set(failing))))


def take_away(tally, options, where, words, tail=()):
    """One run, and everything that it leaves."""
    print(where, flush=True)
    with tempfile.TemporaryDirectory(prefix='takeaway-') as directory:
        paths = {name: os.path.join(directory, name) for name in ('saved', 'capture.pcapng', 'results.json')}
        done = run([options.h2probe] + words + ['--strict', '--save-failing', paths['saved'], '--pcapng',
                                                paths['capture.pcapng'], '--report', 'json=' + paths['results.json']]
                   + list(tail))
        if not tally.check(done.returncode == 1, '%s: exit status %d: %s' % (where, done.returncode, done.stdout.strip())):
            return
        results = results_of(paths['results.json'])
        check_folders(tally, options, where, paths['saved'], results)
        if shutil.which('tshark'):
            check_capture(tally, where, paths['capture.pcapng'], results) if not tail else None
        left = [name for name in os.listdir(directory) if name.endswith('.tmp')]
        tally.check(not left, '%s: left behind: %s' % (where, left))


def real(name):
    def checks(tally, options):
        with servers.Running(name) as running:
            for mode in running.urls:
                take_away(tally, options, '%s/%s' % (name, mode), ['run', running.urls[mode], '--mode', mode, '--cacert',
                                                                   running.cacert])
    return checks


def serve(options, violations):
    words = [options.h2probe, 'serve'] + [word for each in violations for word in ('--violate', each)]
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, universal_newlines=True)
    urls = [process.stdout.readline().split()[0] for _ in range(2)]
    return process, urls


def guilty(tally, options):
    for mode, violations in GUILTY:
        process, (clear, secure) = serve(options, violations)
        try:
            take_away(tally, options, 'guilty/%s' % mode, ['run', secure if mode == 'alpn' else clear, '--mode', mode,
                                                           '--insecure'])
        finally:
            process.terminate()
            process.wait()
            process.stdout.close()


def curl(tally, options):
    take_away(tally, options, 'curl', ['client', 'client/preface', 'client/alpn', '--mode', 'alpn'],
              ['--', 'curl', '-sS', '--http2', '--cacert', '{cacert}', '-o', '/dev/null', '{url}'])


CHECKS = {'nginx': real('nginx'), 'h2o': real('h2o'), 'guilty': guilty, 'curl': curl}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('names', nargs='*', metavar='NAME', help=', '.join(CHECKS))
    parser.add_argument('--h2probe', default=os.path.join(ROOT, 'build/h2probe'), help='the program to run')
    options = parser.parse_args()
    unknown = set(options.names) - set(CHECKS)
    if unknown:
        parser.error('there is no %s; there are %s' % (', '.join(sorted(unknown)), ', '.join(CHECKS)))
    tally = Tally()
    for name in options.names or CHECKS:
        CHECKS[name](tally, options)
    print('%d passed, %d failed' % (tally.passed, tally.failed))
    return 1 if tally.failed else 0


if __name__ == '__main__':
    sys.exit(main())
