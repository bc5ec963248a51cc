// The keyboard: / to the filter, j and k (or arrows) from case to case, left and right in a comparison, c to copy.
function handleOf(item) {
  return item.querySelector(comparing ? 'a.cell' : 'summary');
}

function itemAt(element) {
  return element && element.closest(comparing ? 'tr.item' : 'details.item');
}

function goTo(item) {
  const handle = handleOf(item);
  if (!handle)
    return;
  handle.focus({ preventScroll: true });
  handle.scrollIntoView({ block: 'nearest' });
}

function step(by) {
  const list = items.filter(item => !item.hidden);
  const at = list.indexOf(itemAt(document.activeElement));
  const next = at < 0 ? (by > 0 ? 0 : list.length - 1) : at + by;
  if (list[next])
    goTo(list[next]);
}

function sideways(by) {
  const cell = document.activeElement.closest('a.cell');
  const cells = cell ? [...cell.closest('tr').querySelectorAll('a.cell')] : [];
  cells[cells.indexOf(cell) + by]?.focus();
}

const KEYS = {
  '/': () => { form.elements.text.focus(); form.elements.text.select(); },
  j: () => step(1),
  k: () => step(-1),
  c: () => itemAt(document.activeElement)?.querySelector('.copy')?.click(),
};
const AT_HANDLE = {
  ArrowDown: () => step(1), ArrowUp: () => step(-1), ArrowRight: () => sideways(1), ArrowLeft: () => sideways(-1),
};

function typing(element) {
  return element && element.matches('input:not([type=checkbox]), select, textarea');
}

function onKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || dialog?.open)
    return;
  const here = document.activeElement;
  if (typing(here)) {
    if (event.key === 'Escape' || (event.key === 'Enter' && here.name === 'text')) {
      here.blur();
      step(1);
    }
    return;
  }
  const run = KEYS[event.key] || (here && here.matches('summary, a.cell') && AT_HANDLE[event.key]);
  if (run) {
    event.preventDefault();
    run();
  }
}

document.addEventListener('keydown', onKey);
// The browser goes to the fragment by itself and takes the focus away, so this comes after it.
addEventListener('load', () => requestAnimationFrame(openFragment));
