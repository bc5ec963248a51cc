// The sequence diagram of a conversation: life lines of client and server, an arrow for each entry, details on demand.
const SVG = 'http://www.w3.org/2000/svg';
const LINE = 16; // height of a line of text
const HUES = 8; // classes s1 .. s8 of the style sheet
// Long conversations are folded; those on paper sooner, since a picture does not go over two pages.
const FOLD = { above: 60, head: 24, around: 8, tail: 20 };
const PAPER_FOLD = { above: 18, head: 7, around: 3, tail: 7 };

const ABOUT_THIS = '▲ the verdict is about this';
const ABOUT_ANSWER = '▲ the verdict is about the answer to this';

function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes))
    element.setAttribute(key, value);
  element.append(...children);
  return element;
}

let charWidth = 0;
function measure(root) {
  if (!charWidth) {
    const probe = svg('text', {}, 'M'.repeat(50));
    root.append(probe);
    charWidth = probe.getComputedTextLength() / 50 || 7.3;
    probe.remove();
  }
  return charWidth;
}

// Text in lines of at most so many characters, broken at blanks where there are some.
function wrapText(text, columns) {
  const lines = [];
  let rest = text;
  while (rest.length > columns) {
    const blank = rest.lastIndexOf(' ', columns);
    const at = blank > columns / 3 ? blank : columns;
    lines.push(rest.slice(0, at));
    rest = rest.slice(at).trimStart();
  }
  lines.push(rest);
  return lines;
}

// Words of a label to lines of words.
function wrapWords(words, columns) {
  const lines = [[]];
  let used = 0;
  for (const word of words) {
    const parts = wrapText(word.text, columns);
    parts.forEach((text, i) => {
      if (used > 0 && (i > 0 || used + 2 + text.length > columns)) {
        lines.push([]);
        used = 0;
      }
      lines[lines.length - 1].push({ kind: word.kind, text });
      used += text.length + (used > 0 ? 2 : 0);
    });
  }
  return lines;
}

// Where things are for a width.
function placesFor(width, cell) {
  const narrow = width < 560;
  const left = narrow ? 70 : 92;
  const right = width - (narrow ? 16 : 24);
  return { width, cell, left, right, time: left - 16, twist: Math.max(2, left - 76),
    inner: Math.max(16, Math.floor((right - left - 64) / cell)), detail: Math.max(16, Math.floor((right - left - 32) / cell)) };
}

// Which entries are drawn: all of a short conversation, else its ends and what the verdict is about. No fold hides
// only one or two.
function visible(entries, fold) {
  if (!fold || entries.length <= fold.above)
    return entries.map(() => true);
  const focus = entries.findIndex(entry => entry.focus);
  const wanted = i => i < fold.head || i >= entries.length - fold.tail || (focus >= 0 && Math.abs(i - focus) <= fold.around);
  return entries.map((entry, i) => wanted(i) || (wanted(i - 1) && wanted(i + 1)) || (wanted(i - 1) && wanted(i + 2)) ||
    (wanted(i - 2) && wanted(i + 1)));
}

function hueClasses(entries) {
  const hues = new Map([[0, 's0']]);
  for (const { stream } of entries)
    if (stream !== null && !hues.has(stream))
      hues.set(stream, `s${(hues.size - 1) % HUES + 1}`);
  return hues;
}

function label(words, x, y, end) {
  const text = svg('text', { x, y, 'text-anchor': end ? 'end' : 'start' });
  words.forEach((word, i) => text.append(svg('tspan', { class: word.kind }, (i > 0 ? '\u00a0\u00a0' : '') + word.text)));
  return text;
}

function textLines(group, lines, place, y, kind) {
  for (const line of lines)
    for (const part of wrapText(line, place.detail)) {
      group.append(svg('text', { x: place.left + 20, y: y + 12, class: kind }, part));
      y += LINE;
    }
  return y;
}

function arrow(group, entry, place, y) {
  const leftward = entry.leftward;
  const [from, to] = leftward ? [place.right, place.left] : [place.left, place.right];
  const back = leftward ? 9 : -9;
  const shaft = entry.kind === 'note' ? 'shaft note' : 'shaft';
  group.append(svg('line', { x1: from, y1: y, x2: to + back / 1.5, y2: y, class: shaft }),
    svg('path', { d: `M${to} ${y}l${back} -5v10z`, class: 'tip' }));
}

function badge(group, entry, place, y) {
  if (entry.stream === null)
    return;
  const text = String(entry.stream);
  const width = Math.max(20, text.length * place.cell + 10);
  const x = entry.leftward ? place.right - width / 2 : place.left - width / 2;
  const shift = Math.max(0, width / 2 - 15) * (entry.leftward ? -1 : 1);
  group.append(svg('rect', { x: x + shift, y: y - 9, width, height: 18, rx: 9, class: 'badge' }),
    svg('text', { x: x + shift + width / 2, y: y + 4, 'text-anchor': 'middle', class: 'stream' }, text));
}

