// The form editor's preview follows what is typed; without scripts its button does the same.
'use strict';
const editor = document.getElementById('form-editor');
const preview = document.getElementById('preview');
const previewDelayMS = 350;
let previewTimer = 0;
let asked = 0;

async function showPreview() {
  const mine = ++asked;
  const body = new URLSearchParams(new FormData(editor));
  body.set('do', 'preview');
  try {
    const r = await fetch(editor.action, { method: 'POST', body, headers: { Accept: 'text/html' }, redirect: 'manual' });
    if (!r.ok || mine !== asked) return; // a newer one is on its way
    const turn = preview.querySelector('[name=turn]:checked')?.value;
    preview.innerHTML = await r.text(); // the site's own page, escaped on the server
    const same = turn && preview.querySelector(`[name=turn][value="${turn}"]`);
    if (same) same.checked = true;
  } catch { /* no connection: the preview stays as it is */ }
}

editor?.addEventListener('input', () => {
  clearTimeout(previewTimer);
  previewTimer = setTimeout(showPreview, previewDelayMS);
});
