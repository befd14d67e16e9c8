// Live pages: one event stream a tab, closed while the tab is hidden. The server sends the live part of
// the page as HTML whenever it changed; sections that stayed the same are left alone.
'use strict';
const live = document.getElementById('live');
let stream = null;
const known = new Map(); // id of a section → its HTML as last sent

function open() {
  if (stream || !live?.dataset.events || document.hidden) return;
  stream = new EventSource(live.dataset.events);
  stream.addEventListener('page', (e) => { lost(false); update(e.data); });
  stream.addEventListener('end', close);
  stream.addEventListener('error', () => lost(true));
}

function close() {
  stream?.close();
  stream = null;
}

document.addEventListener('visibilitychange', () => (document.hidden ? close() : open()));
addEventListener('pagehide', close);
if (live) for (const s of sections(live)) known.set(s.id, s.outerHTML); // before page.js turns times into local ones
open();

function update(html) {
  const next = document.createElement('template');
  next.innerHTML = html;
  const fresh = sections(next.content);
  const shown = sections(live);
  const same = fresh.length === shown.length && fresh.every((f, i) => f.id === shown[i].id);
  if (!same) { // a chart appeared, or the run ended: take the page as a whole
    keepOpen(live, next.content);
    live.replaceChildren(next.content);
  } else {
    fresh.forEach((f, i) => replaceSection(shown[i], f));
  }
  localTimes(live);
}

// sections are the outermost elements with an id, in order.
function sections(root) {
  return [...root.querySelectorAll('[id]')].filter((e) => {
    const up = e.parentElement?.closest('[id]');
    return !up || up === live;
  });
}

function replaceSection(old, fresh) {
  if (known.get(fresh.id) === fresh.outerHTML) return;
  known.set(fresh.id, fresh.outerHTML);
  const focus = placeOf(document.activeElement, old);
  keepOpen(old, fresh);
  const scrolled = [...old.querySelectorAll('.scroll')].map((e) => e.scrollLeft);
  old.replaceWith(fresh);
  fresh.querySelectorAll('.scroll').forEach((e, i) => { e.scrollLeft = scrolled[i] || 0; });
  if (focus) at(focus, fresh)?.focus({ preventScroll: true });
}

// placeOf is the way from a section down to an element in it, as child numbers; null when it is elsewhere.
function placeOf(element, section) {
  if (!section.contains(element)) return null;
  const way = [];
  for (let e = element; e !== section; e = e.parentElement) way.unshift([...e.parentElement.children].indexOf(e));
  return way;
}

function at(way, section) {
  return way.reduce((e, i) => e?.children[i], section);
}

// keepOpen carries over which details stand open.
function keepOpen(old, fresh) {
  for (const d of old.querySelectorAll('details[open][id]')) {
    const twin = fresh.querySelector(`#${CSS.escape(d.id)}`);
    if (twin) twin.open = true;
  }
}

function lost(is) {
  let note = document.getElementById('connection');
  if (is && !note) {
    note = document.createElement('p');
    note.id = 'connection';
    note.className = 'alert warn';
    note.setAttribute('role', 'status');
    note.textContent = live.dataset.tLost;
    live.before(note);
  } else if (!is) {
    note?.remove();
  }
}
