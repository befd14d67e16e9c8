// Drafts: saved 1.5 s after the last change, and when the page is left. The state is always in words.
'use strict';
const draftDelayMS = 1500;
const retryMS = 5000;
const draftState = document.getElementById('draft-state');
let draftTimer = 0;
let changes = 0; // counts every change
let saved = 0; // the count the server has
let leaving = false;

function draftSays(text, bad) {
  if (!draftState) return;
  draftState.textContent = text;
  draftState.classList.toggle('pending', bad === 'pending');
  draftState.classList.toggle('failed', bad === 'failed');
}

function changed() {
  if (!form.dataset.draft) return;
  changes++;
  draftSays(say('dirty'), 'pending');
  clearTimeout(draftTimer);
  draftTimer = setTimeout(saveDraft, draftDelayMS);
}

function draftBody() {
  tick();
  form.elements.active_ms.value = String(Math.round(activeMS));
  return new URLSearchParams(new FormData(form));
}

async function saveDraft() {
  const at = changes;
  draftSays(say('saving'), 'pending');
  let status = 0;
  try {
    const r = await fetch(form.dataset.draft, { method: 'POST', body: draftBody(), headers: { Accept: 'application/json' }, redirect: 'manual' });
    status = r.type === 'opaqueredirect' ? 401 : r.status;
  } catch { /* no connection: status stays 0 */ }
  if (at !== changes || leaving) return; // a newer change is on its way
  if (status === 200 || status === 204) {
    saved = at;
    draftSays(say('saved', clockTime(new Date())));
  } else if (status === 401 || status === 404) { // signed out, or signed in as somebody else
    draftSays(say(status === 401 ? 'signedout' : 'other'), 'failed');
    draftState?.append(' ', signInLink());
    draftTimer = setTimeout(saveDraft, 4 * retryMS);
  } else if (status === 409 || status === 410) {
    saved = at;
    draftSays(say('lost'), 'failed');
  } else {
    draftSays(say(status >= 500 ? 'busy' : 'offline'), 'failed');
    draftTimer = setTimeout(saveDraft, retryMS);
  }
}

function signInLink() {
  const a = element('a', '', say('signin'));
  a.href = '/signin';
  a.target = '_blank';
  return a;
}

// Whoever comes back from signing in, or from being offline, need not wait for the next attempt.
for (const back of ['focus', 'online']) addEventListener(back, () => { if (draftState?.classList.contains('failed') && changes > saved) saveDraft(); });

form.addEventListener('change', changed);
form.addEventListener('input', (e) => { if (e.target.tagName === 'TEXTAREA') changed(); });

// What is typed in the last moments before leaving is sent along.
addEventListener('pagehide', () => {
  if (form.dataset.draft && changes > saved && !leaving) navigator.sendBeacon(form.dataset.draft, draftBody());
});

form.addEventListener('submit', (e) => {
  if (leaving) return e.preventDefault(); // sent already
  draftBody(); // brings active_ms up to date
  leaving = true;
  clearTimeout(draftTimer);
});

// The page may come back from the browser's memory after a failed submission.
addEventListener('pageshow', () => { leaving = false; });
