// The status page. It shows the status that /events streams.

import {$, ago, h, number, refresh, setNow, span, table} from '/page/dom.js';
import {Plot} from '/page/plots.js';

const nothing = (text) => h('p', {class: 'nothing'}, text);
const id = (text) => h('code', {class: 'id', title: text}, text || '–');
const unknown = 'unknown: the store does not answer';
const count = (n, one, many) => number(n) + ' ' + (n === 1 ? one : many);

// The tiles have a figure, a remark and a plot each.
const tiles = [
  {
    title: 'Answered per minute', value: (s) => number(s.replies.last_minute), remark: (s) => number(s.replies.hour) + ' in the last hour',
    plot: {series: [{key: 'answered', kind: 'bar', tone: 'good'}], least: 4, format: number, read: (m) => number(m.answered) + ' answered'},
  }, {
    title: 'Reply time, median', value: (s) => span(s.replies.p50), remark: (s) => s.replies.p99 === null ? 'no reply in the last 5 minutes' : '99 % within ' + span(s.replies.p99) + ', last 5 min',
    plot: {series: [{key: 'p99', kind: 'line', tone: 'faint'}, {key: 'p50', kind: 'area', tone: 'main'}], least: 0.5, format: span, read: (m) => m.p50 === null ? 'no reply' : span(m.p50) + ', 99 % ' + span(m.p99)},
  }, {
    title: 'Waiting longest', value: (s) => s.lanes.oldest >= 0.001 ? span(s.lanes.oldest) : s.store.up ? 'none' : '–', remark: (s) => !s.store.up ? unknown : s.waiting.total ? count(s.waiting.total, 'event waits', 'events wait') + ' for another attempt' : 'no event waits for another attempt',
    tone: (s) => s.lanes.oldest > 60 ? 'bad' : s.lanes.oldest > 15 ? 'warn' : '',
    plot: {series: [{key: 'oldest', kind: 'area', tone: 'alarm'}], least: 5, format: span, read: (m) => m.oldest === null ? 'unknown' : span(m.oldest)},
  }, {
    title: 'Lanes with work', value: (s) => s.store.up ? number(s.lanes.ready + s.lanes.paused) : '–', remark: (s) => !s.store.up ? unknown : `${number(s.lanes.ready)} ready or leased, ${number(s.lanes.paused)} paused`,
    plot: {series: [{key: 'paused', kind: 'line', tone: 'faint'}, {key: 'ready', kind: 'area', tone: 'main'}], least: 4, format: number, read: (m) => m.ready === null ? 'unknown' : `${number(m.ready)} ready, ${number(m.paused)} paused`},
  }, {
    title: 'giosg calls per minute', value: (s) => number(s.minutes.at(-2).calls), remark: (s) => count(s.minutes.reduce((n, m) => n + m.failed, 0), 'call', 'calls') + ' failed in the last hour',
    plot: {series: [{key: 'calls', kind: 'bar', tone: 'main'}, {key: 'failed', kind: 'bar', tone: 'alarm'}], least: 4, format: number, read: (m) => `${number(m.calls)} calls, ${number(m.failed)} failed`},
  }, {
    title: 'Dead letters', value: (s) => s.store.up ? number(s.deadletters.total) : '–', remark: (s) => !s.store.up ? unknown : s.deadletters.total ? 'see the reasons below' : 'no event was given up', tone: (s) => s.deadletters.total ? 'warn' : '',
    plot: {series: [{key: 'dead', kind: 'area', tone: 'alarm'}], least: 4, format: number, read: (m) => m.dead === null ? 'unknown' : count(m.dead, 'dead letter', 'dead letters')},
  },
];

for (const t of tiles) {
  t.number = h('p', {class: 'figure'}, '–');
  t.text = h('p', {class: 'remark'}, '\u00a0');
  t.drawn = new Plot({...t.plot, label: t.title});
  t.element = h('article', {class: 'tile'}, h('h3', {}, t.title), t.number, t.text, t.drawn.element);
  $('tiles').append(t.element);
}

