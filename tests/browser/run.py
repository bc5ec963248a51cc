#!/usr/bin/env python3
"""The HTML report in a real browser: no script errors, filter, keyboard, diagrams, hostile data, a thousand cases.

Needs chromium and chromedriver (Debian: chromium, chromium-driver); without them it is skipped (exit status 77). Writes
TAP. Nothing is measured by a clock: what is late fails by the driver's own limit.

    LUA_CPATH='build/lib/?.so;;' tests/browser/run.py          all
    ... tests/browser/run.py --keep DIR filter                 those whose name has `filter`; pages stay in DIR
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from webdriver import Browser, programs  # noqa: E402

SKIPPED = 77
SHOWN = 'return [...document.querySelectorAll("details.case")].filter(each => each.checkVisibility()).map(each => each.id)'
COUNT = '[...document.querySelectorAll("details.case")].filter(each => each.checkVisibility()).length'
ROWS = ('return [...document.querySelectorAll("tr.item")].filter(each => each.checkVisibility())'
        '.map(each => each.querySelector(".id").textContent)')
FOCUSED = 'return document.activeElement.closest("details.case")?.id'
# Elements and attributes that no page of ours has: they could only come from a peer.
STRANGE = '''
  const strange = [...document.querySelectorAll('img, iframe, object, embed, base, video, form[action], script[src], [style]')];
  const on = [...document.querySelectorAll('*')].filter(each => [...each.attributes].some(one => /^on/i.test(one.name)));
  const links = [...document.querySelectorAll('a')].filter(each => !/^(#|https:\\/\\/www\\.rfc-editor\\.org\\/rfc\\/)/.test(each.getAttribute('href')));
  return [strange.length, on.length, links.length, document.scripts.length, document.querySelectorAll('style').length, window.pwned || 0];'''


def equal(wanted, found):
    if wanted != found:
        raise AssertionError('wanted %.1000r, found %.1000r' % (wanted, found))


def choose(browser, name, value):
    """What a user types or chooses in the filter, and the page's answer to it."""
    browser.run('const field = document.getElementById("filter").elements[arguments[0]]; field.value = arguments[1];'
                'field.dispatchEvent(new Event("input", { bubbles: true }))', name, value)
    return browser.settled(SHOWN)


def test_filter_by_text(browser, page):
    browser.open(page('many'))
    equal(1000, len(browser.run(SHOWN)))
    equal(['folder-6/suite-34/case-664.alpn'], choose(browser, 'text', 'CASE-664'))
    equal('1 of 1000 shown', browser.run('return document.getElementById("shown").value'))
    equal(1, browser.run('return [...document.querySelectorAll("section.group")].filter(each => each.checkVisibility()).length'))
    found = choose(browser, 'text', 'RFC9113-5.2 prior')
    equal(True, len(found) > 0 and all(name.endswith('.prior') for name in found))
    equal([], choose(browser, 'text', 'no such text'))
    browser.click('#filter button[type=reset]')
    equal(1000, len(browser.settled(SHOWN)))


def test_filter_by_level_mode_and_suite(browser, page):
    browser.open(page('many'))
    must = choose(browser, 'level', 'MUST')
    equal(333, len(must))
    both = choose(browser, 'mode', 'prior')
    equal(True, 0 < len(both) < len(must) and set(both) < set(must))
    equal(True, all(name.startswith('folder-3/') for name in choose(browser, 'suite', 'folder-3/')))
    equal(True, all(name.startswith('folder-3/suite-10/') for name in choose(browser, 'suite', 'folder-3/suite-10')))


def test_filter_by_verdict(browser, page):
    browser.open(page('verdicts'))
    equal(10, len(browser.run(SHOWN)))
    browser.click('.chip.warn')
    equal(['http2/settings/initial-window.alpn'], browser.settled(SHOWN))
    browser.click('.chip.fail')
    equal(4, len(browser.settled(SHOWN)))
    equal('4 of 10 shown', browser.run('return document.getElementById("shown").value'))
    browser.keys('Tab')  # from one check box to the next, and the space bar
    browser.keys(' ')
    equal(3, len(browser.settled(SHOWN)))


