#!/usr/bin/env python3
"""Tries the files of docs/ci: they parse, name only options that h2probe has, and their steps do what they say.

    tests/ci_files.py build/h2probe
    tests/ci_files.py --steps docs/ci/Dockerfile     its RUN commands, as a script

The steps of the GitHub action and of the GitLab job run in a directory of their own with the variables that these
systems set, against the embedded reference server, and against one that breaks a rule.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
ACTION, GITLAB = 'docs/ci/github/action.yml', 'docs/ci/gitlab.yml'
TEXTS = ['docs/ci.md', 'README.md', 'docs/ci/Dockerfile', 'docs/ci/Jenkinsfile']
STEP_KEYS = {'id', 'name', 'if', 'env', 'run', 'shell', 'uses', 'with', 'working-directory', 'continue-on-error'}
BROKEN, CASE = 'RFC9113-6.5-10', 'http2/settings/length-5'

results = []


def check(truth, what, detail=''):
    results.append(bool(truth))
    print('%s %d - %s' % ('ok' if truth else 'not ok', len(results), what))
    if not truth and detail:
        print('# ' + str(detail).strip().replace('\n', '\n# '))


def read(path):
    with open(os.path.join(ROOT, path), encoding='utf-8') as file:
        return file.read()


# Commands that the texts name -------------------------------------------------------------------------------------------


def joined(text):
    """Logical lines: a backslash, or an indented option, goes on with the line before."""
    text = re.sub(r'\\+\n\s*', ' ', text)
    return re.sub(r'\n\s+(--[a-z])', r' \1', text).splitlines()


def code(path, text):
    """What of a file is code: of Markdown what is fenced or between backticks, of a Jenkinsfile all but comments."""
    if path.endswith('.md'):
        fenced = r'^```\w*\n(.*?)^```'
        return '\n'.join(re.findall(fenced, text, re.M | re.S) +
                         re.findall(r'`(h2probe [^`]*)`', re.sub(fenced, '', text, flags=re.M | re.S)))
    return re.sub(r'^ *//.*\n', '', text, flags=re.M)


def commands(path, text):
    """The words of every command line of h2probe, without the program."""
    for line in joined(code(path, text)):
        found = re.search(r'''(?:^|[\s"'/])h2probe ([a-z]+(?: .*)?)$''', line.split(' # ')[0].rstrip("'\")"))
        if not found or path.endswith('Dockerfile') and 'docker' not in line:
            continue
        text = re.sub(r'\s(#|;|\|\||&&|  +).*', '', found.group(1))
        text = re.sub(r"'{2,}$", '', text)
        try:
            words = shlex.split(text)
        except ValueError:
            words = shlex.split(text + "'")
        yield words[:words.index('--')] if '--' in words else words


def formats(program):
    said = subprocess.run([program, 'run', '--report', 'no-such-format'], stderr=subprocess.PIPE, universal_newlines=True).stderr
    return set(re.findall(r'[a-z0-9]+', said.split('there are')[1].split('(')[0]))


def accepted(program, words, known):
    """Whether the command line takes these words; its --help comes last and ends it before anything runs."""
    said = subprocess.run([program] + words + ['--help'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    asked = {word.split('=')[0] for at, word in enumerate(words) if at and words[at - 1] == '--report'}
    missing = asked - known
    return said.returncode == 0 and not missing, said.stdout[:300] if said.returncode else 'no format ' + ', '.join(missing)


def check_texts(program, known):
    for path in TEXTS:
        count = 0
        for words in commands(path, read(path)):
            good, why = accepted(program, words, known)
            check(good, '%s: h2probe %s' % (path, ' '.join(words)), why)
            count += 1
        check(count > 0, '%s names commands (%d)' % (path, count))


# Structure ------------------------------------------------------------------------------------------------------------------


def check_action(action):
    """What GitHub demands of a composite action, and that nothing is named that is not there."""
    check(action['runs']['using'] == 'composite', 'the action is composite')
    check(all(entry.get('description') for entry in action['inputs'].values()), 'every input has a description')
    ids = set()
    for step in action['runs']['steps']:
        check(set(step) <= STEP_KEYS and 'shell' in step, 'keys of the step %s' % step.get('id'), sorted(step))
        text = json.dumps(step)
        used = set(re.findall(r'\$\{\{ inputs\.([\w-]+) \}\}', text))
        check(used <= set(action['inputs']), 'inputs of the step %s are declared' % step.get('id'), used)
        check(set(re.findall(r'steps\.(\w+)\.outputs', text)) <= ids, 'outputs of earlier steps alone are used')
        ids.add(step.get('id'))
        script = re.search(r'\$GITHUB_ACTION_PATH/([\w.]+)', step['run']).group(1)
        check(os.access(os.path.join(ROOT, os.path.dirname(ACTION), script), os.X_OK), script + ' can be executed')
        wanted = set(re.findall(r'\bINPUT_\w+', read(os.path.dirname(ACTION) + '/' + script)))
        check(wanted <= set(step.get('env', {})), script + ' gets its variables', wanted - set(step.get('env', {})))
    used = set(re.findall(r'\$\{\{ inputs\.([\w-]+) \}\}', json.dumps(action)))
    check(used == set(action['inputs']), 'every input is used', set(action['inputs']) ^ used)
    for name in action['inputs']:
        check('`%s`' % name in read('docs/ci.md'), 'docs/ci.md has the input ' + name)


def check_docker(text):
    names = re.findall(r'^([A-Z]+) ', re.sub(r'\\\n', ' ', text), re.M)
    check(set(names) <= {'FROM', 'RUN', 'WORKDIR', 'COPY', 'USER', 'ENTRYPOINT', 'CMD'}, 'instructions of the Dockerfile', names)
    stages = re.findall(r'^FROM \S+ AS (\w+)', text, re.M)
    check(set(re.findall(r'--from=(\w+)', text)) <= set(stages), 'stages of the Dockerfile', stages)
    for words in re.findall(r'^(?:ENTRYPOINT|CMD) (.*)$', text, re.M):
        check(isinstance(json.loads(words), list), 'a list of words: ' + words)
    check('build-*' in read('docs/ci/Dockerfile.dockerignore').split(), 'the image is not built from other builds')


def steps(path):
    """The RUN commands of a Dockerfile, in their directories, as a script."""
    text = re.sub(r'\\\n', ' ', read(path))
    for name, words in re.findall(r'^(RUN|WORKDIR|FROM) (.*)$', text, re.M):
        print({'RUN': '%s', 'WORKDIR': 'mkdir -p %s && cd %s', 'FROM': '# %s'}[name].replace('%s', ' '.join(words.split())))


# Running steps ----------------------------------------------------------------------------------------------------------------


class Runner:
    """A directory as a job of a pipeline has it."""

    def __init__(self, program, directory):
        self.program, self.directory = os.path.abspath(program), directory
        os.makedirs(directory + '/bin')
        os.symlink(self.program, directory + '/bin/h2probe')
        os.mkdir(directory + '/job')

    def shell(self, script, variables):
        environment = {'PATH': self.directory + '/bin:' + os.environ['PATH'], 'HOME': self.directory, 'CI': 'true'}
        environment.update(variables)
        return subprocess.run(['bash', '--noprofile', '--norc', '-eo', 'pipefail', '-c', script], cwd=self.directory + '/job',
                              env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              universal_newlines=True, timeout=120)

    def path(self, name):
        return os.path.join(self.directory, 'job', name)


    def elements(self, name, tag):
        """Elements of a JUnit file; none where there is no such file."""
        try:
            return list(ElementTree.parse(self.path(name)).getroot().iter(tag))
        except (OSError, ElementTree.ParseError):
            return []

    def total(self, name):
        """The number of results in a JSON report; 0 where there is none."""
        try:
            with open(self.path(name)) as file:
                return json.load(file)['summary']['total']
        except (OSError, ValueError):
            return 0


def substituted(text, inputs, outputs):
    text = re.sub(r'\$\{\{ inputs\.([\w-]+) \}\}', lambda found: inputs[found.group(1)], text)
    return re.sub(r'\$\{\{ steps\.(\w+)\.outputs\.(\w+) \}\}', lambda found: outputs[found.group(1)].get(found.group(2), ''), text)


def run_action(runner, action, given):
    """Does what GitHub does with a composite action: (exit status of the last step, its output, outputs of the action)."""
    inputs = {name: entry.get('default', '') for name, entry in action['inputs'].items()}
    inputs.update(given)
    outputs, said = {}, None
    for step in action['runs']['steps']:
        file, summary = runner.path('output'), runner.path('summary')
        open(file, 'w').close()
        variables = {name: substituted(value, inputs, outputs) for name, value in step['env'].items()}
        variables.update(GITHUB_ACTIONS='true', GITHUB_OUTPUT=file, GITHUB_STEP_SUMMARY=summary,
                         GITHUB_ACTION_PATH=os.path.join(ROOT, os.path.dirname(ACTION)), GITHUB_WORKSPACE=runner.path(''))
        said = runner.shell(step['run'], variables)
        with open(file) as lines:
            outputs[step['id']] = dict(line.rstrip('\n').split('=', 1) for line in lines)
        if said.returncode != 0:
            break
    return said.returncode, said.stdout, {name: substituted(entry['value'], inputs, outputs)
                                          for name, entry in action['outputs'].items() if 'run' in outputs}


def try_action(runner, action, url):
    given = {'program': runner.program, 'args': "'preface' --mode prior \"--timeout\" 5"}
    status, text, outputs = run_action(runner, action, given)
    check(status == 0 and outputs.get('status') == '0', 'the action passes against the reference server', text)
    total = runner.total('h2probe.json')
    check(total > 10 and len(runner.elements('h2probe.xml', 'testcase')) == total, 'JUnit and JSON have its cases')
    status, text, outputs = run_action(runner, action, dict(given, url=url, args=CASE, junit='reports/a b.xml', json=''))
    check(status == 1 and outputs.get('status') == '1', 'the action fails against a server that breaks a rule', text)
    check(runner.elements('reports/a b.xml', 'failure'), 'JUnit has the failure')
    status, text, _ = run_action(runner, action, dict(given, args='preface "--mode'))
    check(status == 2 and '::error' in text, 'a quote that is not closed is one error', text)
    run_action(runner, action, dict(given, args="preface/server --mode prior '$(touch executed)' `touch executed`; touch executed"))
    check(not os.path.exists(runner.path('executed')), 'args is not executed')
    try_server(runner, action, given)
    status, text, _ = run_action(runner, action, dict(given, program='./no-such-program'))
    check(status not in (0, 1), 'a program that is not there fails', text)


def try_server(runner, action, given):
    """A pipeline from end to end: its server breaks a rule, which is known, then not known, then mended."""
    with open(runner.path('known.txt'), 'w') as file:
        file.write('%s  prior  fail  # a server from the last century\n' % CASE)
    bent = {'server-cmd': 'h2probe serve --port {port} --violate ' + BROKEN, 'args': CASE + ' --mode prior'}
    status, text, _ = run_action(runner, action, dict(given, **bent))
    check(status == 1, 'a server that the action starts fails', text)
    status, text, _ = run_action(runner, action, dict(given, expect='known.txt', **bent))
    check(status == 0, 'what is known to fail passes', text)
    skipped = runner.elements('h2probe.xml', 'skipped')
    check(len(skipped) == 1 and 'last century' in ElementTree.tostring(skipped[0], 'unicode'), 'and is skipped, with its reason')
    bent['server-cmd'] = 'h2probe serve --port {port}'
    status, text, _ = run_action(runner, action, dict(given, expect='known.txt', **bent))
    check(status == 1 and re.search(r'known\.txt:1\b', text), 'what is mended fails, with the line to delete', text)


def try_gitlab(runner, jobs, url):
    variables = {name: str(value) for name, value in jobs['variables'].items()}
    number = jobs['h2probe']['parallel']
    check(jobs['h2probe']['artifacts']['reports']['junit'] == 'h2probe-*.xml', 'GitLab reads the JUnit reports')
    variables.update(H2PROBE_TARGET=url, H2PROBE_ARGS='http2/settings http2/ping --mode prior', CI_NODE_TOTAL=str(number))
    parts = []
    for index in range(1, number + 1):
        said = runner.shell('\n'.join(jobs['h2probe']['script']), dict(variables, CI_NODE_INDEX=str(index)))
        parts.append((said.returncode, os.path.exists(runner.path('h2probe-%d.xml' % index))))
    check(sorted(status for status, _ in parts)[-1] == 1 and all(status in (0, 1) for status, _ in parts),
          'one of the shards fails', said.stdout)
    check(all(there for _, there in parts), 'every shard leaves JUnit')
    said = runner.shell('\n'.join(jobs['h2probe-report']['script']), variables)
    check(said.returncode == 1 and CASE in said.stdout, 'the report over the shards has the failure', said.stdout)
    check(os.path.exists(runner.path('h2probe.html')), 'and is written as HTML')


def with_server(program, use):
    """Calls use(url) while a server runs that breaks a rule."""
    server = subprocess.Popen([program, 'serve', '--violate', BROKEN], stdout=subprocess.PIPE, universal_newlines=True)
    try:
        url = next(found.group() for found in (re.search(r'http://[\d.]+:\d+', line) for line in server.stdout) if found)
        use(url)
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()


def try_all(program, action, jobs):
    def use(url):
        for name, attempt, what in (('github', try_action, action), ('gitlab', try_gitlab, jobs)):
            with tempfile.TemporaryDirectory() as directory:
                attempt(Runner(program, directory + '/' + name), what, url)
    with_server(program, use)


def main(argv):
    if argv[:1] == ['--steps']:
        return steps(argv[1])
    try:
        import yaml
    except ImportError:
        print('Python has no yaml: ./configure.py --bootstrap installs it')
        return 77
    program, = argv
    action, jobs = yaml.safe_load(read(ACTION)), yaml.safe_load(read(GITLAB))
    known = formats(program)
    check_texts(program, known)
    check_action(action)
    check_docker(read('docs/ci/Dockerfile'))
    for script in jobs['h2probe']['script'] + jobs['h2probe-report']['script']:
        script = script.replace('$H2PROBE_TARGET', jobs['variables']['H2PROBE_TARGET']).replace('$H2PROBE_ARGS', '')
        for words in commands(GITLAB, script.replace('eval ', '').strip('"')):
            good, why = accepted(program, words, known)
            check(good, '%s: h2probe %s' % (GITLAB, ' '.join(words)), why)
    try_all(program, action, jobs)
    return 0 if all(results) else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
