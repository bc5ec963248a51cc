#!/usr/bin/env python3
"""Reads an HTML report: elements nest, ids are unique, no element or attribute that the report does not write.

Prints what a test wants to know as JSON; a problem is one line and exit status 1.
"""

import base64
import collections
import hashlib
import html.parser
import json
import re
import sys

VOID = {'meta', 'link', 'input', 'br'}
ELEMENTS = VOID | set('''html head body title style script a p h1 h2 h3 h4 header section main footer details summary span small b i strong
    del time div dl dt dd pre code kbd table caption thead tbody tr th td fieldset legend label form select option output button svg rect
    dialog'''.split())
ATTRIBUTES = set('''lang charset http-equiv content name rel href id class value type hidden role tabindex title scope datetime open
    autocomplete spellcheck placeholder focusable width height x'''.split())
LINK = re.compile(r'https://www\.rfc-editor\.org/rfc/rfc\d+#(section|appendix)-[\w.]+|#[\w./:~%-]*|data:image/svg\+xml,[^"]*')


class Report(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.stack, self.problems, self.ids = [], [], set()
        self.counts, self.texts, self.policy = collections.Counter(), collections.defaultdict(str), ''
        self.links, self.order = [], []

    def complain(self, text):
        self.problems.append('line %d: %s' % (self.getpos()[0], text))

    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        attributes = dict(attributes)
        if tag not in ELEMENTS:
            self.complain('element %s' % tag)
        for name in names:
            if names.count(name) > 1 or not (name in ATTRIBUTES or name.startswith(('data-', 'aria-'))):
                self.complain('attribute %s of %s' % (name, tag))
        if 'href' in attributes:
            self.links.append(attributes['href'])
            if not LINK.fullmatch(attributes['href']):
                self.complain('link to %s' % attributes['href'])
        if 'id' in attributes:
            if attributes['id'] in self.ids or not attributes['id'] or re.search(r'\s', attributes['id']):
                self.complain('id %r' % attributes['id'])
            self.ids.add(attributes['id'])
            self.order.append(attributes['id'])
        if attributes.get('http-equiv') == 'Content-Security-Policy':
            self.policy = attributes['content']
        self.counts[tag] += 1
        if tag not in VOID and not (tag == 'rect'):
            self.stack.append(tag)

    def handle_endtag(self, tag):
        if tag in VOID or tag == 'rect':
            return
        if not self.stack or self.stack.pop() != tag:
            self.complain('</%s> closes something else' % tag)

    def handle_data(self, data):
        if self.stack:
            self.texts[self.stack[-1]] += data

    def handle_comment(self, data):
        self.complain('a comment: %.40r' % data)


def digest(text):
    return 'sha256-' + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def main():
    octets = sys.stdin.buffer.read()
    text = octets.decode('utf-8')  # raises where it is none
    report = Report()
    report.feed(text)
    report.close()
    if report.stack:
        report.complain('not closed: %s' % report.stack)
    for number, line in enumerate(text.split('\n'), 1):
        found = re.search(r'[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffe\uffff]', line)
        if found:
            report.problems.append('line %d: character %r' % (number, found.group()))
    for element, rule in (('script', 'script-src'), ('style', 'style-src')):
        if "%s '%s';" % (rule, digest(report.texts[element])) not in report.policy:
            report.problems.append('the policy does not name the %s of the page' % element)
    for problem in report.problems[:20]:
        print(problem)
    targets = [link[1:] for link in report.links if link.startswith('#')]
    print(json.dumps({'counts': report.counts, 'ids': report.order, 'targets': targets, 'octets': len(octets)}))
    return 1 if report.problems else 0


if __name__ == '__main__':
    sys.exit(main())