def test_filter_by_suite_of_the_table(browser, page):
    browser.open(page('verdicts'))
    browser.run('document.querySelector(".fold").open = true')
    browser.run('document.querySelectorAll("[data-suite] button")[1].click()')
    equal(2, len(browser.settled(SHOWN)))


def test_keyboard_between_cases(browser, page):
    browser.open(page('verdicts'))
    browser.keys('j')
    equal('http2/goaway/script.alpn', browser.run(FOCUSED))
    browser.keys('j', 'j')
    equal('http2/settings/length-multiple-of-6.prior', browser.run(FOCUSED))
    browser.keys('k')
    equal('http2/settings/length-multiple-of-6.alpn', browser.run(FOCUSED))
    browser.keys('Down', 'Up')
    equal('http2/settings/length-multiple-of-6.alpn', browser.run(FOCUSED))
    browser.keys('Enter')
    equal(True, browser.settled('return document.activeElement.closest("details").open'))
    equal('#http2/settings/length-multiple-of-6.alpn', browser.run('return location.hash'))
    browser.keys('/')
    browser.keys(*'last-stream')
    equal(['last-stream', 1], browser.settled('return [document.activeElement.value, %s]' % COUNT))
    browser.keys('Enter')  # from the filter to the first of what it shows
    equal('http2/goaway/last-stream.alpn', browser.run(FOCUSED))


def test_copy_the_command(browser, page):
    browser.open(page('verdicts'), '#http2/settings/initial-window.alpn')
    browser.devtools('Browser.grantPermissions', permissions=['clipboardReadWrite', 'clipboardSanitizedWrite'])
    browser.keys('c')
    equal('h2probe run https://localhost:8443/ http2/settings/initial-window --mode alpn',
          browser.until('return navigator.clipboard.readText()'))


def test_link_opens_a_case_and_draws_it(browser, page):
    browser.open(page('verdicts'), '#http2/settings/length-multiple-of-6.alpn')
    case = 'document.getElementById("http2/settings/length-multiple-of-6.alpn")'
    equal([True, 1, 20], browser.settled('const c = %s; return [c.open, c.querySelectorAll("svg.diagram").length, '
                                         'c.querySelectorAll("svg .row[data-i]").length]' % case))
    equal(1, browser.run('return %s.querySelectorAll("svg .row.focus").length' % case))
    label = browser.run('return %s.querySelector("svg .row.focus").getAttribute("aria-label")' % case)
    equal('0.500 ms, client to server: PRIORITY stream 3 (5 octets), the entry that the verdict is about', label)
    equal(False, browser.run('return %s.querySelector(".talk").open' % case))
    equal(True, browser.run('const box = %s.querySelector("svg").getBoundingClientRect(); return box.width > 300 && box.height > 300' % case))


def test_keyboard_in_the_diagram(browser, page):
    browser.open(page('verdicts'), '#http2/settings/length-multiple-of-6.alpn')
    texts = 'return document.querySelectorAll("details.case[open] svg .detail").length'
    before = browser.settled(texts)
    browser.run('document.querySelector("details.case[open] svg [tabindex=\'0\']").focus()')
    browser.keys('Home', 'Down', 'Down')
    equal('2', browser.run('return document.activeElement.dataset.i'))
    browser.keys('Enter')
    equal(before + 2, browser.settled(texts))
    equal(['MAX_CONCURRENT_STREAMS = 100', '0x00ff = 1'], browser.run('return [...document.activeElement.querySelectorAll(".detail")].map(each => each.textContent)'))
    equal(['2', 'true'], browser.run('const row = document.activeElement; return [row.dataset.i, row.getAttribute("aria-expanded")]'))
    browser.keys(' ')
    equal(before, browser.settled(texts))
    equal(1, browser.run('return document.querySelectorAll("details.case[open] svg [tabindex=\'0\']").length'))


