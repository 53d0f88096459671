// The console of an operator: what a human sees in giosg.
import { $, fill, h, post, stick } from './dom.js';
import { hue, on, room, state } from './state.js';
import { bubble, status } from './visitors.js';

let who = ''; // the operator's id
let chosen = ''; // the chat's id
let eager = false; // move the focus to the text field when the operator is in the chat
let shown = { id: '', n: 0 };
let settle; // keeps the chat's end in view

const me = () => state.humans.find((u) => u.id === who);
const member = (chat) => (chat.members ?? []).find((m) => m.id === who && m.participating);

function drawPeople() {
  who = me()?.id ?? state.humans[0]?.id ?? '';
  fill($('operator-who'), state.humans.map((u) => h('button', {
    type: 'button', 'aria-pressed': String(u.id === who), onclick: () => { who = u.id; drawAll(); },
  }, h('span', { class: u.online ? 'lamp on' : 'lamp' }), u.name, h('span', { class: 'sr' }, u.online ? ' (online)' : ' (offline)'))));
  $('operator-online').checked = me()?.online ?? false;
  const on_ = state.humans.some((u) => u.online);
  $('operator-teams').textContent = state.teams.length ? `${state.teams.join(', ')}: ${on_ ? 'online' : 'offline'}` : '';
}

const urgency = { wanted: 0, pending: 1, human: 2, bot: 3, new: 4, ended: 5 };

function drawList() {
  const chats = [...state.chats.values()].sort((a, b) => urgency[status(a)[0]] - urgency[status(b)[0]] || b.n - a.n);
  if (!state.chats.has(chosen)) chosen = chats[0]?.id ?? '';
  const focused = document.activeElement?.dataset?.row;
  fill($('operator-chats'), chats.map((chat) => {
    const [kind, text] = status(chat);
    return h('li', {}, h('button', {
      type: 'button', class: `chat-row ${hue(chat)}`, 'data-row': chat.id, 'aria-pressed': String(chat.id === chosen),
      onclick: () => { chosen = chat.id; drawAll(); },
    }, h('span', { class: 'dot', 'aria-hidden': 'true' }), h('span', { class: 'grow' }, `Visitor ${chat.n}`,
      h('span', { class: 'muted' }, ` ${room(chat.room_id).language}`)), h('span', { class: 'status', 'data-kind': kind }, text)));
  }));
  if (focused) $('operator-chats').querySelector(`[data-row="${focused}"]`)?.focus();
}

function drawChat() {
  const chat = state.chats.get(chosen);
  $('operator-chat').hidden = !chat;
  if (!chat) return;
  $('operator-chat-title').textContent = `Visitor ${chat.n}`;
  const lines = $('operator-lines');
  const key = `${chat.id} ${who}`;
  if (shown.id !== key) {
    fill(lines);
    shown = { id: key, n: 0 };
    lines.scrollTop = 0;
  }
  for (; shown.n < chat.log.length; shown.n++) lines.append(bubble(chat, chat.log[shown.n], 'team', false));
  settle();
  const inside = Boolean(member(chat));
  $('operator-take').hidden = !chat.pending || inside || chat.ended;
  $('operator-join').hidden = chat.pending || inside || chat.ended;
  $('operator-leave').hidden = !inside || chat.ended;
  $('operator-end').hidden = !inside || chat.ended;
  const input = $('operator-text');
  input.disabled = !inside || chat.ended;
  if (eager && inside) {
    eager = false;
    input.focus();
  }
  $('operator-form').querySelector('button').disabled = input.disabled;
  input.placeholder = chat.ended ? 'The chat has ended' : inside ? `Write as ${me()?.name ?? ''}` : 'Take or join the chat to write';
}

function drawAll() {
  drawPeople();
  drawList();
  drawChat();
}

export function startOperator() {
  settle = stick($('operator-lines'));
  on('snapshot', () => { shown = { id: '', n: 0 }; drawAll(); });
  on('chat line', () => { drawList(); drawChat(); });
  on('humans book', drawAll);
  const act = (verb) => async () => {
    if (!await post(`humans/${who}/${verb}`, { chat: chosen })) return;
    eager = verb === 'take' || verb === 'join';
    drawChat(); // the stream may have brought the change already
  };
  for (const verb of ['take', 'join', 'leave', 'end']) $(`operator-${verb}`).addEventListener('click', act(verb));
  $('operator-online').addEventListener('change', (e) => post(`humans/${who}/online`, { online: e.target.checked }));
  $('operator-form').addEventListener('submit', (e) => {
    e.preventDefault();
    const input = $('operator-text');
    const text = input.value;
    if (!text.trim()) return;
    input.value = '';
    post(`humans/${who}/say`, { chat: chosen, text });
  });
}