function drawBand(group, entry, place, y) {
  const divider = entry.kind === 'connection';
  const lines = wrapText(entry.text, place.inner);
  const height = lines.length * LINE + (divider ? 12 : 8);
  const box = divider ? { x: 0, width: place.width } : { x: place.left - 8, width: place.right - place.left + 16, rx: 6 };
  group.append(svg('rect', { ...box, y: y + 6, height, class: divider ? 'divider' : 'across' }));
  const first = y + (divider ? 24 : 22);
  lines.forEach((line, i) => group.append(svg('text', { x: (place.left + place.right) / 2, y: first + i * LINE,
    'text-anchor': 'middle', class: divider ? 'divided' : 'said' }, line)));
  return y + height + 14;
}

function drawArrow(group, entry, place, y) {
  const side = entry.leftward ? place.right - 24 : place.left + 24;
  const long = entry.stream > 999 ? (String(entry.stream).length - 3) * place.cell * (entry.leftward ? -1 : 1) : 0;
  for (const words of wrapWords(entry.label, place.inner)) {
    group.append(label(words, side + long, y + 16, entry.leftward));
    y += LINE;
  }
  arrow(group, entry, place, y + 9);
  badge(group, entry, place, y + 9);
  return y + 17;
}

function shortTime(time) {
  const value = Number(time);
  return value < 100 ? time : value.toFixed(value < 1000 ? 1 : 0);
}

// One entry; returns where the next one begins.
function drawEntry(root, entry, index, place, state, top) {
  const details = entry.lines.filter(line => !isFault(line));
  const open = state.open.has(index);
  const group = svg('g', { class: `row ${state.hues.get(entry.stream) || 's0'}${entry.focus ? ' focus' : ''}`,
    'data-i': index, tabindex: index === state.current ? 0 : -1, role: details.length ? 'button' : 'img',
    'aria-label': spoken(entry, state.role) });
  if (details.length)
    group.setAttribute('aria-expanded', open);
  const backdrop = svg('rect', { x: 0, y: top, width: place.width, class: 'backdrop' });
  group.append(backdrop);
  const draw = entry.across || entry.kind === 'connection' ? drawBand : drawArrow;
  let y = draw(group, entry, place, top);
  if (entry.kind !== 'connection')
    group.append(svg('text', { x: place.time, y: top + 18, 'text-anchor': 'end', class: 'time' }, shortTime(entry.time)));
  if (entry.focus)
    y = textLines(group, [entry.sent ? ABOUT_ANSWER : ABOUT_THIS], place, y, 'here');
  y = textLines(group, entry.lines.filter(isFault), place, y, 'fault');
  if (details.length)
    group.append(svg('text', { x: place.twist, y: top + 18, class: 'twist', 'aria-hidden': 'true' }, open ? '▾' : '▸'));
  if (open)
    y = textLines(group, details, place, y + 2, 'detail');
  backdrop.setAttribute('height', y - top + 6);
  root.append(group);
  return y + 6;
}

function drawFold(root, count, place, state, top) {
  const text = `… ${count} entries more${state.fold === PAPER_FOLD ? '' : ': show all'}`;
  const group = svg('g', { class: 'row unfold', role: 'button', tabindex: 0, 'aria-label': `Show ${count} more entries` },
    svg('rect', { x: 0, y: top, width: place.width, height: 34, class: 'backdrop' }),
    svg('text', { x: (place.left + place.right) / 2, y: top + 21, 'text-anchor': 'middle' }, text));
  root.append(group);
  return top + 34;
}

function drawHeads(root, place, role) {
  const narrow = place.width < 560;
  const names = role === 'server' ? ['client under test', narrow ? 'h2probe' : 'server (h2probe)']
    : [narrow ? 'h2probe' : 'client (h2probe)', 'server under test'];
  root.append(svg('text', { x: place.left - 8, y: 16, class: 'side' }, names[0]),
    svg('text', { x: place.right + 8, y: 16, 'text-anchor': 'end', class: 'side' }, names[1]),
    svg('text', { x: place.time, y: 16, 'text-anchor': 'end', class: 'time' }, 'ms'));
}

// Draws all into root, which is emptied before.
function drawDiagram(root, entries, state, width) {
  root.replaceChildren();
  const place = placesFor(width, measure(root));
  const lifelines = svg('g', { class: 'lifelines' });
  drawHeads(root, place, state.role);
  root.append(lifelines);
  const shown = visible(entries, state.fold);
  let y = 26, folded = 0;
  entries.forEach((entry, i) => {
    if (!shown[i]) {
      folded += 1;
      return;
    }
    y = folded ? drawFold(root, folded, place, state, y) : y;
    folded = 0;
    y = drawEntry(root, entry, i, place, state, y);
  });
  for (const x of [place.left, place.right])
    lifelines.append(svg('line', { x1: x, y1: 24, x2: x, y2: y + 4, class: 'life' }));
  root.setAttribute('viewBox', `0 0 ${width} ${y + 6}`);
  root.setAttribute('width', width);
  root.setAttribute('height', y + 6);
}
