// The playbook: choose an example or edit the text. The server checks the text while the user types, and uses it if it has no errors.
import { $, fill, h, post } from './dom.js';
import { on, state } from './state.js';

let timer;
let id = '';
let lineCount = 0;
let wanted = ''; // the chosen example, until the server uses it
let synced = ''; // the text that the server and the editor had in common last

// Changes go to the server one after the other: two at once could take effect in the wrong order. send skips a body that is undefined.
let last = Promise.resolve();
const send = (body) => (last = last.then(() => {
  const b = body();
  return b && post('playbook', b);
}));

function problem(p) {
  return h('li', { class: p.severity }, h('button', { type: 'button', disabled: !p.line, onclick: () => goTo(p) },
    h('span', { class: 'where' }, p.line ? `${p.line}:${p.column}` : 'file'),
    h('span', {}, p.message, p.did_you_mean && h('em', {}, ` — did you mean ${p.did_you_mean}?`),
      !p.did_you_mean && p.allowed?.length > 0 && h('span', { class: 'muted' }, ` (allowed: ${p.allowed.join(', ')})`))));
}

function goTo(p) {
  const text = $('book-text');
  const lines = text.value.split('\n');
  const at = lines.slice(0, p.line - 1).reduce((n, l) => n + l.length + 1, 0) + Math.max(p.column - 1, 0);
  text.focus();
  text.setSelectionRange(at, at + 1);
  text.scrollTop = Math.max(0, (p.line - 4) * parseFloat(getComputedStyle(text).lineHeight));
}

function numbers(problems) {
  const text = $('book-text');
  const n = text.value.split('\n').length;
  const bad = new Map(problems.map((p) => [p.line, p.severity]));
  lineCount = n;
  fill($('book-lines'), Array.from({ length: n }, (_, i) => h('span', { class: bad.get(i + 1) ?? '' }, `${i + 1}\n`)));
}

function verdict(ok, problems) {
  const errors = problems.filter((p) => p.severity === 'error').length;
  const hints = problems.length - errors;
  const el = $('book-state');
  el.className = `book-state ${ok ? 'good' : 'bad'}`;
  el.textContent = ok
    ? `Active.${hints ? ` ${hints} ${hints === 1 ? 'hint' : 'hints'}.` : ''}`
    : `${errors} ${errors === 1 ? 'problem' : 'problems'}. The previous playbook stays active.`;
  $('book-text').setAttribute('aria-invalid', String(!ok));
  fill($('book-problems'), problems.map(problem));
  numbers(problems);
}

// apply sends the text. The answer is shown only if the text is still the same, so the page never calls an older text active.
async function apply() {
  const text = $('book-text').value;
  const current = () => text === $('book-text').value;
  const answer = await send(() => (current() ? { id, text } : undefined));
  if (!answer || !current()) return;
  if (answer.ok) synced = text;
  verdict(answer.ok, answer.problems);
}

function drawTop(b) {
  $('book-name').textContent = b.name + (b.edited ? ' (edited)' : '');
  fill($('book-modes'), b.modes.map((m) => h('span', { class: 'mode', title: modeWords[m] }, m)));
  fill($('book-hooks'), b.webhooks.flatMap((w) => [h('dt', {}, w.channel), h('dd', {}, `→ ${w.path}`)]));
}

export const modeWords = {
  agent: 'takes waiting chats and answers',
  greeter: 'takes chats before the visitor has written, and writes first',
  sidekick: 'writes in chats that a human serves. Take the chat first, then write as the visitor',
};

function note() {
  const e = state.examples.find((x) => x.id === id);
  const modes = state.book.modes.map((m) => `${m}: ${modeWords[m]}`).join('; ');
  $('book-note').textContent = [e?.note, `Mode ${modes}.`].filter(Boolean).join(' ');
}

// draw shows the server's playbook. What the user has typed and the server has not taken stays, unless force is set.
function draw(b, force) {
  drawTop(b);
  id = b.id;
  if (force || !wanted) $('book-choice').value = b.id;
  note();
  const text = $('book-text');
  if (!force && (document.activeElement === text || text.value !== synced)) return;
  if (text.value !== b.text) text.value = b.text;
  synced = b.text;
  verdict(true, b.problems);
}

// choose makes the server use an example. With the arrow keys a user chooses faster than the server answers: then the last choice counts.
async function choose(example) {
  clearTimeout(timer);
  const busy = wanted;
  wanted = example;
  while (!busy && wanted) {
    const now = wanted;
    const answer = await send(() => ({ id: now }));
    if (wanted !== now) continue;
    wanted = '';
    if (!answer || state.book.id === now) draw(state.book, true);
    else synced = $('book-text').value; // the stream brings the new text, which replaces this one
  }
}

export function startBook() {
  on('snapshot', () => {
    fill($('book-choice'), state.examples.map((e) => h('option', { value: e.id }, e.id)));
    draw(state.book, true);
  });
  on('book', (b) => draw(b, false));
  const text = $('book-text');
  text.addEventListener('input', () => {
    if (text.value.split('\n').length !== lineCount) numbers([]);
    const el = $('book-state');
    el.className = 'book-state';
    el.textContent = 'Checking…';
    clearTimeout(timer);
    timer = setTimeout(apply, 250);
  });
  text.addEventListener('scroll', () => { $('book-lines').scrollTop = text.scrollTop; });
  text.addEventListener('keydown', (e) => {
    // Tab leaves the field, as everywhere. Enter keeps the indentation.
    if (e.key !== 'Enter' || e.isComposing) return;
    const before = text.value.slice(0, text.selectionStart);
    const indent = before.slice(before.lastIndexOf('\n') + 1).match(/^ */)[0];
    if (!indent) return;
    e.preventDefault();
    text.setRangeText(`\n${indent}`, text.selectionStart, text.selectionEnd, 'end');
    text.dispatchEvent(new Event('input'));
  });
  $('book-choice').addEventListener('change', (e) => choose(e.target.value));
}
