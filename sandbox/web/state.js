// The state of the page: a snapshot from the server, kept up to date by the stream.

export const state = {
  org: '', rooms: [], humans: [], teams: [], botUser: '',
  chats: new Map(), // id → chat, with log: its lines
  calls: [], deliveries: [], turns: [],
  bot: { running: false }, switches: {}, book: null, examples: [], done: new Set(),
};

const listeners = {};

// on calls f for every item of the kinds: snapshot, chat, line, turn, call, delivery, bot, switches, book, humans, done.
export function on(kind, f) {
  for (const k of kind.split(' ')) (listeners[k] ??= []).push(f);
}

function tell(kind, data) {
  for (const f of listeners[kind] ?? []) f(data);
}

export const room = (id) => state.rooms.find((r) => r.id === id) ?? { name: '?', language: '' };

// hue returns the colour of a chat, the same everywhere on the page.
export const hue = (chat) => `hue${((chat?.n ?? 1) - 1) % 6}`;

const keep = (list, v, most) => {
  list.push(v);
  if (list.length > most) list.shift();
};

function takeChat({ lines, ...c }) { // lines is a count; the lines themselves are in log
  const chat = Object.assign(state.chats.get(c.id) ?? { log: [] }, c);
  state.chats.set(c.id, chat);
  return chat;
}

const take = {
  snapshot(d) {
    Object.assign(state, {
      org: d.org, rooms: d.rooms, humans: d.humans, teams: d.teams, botUser: d.bot_user,
      calls: d.calls ?? [], deliveries: d.deliveries ?? [], turns: d.turns ?? [],
      bot: d.bot, switches: d.switches, book: d.book, examples: d.examples, done: new Set(d.done ?? []),
    });
    state.chats.clear();
    for (const c of d.chats) takeChat(c);
    for (const l of d.lines) state.chats.get(l.chat_id)?.log.push(l);
    return d;
  },
  chat: takeChat,
  line(l) {
    const chat = state.chats.get(l.chat_id);
    if (!chat || chat.log.some((x) => x.id === l.id)) return null;
    chat.log.push(l);
    return l;
  },
  turn(t) { keep(state.turns, t, 300); return t; },
  call(c) { keep(state.calls, c, 600); return c; },
  delivery(d) { keep(state.deliveries, d, 600); return d; },
  bot(b) { return (state.bot = b); },
  switches(s) { return (state.switches = s); },
  book(b) { return (state.book = b); },
  humans(list) { return (state.humans = list); },
  done(list) { return (state.done = new Set(list)); },
};

// connect reads the stream. The browser connects again by itself, and gets a new snapshot.
export function connect(onConnection) {
  const source = new EventSource('/api/live');
  source.onopen = () => onConnection(true);
  source.onerror = () => onConnection(false);
  source.onmessage = (e) => {
    const { kind, data } = JSON.parse(e.data);
    if (!take[kind]) return;
    const got = take[kind](data);
    if (got !== null) tell(kind, got);
  };
}
