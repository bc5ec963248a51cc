// A case that is opened: its diagram, its button to copy the command; a link to it; what is opened for printing.
const drawn = new WeakMap();

function button(text, run) {
  const element = document.createElement('button');
  element.type = 'button';
  element.textContent = text;
  element.addEventListener('click', run);
  return element;
}

// Diagrams ------------------------------------------------------------------------------------------------

function widthOf(figure) {
  return Math.max(300, Math.min(1000, Math.floor(figure.clientWidth) || 680));
}

function redraw(diagram, width) {
  const active = document.activeElement;
  const index = active && diagram.root.contains(active) ? active.dataset.i : undefined;
  diagram.width = width || widthOf(diagram.figure);
  drawDiagram(diagram.root, diagram.entries, diagram.state, diagram.width);
  if (index !== undefined)
    focusRow(diagram, Number(index));
}

function focusRow(diagram, index) {
  const row = diagram.root.querySelector(`[data-i="${index}"]`);
  if (!row)
    return;
  diagram.root.querySelector('[data-i][tabindex="0"]')?.setAttribute('tabindex', -1);
  diagram.state.current = index;
  row.setAttribute('tabindex', 0);
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: 'nearest' });
}

function toggleRow(diagram, row) {
  const { state, entries } = diagram;
  if (row.classList.contains('unfold')) {
    state.fold = null;
  } else {
    const index = Number(row.dataset.i);
    if (entries[index].lines.every(isFault))
      return;
    state.current = index;
    state.open.has(index) ? state.open.delete(index) : state.open.add(index);
  }
  redraw(diagram);
}

const STEPS = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };

function diagramKey(diagram, event) {
  const row = event.target.closest('.row');
  if (!row || event.altKey || event.ctrlKey || event.metaKey)
    return;
  if (event.key === 'Enter' || event.key === ' ') {
    toggleRow(diagram, row);
  } else if (event.key in STEPS) {
    const rows = [...diagram.root.querySelectorAll('.row[data-i]')];
    const at = Math.max(0, Math.min(rows.length - 1, rows.indexOf(row) + STEPS[event.key]));
    focusRow(diagram, Number(rows[at].dataset.i));
  } else {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}

function legend(diagram) {
  const caption = document.createElement('figcaption');
  const streams = [...diagram.state.hues].filter(([stream]) => diagram.entries.some(entry => entry.stream === stream));
  for (const [stream, hue] of streams.slice(0, 12)) {
    const item = document.createElement('span');
    const dot = document.createElement('i');
    dot.className = hue;
    item.append(dot, stream === 0 ? '0 connection' : `stream ${stream}`);
    caption.append(item);
  }
  if (streams.length > 12)
    caption.append(`and ${streams.length - 12} streams more`);
  return caption;
}

function expandAll(diagram, event) {
  const { state, entries } = diagram;
  const opened = state.open.size > 1;
  state.open = new Set(opened ? [] : entries.keys());
  event.currentTarget.textContent = opened ? 'Show all details' : 'Hide all details';
  redraw(diagram);
}

function makeDiagram(talk) {
  const pre = talk.querySelector('pre');
  const entries = readEntries(pre);
  const role = pre.dataset.role;
  for (const entry of entries) {
    entry.label = labelOf(entry);
    entry.leftward = entry.sent === (role === 'server');
  }
  const focus = entries.findIndex(entry => entry.focus);
  const figure = document.createElement('figure');
  figure.className = 'figure';
  const root = svg('svg', { role: 'group', class: 'diagram',
    'aria-label': `Sequence diagram, ${entries.length} entries: arrow keys move, Enter shows details` });
  const state = { role, open: new Set(focus >= 0 ? [focus] : []), current: Math.max(0, focus), fold: FOLD,
    hues: hueClasses(entries) };
  const diagram = { figure, root, entries, state, width: 0 };
  const head = document.createElement('h4');
  head.append('Conversation');
  const bar = document.createElement('div');
  bar.className = 'figure-bar';
  bar.append(head, button('Show all details', event => expandAll(diagram, event)));
  figure.append(bar, root, legend(diagram));
  root.addEventListener('click', event => {
    const row = event.target.closest('.row');
    if (row && String(getSelection()) === '')
      toggleRow(diagram, row);
  });
  root.addEventListener('keydown', event => diagramKey(diagram, event));
  return diagram;
}

const resized = new ResizeObserver(changes => {
  for (const { target } of changes) {
    const diagram = drawn.get(target);
    if (diagram && target.clientWidth > 0 && widthOf(target) !== diagram.width)
      redraw(diagram);
  }
});

function drawTalk(body) {
  const talk = body.querySelector('.talk');
  if (!talk || body.querySelector('.figure'))
    return;
  const diagram = makeDiagram(talk);
  talk.before(diagram.figure);
  talk.open = false;
  talk.classList.add('as-text');
  talk.querySelector('summary').firstChild.data = 'As text: ';
  drawn.set(diagram.figure, diagram);
  redraw(diagram);
  resized.observe(diagram.figure);
}

// Commands ------------------------------------------------------------------------------------------------

// Where a page may not use the clipboard, the old way is left.
async function copyText(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(code);
    const done = document.execCommand('copy');
    getSelection().removeAllRanges();
    return done;
  }
}

