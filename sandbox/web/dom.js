// Small helpers to make elements. Text is always set as text, so nothing that anybody writes can become markup.

// h makes an element. props: class, data-*, aria-*, on* (a function), properties such as value, hidden, disabled.
export function h(tag, props = {}, ...children) {
  const el = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) el.addEventListener(name.slice(2), value);
    else if (name === 'class') el.className = value;
    else if (name.includes('-') || name === 'role' || name === 'for') el.setAttribute(name, value);
    else el[name] = value;
  }
  add(el, children);
  return el;
}

function add(el, children) {
  for (const child of children) {
    if (child === undefined || child === null || child === false) continue;
    if (Array.isArray(child)) add(el, child);
    else el.append(child); // strings become text nodes
  }
}

export const $ = (id) => document.getElementById(id);

// fill replaces what is in an element.
export function fill(el, ...children) {
  el.replaceChildren();
  add(el, children);
}

// time shows a moment; with fine, to the millisecond, and without the hour.
export function time(at, fine) {
  const d = new Date(at);
  const two = (n) => String(n).padStart(2, '0');
  const text = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  return fine ? `${text.slice(3)}.${String(d.getMilliseconds()).padStart(3, '0')}` : text;
}

// span shows a duration given in microseconds.
export function span(us) {
  if (us < 1000) return '<1 ms';
  if (us < 1e6) return `${Math.round(us / 1000)} ms`;
  if (us < 60e6) return `${(us / 1e6).toFixed(1)} s`;
  return `${Math.round(us / 60e6)} min`;
}

// link is an address if it is one of the web's, else null.
export function link(text) {
  try {
    const url = new URL(text);
    return url.protocol === 'https:' || url.protocol === 'http:' ? url.href : null;
  } catch {
    return null;
  }
}

// stick keeps a list scrolled to its end while it is there, also when it changes its size; whoever reads further up is not moved.
// It returns what to call after something was added.
export function stick(el) {
  let pinned = true;
  let size = '';
  const now = () => `${el.clientWidth} ${el.clientHeight} ${el.scrollHeight}`;
  const settle = () => {
    if (pinned) el.scrollTop = el.scrollHeight;
    size = now();
  };
  el.addEventListener('scroll', () => {
    if (size !== now()) settle(); // the list has changed, nobody has scrolled
    else pinned = el.scrollHeight - el.scrollTop - el.clientHeight < 40;
  });
  new ResizeObserver(settle).observe(el);
  return settle;
}

let noticeTimer;

// notice tells what went wrong.
export function notice(text) {
  const el = $('notice');
  el.textContent = text;
  el.hidden = false;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => { el.hidden = true; }, 6000);
}

// post does a deed on the server. It returns the answer, or null after telling what went wrong.
export async function post(path, body = {}, signal = undefined) {
  try {
    const res = await fetch(`/api/${path}`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body), signal,
    });
    const answer = await res.json();
    if (res.ok) return answer;
    notice(`That did not work: ${answer.error}`);
  } catch (err) {
    if (err.name !== 'AbortError') notice('The sandbox does not answer. Is it still running?');
  }
  return null;
}
