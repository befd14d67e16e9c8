// Small help on every page. Everything works without it.
'use strict';
document.documentElement.classList.add('js');

addEventListener('DOMContentLoaded', () => {
  localTimes(document);

  // Menus and explanations close on Escape and on a click elsewhere.
  const closers = 'details.pop[open], details.skipper[open]';
  document.addEventListener('keydown', (e) => {
    if (e.key !== 'Escape') return;
    for (const d of document.querySelectorAll(closers)) {
      const inside = d.contains(document.activeElement);
      d.open = false;
      if (inside) d.querySelector('summary').focus();
    }
  });
  document.addEventListener('click', (e) => {
    for (const d of document.querySelectorAll(closers)) if (!d.contains(e.target)) d.open = false;
  });

  for (const b of document.querySelectorAll('[data-copy]')) b.addEventListener('click', () => copy(b));
  document.getElementById('problems')?.focus();
  drawFormulas(document);
  if (document.querySelector('[hx-get], [hx-post], [hx-boost]')) startHtmx();
});

// htmx adds nothing inline, and puts no error page in the place of a fragment.
function startHtmx() {
  const config = document.createElement('meta');
  config.name = 'htmx-config';
  config.content = JSON.stringify({ includeIndicatorCSS: false, noSwap: [204, 304, 401, 403, 404, 409, '5xx'] });
  document.head.append(config);
  return load('htmx');
}

// What htmx puts on the page gets the same help.
document.addEventListener('htmx:after:swap', () => {
  localTimes(document);
  drawFormulas(document);
});

// load fetches one of the libraries that only some pages need; the page's own tag names where they are.
const loaded = {};
function load(name) {
  loaded[name] ??= new Promise((done, failed) => {
    const s = document.createElement('script');
    s.src = document.querySelector('script[data-' + name + ']').dataset[name];
    s.onload = done;
    s.onerror = failed;
    document.head.append(s);
  });
  return loaded[name];
}

// Formulas arrive as LaTeX in code and become MathML. What does not parse stays as its source.
async function drawFormulas(root) {
  const sources = [...root.querySelectorAll('code.tex')];
  if (!sources.length) return;
  await load('temml');
  for (const code of sources) {
    const display = code.classList.contains('display');
    const place = document.createElement('span');
    try {
      temml.render(code.textContent, place, { displayMode: display, throwOnError: true, annotate: true, maxExpand: 500, maxSize: [25, 40] });
    } catch {
      continue;
    }
    place.className = display ? 'formula' : '';
    if (display) place.tabIndex = 0; // a wide formula scrolls
    place.title = code.textContent;
    code.replaceWith(place);
  }
}

// Times arrive in UTC and are shown in the reader's own zone.
function localTimes(root) {
  for (const t of root.querySelectorAll('time[datetime]')) {
    const when = new Date(t.dateTime);
    if (isNaN(when)) continue;
    const clock = 'clock' in t.dataset;
    t.textContent = clock ? clockTime(when) : when.toLocaleString(document.documentElement.lang, { dateStyle: 'medium', timeStyle: 'short' });
    t.title = when.toLocaleString(document.documentElement.lang, { dateStyle: 'full', timeStyle: 'long' });
  }
}

function clockTime(when) {
  return when.toLocaleTimeString(document.documentElement.lang, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
}

async function copy(button) {
  const field = document.getElementById(button.dataset.copy);
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    document.execCommand('copy'); // plain http beyond loopback has no clipboard interface
  }
  button.textContent = button.dataset.done;
}
