// Dragging, an extra for mouse, pen and finger: the letters of the order move to another place, onto a
// letter for a tie. The same without dragging: the rank buttons of each completion (WCAG 2.2, 2.5.7).
'use strict';
const farAway = 90; // pixels from the order at which letting go changes nothing
let drag = null;

order?.addEventListener('pointerdown', (e) => {
  const c = e.target.closest('.chip');
  if (!c || e.button !== 0 || drag) return;
  e.preventDefault();
  drag = { letter: c.dataset.letter, pointer: e.pointerId, ghost: ghostOf(c), drop: null };
  order.setPointerCapture(e.pointerId);
  order.classList.add('dragging');
  moveGhost(e);
});

order?.addEventListener('pointermove', (e) => {
  if (!drag || e.pointerId !== drag.pointer) return;
  moveGhost(e);
  for (const c of order.querySelectorAll('[data-drop]')) delete c.dataset.drop;
  drag.drop = dropAt(e.clientX, e.clientY);
  if (drag.drop?.chip) drag.drop.chip.dataset.drop = drag.drop.how;
});

order?.addEventListener('pointerup', (e) => {
  if (!drag || e.pointerId !== drag.pointer) return;
  const { letter, drop } = drag;
  endDrag();
  if (drop) place(letter, drop);
});
order?.addEventListener('pointercancel', endDrag);
document.addEventListener('keydown', (e) => { if (drag && e.key === 'Escape') endDrag(); });

function endDrag() {
  if (!drag) return;
  drag.ghost.remove();
  for (const c of order.querySelectorAll('[data-drop]')) delete c.dataset.drop;
  order.classList.remove('dragging');
  drag = null;
}

function ghostOf(chip) {
  const g = chip.cloneNode(true);
  g.classList.add('ghost');
  document.body.append(g);
  return g;
}

function moveGhost(e) {
  drag.ghost.style.translate = `${e.clientX}px ${e.clientY}px`;
}

// dropAt finds what letting go at a point would do: before or after a letter's rank, or a tie with it.
function dropAt(x, y) {
  const box = order.getBoundingClientRect();
  if (y < box.top - farAway || y > box.bottom + farAway) return null;
  const ranked = [...order.querySelectorAll('.letters .chip')].filter((c) => rankOf(rowOf(c.dataset.letter)) > 0);
  if (!ranked.length) return { how: 'first' };
  const near = ranked.map((c) => ({ c, r: c.getBoundingClientRect() })).map(({ c, r }) => ({
    c, dx: (x - (r.left + r.right) / 2) / r.width, dy: Math.abs(y - (r.top + r.bottom) / 2) }));
  near.sort((a, b) => Math.round(a.dy / 12) - Math.round(b.dy / 12) || Math.abs(a.dx) - Math.abs(b.dx));
  const { c, dx } = near[0];
  return { chip: c, letter: c.dataset.letter, how: Math.abs(dx) < .45 ? 'tie' : dx < 0 ? 'before' : 'after' };
}

const rowOf = (letter) => rankRows.find((r) => r.dataset.letter === letter);

// place puts a letter where it was dropped and numbers the ranks anew, as one change that one undo takes back.
function place(letter, drop) {
  if (drop.letter === letter) return;
  const ranks = [...new Set(rankRows.map(rankOf))].filter((r) => r > 0).sort((a, b) => a - b);
  const tiers = ranks.map((r) => rankRows.filter((row) => rankOf(row) === r).map((row) => row.dataset.letter).filter((l) => l !== letter)).filter((t) => t.length);
  const at = tiers.findIndex((t) => t.includes(drop.letter));
  if (drop.how === 'tie') tiers[at].push(letter);
  else tiers.splice(at + (drop.how === 'before' ? 0 : 1), 0, [letter]);
  tiers.forEach((t, i) => t.forEach((l) => { rowOf(l).querySelector(`input[value="${i + 1}"]`).checked = true; }));
  rowOf(letter).querySelector('input:checked').dispatchEvent(new Event('change', { bubbles: true }));
}