function show(s) {
  setNow(s.now);
  document.title = ({ok: '✓ ', warn: '! ', bad: '✗ '}[s.verdict.level] ?? '') + s.verdict.title + ' – giosg bot';
  $('verdict').dataset.level = s.verdict.level;
  if ($('verdict-title').textContent !== s.verdict.title) $('verdict-title').textContent = s.verdict.title;
  refresh('problems', s.verdict.problems, (list) => list.map((p) => h('li', {class: p.level}, h('strong', {}, p.text), ' ', p.do)));
  refresh('about', [s.playbook, s.host, s.version, s.store, s.started], () => [
    fact('playbook', s.playbook.name ? [s.playbook.name, s.playbook.version ? h('code', {}, s.playbook.version) : null] : '–'),
    fact('store', s.store.up && !s.store.refuses ? s.store.kind : h('strong', {class: 'bad'}, s.store.kind + (s.store.up ? ', refuses writes' : ', does not answer'))),
    fact('version', s.version || '–'), fact('host', s.host || '–'), fact('started', ago(s.started)),
  ]);
  for (const t of tiles) {
    t.number.textContent = t.value(s);
    t.text.textContent = t.remark(s);
    t.element.dataset.tone = t.tone ? t.tone(s) : '';
    t.drawn.update(s.minutes);
  }
  $('dead-count').textContent = s.store.up && s.deadletters.total || '';
  refresh('dead', s.store.up ? s.deadletters : null, showDead);
  $('wait-count').textContent = s.waiting.total || '';
  refresh('waiting', s.waiting, showWaiting);
  refresh('users', s.users, showUsers);
  refresh('calls', s.calls, showCalls);
  refresh('events', [s.events, s.webhooks, s.lanes, s.store.up], showEvents);
  refresh('rules', s.rules, showRules);
}

const fact = (name, value) => h('span', {class: 'fact'}, h('span', {class: 'of'}, name), ' ', ...[value].flat().flatMap((v) => [v, ' ']));

function showDead(dead) {
  if (!dead) return nothing('Unknown while the store does not answer.');
  if (!dead.total) return nothing('There are no dead letters.');
  const out = [table('Dead letters', [
    {name: 'Given up', cell: (d) => ago(d.set_aside)},
    {name: 'Chat', cell: (d) => chatLink(d.chat)},
    {name: 'Event', cell: (d) => [d.kind || 'unreadable', d.text ? h('q', {class: 'words'}, d.text) : null]},
    {name: 'Reason', cell: (d) => d.reason, wide: true},
    {name: 'Attempts', cell: (d) => number(d.attempts), number: true},
    {name: '', cell: (d) => h('span', {class: 'buttons'},
      h('button', {type: 'button', 'data-key': 'retry ' + d.id, 'aria-label': `Retry the event of chat ${d.chat}`, click: () => change(d, 'POST', '/retry', 'The event is back in its lane.')}, 'Retry'),
      h('button', {type: 'button', 'data-key': 'drop ' + d.id, class: 'danger', 'aria-label': `Drop the event of chat ${d.chat}`, click: () => ask(d)}, 'Drop'))},
  ], dead.oldest)];
  if (dead.total > dead.oldest.length) out.push(h('p', {class: 'hint'}, `The oldest ${dead.oldest.length} of ${number(dead.total)}. All of them: `, h('code', {}, 'bot deadletters list')));
  return out;
}

function showWaiting(w) {
  if (!w.total) return nothing('No event waits for another attempt.');
  return table('Events that wait for another attempt, oldest first', [
    {name: 'Event time', cell: (e) => ago(e.since)},
    {name: 'Chat', cell: (e) => chatLink(e.chat)},
    {name: 'Event', cell: (e) => e.kind},
    {name: 'Reason', cell: (e) => e.reason, wide: true},
    {name: 'Attempts', cell: (e) => number(e.attempts), number: true},
  ], w.longest);
}

