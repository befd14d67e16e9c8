// Keys: digits rank and go on, arrows move, n, u, x, ?, Ctrl+Enter. Single keys can be switched off,
// and are off while typing (WCAG 2.2, 2.1.4).
'use strict';
const dialog = document.getElementById('keys');
const singleKeys = document.getElementById('single-keys');
const skip = document.getElementById('skip');
let here = Math.max(0, rankRows.findIndex((r) => rankOf(r) === 0)); // the completion that digits go to

// The choice is kept with the account.
singleKeys.addEventListener('change', () => {
  fetch('/account/single-keys', { method: 'POST', body: new URLSearchParams({ on: singleKeys.checked }) }).catch(() => {});
  mark();
});

// go moves to a completion: it takes the focus and scrolls into sight.
function go(i) {
  if (!texts.length) return;
  here = Math.min(Math.max(i, 0), texts.length - 1);
  texts[here].focus({ preventScroll: true });
  texts[here].scrollIntoView({ block: 'nearest' });
  mark();
}

function mark() {
  texts.forEach((t, i) => t.classList.toggle('here', singleKeys.checked && i === here));
}

function press(input) {
  input.checked = true;
  input.dispatchEvent(new Event('change', { bubbles: true }));
}

function digit(d) {
  if (skip?.open) return skip.querySelector(`button[data-key="${d}"]`)?.click();
  if (steps.length) {
    const s = steps.find((x) => x.dataset.key === String(d));
    if (s) press(s);
    return;
  }
  const input = rankRows[here]?.querySelector(`input[value="${d}"]`);
  if (!input) return;
  press(input);
  if (here < texts.length - 1) go(here + 1);
}

function undo() {
  if (undoChange()) {
    changed();
    if (rankRows.length) go(Math.max(0, rankRows.findIndex((r) => rankOf(r) === 0)));
    return;
  }
  document.getElementById('undo')?.requestSubmit();
}

const typing = (el) => el.matches?.('textarea, select, input:not([type=radio]):not([type=checkbox])') || el.isContentEditable;

const actions = {
  ArrowDown: () => go(here + 1),
  ArrowUp: () => go(here - 1),
  u: undo,
  n: () => { form.elements.none?.click(); },
  x: () => { if (skip) { skip.open = true; skip.querySelector('button').focus(); } },
};

document.addEventListener('keydown', (e) => {
  if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) {
    e.preventDefault();
    if (!leaving) form.requestSubmit();
    return;
  }
  if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing || typing(e.target) || dialog.open) return;
  if (e.key === '?') { e.preventDefault(); dialog.showModal(); return; }
  if (!singleKeys.checked) return;
  const act = /^[1-9]$/.test(e.key) ? () => digit(e.key) : actions[e.key];
  if (!act) return;
  e.preventDefault();
  act();
});

// Whoever works by pointer or Tab takes the digits along.
texts.forEach((t, i) => t.addEventListener('focusin', () => { here = i; mark(); }));
texts.forEach((t, i) => t.addEventListener('pointerdown', () => { here = i; mark(); }));
if (!document.getElementById('problems')) mark();