def test_long_conversation_is_folded(browser, page):
    browser.open(page('many'), '#folder-6/suite-20/case-20.alpn')
    drawn = 'return document.querySelectorAll("details.case[open] svg .row[data-i]").length'
    equal(True, 20 < browser.settled(drawn) < 100)
    browser.run('document.querySelector(".unfold").focus()')
    browser.keys('Enter')
    equal(405, browser.settled(drawn))


def test_thousand_cases_stay_usable(browser, page):
    browser.open(page('many'))
    equal(0, browser.run('return document.querySelectorAll("svg.diagram").length'))
    browser.keys('j', 'Enter')
    equal(1, browser.settled('return document.querySelectorAll("svg.diagram").length'))
    for text in ('case-9', 'case-99', 'case-999'):
        choose(browser, 'text', text)
    equal(1, len(browser.run(SHOWN)))


def test_narrow_screen(browser, page):
    browser.devtools('Emulation.setDeviceMetricsOverride', width=390, height=844, deviceScaleFactor=1, mobile=True)
    for name in ('verdicts', 'octets', 'hostile'):
        browser.open(page(name))
        browser.run('for (const each of document.querySelectorAll("details.case")) each.open = true')
        equal(390, browser.settled('return document.documentElement.scrollWidth'))
    browser.devtools('Emulation.clearDeviceMetricsOverride')


def test_hostile_values(browser, page):
    for name in ('hostile', 'octets', 'hostile-comparison'):
        browser.open(page(name))
        equal([0, 0, 0, 1, 1, 0], browser.run(STRANGE))
        browser.settled('for (const each of document.querySelectorAll("details.case")) { each.hidden = false; each.open = true }')
        browser.run('for (const each of document.querySelectorAll(".figure-bar button")) each.click()')
        equal([0, 0, 0, 1, 1, 0], browser.settled(STRANGE))
    browser.open(page('hostile'))
    equal(True, browser.run('return document.querySelector("h1").textContent === "</script><script>window.pwned = 1</script>"'))
    cases = browser.run('return [...document.querySelectorAll("details.case")].map(each => each.id)')
    equal(26, len(set(cases)))
    for link in browser.run('return [...document.querySelectorAll("details.case")].map(each => "#" + encodeURIComponent(each.id))'):
        browser.run('location.hash = arguments[0]', link)
    equal(26, browser.settled('return document.querySelectorAll("details.case[open]").length'))


def test_policy_stops_what_gets_in(browser, page):
    browser.open(page('verdicts'))
    browser.settled('const one = document.createElement("script"); one.textContent = "window.pwned = 1"; document.body.append(one);'
                    'const two = document.createElement("p"); two.setAttribute("onclick", "window.pwned = 2"); document.body.append(two); two.click()')
    equal(0, browser.run('return window.pwned || 0'))
    equal(True, any('Content Security Policy' in line for line in browser.complaints()))


def test_comparison(browser, page):
    browser.open(page('comparison'))
    equal(['suite/case-2', 'suite/case-6', 'suite/case-4', 'suite/case-5', 'suite/case-7', 'suite/case-3', 'suite/case-1'], browser.run(ROWS))
    browser.click('.chip.warn')
    equal(['suite/case-2'], browser.settled(ROWS))
    browser.click('#filter button[type=reset]')
    browser.keys('j', 'Right', 'Right', 'Enter')
    equal([True, '3:suite/case-2.alpn'], browser.settled('const d = document.querySelector("dialog"); return [d.open, d.querySelector("details.case").id]'))
    equal(1, browser.run('return document.querySelectorAll("dialog svg.diagram").length'))
    browser.run('document.querySelector("dialog .tabs button").click()')
    equal('1:suite/case-2.alpn', browser.settled('return document.querySelector("dialog details.case").id'))
    browser.keys('Escape')
    equal([False, '#1:suite/case-2.alpn'], browser.settled('return [document.querySelector("dialog").open, document.activeElement.getAttribute("href")]'))
    equal(17, browser.run('return document.querySelectorAll("#details details.case").length'))
    browser.run('document.getElementById("filter").elements.text.value = "skip was seen"; document.getElementById("filter").dispatchEvent(new Event("input"))')
    equal(['suite/case-4'], browser.settled(ROWS))
    browser.open(page('comparison'), '#2:suite/case-3.alpn')
    equal(True, browser.settled('return document.querySelector("dialog").open'))


