"""An ASGI application for Hypercorn: serves the directory $HTDOCS, answers POST, sends the content back from /echo."""

import os

ROOT = os.path.realpath(os.environ.get('HTDOCS', '.'))


async def read_content(receive):
    content, more = b'', True
    while more:
        message = await receive()
        if message['type'] != 'http.request':
            return None
        content += message.get('body', b'')
        more = message.get('more_body', False)
    return content


def find_file(path):
    """(status, content) of a path."""
    file = os.path.realpath(ROOT + (path if path != '/' else '/index.html'))
    if not file.startswith(ROOT + os.sep) or not os.path.isfile(file):
        return 404, b'not found\n'
    with open(file, 'rb') as opened:
        return 200, opened.read()


async def app(scope, receive, send):
    if scope['type'] != 'http':
        return
    content = await read_content(receive)
    if content is None:
        return
    if scope['method'] == 'POST':
        status, body = 200, content if scope['path'] == '/echo' else b'ok\n'
    else:
        status, body = find_file(scope['path'])
    headers = [(b'content-length', str(len(body)).encode())]
    await send({'type': 'http.response.start', 'status': status, 'headers': headers})
    await send({'type': 'http.response.body', 'body': b'' if scope['method'] == 'HEAD' else body})