function showUsers(users) {
  if (!users.length) return nothing('No bot user is known yet: giosg has sent no webhook.');
  return table('Bot users', [
    {name: 'Organization', cell: (u) => id(u.org)},
    {name: 'Bot user', cell: (u) => id(u.user)},
    {name: 'Last webhook', cell: (u) => u.webhook ? ago(u.webhook) : 'none'},
    {name: 'Token', cell: (u) => u.token_expires ? ['valid ', ago(u.token_expires, true)] : h('span', {class: 'warn'}, 'none until the next webhook')},
    {name: 'Presence', cell: (u) => !u.present_until ? 'not set yet' : new Date(u.present_until) > new Date() ? ['present, no refresh ', ago(u.present_until, true)] : 'refresh due'},
    {name: 'API', cell: (u) => u.breaker_open ? h('strong', {class: 'bad'}, 'circuit breaker open') : u.paused_until ? h('span', {class: 'warn'}, 'throttled ', ago(u.paused_until, true)) : u.calls_under_way ? count(u.calls_under_way, 'call', 'calls') + ' in flight' : 'idle'},
  ], users);
}

function showCalls(calls) {
  if (!calls.length) return nothing('No calls yet.');
  return table('Calls of the API since the start', [
    {name: 'Call', cell: (c) => c.op},
    {name: 'Total', cell: (c) => number(c.total), number: true},
    {name: 'Mean', cell: (c) => span(c.mean), number: true},
    {name: 'Not ok', cell: (c) => {
      const rest = Object.entries(c.kinds).filter(([k]) => k !== 'ok').sort((a, b) => b[1] - a[1]);
      return rest.length ? h('span', {class: 'kinds'}, rest.map(([k, n]) => h('span', {class: ['taken', 'gone', 'canceled'].includes(k) ? 'chip' : 'chip warn'}, `${k} ${number(n)}`))) : 'none';
    }},
  ], calls);
}

function showEvents([events, webhooks, lanes, known]) {
  const sum = (o) => Object.values(o).reduce((a, b) => a + b, 0);
  const came = sum(events.in), left = sum(events.fates);
  const line = (name, n, cls) => h('tr', {class: cls}, h('th', {scope: 'row'}, name), h('td', {class: 'number'}, number(n)));
  return [h('table', {class: 'sums'},
    h('caption', {class: 'hidden'}, 'Events that entered and left the lanes'),
    h('tbody', {}, ...[
      line('Came in', came, 'sum'), line('by webhook', events.in.webhook), line('found by a sweep', events.in['catch-up']), line('put back by an operator', events.in.retry),
      events.in.other ? line('other', events.in.other) : null,
      line('Left', left, 'sum'), ...Object.entries(events.fates).filter(([k, n]) => n || k !== 'other').sort((a, b) => b[1] - a[1]).map(([k, n]) => line(k === 'set_aside' ? 'dead letter' : k.replaceAll('_', ' '), n)),
      line('Still in the lanes', lanes.events, 'sum')].flat().filter(Boolean))),
  h('p', {class: 'hint'}, `${known ? count(lanes.ready + lanes.paused, 'lane has', 'lanes have') + ' work now.' : 'From the last answer of the store; the current numbers are unknown.'} Other webhooks to this process: ${number(webhooks.ignored)} ignored, ${number(webhooks.refused)} refused, ${number(webhooks.failed)} failed.`)];
}

function share(part) {
  const bar = h('span');
  bar.style.width = `${part * 100}%`;
  return h('div', {class: 'share', 'aria-hidden': 'true'}, bar);
}

function showRules(rules) {
  const list = Object.entries(rules).sort((a, b) => b[1] - a[1]);
  if (!list.length) return nothing('No answers yet.');
  const most = list[0][1];
  return h('ul', {class: 'rules'}, list.slice(0, 20).map(([rule, n]) => h('li', {}, h('span', {}, rule), share(n / most), h('span', {class: 'number'}, number(n)))));
}

// Dead letters.

async function change(d, method, path, done) {
  try {
    const res = await fetch('/api/deadletters/' + encodeURIComponent(d.id) + path, {method});
    const said = await res.json();
    toast(res.ok ? done : said.error);
  } catch {
    toast('The bot does not answer. Nothing was changed.');
  }
}

function ask(d) {
  $('ask-text').textContent = `Chat ${d.chat}: ${d.reason}. The event is deleted, and the bot never tries it again.`;
  $('ask-no').onclick = () => $('ask').close();
  $('ask-yes').onclick = () => { $('ask').close(); change(d, 'DELETE', '', 'The event was dropped.'); };
  $('ask').showModal();
}