def test_large_comparison(browser, page):
    browser.open(page('many-comparison'))
    equal(1000, len(browser.run(ROWS)))
    browser.click('.chip.skip')
    equal(True, 0 < len(browser.settled(ROWS)) < 100)
    browser.click('#filter button[type=reset]')
    equal(1000, len(browser.settled(ROWS)))
    browser.pdf(page('many-comparison') + '.pdf')


def test_print(browser, page):
    browser.open(page('verdicts'))
    browser.run('window.seen = []; addEventListener("beforeprint", () => seen.push(document.querySelectorAll("details.case[open] svg.diagram").length))')
    browser.pdf(page('verdicts') + '.pdf')
    equal([4], browser.run('return window.seen'))  # of six that did not pass two have no conversation
    equal(0, browser.settled('return document.querySelectorAll("details.case[open]").length'))


def test_without_script(browser, page):
    browser.devtools('Emulation.setScriptExecutionDisabled', value=True)
    browser.open(page('verdicts'))
    browser.click('.chip.warn')
    equal(['http2/settings/initial-window.alpn'], browser.run(SHOWN))
    equal(True, browser.run('return document.getElementById("filter").hidden'))
    browser.click('details.case[data-v=warn] > summary')
    equal(True, browser.run('return document.querySelector("details.case[data-v=warn] pre").checkVisibility()'))
    equal(0, browser.run('return document.querySelectorAll("svg.diagram").length'))
    browser.devtools('Emulation.setScriptExecutionDisabled', value=False)


TESTS = [(name[len('test_'):].replace('_', ' '), function) for name, function in list(globals().items()) if name.startswith('test_')]


def attempt(browser, function, page):
    """None, or what went wrong."""
    browser.complaints()
    try:
        function(browser, page)
        said = browser.complaints()
        if said:
            return 'the console says: ' + '\n'.join(said)
        return None
    except Exception:  # the other tests are to run as well
        return traceback.format_exc()


def run(words, directory):
    lua = next(filter(None, map(shutil.which, ('lua5.4', 'lua54', 'lua'))))
    subprocess.run([lua, 'tests/browser/pages.lua', directory], check=True)
    chosen = [test for test in TESTS if not words or any(word in test[0] for word in words)]
    failed = 0
    with Browser() as browser:
        for number, (name, function) in enumerate(chosen, 1):
            problem = attempt(browser, function, lambda page: os.path.join(directory, page + '.html'))
            failed += 1 if problem else 0
            print('%sok %d - %s' % ('not ' if problem else '', number, name))
            for line in (problem or '').splitlines():
                print('# ' + line)
    print('1..%d' % len(chosen))
    return 1 if failed or not chosen else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--keep', metavar='DIR', help='write the pages there and leave them')
    parser.add_argument('words', nargs='*', help='parts of names of tests; all if left out')
    options = parser.parse_args()
    if not all(programs()):
        print('chromium and chromedriver are not installed: ./configure.py --bootstrap --interop')
        return SKIPPED
    if options.keep:
        os.makedirs(options.keep, exist_ok=True)
        return run(options.words, options.keep)
    with tempfile.TemporaryDirectory(prefix='h2probe-pages-') as directory:
        return run(options.words, directory)


if __name__ == '__main__':
    sys.exit(main())
