// Keys: digits rank and go on, arrows move, Alt with an arrow moves a completion by one rank, d, n, u, x,
// ?, Ctrl+Enter. Single keys can be switched off, and are off while typing (WCAG 2.2, 2.1.4).
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

// moveRank gives the completion the next better (-1) or worse (+1) rank; one without a rank comes last.
function moveRank(by) {
  const row = rankRows[here];
  if (!row) return;
  const r = Math.min(Math.max((rankOf(row) || rankRows.length) + (rankOf(row) ? by : 0), 1), rankRows.length);
  if (r !== rankOf(row)) press(row.querySelector(`input[value="${r}"]`));
  go(here);
}

function undo() {
  if (undoChange()) {
    changed();
    draftSays(say('undone'), 'pending');
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
  d: () => differences(texts[here], texts[here + 1] || texts[here - 1]),
  n: () => { form.elements.none?.click(); },
  x: () => { if (skip) { skip.open = true; skip.querySelector('button').focus(); } },
};

document.addEventListener('keydown', (e) => {
  if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) {
    e.preventDefault();
    if (!leaving) form.requestSubmit();
    return;
  }
  if (e.ctrlKey || e.metaKey || e.isComposing || typing(e.target) || document.querySelector('dialog[open]')) return;
  if (e.altKey) {
    if (!rankRows.length || (e.key !== 'ArrowUp' && e.key !== 'ArrowDown')) return;
    e.preventDefault();
    return moveRank(e.key === 'ArrowUp' ? -1 : 1);
  }
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
