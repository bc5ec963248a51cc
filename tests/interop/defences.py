"""What is known of real servers: tests/interop/expected.tsv, and the rules that permit what is only noted.

A row of expected.tsv holds servers, modes, case, verdict, requirement and defence. Servers and modes are lists with
commas or `*`; the case may be a pattern (`preface/first-frame/*`). Whatever is not a pass or a skip needs a row; a
row that nothing comes under is an error. A verdict with `?` may come or not: the server itself is undecided, or the
defence says which of its versions do it. A verdict with
`~` is certain, but how it shows is chance.
"""

import csv
import fnmatch
import os
import re

import servers

EXPECTED = os.path.join(os.path.dirname(os.path.realpath(__file__)), 'expected.tsv')
COLUMNS = ['servers', 'modes', 'case', 'verdict', 'requirement', 'defence']
NEED_NO_ROW = ('pass', 'skip')

# Notes about the run, not about the server.
ASIDES = re.compile(r'^(seen twice: |seen in |the first run was |skipped: )')

# Notes that are allowed: what the note says, and the rule. The first that fits counts.
NOTES = [
    (r'the generic code, not', 'RFC 9113 5.4: PROTOCOL_ERROR and INTERNAL_ERROR may stand for every code'),
    (r'applicable, but not', 'RFC 9113 5.4: any applicable code may be used'),
    (r'no GOAWAY before the end', 'RFC 9113 5.4.1: GOAWAY before closing is a SHOULD'),
    (r'no TLS alert before the end|the alert was ', 'RFC 7301 3.2 names the alert; the connection does end'),
    (r'treated as a connection error', 'RFC 9113 5.4.1: a stream error may be treated as a connection error'),
    (r'NO_RFC7540_PRIORITIES', 'RFC 9218 2.1 and 7.1: without the extension this is an unknown setting or frame'),
    (r'early data was rejected', 'RFC 8446 4.2.10: a server may reject early data'),
    (r'^not upgraded|request is not upgraded', 'RFC 9110 7.8: a server may ignore Upgrade'),
    (r'handshake is refused|handshake needs ALPN|or h2 not selected', 'RFC 7301 3.2: without a common protocol a handshake may fail'),
    (r'a TCP reset', 'RFC 9113 5.4.1: what was sent before a TCP reset may be lost'),
    (r'no witness request: GOAWAY came before', 'RFC 9113 6.8: after GOAWAY no new stream is opened'),
    (r'closed after the response|server may close', 'RFC 9113 5.4.1, 9.1: a connection may be ended'),
    (r'no HTTP/1.1 response|connection stays open after the HTTP/1.1 response', 'RFC 9113 3.4: how an invalid preface is answered is free'),
    (r'^upgraded$', 'RFC 9110 7.8: a server may upgrade'),
]


class Row:
    """A row of expected.tsv, and which (server, mode) it was met in."""

    def __init__(self, cells):
        self.servers, self.modes, self.case, self.verdict, self.requirement, self.defence = cells
        self.chance = self.verdict.endswith('?')
        self.varies = self.verdict.endswith('~')
        self.verdict = self.verdict.rstrip('?~')
        self.met = set()

    def names_case(self, server, mode, case):
        return self.names(self.servers, server) and self.names(self.modes, mode) and fnmatch.fnmatchcase(case, self.case)

    def names(self, column, name):
        return column == '*' or name in column.split(',')

    def covers(self, server, mode, result):
        return self.names_case(server, mode, result['id']) and result['verdict'] == self.verdict

    def missing(self, ran):
        """What the row names and nothing came of, among the servers and modes that ran."""
        if self.chance or self.verdict in NEED_NO_ROW:
            return []
        if self.servers == '*':
            return [] if self.met else ['any server']
        missing = []
        for server in self.servers.split(','):
            if server in ran:
                modes = ran[server] if self.modes == '*' else [mode for mode in self.modes.split(',') if mode in ran[server]]
                met = [mode for mode in modes if (server, mode) in self.met]
                if (self.modes == '*' and not met) or (self.modes != '*' and len(met) < len(modes)):
                    missing.append(server)
        return missing

    def __str__(self):
        return '%s %s %s: %s' % (self.servers, self.modes, self.case, self.verdict)


def check_cells(cells):
    """Why these are not the cells of a row, or None."""
    if len(cells) != len(COLUMNS) or not all(cells):
        return 'not %d cells with something in each' % len(COLUMNS)
    unknown = [name for name in cells[0].split(',') if name != '*' and name not in servers.SERVERS]
    return 'there is no server %s' % unknown[0] if unknown else None


def read():
    """The rows of expected.tsv; a mistake in it ends the program."""
    with open(EXPECTED, newline='') as file:
        lines = [cells for cells in csv.reader(file, delimiter='\t', quoting=csv.QUOTE_NONE)
                 if cells and not cells[0].startswith('#')]
    if not lines or lines[0] != COLUMNS:
        raise SystemExit('%s: the first line must be %s' % (EXPECTED, ' '.join(COLUMNS)))
    for cells in lines[1:]:
        wrong = check_cells(cells)
        if wrong:
            raise SystemExit('%s: %s: %s' % (EXPECTED, wrong, cells))
    return [Row(cells) for cells in lines[1:]]


def find(rows, server, mode, result):
    """The first row that a result comes under, marked as met."""
    for row in rows:
        if row.covers(server, mode, result):
            row.met.add((server, mode))
            return row
    return None


def by_chance(rows, server, mode, case, verdicts):
    """Whether all of these verdicts may come from a server that is undecided."""
    permitted = {row.verdict for row in rows if row.chance and row.names_case(server, mode, case)}
    return bool(permitted) and set(verdicts) <= permitted | set(NEED_NO_ROW)


def varies(rows, server, mode, case):
    """Whether it is chance how the verdict shows."""
    return any(row.varies and row.names_case(server, mode, case) for row in rows)


def notes(result):
    """What is noted about the server: (text without the label of a row of the case, rule or None), each once."""
    found = {}
    for note in result.get('notes') or []:
        text = re.sub(r'^\[[^]]*\] ', '', note)
        if not ASIDES.search(text):
            found[text] = next((rule for pattern, rule in NOTES if re.search(pattern, text)), None)
    return list(found.items())
