// The page's parts together: what is shown, what is chosen, what keys do.

const byId = (id) => document.getElementById(id);
const data = readRecording(byId('recording').textContent);
const rows = new Rows(byId('scroller'), byId('rows'), data);
const timeline = new Timeline(byId('timeline'), byId('readout'), data, (line) => chooseLine(line));
const shown = new Set(KINDS);
let onlyErrors = false;

rows.onclick = (place) => { choose(place, true); };

function choose(place, unfold = false) {
  rows.choose(place, unfold);
  timeline.chosen = rows.lineOf(rows.chosen);
  if (timeline.chosen !== undefined) timeline.show(timeline.chosen);
}

function chooseLine(line, unfold = false) { choose(rows.placeOf(line), unfold); }

const isError = (line) => data.failed[line] === 1 || (data.kind[line] === REQUEST && data.pair[line] < 0);

function refilter() {
  const lines = [];
  for (let line = 0; line < data.count; line++) {
    if (shown.has(KINDS[data.kind[line]]) && (!onlyErrors || isError(line))) lines.push(line);
  }
  rows.show(Uint32Array.from(lines));
}

function filterButtons() {
  const toggle = (name, isOn, change) => {
    const button = element('button', '', name);
    button.setAttribute('aria-pressed', isOn);
    button.addEventListener('click', () => {
      button.setAttribute('aria-pressed', change());
      refilter();
    });
    byId('filters').append(button);
  };
  for (const kind of KINDS.slice(0, 4)) {
    toggle(kind, true, () => (shown.delete(kind) ? false : Boolean(shown.add(kind))));
  }
  toggle('only errors', false, () => (onlyErrors = !onlyErrors));
}

// Search: the recording's text is one string, in which each hit belongs to a line.
function search(wanted) {
  rows.hits.fill(0);
  let count = 0;
  if (wanted) {
    const quoted = JSON.stringify(wanted).slice(1, -1), needles = new Set([wanted, quoted]);
    for (const needle of needles) {
      let line = 0;
      for (let at = data.text.indexOf(needle, data.start[0]); at >= 0;) {
        line = lineHolding(at, line);
        if (line >= data.count) break;
        if (!rows.hits[line]) count++;
        rows.hits[line] = 1;
        at = data.text.indexOf(needle, data.end[line]);
      }
    }
    const folded = wanted.toLowerCase(), named = data.names.map((name) => name.toLowerCase().includes(folded));
    for (let line = 0; line < data.count; line++) {
      if (named[data.name[line]] && !rows.hits[line]) { rows.hits[line] = 1; count++; }
    }
  }
  byId('hits').textContent = wanted ? `${count.toLocaleString()} hit${count === 1 ? '' : 's'}` : '';
  rows.layout();
  return count;
}

function lineHolding(at, low) {
  let high = data.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (data.end[middle] < at) low = middle + 1; else high = middle;
  }
  return low;
}

// The next shown line that is so, in either direction, round the ends.
function jump(is, step) {
  const { length } = rows.lines;
  for (let passed = 1; passed <= length; passed++) {
    const place = (((rows.chosen + step * passed) % length) + length) % length;
    if (is(rows.lines[place])) return choose(place);
  }
}

function summary() {
  const counts = [0, 0, 0, 0, 0], slow = [];
  let failed = 0, unanswered = 0;
  for (let line = 0; line < data.count; line++) {
    counts[data.kind[line]]++;
    failed += data.kind[line] === ANSWER && data.failed[line];
    unanswered += data.kind[line] === REQUEST && data.pair[line] < 0;
    const latency = latencyOf(data, line);
    if (latency !== undefined && (slow.length < 6 || latency > slow[5][0])) {
      slow.push([latency, line]);
      slow.sort((one, other) => other[0] - one[0]);
      slow.length = Math.min(slow.length, 6);
    }
  }
  const box = byId('summary');
  box.append(`${counts[REQUEST]} requests, ${counts[ANSWER]} answers, ${counts[EVENT]} events. `);
  if (failed) box.append(element('span', 'bad', `${failed} failed. `));
  if (unanswered) box.append(element('span', 'bad', `${unanswered} never answered. `));
  if (data.wasCut) box.append(element('span', 'bad', 'The file was cut off: its last line is left out. '));
  box.append('Slowest: ');
  for (const [latency, line] of slow) {
    const button = element('button', '', `${nameOf(data, line)} ${milliseconds(latency)}`);
    button.addEventListener('click', () => chooseLine(line, false));
    box.append(button);
  }
}

function about() {
  const { header } = data, asked = data.names.indexOf('initialize');
  const line = asked < 0 ? -1 : data.name.indexOf(asked);
  const said = line < 0 ? {} : parsed(lineOf(data, line)).message?.arguments ?? {};
  const client = said.clientName ?? said.clientID ?? header.client ?? 'a client';
  byId('title').textContent = `${client} and dlv ${header.dlv ?? ''}`;
  const facts = [header.protocol, header.go, header.os, header.start, milliseconds(timeline.whole), header.redacted ? 'redacted' : '', header.tool];
  byId('about').textContent = facts.filter(Boolean).join(' · ');
}

function setTheme(theme) { document.documentElement.dataset.theme = theme; timeline.draw(); }
function otherTheme() { setTheme(document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark'); }

const keys = {
  j: () => choose(rows.chosen + 1), ArrowDown: () => choose(rows.chosen + 1),
  k: () => choose(rows.chosen - 1), ArrowUp: () => choose(rows.chosen - 1),
  Enter: () => choose(rows.chosen, true),
  p: () => { const pair = data.pair[rows.lineOf(rows.chosen) ?? 0]; if (pair >= 0) chooseLine(pair); },
  g: () => choose(0), G: () => choose(rows.lines.length - 1),
  n: () => jump((line) => rows.hits[line], 1), N: () => jump((line) => rows.hits[line], -1),
  e: () => jump(isError, 1), E: () => jump(isError, -1),
  '/': () => byId('search').focus(),
  '+': () => timeline.zoom(0.6), '=': () => timeline.zoom(0.6), '-': () => timeline.zoom(1.6), 0: () => timeline.all(),
  t: otherTheme, '?': () => byId('help').showModal(),
};

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || byId('help').open) return;
  if (event.target.id === 'search') {
    if (event.key === 'Enter' || event.key === 'Escape') {
      if (event.key === 'Enter') jump((line) => rows.hits[line], 1);
      byId('scroller').focus();
      event.preventDefault();
    }
    return;
  }
  // A button's own Enter stays its own.
  if (event.key === 'Enter' && event.target.closest('button')) return;
  const act = keys[event.key];
  if (act) {
    act();
    event.preventDefault();
  }
});

let waiting;
byId('search').addEventListener('input', (event) => {
  clearTimeout(waiting);
  waiting = setTimeout(() => search(event.target.value), 120);
});
byId('theme').addEventListener('click', otherTheme);
byId('help-button').addEventListener('click', () => byId('help').showModal());
setTheme(matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
filterButtons();
about();
summary();
byId('scroller').focus();
performance.mark('ready');
