// The filter: which cases (or rows of a comparison) are to be seen, how many, and no empty groups.
const comparing = document.body.classList.contains('comparison');
const items = [...document.querySelectorAll(comparing ? 'tr.item' : 'details.item')];
const groups = [...document.querySelectorAll('section.group')].map(section => {
  const inside = [...section.querySelectorAll(comparing ? 'tr.item' : 'details.item')];
  return { section, inside, count: section.querySelector('.count') };
});
const form = document.getElementById('filter');
const chips = [...document.querySelectorAll('.chips input')];
const haystacks = new Map();

// What the words of the filter are looked for in: all of a case but its conversation.
function caseText(details) {
  const parts = [details.querySelector('summary')];
  for (const child of details.querySelector('.body').children)
    if (!child.matches('.talk, .figure'))
      parts.push(child);
  return parts.map(part => part.textContent).join(' ');
}

function haystack(item) {
  if (!haystacks.has(item)) {
    const cases = [...item.querySelectorAll('a.cell')].map(cell => caseText(targetOf(cell.hash)));
    haystacks.set(item, (comparing ? item.textContent + ' ' + cases.join(' ') : caseText(item)).toLowerCase());
  }
  return haystacks.get(item);
}

// The element that a fragment names, or null.
function targetOf(hash) {
  try {
    return document.getElementById(decodeURIComponent(hash.slice(1)));
  } catch {
    return null; // no valid percent-encoding
  }
}

function wanted() {
  const field = name => form.elements[name].value;
  return {
    words: field('text').toLowerCase().split(/\s+/).filter(Boolean),
    level: field('level'), mode: field('mode'), suite: field('suite'),
    verdicts: chips.filter(chip => chip.checked).map(chip => chip.value),
  };
}

function inSuite(suite, choice) {
  return choice.endsWith('/') ? suite.startsWith(choice) : suite === choice;
}

function matches(item, want) {
  const { l, m, s, v } = item.dataset;
  return (!want.level || l === want.level) && (!want.mode || m === want.mode) && (!want.suite || inSuite(s, want.suite)) &&
    (!want.verdicts.length || v.split(' ').some(verdict => want.verdicts.includes(verdict))) &&
    want.words.every(word => haystack(item).includes(word));
}

function applyFilter() {
  const want = wanted();
  let shown = 0;
  for (const { section, inside, count } of groups) {
    let here = 0;
    for (const item of inside) {
      item.hidden = !matches(item, want);
      here += item.hidden ? 0 : 1;
    }
    section.hidden = here === 0;
    count.textContent = here === inside.length ? here : `${here} of ${inside.length}`;
    shown += here;
  }
  form.elements.shown.value = shown === items.length ? `all ${shown} shown` : `${shown} of ${items.length} shown`;
  form.classList.toggle('none', shown === 0);
}

let filterDue = 0;
function filterSoon() {
  cancelAnimationFrame(filterDue);
  filterDue = requestAnimationFrame(applyFilter);
}

// Suites in the table of suites choose that suite.
function linkSuites() {
  for (const name of document.querySelectorAll('[data-suite]')) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'link';
    button.textContent = name.textContent;
    button.addEventListener('click', () => {
      form.elements.suite.value = name.dataset.suite;
      applyFilter();
      form.scrollIntoView();
    });
    name.replaceChildren(button);
  }
}

function startFilter() {
  document.body.classList.add('scripted');
  form.hidden = false;
  for (const name of ['level', 'mode', 'suite'])
    if (form.elements[name].options.length < 3)
      form.elements[name].closest('label').hidden = true;
  form.addEventListener('input', filterSoon);
  form.addEventListener('submit', event => event.preventDefault());
  form.addEventListener('reset', () => {
    for (const chip of chips)
      chip.checked = false;
    filterSoon();
  });
  for (const chip of chips)
    chip.addEventListener('change', filterSoon);
  linkSuites();
  applyFilter(); // a browser that comes back to the page keeps what was chosen
}

startFilter();
