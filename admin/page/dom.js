// Making elements, and telling numbers and times as people do. Whatever comes from outside becomes text, never markup.

export const $ = (id) => document.getElementById(id);

// h makes an element. Attributes that are functions listen to events; children are elements or text.
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

// span tells seconds.
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
  if (future) return s < 0 ? 'for ' + span(Math.round(-s)) : 'over';
  return s < 1 ? 'now' : span(Math.round(s)) + ' ago';
}

// ago shows a moment by its distance from now, which goes on by itself. Future moments are deadlines.
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

// table shows rows as a table, on a phone as cards. columns is a list of {name, cell(row), wide, number}; key names a row.
export function table(caption, columns, rows) {
  return h('table', {},
    h('caption', {class: 'hidden'}, caption),
    h('thead', {}, h('tr', {}, columns.map((c) => h('th', {scope: 'col', class: c.number ? 'number' : null}, c.name ? c.name : h('span', {class: 'hidden'}, 'Actions'))))),
    h('tbody', {}, rows.map((row) => h('tr', {}, columns.map((c) => cell(c, c.cell(row)))))));
}

// cell is marked when it holds nothing: a card leaves it out.
function cell(c, content) {
  return h('td', {'data-name': c.name, class: [c.number && 'number', c.wide && 'wide', content === '–' && 'empty'].filter(Boolean).join(' ') || null}, Array.isArray(content) ? h('div', {}, content) : content);
}

// refresh replaces what is in a place if what it shows has changed, and keeps the focus where it was.
const shown = new Map();
export function refresh(id, data, make) {
  const text = JSON.stringify(data);
  if (shown.get(id) === text) return;
  shown.set(id, text);
  const focus = document.activeElement?.dataset?.key;
  $(id).replaceChildren(...[make(data)].flat());
  if (focus && $(id).querySelector(`[data-key="${CSS.escape(focus)}"]`)) $(id).querySelector(`[data-key="${CSS.escape(focus)}"]`).focus();
}
