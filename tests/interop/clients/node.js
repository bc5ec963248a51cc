// A client made of Node's http2: node.js URL CACERT. Ends with 0 only for a 200 that came to its end.
'use strict';
const fs = require('fs');
const http2 = require('http2');

const [url, cacert] = process.argv.slice(2);

function fail(error) {
  console.error(error && error.message ? error.message : String(error));
  process.exit(1);
}

const session = http2.connect(url, { ca: cacert ? fs.readFileSync(cacert) : undefined });
session.on('error', fail);

let status = 0;
const request = session.request({ ':path': new URL(url).pathname });
request.on('response', (headers) => { status = headers[':status']; });
request.on('error', fail);
request.resume();
// 'end' comes for streams that were cut off as well; the code tells.
request.on('close', () => {
  if (status !== 200 || request.rstCode !== 0 || !request.readableEnded || request.aborted) {
    fail(`no good response: status ${status}, code ${request.rstCode}`);
  }
  session.close();
});
session.on('close', () => process.exit(0));
