"""docs/servers.md: what a run against the real servers of tests/interop came to, written by `run.py --write-docs`."""

import collections
import os
import re

import defences
import servers

PATH = os.path.join(os.path.dirname(os.path.dirname(servers.HERE)), 'docs/servers.md')
VERDICTS = ['pass', 'warn', 'fail', 'skip', 'inconclusive', 'error']
TOLD = ['fail', 'error', 'warn', 'inconclusive']
MAX_NAMED = 6

HEAD = '''# Real servers

What h2probe says about the servers of `tests/interop`, as Debian 12 has them. `tests/interop/run.py --write-docs` writes
this page from a run; `tests/interop/run.py` fails where it is no longer true. A *fail* breaks a MUST of the
requirement named; a *warn* breaks a SHOULD, or is a deviation for which there is a defensible reading; a *note* is
allowed; *undecided* is a verdict that comes or does not by the server's own chance. Configurations are in `tests/interop/servers.py`.
A child of httpd 2.4.71 now and then crashes under the suites ("Segmentation fault" in its log), which ends the connections of many
cases at once; such a run is done once more, and says so.
'''


def cell(text):
    return str(text if text is not None else '').replace('|', '\\|').replace('\n', ' ')


def table(head, rows):
    lines = ['| ' + ' | '.join(head) + ' |', '|' + '---|' * len(head)]
    return lines + ['| ' + ' | '.join(cell(each) for each in row) + ' |' for row in rows] + ['']


def counts(by_mode):
    rows = []
    for mode, results in by_mode.items():
        found = collections.Counter(result['verdict'] for result in results)
        rows.append([mode, len(results)] + [found[verdict] for verdict in VERDICTS])
    return table(['mode', 'cases'] + VERDICTS, rows)


def seen(result):
    """What was observed, without stream identifiers: they differ between modes. Where the watchman saw it is chance."""
    if result['id'].startswith('watch/'):
        return result['statement']
    text = re.sub(r' on stream \d+', '', result.get('observed') or '')
    return '%s: %s' % (result['row'], text) if result.get('row') else text


def told(name, by_mode, rows):
    """One line for each verdict that is not a pass or a skip; the modes where it is the same are merged."""
    merged = collections.OrderedDict()
    for verdict in TOLD:
        for mode, results in by_mode.items():
            for result in (each for each in results if each['verdict'] == verdict):
                row = defences.find(rows, name, mode, result)
                observed = 'varies' if row and row.varies else seen(result)
                key = (verdict, result['id'], row.requirement if row else result['req'][0], observed,
                       row.defence if row else 'none')
                merged.setdefault(key, []).append(mode)
    return [[verdict, '`%s`' % case, ', '.join(modes), requirement, observed, defence]
            for (verdict, case, requirement, observed, defence), modes in merged.items()]


def noted(by_mode):
    """One line for each thing that is noted, with the cases."""
    cases, rules = collections.OrderedDict(), {}
    for results in by_mode.values():
        for result in results:
            for text, rule in defences.notes(result):
                cases.setdefault(text, collections.OrderedDict())[result['id']] = result['req'][0]
                rules[text] = rule
    rows = []
    for text, of in cases.items():
        named = ['`%s` (%s)' % item for item in list(of.items())[:MAX_NAMED]]
        more = len(of) - len(named)
        rows.append([text, ', '.join(named) + (' and %d more' % more if more else ''), rules[text] or 'none'])
    return rows


def skipped(by_mode):
    """Why cases are skipped, each reason once."""
    reasons = collections.OrderedDict()
    for results in by_mode.values():
        for result in results:
            if result['verdict'] == 'skip':
                reasons.setdefault(result['observed'], set()).add(result['id'])
    return [[reason, len(cases)] for reason, cases in reasons.items()]


def undecided(name, by_mode, rows):
    """What comes or does not, by the server's chance."""
    return [[row.verdict, '`%s`' % row.case, row.modes, row.requirement, row.defence]
            for row in rows if row.chance and row.names(row.servers, name) and any(row.names(row.modes, mode) for mode in by_mode)]


def without_chance(name, by_mode, rows):
    """The results, with a pass for what the server is undecided about: the page says that once, and stays the same.

    What the watchman finds by chance is no result where it did not find it, so it is none here.
    """
    def settled(mode, result):
        chance = defences.by_chance(rows, name, mode, result['id'], [result['verdict']])
        return dict(result, verdict='pass', notes=[]) if chance or (
            result['verdict'] == 'pass' and defences.varies(rows, name, mode, result['id'])) else result
    settled_by_mode = {mode: [settled(mode, result) for result in results] for mode, results in by_mode.items()}
    return {mode: [result for result in results if not (result['id'].startswith('watch/') and result['verdict'] == 'pass')]
            for mode, results in settled_by_mode.items()}


def section(name, by_mode, rows):
    """The lines about one server; by_mode: {mode: list of results in the order of the suites}."""
    server = servers.SERVERS[name]
    by_mode = without_chance(name, by_mode, rows)
    lines = ['## %s %s' % (server.title, servers.find_version(server) or ''), ''] + counts(by_mode)
    for head, found in ((['verdict', 'case', 'modes', 'requirement', 'observed', 'defence'], told(name, by_mode, rows)),
                        (['undecided', 'case', 'modes', 'requirement', 'defence'], undecided(name, by_mode, rows)),
                        (['note', 'cases', 'rule'], noted(by_mode)), (['skipped because', 'cases'], skipped(by_mode))):
        if found:
            lines += table(head, found)
    return '\n'.join(lines)


def split(text):
    """{title without version: section} of a page."""
    parts = re.split(r'^(?=## )', text, flags=re.M)[1:]
    return {re.sub(r'[ \d.]*( with h2 [\d.]+)?$', '', part.split('\n')[0][3:]): part.strip() for part in parts}


def read():
    try:
        with open(PATH) as file:
            return split(file.read())
    except FileNotFoundError:
        return {}


def without_version(part):
    return part.split('\n', 1)[1].strip()


def compare(sections):
    """Lines that differ between the committed page and {server: section}, of servers of the same version."""
    committed, problems = read(), []
    for name, part in sections.items():
        title = servers.SERVERS[name].title
        if title not in committed:
            problems.append('%s is not in docs/servers.md' % title)
            continue
        written, now = (text.strip().split('\n')[0][3:] for text in (committed[title], part))
        if written != now:
            print('docs/servers.md is about %s, and this is %s: not compared' % (written, now), flush=True)
            continue
        old, new = (set(without_version(text).split('\n')) for text in (committed[title], part.strip()))
        problems += ['docs/servers.md, %s: gone: %s' % (title, line) for line in sorted(old - new)]
        problems += ['docs/servers.md, %s: new: %s' % (title, line) for line in sorted(new - old)]
    return problems


def write(sections):
    """Writes the page; servers that did not run keep their section."""
    parts = read()
    parts.update({servers.SERVERS[name].title: part.strip() for name, part in sections.items()})
    order = [server.title for server in servers.SERVERS.values() if server.title in parts]
    with open(PATH, 'w') as file:
        file.write('\n\n'.join([HEAD.strip()] + [parts[title] for title in order]) + '\n')
