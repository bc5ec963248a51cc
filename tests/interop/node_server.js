// Node's http2 as a server: TLS with HTTP/1.1 beside it, and prior knowledge on a cleartext port.
//
//     node tests/interop/node_server.js TLS-PORT CLEAR-PORT CERT KEY DIRECTORY
'use strict';

const fs = require('fs');
const http2 = require('http2');
const path = require('path');

const [tlsPort, clearPort, cert, key, directory] = process.argv.slice(2);

// The client may have reset the stream meanwhile: then Node raises.
function answer(write) {
  try {
    write();
  } catch (error) {
    if (error.code !== 'ERR_HTTP2_INVALID_STREAM') throw error;
  }
}

function serveFile(request, response) {
  const name = request.url === '/' ? '/index.html' : request.url.split('?')[0];
  const file = path.join(directory, path.posix.normalize(name));
  fs.readFile(file, (error, content) => {
    answer(() => {
      response.writeHead(error ? 404 : 200, { 'content-type': 'text/html' });
      response.end(request.method === 'HEAD' ? undefined : error ? 'not found\n' : content);
    });
  });
}

function serve(request, response) {
  request.on('error', () => {});
  response.on('error', () => {});
  if (request.method !== 'POST') {
    serveFile(request, response);
    return;
  }
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => answer(() => response.end(request.url === '/echo' ? Buffer.concat(chunks) : 'ok\n')));
}

// What a peer does wrong ends its session, not the server.
function start(server, port) {
  server.on('sessionError', () => {});
  server.on('clientError', (error, socket) => socket.destroy());
  server.listen(Number(port), '127.0.0.1');
}

start(http2.createSecureServer({ allowHTTP1: true, cert: fs.readFileSync(cert), key: fs.readFileSync(key) }, serve), tlsPort);
start(http2.createServer(serve), clearPort);
