// The entries of a conversation, read back from its text (reports/html/conversation.lua writes it), and their labels.
const INDENT = 19;
const KINDS = { f: 'frame', p: 'preface', o: 'octets', n: 'note', c: 'connection' };
const ARROW_NOTE = /^(alert|close_notify|fin|rst|FIN|RST|closed|connected to|connection from)\b/;

function readEntry(span) {
  const about = /^(\w)([<>])(\d*) ([^]*)$/.exec(span.dataset.e) || [];
  const lines = span.textContent.replace(/\n$/, '').split('\n');
  const first = /^.. *(-?[\d.]+) (?:->|<-|--) ([^]*)$/.exec(lines[0]) || ['', '0', lines[0]];
  const kind = KINDS[about[1]] || 'note';
  return {
    kind, sent: about[2] === '>', stream: about[3] ? Number(about[3]) : null, name: about[4] || '',
    time: first[1], text: first[2], lines: lines.slice(1).map(line => line.slice(INDENT)),
    focus: span.classList.contains('focus'), across: kind === 'note' && !ARROW_NOTE.test(first[2]),
  };
}

function readEntries(pre) {
  return [...pre.querySelectorAll('span[data-e]')].map(readEntry);
}

const isFault = line => line.startsWith('! ');

// What a field section is about: the status, or method and path. A line ends with the representation in brackets.
function fieldHint(lines) {
  const value = name => {
    const line = lines.find(each => each.startsWith(name + ': '));
    return line && line.slice(name.length + 2).replace(/ {2}\[[^\]]*\]$/, '');
  };
  const status = value(':status');
  return status || [value(':method'), value(':path')].filter(Boolean).join(' ');
}

const HINTS = {
  HEADERS: fieldHint, PUSH_PROMISE: fieldHint,
  'HTTP/1.1': lines => lines[0] || '',
  SETTINGS: lines => lines.length > 1 ? `${lines.length} settings` : lines[0] || '',
};

function shortened(text, limit) {
  return text.length > limit ? text.slice(0, limit - 1) + '…' : text;
}

// The label of an arrow as words with a class each.
function labelOf(entry) {
  const plain = entry.lines.filter(line => !isFault(line));
  const frame = /^(.+?) stream \d+((?: [A-Z_]+)*) \((\d+) octets\)$/.exec(entry.text);
  const words = [];
  const add = (kind, text) => text && words.push({ kind, text });
  if (entry.kind === 'note' || !(frame || entry.kind === 'octets')) {
    add(entry.kind === 'note' ? 'note' : 'name', entry.text);
    return words;
  }
  add('name', frame ? frame[1] : entry.name);
  add('hint', shortened((HINTS[entry.name] || (lines => lines[0] || ''))(plain), 48));
  if (frame) {
    for (const flag of frame[2].trim().split(' '))
      add('flag', flag);
    add('size', frame[3] === '1' ? '1 octet' : `${frame[3]} octets`);
  } else {
    add('size', (/\(.*\)$/.exec(entry.text) || [''])[0].replace(/^\((\d+)\)$/, '$1 octets').replace(/[()]/g, ''));
  }
  return words;
}

// The same for those who do not see it.
function spoken(entry, role) {
  const us = role === 'server' ? ['server', 'client'] : ['client', 'server'];
  const [from, to] = entry.sent ? us : [us[1], us[0]];
  const way = entry.across || entry.kind === 'connection' ? '' : `${from} to ${to}: `;
  const about = entry.focus ? ', the entry that the verdict is about' : '';
  const faults = entry.lines.filter(isFault).map(line => `, ${line.slice(2)}`).join('');
  return `${entry.time} ms, ${way}${entry.text}${faults}${about}`;
}
