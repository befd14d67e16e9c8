// Fields of task forms: ratings, flags, the steps of a form that rates first, texts.
'use strict';
const turnRadios = [...form.querySelectorAll('input[name=turn]')];
const alone = form.querySelector('.judging.alone');

const turnNow = () => turnRadios.find((r) => r.checked)?.value || (alone ? '1' : 'all');
const shownText = () => texts.find((t) => t.dataset.turn === turnNow());

// turnTo goes to a step: its completion, or the first of all, takes the focus at its top.
function turnTo(i) {
  const radio = turnRadios[i];
  if (!radio) return;
  press(radio);
  const to = shownText() || texts[Math.max(0, rankRows.findIndex((r) => rankOf(r) === 0))];
  to.focus({ preventScroll: true });
  form.querySelector('.judging').scrollIntoView({ block: 'nearest' });
  to.scrollIntoView({ block: 'nearest' });
}

// showTurns marks the steps whose scales are all answered, in a sign and in words.
function showTurns() {
  for (const r of turnRadios) {
    const text = texts.find((t) => t.dataset.turn === r.value);
    if (!text) continue;
    const groups = [...text.querySelectorAll('.axis')];
    const done = groups.length > 0 && groups.every((g) => g.querySelector('input:checked'));
    r.parentElement.classList.toggle('done', done);
    const state = r.parentElement.querySelector('.turnstate');
    state.textContent = done ? ` ${state.dataset.done}` : '';
  }
}

// showFlags counts the raised flags where they are folded away, and drops messages that are settled.
function showFlags() {
  for (const count of form.querySelectorAll('[data-flags]')) {
    const n = count.closest('details').querySelectorAll('input[value=yes]:checked').length;
    count.textContent = count.dataset.flags.replace('%d', n);
  }
  for (const err of form.querySelectorAll('.axis > .err, .tri > .err')) if (err.parentElement.querySelector('input:checked')) err.remove();
}

function showWords() {
  const count = document.getElementById('wordcount');
  const text = form.elements.text;
  if (!count || !text) return;
  const wide = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/gu; // written without spaces
  const n = (text.value.match(wide) || []).length + text.value.replace(wide, ' ').split(/\s+/).filter(Boolean).length;
  count.textContent = say('wordcount', n);
}

// rate gives the score of a digit on the scale that has the focus, or on the first one in sight without
// an answer, and goes on to the next scale.
function rate(digit, target) {
  const text = shownText();
  const scales = [...(text || target.closest('article'))?.querySelectorAll('.axis') || []];
  const scale = target.closest('.axis') || scales.find((s) => !s.querySelector('input:checked')) || scales[0];
  const input = scale?.querySelector(`input[value="${digit}"]`);
  if (!input) return;
  press(input);
  const next = scales[scales.indexOf(scale) + 1];
  (next?.querySelector('input:checked') || next?.querySelector('input') || input).focus();
}

// These keys come before the ranking page's own: where a radio has the focus its arrows stay the
// browser's, and where a completion stands alone a digit rates it.
document.addEventListener('keydown', (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing || typing(e.target) || dialog.open) return;
  const field = e.target.closest?.('.ratings, .turns, #pflags, .styles, .sure');
  if (field && e.key.startsWith('Arrow')) return e.stopImmediatePropagation();
  const single = singleKeys.checked && !skip?.open;
  if (/^[0-9]$/.test(e.key) && single && (shownText() || e.target.closest?.('.axis'))) {
    e.preventDefault();
    e.stopImmediatePropagation();
    rate(e.key, e.target);
    return;
  }
  if (e.key === 'Enter' && turnRadios.length && !e.target.closest?.('a, button, summary, .submitbar')) {
    e.preventDefault();
    e.stopImmediatePropagation();
    turnTo(turnRadios.findIndex((r) => r.checked) + (e.shiftKey ? -1 : 1));
  }
}, true);

// A link to what is missing opens the step, or the fold, that it is in.
function reveal(id) {
  const at = id && document.getElementById(id);
  if (!at) return;
  const text = at.closest('article.completion');
  if (text && turnRadios.length && at.closest('.ratings')) turnTo(turnRadios.findIndex((r) => r.value === text.dataset.turn));
  for (let d = at.closest('details'); d; d = d.parentElement.closest('details')) d.open = true;
  (at.matches('input, textarea, select') ? at : at.querySelector('input, textarea, select') || at).focus();
}
document.getElementById('problems')?.addEventListener('click', (e) => {
  const link = e.target.closest('a');
  if (!link) return;
  e.preventDefault();
  reveal(decodeURIComponent(link.hash.slice(1)));
});

for (const b of form.querySelectorAll('[data-next]')) b.addEventListener('click', () => turnTo(turnRadios.findIndex((r) => r.checked) + 1));

form.addEventListener('change', () => { showTurns(); showFlags(); });
form.addEventListener('input', showWords);
showTurns();
showFlags();