function addCopy(command) {
  if (!command || command.querySelector('button'))
    return;
  const copy = button('Copy', async () => {
    const done = await copyText(command.querySelector('code'));
    copy.textContent = done ? 'Copied' : 'Not copied';
    setTimeout(() => { copy.textContent = 'Copy'; }, 2000);
  });
  copy.className = 'copy';
  copy.setAttribute('aria-live', 'polite');
  command.append(copy);
}

// Opening -------------------------------------------------------------------------------------------------

function prepare(details) {
  const body = details.querySelector('.body');
  drawTalk(body);
  addCopy(body.querySelector('.command'));
}

function remember(details) {
  try {
    history.replaceState(null, '', '#' + encodeURIComponent(details.id).replace(/%2F/g, '/').replace(/%3A/g, ':'));
  } catch {
    // a page in a frame may not
  }
}

function openCase(details) {
  if (details.hidden) { // a link goes before the filter
    form.reset();
    for (const chip of chips)
      chip.checked = false;
    applyFilter();
  }
  details.open = true;
  prepare(details);
  details.scrollIntoView();
  details.querySelector('summary').focus({ preventScroll: true });
}

function openFragment() {
  const target = location.hash.length > 1 ? targetOf(location.hash) : null;
  if (target && target.matches('details.case'))
    comparing ? showCase(target) : openCase(target);
}

// On paper: what did not pass is open, as far as the filter shows it, with diagrams that fit a page.
const PAPER_WIDTH = 760;
let forPrint = [];
let onScreen = new Map();

function beforePrint() {
  forPrint = comparing ? [] : items.filter(item => !item.hidden && !item.open && !/^(pass|skip)$/.test(item.dataset.v));
  for (const details of forPrint) {
    details.classList.add('for-print');
    details.open = true;
    prepare(details);
  }
  for (const figure of document.querySelectorAll('.case[open] .figure')) {
    const diagram = drawn.get(figure);
    onScreen.set(diagram, diagram.state.fold);
    diagram.state.fold = PAPER_FOLD;
    redraw(diagram, PAPER_WIDTH);
  }
}

function afterPrint() {
  for (const [diagram, fold] of onScreen) {
    diagram.state.fold = fold;
    redraw(diagram);
  }
  onScreen = new Map();
  for (const details of forPrint) {
    details.open = false;
    details.classList.remove('for-print');
  }
  forPrint = [];
}

function startCases() {
  document.addEventListener('toggle', event => {
    const details = event.target;
    if (!details.matches('details.case') || !details.open || details.classList.contains('for-print'))
      return;
    prepare(details);
    if (!comparing)
      remember(details);
  }, true);
  addEventListener('hashchange', openFragment);
  addEventListener('beforeprint', beforePrint);
  addEventListener('afterprint', afterPrint);
}

startCases();
