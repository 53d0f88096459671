// Helpers that make elements. Strings always become text, never markup.

// h makes an element. props are class, data-*, aria-*, on* (a function), and properties like value, hidden and disabled.
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

// fill replaces the content of an element.
export function fill(el, ...children) {
  el.replaceChildren();
  add(el, children);
}

// time formats a time of day; with fine, minutes to milliseconds.
export function time(at, fine) {
  const d = new Date(at);
  const two = (n) => String(n).padStart(2, '0');
  const text = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  return fine ? `${text.slice(3)}.${String(d.getMilliseconds()).padStart(3, '0')}` : text;
}

// span formats a duration in microseconds.
export function span(us) {
  if (us < 1000) return '<1 ms';
  if (us < 1e6) return `${Math.round(us / 1000)} ms`;
  if (us < 60e6) return `${(us / 1e6).toFixed(1)} s`;
  return `${Math.round(us / 60e6)} min`;
}

// link returns the URL if it is http or https, else null.
export function link(text) {
  try {
    const url = new URL(text);
    return url.protocol === 'https:' || url.protocol === 'http:' ? url.href : null;
  } catch {
    return null;
  }
}

// stick keeps a list scrolled to its end, unless the user has scrolled up. It returns a function to call after the list has changed.
export function stick(el) {
  let pinned = true;
  let size = '';
  const now = () => `${el.clientWidth} ${el.clientHeight} ${el.scrollHeight}`;
  const settle = () => {
    if (pinned) el.scrollTop = el.scrollHeight;
    size = now();
  };
  el.addEventListener('scroll', () => {
    if (size !== now()) settle(); // the list has changed size, the user has not scrolled
    else pinned = el.scrollHeight - el.scrollTop - el.clientHeight < 40;
  });
  new ResizeObserver(settle).observe(el);
  return settle;
}

let noticeTimer;

// notice shows an error.
export function notice(text) {
  const el = $('notice');
  el.textContent = text;
  el.hidden = false;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => { el.hidden = true; }, 6000);
}

// post performs an action on the server. It returns the answer, or null after showing the error.
export async function post(path, body = {}, signal = undefined) {
  try {
    const res = await fetch(`/api/${path}`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body), signal,
    });
    const answer = await res.json();
    if (res.ok) return answer;
    notice(`Error: ${answer.error}`);
  } catch (err) {
    if (err.name !== 'AbortError') notice('The sandbox does not answer. Is it still running?');
  }
  return null;
}