let hide;
function toast(text) {
  $('toast').textContent = text;
  $('toast').hidden = false;
  clearTimeout(hide);
  hide = setTimeout(() => { $('toast').hidden = true; }, 6000);
}

// The search.

const chatLink = (chat) => h('a', {href: '?chat=' + encodeURIComponent(chat), 'data-key': 'chat ' + chat, class: 'id', title: chat, click: (e) => { e.preventDefault(); $('chat').value = chat; find(chat); $('find-title').scrollIntoView({behavior: 'smooth'}); }}, chat || '–');

async function find(chat) {
  history.replaceState(null, '', '?chat=' + encodeURIComponent(chat));
  let got;
  try {
    const res = await fetch('/api/turns?chat=' + encodeURIComponent(chat));
    got = await res.json();
    if (!res.ok) throw new Error(got.error);
  } catch (e) {
    $('found').replaceChildren(nothing(e instanceof TypeError ? 'The bot does not answer.' : e.message));
    return;
  }
  if (!got.turns.length) {
    $('found').replaceChildren(nothing('No turns of this chat were found. The search covers the last 5000 turns of this replica (' + got.process + ').'));
    return;
  }
  const several = new Set(got.turns.map((t) => t.chat)).size > 1;
  const few = 12;
  const draw = (turns) => $('found').replaceChildren(table('Turns of the chat, newest first', [
    {name: 'When', cell: (t) => ago(t.at)},
    ...(several ? [{name: 'Chat', cell: (t) => chatLink(t.chat)}] : []),
    {name: 'Event', cell: (t) => [t.kind || 'unreadable', t.heard ? h('q', {class: 'words'}, t.heard) : null]},
    {name: 'Result', cell: (t) => h('span', {class: 'chip ' + ({answered: 'good', 'set aside': 'bad', later: 'warn', waiting: 'warn', lost: 'warn'}[t.result] ?? '')}, t.result)},
    {name: 'Rule', cell: (t) => t.rule || '–'},
    {name: got.words ? 'Reason or answer' : 'Reason', cell: (t) => {
      const told = t.reason || t.answer?.map((w) => h('q', {class: 'words'}, w));
      const why = (t.why ?? []).map((w) => h('p', {class: 'hint'}, w));
      if (t.attempt <= 1) return [told || '–', why].flat();
      return [told ? [told, ` (attempt ${t.attempt})`] : `attempt ${t.attempt}`, why].flat(2);
    }, wide: true},
    {name: 'Waited', cell: (t) => span(Math.max(0, t.waited)), number: true},
    {name: 'Took', cell: (t) => span(t.took), number: true},
  ], turns), ...(turns.length < got.turns.length ? [h('button', {type: 'button', class: 'more', click: () => draw(got.turns)}, `Show all ${got.turns.length}`)] : []),
  h('p', {class: 'hint'}, (got.more ? 'There are more turns. ' : '') + (got.words ? '' : 'Words are only shown with LOG_LEVEL=debug.')));
  draw(got.turns.slice(0, few));
}

$('find').addEventListener('submit', (e) => { e.preventDefault(); find($('chat').value.trim()); });
const wanted = new URLSearchParams(location.search).get('chat');
if (wanted) {
  $('chat').value = wanted;
  find(wanted);
}

// The stream. The page shows when its figures are old.

let heard = 0;
function listen() {
  const events = new EventSource('/events');
  events.addEventListener('status', (e) => {
    heard = Date.now();
    show(JSON.parse(e.data));
    fresh();
  });
  events.addEventListener('error', () => {
    fresh();
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  });
}

function fresh() {
  const silent = (Date.now() - heard) / 1000, old = silent > 8;
  document.body.classList.toggle('stale', old);
  const text = !old ? 'live' : heard ? `no update for ${span(Math.round(silent))}: the bot may be down` : 'the bot does not answer';
  if ($('live').textContent !== text) $('live').textContent = text;
  if (old && heard) document.title = '? No updates – giosg bot';
}

setTimeout(() => setInterval(fresh, 1000), 4000);
listen();
