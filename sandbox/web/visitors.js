// The windows of the visitors.
import { $, fill, h, link, post, stick } from './dom.js';
import { hue, on, room, state } from './state.js';

const suggestions = {
  en: ['Opening hours?', 'Where is my order?', 'A123456', 'I want a human', 'Blue elephants'],
  fi: ['Milloin olette auki?', 'Missä tilaukseni on?', 'A123456', 'Haluan ihmisen', 'Siniset norsut'],
  sv: ['När har ni öppet?', 'Var är mitt paket?', 'A123456', 'Jag vill prata med en människa', 'Blå elefanter'],
};
// For examples on other topics.
const special = {
  'sidekick.yaml': {
    en: ['Tell me about Aurora 2', 'Do you have Kajo?', 'Is 123-4567 in stock?', 'Blue elephants'],
    fi: ['Millainen Aurora 2 on?', 'Onko teillä Kajoa?', 'Onko 123-4567 varastossa?', 'Siniset norsut'],
  },
  'greeter.yaml': {
    en: ['Which size fits me?', 'Just looking', 'I need help', 'Blue elephants'],
    fi: ['Mikä koko sopii?', 'Katselen vain', 'Tarvitsen apua', 'Siniset norsut'],
    sv: ['Vilken storlek passar?', 'Jag bara tittar', 'Jag behöver hjälp', 'Blå elefanter'],
  },
};
const suggest = (language) => {
  const all = special[state.book?.id] ?? suggestions;
  return all[language] ?? all.en;
};
const labels = {
  en: { write: 'Write a message', send: 'Send' },
  fi: { write: 'Kirjoita viesti', send: 'Lähetä' },
  sv: { write: 'Skriv ett meddelande', send: 'Skicka' },
};

const windows = new Map(); // chat id → its window's elements, and how many lines are shown
let wanted = ''; // the chat that was just opened here

// dead reports whether a button can no longer be pressed, by giosg's two rules.
function dead(chat, line, button) {
  if (chat.ended) return true;
  const after = chat.log.slice(chat.log.indexOf(line) + 1);
  return after.some((l) => l.who === 'visitor' && (
    (button.is_disabled_on_visitor_message && l.type === 'msg')
    || (button.is_disabled_on_selection && l.type === 'action' && l.response_to === line.id && l.response_value === button.value)));
}

function picture(a) {
  const src = link(a.image_url);
  if (!src) return null;
  // Loaded on a click only: the sandbox calls no other host by itself.
  const show = h('button', { type: 'button', class: 'picture', onclick: () => {
    const img = h('img', { src, alt: a.title ?? 'Picture', onerror: () => { show.textContent = 'The picture cannot be loaded'; img.replaceWith(show); } });
    const to = link(a.image_link_url);
    show.replaceWith(to ? h('a', { href: to, target: '_blank', rel: 'noopener noreferrer' }, img) : img);
  } }, 'Show the picture from ', h('b', {}, new URL(src).host));
  return show;
}

function buttonOf(chat, line, b) {
  if (b.type === 'link_button') {
    const href = link(b.value);
    if (href) return h('a', { class: `act style-${b.style ?? ''}`, href, target: '_blank', rel: 'noopener noreferrer' }, b.text ?? b.value, ' ↗');
  }
  const el = h('button', { type: 'button', class: `act style-${b.style ?? ''}`, disabled: dead(chat, line, b),
    onclick: () => post(`chats/${chat.id}/press`, { value: b.value }) }, b.text ?? b.value);
  el.isDead = () => dead(chat, line, b);
  return el;
}

function attachment(chat, line, a) {
  const title = a.title && (link(a.title_link_url)
    ? h('a', { href: link(a.title_link_url), target: '_blank', rel: 'noopener noreferrer' }, a.title) : a.title);
  const body = [a.image_url && picture(a), title && h('strong', {}, title), a.text && h('p', {}, a.text)].filter(Boolean);
  const acts = (a.actions ?? []).map((b) => buttonOf(chat, line, b));
  return [
    body.length > 0 && h('div', { class: 'card' }, body),
    acts.length > 0 && h('div', { class: 'acts' }, acts),
  ];
}

const happenings = { join: 'joined', leave: 'left' };

// bubble shows one line of a chat. mine is the side whose lines are on the right.
export function bubble(chat, l, mine, live) {
  if (l.type !== 'msg' && l.type !== 'action' && l.type !== 'autosuggest') {
    const what = happenings[l.type] ?? l.type;
    return h('li', { class: 'event' }, l.who === 'rule' ? what : `${l.name || 'Visitor'} ${what}`, l.text && happenings[l.type] === undefined ? `: ${l.text}` : '');
  }
  const side = (mine === 'visitor') === (l.who === 'visitor') ? 'right' : 'left';
  const name = l.who === 'visitor' ? (mine === 'visitor' ? 'You' : `Visitor ${chat.n}`) : l.name;
  return h('li', { class: `said ${side} by-${l.who} ${l.type === 'action' ? 'pressed' : ''}` },
    h('span', { class: mine === 'visitor' && l.who === 'visitor' ? 'sr' : 'name' }, name),
    l.text && h('p', { class: 'bubble' }, l.type === 'action' ? h('span', { class: 'sr' }, 'pressed: ') : null, l.text),
    (l.attachments ?? []).map((a) => (live ? attachment(chat, l, a) : summary(a))));
}

