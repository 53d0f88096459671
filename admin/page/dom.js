// Helpers that make elements and format numbers and times. Strings always become text, never markup.

export const $ = (id) => document.getElementById(id);

// h makes an element. An attribute that is a function becomes an event listener. Children are elements or strings.
export function h(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(attributes)) {
    if (typeof v === 'function') e.addEventListener(k, v);
    else if (v === true) e.setAttribute(k, '');
    else if (v !== false && v !== null && v !== undefined) e.setAttribute(k, v);
  }
  e.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined));
  return e;
}

export function number(v) {
  return v.toLocaleString('en', {maximumFractionDigits: 1}).replaceAll(',', '\u202f');
}

// span formats a duration in seconds.
export function span(s) {
  if (s === null || s === undefined) return '–';
  if (s < 0.0005) return '0 s';
  if (s < 0.9995) return Math.max(1, Math.round(s * 1000)) + ' ms';
  if (s < 10) return (Number.isInteger(s) ? s : s.toFixed(1)) + ' s';
  if (s < 90) return Math.round(s) + ' s';
  if (s < 90 * 60) return Math.round(s / 60) + ' min';
  if (s < 36 * 3600) return Math.round(s / 3600) + ' h';
  return Math.round(s / 86400) + ' days';
}

// skew is how far the bot's clock is ahead of this one, in ms.
let skew = 0;
export function setNow(text) { skew = new Date(text).getTime() - Date.now(); }

function age(at, future) {
  const s = (Date.now() + skew - at.getTime()) / 1000;
  if (future) return s < 0 ? 'for ' + span(Math.round(-s)) : 'expired';
  return s < 1 ? 'now' : span(Math.round(s)) + ' ago';
}

// ago shows how long ago a moment was, or how far in the future, and keeps that up to date.
export function ago(text, future = false) {
  const at = new Date(text);
  return h('time', {datetime: text, title: at.toLocaleString(), 'data-future': future}, age(at, future));
}

setInterval(() => {
  for (const t of document.querySelectorAll('time')) {
    const text = age(new Date(t.dateTime), t.dataset.future !== undefined);
    if (t.textContent !== text) t.textContent = text;
  }
}, 1000);

// table shows rows as a table, on a phone as cards. columns is a list of {name, cell(row), wide, number}.
export function table(caption, columns, rows) {
  return h('table', {},
    h('caption', {class: 'hidden'}, caption),
    h('thead', {}, h('tr', {}, columns.map((c) => h('th', {scope: 'col', class: c.number ? 'number' : null}, c.name ? c.name : h('span', {class: 'hidden'}, 'Actions'))))),
    h('tbody', {}, rows.map((row) => h('tr', {}, columns.map((c) => cell(c, c.cell(row)))))));
}

// cell marks an empty cell, which a card leaves out.
function cell(c, content) {
  return h('td', {'data-name': c.name, class: [c.number && 'number', c.wide && 'wide', content === '–' && 'empty'].filter(Boolean).join(' ') || null}, Array.isArray(content) ? h('div', {}, content) : content);
}

// refresh makes the content of an element anew if data has changed. The focus stays where it was.
const shown = new Map();
export function refresh(id, data, make) {
  const text = JSON.stringify(data);
  if (shown.get(id) === text) return;
  shown.set(id, text);
  const focus = document.activeElement?.dataset?.key;
  $(id).replaceChildren(...[make(data)].flat());
  if (focus && $(id).querySelector(`[data-key="${CSS.escape(focus)}"]`)) $(id).querySelector(`[data-key="${CSS.escape(focus)}"]`).focus();
}
