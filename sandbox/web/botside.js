// The bot: its turns with their reasons, and the webhooks and API calls between it and giosg.
import { $, fill, h, post, span, time } from './dom.js';
import { hue, on, state } from './state.js';

const eventWords = {
  pending: 'is waiting', routed: 'was routed to the bot', said: 'said', pressed: 'pressed', human: 'a human wrote', check: 'was found by a sweep',
};
const tones = {
  answered: 'good', silent: 'calm', ignored: 'calm', taken: 'calm', over: 'calm', later: 'warn', waiting: 'warn', 'set aside': 'bad', lost: 'warn',
};
let wireShows = 'all';

function tag(chatID) {
  const chat = state.chats.get(chatID);
  return chat && h('span', { class: `tag ${hue(chat)}` }, h('span', { class: 'dot', 'aria-hidden': 'true' }), h('span', { class: 'sr' }, 'Visitor '), chat.n);
}

const callsOf = (t) => {
  const from = new Date(t.at).getTime() - 2;
  const to = from + t.took_us / 1000 + 4;
  return state.calls.filter((c) => {
    const at = new Date(c.at).getTime();
    return at >= from && at <= to && (!c.chat_id || c.chat_id === t.chat_id);
  });
};

// waterfall shows when in the turn its API calls were made.
function waterfall(t) {
  const calls = callsOf(t);
  if (!calls.length) return h('p', { class: 'muted' }, 'No API calls.');
  const from = new Date(t.at).getTime();
  const all = Math.max(t.took_us / 1000, 1);
  return h('ol', { class: 'fall' }, calls.map((c) => {
    const bar = h('span', { class: `bar ${c.status >= 400 || !c.status ? 'bad' : ''}` });
    const left = Math.min(Math.max((new Date(c.at).getTime() - from) / all, 0), 0.98);
    bar.style.setProperty('--left', `${left * 100}%`);
    bar.style.setProperty('--width', `${Math.max(Math.min(c.took_us / 1000 / all, 1 - left), 0.01) * 100}%`);
    return h('li', {}, h('span', { class: 'what' }, `${c.method} ${short(c)}`), h('span', { class: 'track' }, bar), code(c.status), h('span', { class: 'took' }, span(c.took_us)));
  }));
}

function reasons(t) {
  if (!t.why.length) return null;
  const named = t.why.some((w) => w.matched);
  return h('ul', { class: 'reasons' }, t.why.map((w) => h('li', { class: w.matched ? 'yes' : 'no' },
    h('span', { class: 'mark', 'aria-hidden': 'true' }, w.matched ? '✓' : '–'), w.rule && h('b', {}, w.rule), ' ', w.text)),
  named && h('li', { class: 'muted' }, 'Later rules are not tried: the first rule that matches answers.'));
}

function headline(t) {
  const match = t.why.find((w) => w.matched);
  if (t.result === 'answered' && t.rule) return [h('b', {}, t.rule), match && match.rule === t.rule ? ` — ${match.text}` : ''];
  if (t.reason) return t.reason;
  if (t.event === 'check') return 'no visitor waits for an answer';
  if (t.event === 'human') return 'a human wrote, so the bot leaves the chat to them';
  if (t.result === 'answered') return 'finished an earlier attempt';
  return t.why.length ? t.why[t.why.length - 1].text : 'no answer needed';
}

const opened = new Map(); // details that are open → how to draw them again

function turn(t) {
  const body = h('div', { class: 'more' });
  const details = h('details', { ontoggle: () => {
    opened.delete(details);
    if (!details.open) return;
    post('done/why');
    drawDetails();
    opened.set(details, drawDetails);
  } }, h('summary', {}, 'Why?'), body);
  const drawDetails = () => fill(body,
    reasons(t),
    waterfall(t),
    t.did.length > 0 && h('p', { class: 'did' }, h('span', { class: 'muted' }, 'Plan: '), t.did.join(', then ')),
    h('p', { class: 'muted' }, [`attempt ${t.attempt}`, `started ${span(t.waited_us)} after the event`, `took ${span(t.took_us)}`,
      t.looked ? 'read the record' : 'no need to read the record', `${t.said} ${t.said === 1 ? 'message' : 'messages'} sent`].join(' · ')));
  const words = t.text ? h('q', {}, t.text) : t.value ? h('q', {}, t.value) : '';
  return h('li', { class: `turn ${tones[t.result] ?? 'calm'}`, 'data-result': t.result, 'data-chat': t.chat_id },
    h('p', { class: 'line' }, tag(t.chat_id), h('span', { class: 'grow' }, eventWords[t.event] ?? t.event, ' ', words),
      h('time', {}, time(t.at))),
    h('p', { class: 'line' }, h('span', { class: `badge ${tones[t.result] ?? 'calm'}` }, t.result),
      h('span', { class: 'grow' }, headline(t)), t.attempt > 1 && h('span', { class: 'badge warn' }, `attempt ${t.attempt}`), h('span', { class: 'took' }, span(t.took_us))),
    details);
}