function summary(a) {
  const parts = [a.title, a.text, ...(a.actions ?? []).map((b) => `[${b.text ?? b.value}]`)].filter(Boolean);
  return h('p', { class: 'small muted' }, parts.join(' · ') || 'a picture');
}

// status returns the state of a chat and a text for it.
export function status(chat) {
  if (chat.ended) return ['ended', 'ended'];
  const with_ = (chat.members ?? []).filter((m) => m.who !== 'visitor' && m.participating && m.present);
  const humans = with_.filter((m) => m.who === 'human');
  if (humans.length) return ['human', `with ${humans.map((m) => m.name).join(', ')}`];
  if (chat.invited?.length) return ['wanted', 'a human is invited'];
  if (chat.pending) return ['pending', 'waiting'];
  if (with_.length) return ['bot', `with ${with_.map((m) => m.name).join(', ')}`];
  return ['new', 'open'];
}

function make(chat) {
  const r = room(chat.room_id);
  const words = labels[r.language] ?? labels.en;
  const lines = h('ol');
  const hello = h('p', { class: 'hello' }, h('strong', {}, 'New visitor.'), 'Write a message, or press one of the suggestions below.');
  const log = h('div', { class: 'log scroll', role: 'log', 'aria-label': `Chat of visitor ${chat.n}`, tabIndex: 0 }, hello, lines);
  const id = `say-${chat.id}`;
  const input = h('input', { id, type: 'text', maxLength: 2000, autocomplete: 'off', placeholder: words.write, lang: r.language });
  const say = async (text) => {
    if (text.trim()) await post(`chats/${chat.id}/say`, { text });
  };
  const form = h('form', { class: 'composer', onsubmit: (e) => {
    e.preventDefault();
    const text = input.value;
    input.value = '';
    say(text);
  } }, h('label', { class: 'sr', for: id }, `${words.write}, visitor ${chat.n}`), input, sendButton(words.send));
  const chips = h('div', { class: 'chips', lang: r.language, role: 'group', 'aria-label': 'Suggestions' });
  const offer = () => fill(chips, suggest(r.language).map((text) => h('button', { type: 'button', onclick: () => say(text) }, text)));
  offer();
  const state_ = h('span', { class: 'status' });
  const end = h('button', { type: 'button', class: 'small quiet', 'aria-label': `End the chat of visitor ${chat.n}`,
    onclick: () => post(`chats/${chat.id}/end`) }, 'End');
  const el = h('article', { class: `window ${hue(chat)}`, 'data-chat': chat.id, 'aria-label': `Visitor ${chat.n}` },
    h('header', {},
      h('span', { class: 'dot', 'aria-hidden': 'true' }),
      h('div', {}, h('h3', {}, `Visitor ${chat.n} `, h('span', { class: 'lang' }, `${r.language} · ${r.name}`)), state_),
      end),
    log,
    h('p', { class: 'typing', hidden: true, 'aria-hidden': 'true' }, h('i'), h('i'), h('i')),
    chips, form);
  const w = { el, log, lines, hello, chips, form, input, end, state: state_, shown: 0, typing: el.querySelector('.typing'), settle: stick(log), offer };
  windows.set(chat.id, w);
  $('windows').append(el);
  if (chat.id === wanted) {
    wanted = '';
    el.scrollIntoView({ inline: 'end', block: 'nearest' });
    input.focus({ preventScroll: true });
  }
  return w;
}

function sendButton(label) {
  const b = h('button', { type: 'submit', 'aria-label': label });
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 20 20');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', 'M3 10 17 4l-4 13-3.5-5.5z');
  svg.append(path);
  b.append(svg);
  return b;
}

// awaited reports whether the visitor's last message has no answer yet and the bot may give one.
function awaited(chat) {
  const last = chat.log.findLast((l) => l.type === 'msg' || l.type === 'action');
  return state.bot.running && !chat.ended && last?.who === 'visitor' && Date.now() - new Date(last.at) < 30000 && status(chat)[0] !== 'human';
}

function draw(chat) {
  const w = windows.get(chat.id) ?? make(chat);
  for (; w.shown < chat.log.length; w.shown++) w.lines.append(bubble(chat, chat.log[w.shown], 'visitor', true));
  w.hello.hidden = w.shown > 0;
  for (const b of w.log.querySelectorAll('button.act')) if (b.isDead) b.disabled = b.isDead();
  const [kind, text] = status(chat);
  w.state.textContent = text;
  w.state.dataset.kind = kind;
  w.el.classList.toggle('over', chat.ended);
  w.end.hidden = w.form.hidden = w.chips.hidden = chat.ended;
  w.typing.hidden = !awaited(chat);
  w.settle();
}

export function startVisitors() {
  on('snapshot', () => {
    windows.clear();
    const had = document.activeElement?.id;
    fill($('windows'));
    fill($('visitor-room'), state.rooms.map((r) => h('option', { value: r.id }, `${r.name} (${r.language})`)));
    for (const chat of state.chats.values()) draw(chat);
    if (had?.startsWith('say-')) $(had)?.focus();
  });
  on('book', () => { for (const w of windows.values()) w.offer(); });
  on('bot', () => state.chats.forEach(draw));
  on('chat', draw);
  on('line', (l) => draw(state.chats.get(l.chat_id)));
  $('visitor-new').addEventListener('submit', async (e) => {
    e.preventDefault();
    const made = await post('visitors', { room: $('visitor-room').value });
    if (!made) return;
    const w = windows.get(made.id);
    if (w) w.input.focus();
    else wanted = made.id; // the stream will bring it
  });
}
