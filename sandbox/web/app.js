// Starts the parts of the page and draws the guide, the state of the bot and the switches.
import { $, fill, h, post } from './dom.js';
import { connect, on, state } from './state.js';
import { startVisitors } from './visitors.js';
import { startOperator } from './operator.js';
import { startBotSide } from './botside.js';
import { startBook } from './book.js';

const steps = [
  ['answer', 'Get an answer', 'Write “opening hours?” in a visitor’s window, or press one of the suggestions above the text field.'],
  ['button', 'Press a button', 'Press one of the buttons under the bot’s greeting. Some buttons are disabled after that, as in giosg.'],
  ['why', 'Ask why', 'Open “Why?” under one of the bot’s turns. It shows the rule that answered, why earlier rules did not, and the API calls.'],
  ['human', 'Take over', 'Ask for a human as the visitor. Then join the chat as the operator and write. The bot is silent from then on.'],
  ['language', 'Second language', 'Choose Verkkokauppa (fi) or Webbutik (sv), add a new visitor, and get an answer in that language.'],
  ['duplicate', 'Drop duplicates', 'Switch on “Duplicates” and write. Each webhook is sent up to three times, but the bot answers once.'],
  ['outage', 'Survive an outage', 'Switch on “API down”, write, and watch the bot retry. Switch it off again: the bot answers, once.'],
  ['restart', 'Kill the bot', 'Kill the bot, write something, and start the bot again. giosg retries its webhooks, so nothing is lost.'],
  ['playbook', 'Change a text', 'Open the Playbook tab and change a text. It is checked while you type and active at once. Try a mistake too.'],
];
const switches = [
  ['duplicate', 'Duplicates', 'each webhook is sent up to three times'],
  ['shuffle', 'Late and shuffled', 'webhooks arrive in another order'],
  ['down', 'API down', 'every API call gets 503'],
  ['throttle', 'Throttled', 'one API call a second, 429 for the others'],
  ['cut', 'Answers lost', 'writes take effect, but the connection breaks'],
  ['expire', 'Tokens refused', 'every API call gets 401'],
];
let picked = '';

function drawGuide() {
  const next = steps.find(([name]) => !state.done.has(name));
  const show = steps.find(([name]) => name === picked) ?? next;
  $('guide-count').textContent = `${state.done.size} of ${steps.length}`;
  const focused = document.activeElement?.dataset?.step;
  fill($('guide-steps'), steps.map(([name, title]) => {
    const done = state.done.has(name);
    return h('li', {}, h('button', {
      type: 'button', class: done ? 'done' : '', 'data-step': name, 'aria-pressed': String(show?.[0] === name),
      onclick: () => { picked = name; drawGuide(); },
    }, h('span', { class: 'tick', 'aria-hidden': 'true' }, done ? '✓' : ''), title, h('span', { class: 'sr' }, done ? ' (done)' : '')));
  }));
  if (focused) $('guide-steps').querySelector(`[data-step="${focused}"]`)?.focus();
  $('guide-hint').textContent = show ? show[2] : 'That was the last step. Now try your own playbook.';
  $('guide-steps').querySelector('[aria-pressed="true"]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
}

let connected = false;

function drawBot() {
  const el = $('bot-state');
  const running = state.bot.running;
  const text = !connected ? 'No connection' : running ? 'Bot running' : state.bot.error ? 'Bot failed' : 'Bot killed';
  if (el.textContent !== text) el.textContent = text;
  el.className = `pill ${!connected ? 'warn' : running ? 'good' : 'bad'}`;
  el.title = state.bot.error ?? '';
  $('bot-kill').hidden = !running;
  $('bot-start').hidden = running;
}

function drawSwitches() {
  const list = $('switches');
  if (!list.children.length) {
    fill(list, switches.map(([name, title, what]) => h('li', {}, h('label', { class: 'switch' },
      h('input', { type: 'checkbox', role: 'switch', id: `switch-${name}`, onchange: (e) => turn(name, e.target) }),
      h('span', {}, title, h('small', { class: 'muted' }, what))))));
  }
  for (const [name] of switches) $(`switch-${name}`).checked = Boolean(state.switches[name]);
}

// turn sends a switch to the server. It is busy until the server has answered, and turns back if that fails.
async function turn(name, input) {
  input.ariaBusy = 'true';
  const answer = await post(`switches/${name}`, { on: input.checked });
  input.ariaBusy = null;
  if (!answer) drawSwitches();
}

function tabs() {
  const all = [['tab-live', 'pane-live'], ['tab-book', 'pane-book']];
  const show = (id, focus) => {
    for (const [tab, pane] of all) {
      const on_ = tab === id;
      $(tab).setAttribute('aria-selected', String(on_));
      $(tab).tabIndex = on_ ? 0 : -1;
      $(pane).hidden = !on_;
      if (on_ && focus) $(tab).focus();
    }
  };
  all.forEach(([tab], i) => {
    $(tab).addEventListener('click', () => show(tab));
    $(tab).addEventListener('keydown', (e) => {
      if (e.key === 'ArrowRight' || e.key === 'ArrowLeft') show(all[(i + 1) % all.length][0], true);
    });
  });
}

function views() {
  for (const b of document.querySelectorAll('.views button')) {
    b.addEventListener('click', () => {
      document.body.dataset.view = b.dataset.view;
      for (const other of document.querySelectorAll('.views button')) other.setAttribute('aria-pressed', String(other === b));
    });
  }
}

startVisitors();
startOperator();
startBotSide();
startBook();
tabs();
views();
on('snapshot', () => { connected = true; drawGuide(); drawBot(); drawSwitches(); });
on('done', () => { picked = ''; drawGuide(); });
on('bot', drawBot);
on('switches', drawSwitches);
$('bot-kill').addEventListener('click', () => post('bot', { running: false }));
$('bot-start').addEventListener('click', () => post('bot', { running: true }));
connect((ok) => { connected = ok; drawBot(); });
