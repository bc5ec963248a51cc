// The comparison: a cell shows its case in a dialog, where the other columns are one step away.
const dialog = document.getElementById('shown-case');
let home = null; // where the case that is shown came from

function putBack() {
  if (!home)
    return;
  home.marker.replaceWith(home.details);
  home.details.open = false;
  home = null;
}

function rowOf(details) {
  const cell = [...document.querySelectorAll('a.cell')].find(each => targetOf(each.hash) === details);
  return cell && cell.closest('tr');
}

function columnNames(cell) {
  return cell.closest('table').querySelectorAll('thead th')[Number(cell.dataset.column)].textContent;
}

// Buttons for the same case in each column.
function tabs(row, details) {
  const bar = document.createElement('div');
  bar.className = 'tabs';
  for (const cell of row.querySelectorAll('a.cell')) {
    const tab = button('', () => showCase(targetOf(cell.hash)));
    tab.append(cell.firstElementChild.cloneNode(true), ' ', columnNames(cell));
    if (targetOf(cell.hash) === details)
      tab.setAttribute('aria-current', 'true');
    bar.append(tab);
  }
  bar.append(button('Close', () => dialog.close()));
  return bar;
}

function showCase(details) {
  putBack();
  const row = rowOf(details);
  const marker = document.createComment('');
  details.replaceWith(marker);
  home = { details, marker, row };
  dialog.replaceChildren(...(row ? [tabs(row, details)] : []), details);
  details.open = true;
  if (!dialog.open)
    dialog.showModal();
  dialog.scrollTop = 0;
  prepare(details);
  remember(details);
  dialog.querySelector('[aria-current]')?.focus();
}

function closed() {
  const row = home && home.row;
  const column = row && [...row.querySelectorAll('a.cell')].find(cell => targetOf(cell.hash) === home.details);
  putBack();
  (column || row)?.focus();
}

function startCompare() {
  if (!comparing)
    return;
  document.addEventListener('click', event => {
    const cell = event.target.closest('a.cell');
    const target = cell && !event.ctrlKey && !event.metaKey && !event.shiftKey && targetOf(cell.hash);
    if (target) {
      event.preventDefault();
      showCase(target);
    }
  });
  dialog.addEventListener('close', closed);
  dialog.addEventListener('click', event => {
    if (event.target === dialog)
      dialog.close();
  });
}

startCompare();
