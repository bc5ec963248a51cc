"""A browser under WebDriver with nothing but Python's library: Chromium, headless, without network services of its own."""

import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request

ELEMENT = 'element-6066-11e4-a52e-4f735466cecf'
KEYS = {'Enter': '\ue007', 'Escape': '\ue00c', 'Left': '\ue012', 'Up': '\ue013', 'Right': '\ue014', 'Down': '\ue015',
        'End': '\ue010', 'Home': '\ue011', 'Tab': '\ue004'}
ARGUMENTS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-dev-shm-usage',
             '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-default-apps']
PRINT_ATTEMPTS = 4
# No proxy of the surroundings: all of this is on the loopback.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def programs():
    """(chromium, chromedriver), None where there is none."""
    found = [shutil.which(name) for name in ('chromium', 'chromium-browser', 'google-chrome')]
    driver = shutil.which('chromedriver', path=os.pathsep.join([os.environ.get('PATH', ''), '/usr/lib/chromium']))
    return next(filter(None, found), None), driver


class Failure(Exception):
    """What the driver complained about."""


class Browser:
    """One session; a context manager that leaves no process and no file behind."""

    def __init__(self, dark=False, width=1280, height=900, script=True):
        self.chromium, driver = programs()
        self.directory = tempfile.mkdtemp(prefix='h2probe-browser-')
        self.process = subprocess.Popen([driver, '--port=0'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        stdin=subprocess.DEVNULL, start_new_session=True, text=True,
                                        env=dict(os.environ, TMPDIR=self.directory))
        self.session = None
        try:
            self.base = 'http://127.0.0.1:%d' % self.port()
            self.start(dark, width, height, script)
        except BaseException:
            self.close()
            raise

    def port(self):
        """The driver says on which port it listens."""
        for line in self.process.stdout:
            words = line.rstrip('.\n').split(' on port ')
            if 'started successfully' in line and len(words) == 2:
                return int(words[1])
        raise Failure('chromedriver ended before it was ready')

    def start(self, dark, width, height, script):
        arguments = ARGUMENTS + ['--user-data-dir=' + os.path.join(self.directory, 'profile'),
                                 '--window-size=%d,%d' % (width, height)]
        arguments += ['--blink-settings=preferredColorScheme=0'] if dark else []
        preferences = {} if script else {'profile.managed_default_content_settings.javascript': 2}
        options = {'args': arguments, 'binary': self.chromium, 'prefs': preferences}
        answer = self.call('POST', '/session', {'capabilities': {'alwaysMatch': {
            'goog:chromeOptions': options, 'goog:loggingPrefs': {'browser': 'ALL'}, 'pageLoadStrategy': 'normal'}}})
        self.session = '/session/' + answer['sessionId']

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.session:
            try:
                self.call('DELETE', self.session)
            except (Failure, OSError):
                pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def call(self, method, path, body=None):
        """One command of the WebDriver protocol."""
        data = json.dumps(body if body is not None else {}).encode() if method == 'POST' else None
        request = urllib.request.Request(self.base + path, data, {'Content-Type': 'application/json'}, method=method)
        try:
            with OPENER.open(request, timeout=120) as answer:
                return json.load(answer)['value']
        except urllib.error.HTTPError as error:
            raise Failure(json.load(error)['value']['message'].splitlines()[0]) from None

    def open(self, path, fragment=''):
        """A file; from another page, so that a fragment alone loads it as well."""
        self.call('POST', self.session + '/url', {'url': 'about:blank'})
        self.call('POST', self.session + '/url', {'url': 'file://' + os.path.realpath(path) + fragment})

    def run(self, script, *arguments):
        """The value of a function body."""
        return self.call('POST', self.session + '/execute/sync', {'script': script, 'args': list(arguments)})

    def settled(self, script, *arguments):
        """The same after the next frame is drawn: what the page puts off until then has happened."""
        body = ('const done = arguments[arguments.length - 1], rest = [...arguments].slice(0, -1);'
                'requestAnimationFrame(() => requestAnimationFrame(() => done((function () {%s}).apply(null, rest))));' % script)
        return self.call('POST', self.session + '/execute/async', {'script': body, 'args': list(arguments)})

    def until(self, script):
        """Waits, frame by frame, for a function body to return something true; the driver gives up after 30 s."""
        body = ('const done = arguments[arguments.length - 1], look = async () => {%s};'
                'const again = () => look().then(value => value ? done(value) : requestAnimationFrame(again), '
                'problem => done("" + problem)); again();' % script)
        return self.call('POST', self.session + '/execute/async', {'script': body, 'args': []})

    def keys(self, *names):
        """Keys, one after the other, to what has the focus."""
        actions = []
        for name in names:
            actions += [{'type': kind, 'value': KEYS.get(name, name)} for kind in ('keyDown', 'keyUp')]
        self.call('POST', self.session + '/actions', {'actions': [{'type': 'key', 'id': 'keys', 'actions': actions}]})

    def element(self, selector):
        return self.call('POST', self.session + '/element', {'using': 'css selector', 'value': selector})[ELEMENT]

    def click(self, selector):
        self.call('POST', '%s/element/%s/click' % (self.session, self.element(selector)))

    def devtools(self, command, **parameters):
        return self.call('POST', self.session + '/goog/cdp/execute', {'cmd': command, 'params': parameters})

    def complaints(self):
        """What the console has got since the last look: errors and warnings."""
        lines = self.call('POST', self.session + '/se/log', {'type': 'browser'})
        return [line['message'] for line in lines if line['level'] in ('SEVERE', 'WARNING')]

    def screenshot(self, path):
        with open(path, 'wb') as file:
            file.write(base64.b64decode(self.call('GET', self.session + '/screenshot')))

    def print_page(self):
        """chromedriver gives the renderer 10 seconds, which a loaded machine may not have for a long page."""
        for attempt in range(PRINT_ATTEMPTS):
            try:
                return self.call('POST', self.session + '/print', {'shrinkToFit': True})
            except Failure as error:
                if 'Timed out receiving message from renderer' not in str(error) or attempt == PRINT_ATTEMPTS - 1:
                    raise

    def pdf(self, path):
        with open(path, 'wb') as file:
            file.write(base64.b64decode(self.print_page()))
