// Small plots of the last hour. Each is an SVG that fills its tile. The mouse, a finger or the arrow keys choose a minute to read.

const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 240, HEIGHT = 64, TOP = 4;

function svg(tag, attributes) {
  const e = document.createElementNS(SVG, tag);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  return e;
}

function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString([], {hour: '2-digit', minute: '2-digit', hourCycle: 'h23'});
}

// Plot draws values of the minutes. options.series is a list of {key, kind: 'bar' | 'line' | 'area', tone}, options.least the smallest top
// of the scale. options.format formats a value, options.read a minute.
export class Plot {
  constructor(options) {
    this.options = options;
    this.minutes = [];
    this.at = null; // the chosen minute; null if none
    this.element = document.createElement('div');
    this.element.className = 'plot';
    this.svg = svg('svg', {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true', focusable: 'false'});
    this.top = document.createElement('span');
    this.top.className = 'top-of-scale';
    this.reading = document.createElement('span');
    this.reading.className = 'reading';
    const frame = document.createElement('div');
    frame.className = 'frame';
    frame.tabIndex = 0;
    frame.setAttribute('role', 'slider');
    frame.setAttribute('aria-label', options.label + ', minute by minute');
    frame.append(this.svg, this.top);
    const axis = document.createElement('div');
    axis.className = 'axis';
    const begin = document.createElement('span'), end = document.createElement('span');
    begin.textContent = '60 min ago';
    end.textContent = 'now';
    axis.append(begin, this.reading, end);
    this.element.append(frame, axis);
    this.frame = frame;
    frame.addEventListener('pointermove', (e) => {
      const box = frame.getBoundingClientRect();
      this.read(Math.floor((e.clientX - box.left) / box.width * this.minutes.length));
    });
    frame.addEventListener('pointerleave', () => this.read(null));
    frame.addEventListener('focus', () => { if (frame.matches(':focus-visible')) this.read(this.minutes.length - 1); });
    frame.addEventListener('blur', () => this.read(null));
    frame.addEventListener('keydown', (e) => this.key(e));
  }

  key(e) {
    const last = this.minutes.length - 1, at = this.at ?? last;
    const to = {ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, PageDown: at - 10, PageUp: at + 10, Home: 0, End: last}[e.key];
    if (e.key === 'Escape') this.read(null);
    if (to === undefined) return;
    e.preventDefault();
    this.read(to);
  }

  read(at) {
    this.at = at === null ? null : Math.max(0, Math.min(at, this.minutes.length - 1));
    this.draw();
  }

  update(minutes) {
    this.minutes = minutes;
    this.draw();
  }

  draw() {
    const {series, least, format, read} = this.options, n = this.minutes.length;
    if (n === 0) return;
    let most = least;
    for (const m of this.minutes) for (const s of series) most = Math.max(most, m[s.key] ?? 0);
    const x = (i) => i * WIDTH / n, y = (v) => HEIGHT - v / most * (HEIGHT - TOP);
    const parts = [svg('line', {x1: 0, x2: WIDTH, y1: HEIGHT, y2: HEIGHT, class: 'base'})];
    for (const s of series) {
      if (s.kind === 'bar') {
        this.minutes.forEach((m, i) => {
          if (m[s.key]) parts.push(svg('rect', {x: x(i) + 0.4, width: WIDTH / n - 0.8, y: y(m[s.key]), height: HEIGHT - y(m[s.key]), class: 'bar ' + s.tone + (i === n - 1 ? ' partial' : '')}));
        });
        continue;
      }
      // A line for each run of minutes that have a value.
      for (let i = 0; i < n; i++) {
        if (this.minutes[i][s.key] === null) continue;
        const from = i;
        while (i + 1 < n && this.minutes[i + 1][s.key] !== null) i++;
        let d = '';
        for (let j = from; j <= i; j++) d += (j === from ? 'M' : 'L') + (x(j) + WIDTH / n / 2).toFixed(1) + ' ' + y(this.minutes[j][s.key]).toFixed(1);
        if (from === i) d += 'h0.01';
        if (s.kind === 'area' && from < i) parts.push(svg('path', {d: `${d}V${HEIGHT}H${(x(from) + WIDTH / n / 2).toFixed(1)}Z`, class: 'area ' + s.tone}));
        parts.push(svg('path', {d, class: 'line ' + s.tone}));
      }
    }
    if (this.at !== null) parts.push(svg('line', {x1: x(this.at) + WIDTH / n / 2, x2: x(this.at) + WIDTH / n / 2, y1: 0, y2: HEIGHT, class: 'cursor'}));
    this.svg.replaceChildren(...parts);
    this.top.textContent = format(most);
    const at = this.at ?? n - 1, text = clock(this.minutes[at].at) + ': ' + read(this.minutes[at]);
    this.reading.textContent = this.at === null ? '' : text;
    this.element.classList.toggle('is-read', this.at !== null);
    this.frame.setAttribute('aria-valuemin', 0);
    this.frame.setAttribute('aria-valuemax', n - 1);
    this.frame.setAttribute('aria-valuenow', at);
    this.frame.setAttribute('aria-valuetext', text);
  }
}
