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
});

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
