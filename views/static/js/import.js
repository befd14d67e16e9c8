// Files dropped on the import page, and how far an import is. Without it, the form and reloads do the same.
'use strict';

for (const zone of document.querySelectorAll('[data-dropzone]')) {
  const input = zone.querySelector('input[type=file]');
  const said = zone.querySelector('[data-dropped]');
  let depth = 0; // children fire enter and leave as well
  const over = (on) => zone.classList.toggle('over', on);
  const files = (e) => e.dataTransfer && [...e.dataTransfer.types].includes('Files');
  // Anywhere on the page: a file that misses the zone must not replace the page.
  addEventListener('dragenter', (e) => { if (files(e)) { depth++; over(true); } });
  addEventListener('dragleave', (e) => { if (files(e) && --depth <= 0) { depth = 0; over(false); } });
  addEventListener('dragover', (e) => { if (files(e)) { e.preventDefault(); e.dataTransfer.dropEffect = 'copy'; } });
  addEventListener('drop', (e) => {
    if (!files(e)) return;
    e.preventDefault();
    depth = 0;
    over(false);
    if (e.dataTransfer.files.length === 0) return;
    const one = new DataTransfer();
    one.items.add(e.dataTransfer.files[0]);
    input.files = one.files;
    said.textContent = one.files[0].name;
    zone.requestSubmit();
  });
  input.addEventListener('change', () => { said.textContent = input.files[0]?.name ?? ''; });
}

const working = document.querySelector('[data-import]');
if (working) {
  const bar = working.querySelector('progress');
  const text = working.querySelector('[data-sofar]');
  const ask = async () => {
    try {
      const res = await fetch(working.dataset.import, { headers: { Accept: 'application/json' } });
      const state = await res.json();
      if (!res.ok || !state.working) { location.reload(); return; }
      bar.value = state.percent;
      text.textContent = state.text;
    } catch { /* the site is away for a moment */ }
    setTimeout(ask, 700);
  };
  setTimeout(ask, 700);
}
