// The answer on the page: what is chosen, shown live in words, with undo.
'use strict';
const form = document.getElementById('task');
const say = (key, ...args) => args.reduce((s, a) => s.replace(/%[sd]/, a), form.dataset['t' + key[0].toUpperCase() + key.slice(1)] || '');
const rankRows = [...form.querySelectorAll('fieldset[data-letter]')];
const steps = [...form.querySelectorAll('input[name=strength]')];
const texts = [...form.querySelectorAll('article.completion')];
const order = document.getElementById('order');

const rankOf = (row) => Number(row.querySelector('input:checked')?.value || 0);

// showAnswer writes the places, the order and the choice again after a change.
function showAnswer() {
  if (!order) return; // nothing is compared
  if (steps.length) {
    const c = steps.find((s) => s.checked);
    order.textContent = c ? c.nextElementSibling.textContent : say('nochoice');
    return;
  }
  const tiers = new Map();
  for (const row of rankRows) {
    const r = rankOf(row);
    if (!tiers.has(r)) tiers.set(r, []);
    tiers.get(r).push(row.dataset.letter);
  }
  for (const row of rankRows) showPlace(row, tiers.get(rankOf(row)));
  showOrder(tiers);
}

function showPlace(row, tier) {
  const place = row.parentElement.querySelector('.place');
  const r = rankOf(row);
  const others = tier.filter((l) => l !== row.dataset.letter).join(', ');
  place.textContent = r === 0 ? say('unranked') : others ? say('tied', r, others) : say('place', r);
  place.classList.toggle('none', r === 0);
  if (r !== 0) row.parentElement.querySelector('.err')?.remove();
}

// showOrder writes the order twice: in signs, whose letters can be dragged, and in words for those who
// listen.
function showOrder(tiers) {
  const ranks = [...tiers.keys()].filter((r) => r > 0).sort((a, b) => a - b);
  const missing = tiers.get(0) || [];
  order.textContent = '';
  if (!ranks.length) {
    const letters = element('span', 'letters', '');
    letters.setAttribute('aria-hidden', 'true');
    letters.append(...missing.map(chip));
    order.append(element('span', 'quiet', say('nothing')), ' ', letters);
    return;
  }
  const sign = element('span', 'letters', '');
  sign.setAttribute('aria-hidden', 'true');
  ranks.forEach((r, i) => sign.append(...(i ? [' > '] : []), ...between(tiers.get(r).map(chip), ' = ')));
  order.append(sign, element('span', 'vh', ranks.map((r) => tiers.get(r).join(` ${say('tiedwith')} `)).join(`, ${say('then')} `)));
  if (missing.length) order.append(' ', missingNote(missing));
}

function missingNote(letters) {
  const note = element('small', '', '');
  const [before, after] = form.dataset.tMissing.split('%s');
  note.append(before, ...between(letters.map(chip), ', '), after);
  return note;
}

const between = (parts, sign) => parts.flatMap((p, i) => (i ? [sign, p] : [p]));

// chip is a letter that can be dragged to another place, see task-5-drag.js.
function chip(letter) {
  const c = element('span', 'chip', letter);
  c.dataset.letter = letter;
  c.title = say('drag');
  return c;
}

function element(tag, cls, text) {
  const e = document.createElement(tag);
  if (cls) e.className = cls;
  e.textContent = text;
  return e;
}

// Undo: each change remembers how the choices were before it.
const history = [];
let before = choices();

function choices() {
  return [...form.querySelectorAll('input[type=radio], input[type=checkbox]')].map((i) => i.checked);
}

function undoChange() {
  const last = history.pop();
  if (!last) return false;
  [...form.querySelectorAll('input[type=radio], input[type=checkbox]')].forEach((i, n) => { i.checked = last[n]; });
  before = last;
  showAnswer();
  return true;
}

form.addEventListener('change', (e) => {
  if (e.target.type === 'radio' || e.target.type === 'checkbox') {
    history.push(before);
    before = choices();
  }
  showAnswer();
});
showAnswer();

// Time with the page in front and the person at it, in milliseconds; a pause of a minute stops the clock.
const idleMS = 60000;
let lastSeen = Date.now();
let activeMS = 0;
function tick() {
  const now = Date.now();
  if (document.visibilityState === 'visible' && now - lastSeen < idleMS) activeMS += now - lastSeen;
  lastSeen = now;
}
for (const kind of ['pointermove', 'keydown', 'scroll', 'pointerdown']) addEventListener(kind, tick, { passive: true });
document.addEventListener('visibilitychange', () => { if (document.visibilityState === 'visible') lastSeen = Date.now(); else tick(); });
