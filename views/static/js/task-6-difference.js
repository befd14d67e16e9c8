// The differences between two completions in a dialog over the page; without scripts they are a page of
// their own in another tab.
'use strict';
const differLink = document.querySelector('a.differ');
let differDialog = null;

differLink?.addEventListener('click', (e) => {
  if (e.ctrlKey || e.metaKey || e.shiftKey) return;
  e.preventDefault();
  differences(texts[0], texts[1]);
});

function differences(first, second) {
  if (!differLink || !first || !second) return;
  showDifferences(new URLSearchParams({ a: first.dataset.key, b: second.dataset.key }));
}

async function showDifferences(pair) {
  let page;
  try {
    page = await (await fetch(`${differLink.href}?${pair}`, { headers: { Accept: 'text/html' } })).text();
  } catch {
    return draftSays(say('offline'), 'failed');
  }
  const doc = new DOMParser().parseFromString(page, 'text/html');
  const box = differDialog || makeDifferDialog(doc.querySelector('h1').textContent);
  const chosen = document.activeElement?.name;
  box.lastElementChild.replaceChildren(doc.getElementById('difference-body') || doc.querySelector('main'));
  if (!box.open) box.showModal();
  box.querySelector(`select[name="${chosen}"]`)?.focus();
}

function makeDifferDialog(title) {
  differDialog = element('dialog', '', '');
  differDialog.id = 'difference';
  differDialog.setAttribute('aria-labelledby', 'difference-h');
  const head = element('form', '', '');
  head.method = 'dialog';
  const heading = element('h2', '', title);
  heading.id = 'difference-h';
  head.append(heading, element('button', 'btn', dialog.querySelector('form button').textContent));
  differDialog.append(head, element('div', '', ''));
  differDialog.addEventListener('change', (e) => showDifferences(new URLSearchParams(new FormData(e.target.form))));
  differDialog.addEventListener('submit', (e) => { if (e.target !== head) e.preventDefault(); });
  document.body.append(differDialog);
  return differDialog;
}
