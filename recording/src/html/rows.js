// The sequence diagram: a row a message, of which only those in sight exist.

const ROW = 26, BODY = 312, SPARE = 12;
// Longer messages are shown in part until the user asks for all.
const SHOWN = 200_000;
const BRIEF = 160;

class Rows {
  constructor(scroller, list, data) {
    Object.assign(this, { scroller, list, data });
    this.lines = Uint32Array.from({ length: data.count }, (_, line) => line);
    this.unfolded = []; // places in `lines`, sorted
    this.drawn = new Map();
    this.hits = new Uint8Array(data.count);
    this.chosen = -1;
    scroller.addEventListener('scroll', () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(scroller);
    list.addEventListener('click', (event) => {
      const head = event.target.closest('.head');
      if (head) this.onclick(Number(head.parentElement.dataset.place));
    });
    this.layout();
  }

  show(lines) {
    const line = this.lineOf(this.chosen), open = new Set(this.unfolded.map((place) => this.lines[place]));
    this.lines = lines;
    this.unfolded = [];
    lines.forEach((one, place) => { if (open.has(one)) this.unfolded.push(place); });
    this.chosen = line === undefined ? -1 : this.placeOf(line);
    this.layout();
  }

  lineOf(place) { return place >= 0 ? this.lines[place] : undefined; }

  // The place of a line, or of the next that is shown.
  placeOf(line) {
    let low = 0, high = this.lines.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.lines[middle] < line) low = middle + 1; else high = middle;
    }
    return Math.min(low, this.lines.length - 1);
  }

  // How many unfolded ones come before a place.
  openBefore(place) {
    let low = 0, high = this.unfolded.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.unfolded[middle] < place) low = middle + 1; else high = middle;
    }
    return low;
  }

  top(place) { return place * ROW + this.openBefore(place) * BODY; }

  placeAt(y) {
    let low = 0, high = this.lines.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.top(middle + 1) <= y) low = middle + 1; else high = middle;
    }
    return low;
  }

  layout() {
    this.list.style.height = `${this.top(this.lines.length)}px`;
    for (const row of this.drawn.values()) row.remove();
    this.drawn.clear();
    this.draw();
  }

  draw() {
    const { scrollTop, clientHeight } = this.scroller;
    const first = Math.max(0, this.placeAt(scrollTop) - SPARE);
    const last = Math.min(this.lines.length, this.placeAt(scrollTop + clientHeight) + SPARE);
    for (const [place, row] of this.drawn) {
      if (place < first || place >= last) {
        row.remove();
        this.drawn.delete(place);
      }
    }
    const fresh = document.createDocumentFragment();
    for (let place = first; place < last; place++) {
      if (!this.drawn.has(place)) {
        const row = this.row(place);
        this.drawn.set(place, row);
        fresh.append(row);
      }
    }
    this.list.append(fresh);
  }

  redraw(place) {
    this.drawn.get(place)?.remove();
    this.drawn.delete(place);
  }

  row(place) {
    const { data } = this, line = this.lines[place], kind = data.kind[line], from = data.from[line];
    const row = element('div', 'row');
    row.dataset.place = place;
    row.style.top = `${this.top(place)}px`;
    row.setAttribute('role', 'option');
    row.setAttribute('aria-selected', place === this.chosen);
    if (place === this.chosen) row.classList.add('chosen');
    if (this.hits[line]) row.classList.add('hit');
    const latency = latencyOf(data, line), isError = data.failed[line] || (kind === REQUEST && data.pair[line] < 0);
    const way = element('div', `way ${['step', '', 'answer', 'event', ''][kind]} ${['', 'to-dlv from-client', 'to-client from-dlv', 'to-client own'][from]}`);
    if (isError) way.classList.add('error');
    const label = element('div', 'label');
    label.append(element('b', '', nameOf(data, line) || '(no name)'), element('span', '', brief(data, line)));
    way.append(element('div', 'arrow'), label);
    const head = element('div', 'head');
    const after = latency !== undefined ? milliseconds(latency) : kind === REQUEST && data.pair[line] < 0 ? 'no answer' : '';
    head.append(element('span', 'time', milliseconds(data.t[line])), way, element('span', 'latency', after));
    if (isError) head.lastChild.classList.add('error');
    row.append(head);
    if (this.unfolded[this.openBefore(place)] === place) row.append(body(data, line));
    return row;
  }

  choose(place, unfold = false) {
    if (!this.lines.length) return;
    const before = this.chosen;
    this.chosen = Math.max(0, Math.min(place, this.lines.length - 1));
    this.redraw(before);
    this.redraw(this.chosen);
    if (unfold) this.fold(this.chosen);
    const top = this.top(this.chosen), { scrollTop, clientHeight } = this.scroller;
    if (top < scrollTop || top + ROW * 2 > scrollTop + clientHeight) this.scroller.scrollTop = top - clientHeight / 3;
    this.draw();
  }

  fold(place) {
    const at = this.openBefore(place);
    if (this.unfolded[at] === place) this.unfolded.splice(at, 1); else this.unfolded.splice(at, 0, place);
    this.layout();
  }
}

function element(name, className, text) {
  const one = document.createElement(name);
  if (className) one.className = className;
  if (text !== undefined) one.textContent = text;
  return one;
}

function milliseconds(us) {
  return us < 10_000_000 ? `${(us / 1000).toFixed(1)} ms` : `${(us / 1_000_000).toFixed(2)} s`;
}

// What follows the envelope, in a few words.
function brief(data, line) {
  const end = Math.min(data.end[line], data.start[line] + 4 * HEAD);
  const text = data.text.slice(data.start[line], end);
  if (data.kind[line] === STEP) return parsed(text).detail ?? '';
  const part = /"(?:arguments|body|params|result|text)":([\s\S]*)/.exec(text)?.[1] ?? '';
  // The braces that close the message and the line say nothing.
  const said = end === data.end[line] ? part.replace(/\}\}$/, '') : part;
  return said.slice(0, BRIEF).replaceAll('\\u003c', '<');
}

function body(data, line) {
  const box = element('div', 'body');
  const raw = lineOf(data, line), whole = pretty(raw);
  const put = (text) => box.replaceChildren(...coloured(text));
  if (whole.length <= SHOWN) {
    put(whole);
  } else {
    put(whole.slice(0, SHOWN));
    const more = element('button', '', `… all ${whole.length.toLocaleString()} characters`);
    more.addEventListener('click', (event) => { event.stopPropagation(); box.textContent = whole; });
    box.append(more);
  }
  return box;
}

function pretty(raw) {
  try {
    const line = JSON.parse(raw);
    return JSON.stringify(line.message ?? line, null, 2);
  } catch {
    return raw;
  }
}

// Texts become text nodes: nothing in a message is ever read as HTML.
function* coloured(text) {
  const token = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\b\d[\d.eE+-]*\b|\b(?:true|false|null)\b/g;
  let last = 0;
  for (let found; (found = token.exec(text));) {
    if (found.index > last) yield document.createTextNode(text.slice(last, found.index));
    const kind = found[2] ? 'key' : found[1] ? 'string' : 'number';
    yield element('span', kind, found[1] ?? found[0]);
    if (found[2]) yield document.createTextNode(found[2]);
    last = token.lastIndex;
  }
  yield document.createTextNode(text.slice(last));
}