const short = (c) => (c.short || c.path).replace(/^\/api\/v\d\//, '').replace(/^(users|orgs)\/\{[a-z_]+\}\//, '').replace(/\{[a-z_]+\}/g, '*');
const code = (status, none = 'lost') => h('span', { class: `code ${status >= 200 && status < 300 ? 'good' : 'bad'}` }, status ? String(status) : none);
const channel = (d) => d.channel.replace(/^\/api\/v5\/(users|orgs)\/[^/]+\//, '').replace(/\/[0-9a-f-]{36}/g, '/*');

function callRow(c) {
  const fault = c.fault && c.fault !== 'delay' && c.fault;
  return h('li', { class: 'out', 'data-kind': 'call', 'data-status': String(c.status) },
    h('time', {}, time(c.at, true)), h('span', { class: 'arrow', 'aria-label': 'bot to giosg' }, '↗'),
    h('span', { class: 'grow' }, h('b', {}, c.method), ` ${short(c)}`, fault && h('em', {}, ` ${fault}`)), tag(c.chat_id), code(c.status), h('span', { class: 'took' }, span(c.took_us)));
}

const accepted = new Map(); // event → how often the bot has accepted it

function deliveryRow(d) {
  const ok = d.status >= 200 && d.status < 300;
  const before = accepted.get(d.event) ?? 0;
  if (ok) accepted.set(d.event, before + 1);
  const notes = [];
  if (d.copy > 0) notes.push(`copy ${d.copy + 1}`);
  if (d.attempt > 1) notes.push(`attempt ${d.attempt}`);
  if (d.status === 200) notes.push('ignored');
  if (!ok) notes.push(d.gave_up ? 'given up' : 'will be retried');
  const swallowed = ok && before > 0 && d.status === 202;
  return h('li', { class: `in ${d.status === 200 ? 'dull' : ''}`, title: d.err || d.text || undefined, 'data-kind': 'hook', 'data-copy': String(d.copy), 'data-swallowed': swallowed ? 'yes' : undefined },
    h('time', {}, time(d.at, true)), h('span', { class: 'arrow', 'aria-label': 'giosg to bot' }, '↘'),
    h('span', { class: 'grow' }, h('b', {}, channel(d)), notes.length > 0 && h('em', {}, ` ${notes.join(', ')}`), swallowed && h('em', { class: 'swallowed' }, ' dropped'),
      d.text ? h('q', {}, d.text) : d.type && d.type !== 'msg' ? ` ${d.type}` : ''),
    tag(d.chat_id), code(d.status, 'none'), h('span', { class: 'took' }, span(d.took_us)));
}

function put(list, row, most) {
  const top = list.scrollTop;
  list.prepend(row);
  if (top > 4) list.scrollTop = top + row.offsetHeight; // keep what the user reads in place
  while (list.children.length > most) list.lastChild.remove();
}

function empty(list, text) {
  if (!list.children.length) list.append(h('li', { class: 'empty' }, text));
}

function fresh(list) {
  list.querySelector('.empty')?.remove();
}

export function startBotSide() {
  const turns = $('turns');
  const wire = $('wire');
  on('snapshot', () => {
    fill(turns);
    fill(wire);
    accepted.clear();
    opened.clear();
    for (const t of state.turns) turns.prepend(turn(t));
    const rows = [...state.calls.map((c) => [c.at, c, callRow]), ...state.deliveries.map((d) => [d.at, d, deliveryRow])];
    rows.sort((a, b) => new Date(a[0]) - new Date(b[0]));
    for (const [, v, row] of rows) wire.prepend(row(v));
    empty(turns, 'No turns yet. Write something as a visitor.');
    empty(wire, 'No webhooks or calls yet.');
  });
  on('turn', (t) => { fresh(turns); put(turns, turn(t), 200); });
  on('call', (c) => {
    fresh(wire);
    put(wire, callRow(c), 500);
    opened.forEach((draw) => draw()); // a turn may be reported before its last calls
  });
  on('delivery', (d) => { fresh(wire); put(wire, deliveryRow(d), 500); });
  for (const b of document.querySelectorAll('[data-wire]')) {
    b.addEventListener('click', () => {
      wireShows = b.dataset.wire;
      wire.dataset.shows = wireShows;
      for (const other of document.querySelectorAll('[data-wire]')) other.setAttribute('aria-pressed', String(other === b));
    });
  }
}
