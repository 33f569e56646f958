// Latency over time: requests as bars, events as ticks, the gate's life as a band.

const TOP = 22, LANE = 11, LANES = 7;

class Timeline {
  constructor(canvas, readout, data, choose) {
    Object.assign(this, { canvas, readout, data, choose });
    this.whole = Math.max(1, data.count ? data.t[data.count - 1] : 1);
    this.from = 0;
    this.to = this.whole;
    this.lanes = this.arrange();
    this.gate = this.gateLife();
    this.listen();
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  // Bars that overlap in time lie below each other.
  arrange() {
    const { data } = this, lanes = new Uint8Array(data.count), free = new Float64Array(LANES);
    for (let line = 0; line < data.count; line++) {
      if (data.kind[line] !== REQUEST) continue;
      const end = data.pair[line] >= 0 ? data.t[data.pair[line]] : this.whole;
      let lane = free.findIndex((until) => until <= data.t[line]);
      if (lane < 0) lane = LANES - 1;
      free[lane] = end;
      lanes[line] = lane;
    }
    return lanes;
  }

  gateLife() {
    const life = [];
    for (let line = 0; line < this.data.count; line++) {
      if (this.data.kind[line] !== STEP) continue;
      const name = nameOf(this.data, line);
      if (name === 'gate_open' && parsed(lineOf(this.data, line)).firewall !== 'off') life.push([this.data.t[line], this.whole]);
      else if (name === 'gate_shut' && life.length) life[life.length - 1][1] = this.data.t[line];
    }
    return life;
  }

  x(t) { return ((t - this.from) / (this.to - this.from)) * this.width; }
  time(x) { return this.from + (x / this.width) * (this.to - this.from); }

  // The first line at or after a time.
  lineAt(t) {
    let low = 0, high = this.data.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.data.t[middle] < t) low = middle + 1; else high = middle;
    }
    return low;
  }

  zoom(factor, around = (this.from + this.to) / 2) {
    const span = Math.min(this.whole, Math.max(20, (this.to - this.from) * factor));
    const share = (around - this.from) / (this.to - this.from);
    this.move(around - share * span, span);
  }

  move(from, span = this.to - this.from) {
    this.from = Math.max(0, Math.min(from, this.whole - span));
    this.to = this.from + span;
    this.draw();
  }

  all() { this.move(0, this.whole); }

  show(line) {
    const t = this.data.t[line];
    if (t < this.from || t > this.to) this.move(t - (this.to - this.from) / 2); else this.draw();
  }

  listen() {
    const { canvas } = this;
    const place = (event) => event.clientX - canvas.getBoundingClientRect().left;
    canvas.addEventListener('wheel', (event) => {
      event.preventDefault();
      if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        this.move(this.from + (event.deltaX / this.width) * (this.to - this.from));
      } else {
        this.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.time(place(event)));
      }
    }, { passive: false });
    canvas.addEventListener('pointerdown', (event) => {
      const start = place(event), from = this.from;
      let moved = false;
      canvas.setPointerCapture(event.pointerId);
      const drag = (move) => {
        moved ||= Math.abs(place(move) - start) > 3;
        if (moved) this.move(from - ((place(move) - start) / this.width) * (this.to - this.from));
      };
      canvas.addEventListener('pointermove', drag);
      canvas.addEventListener('pointerup', () => {
        canvas.removeEventListener('pointermove', drag);
        if (!moved) this.choose(this.nearest(start));
      }, { once: true });
    });
    canvas.addEventListener('pointermove', (event) => { this.readout.textContent = milliseconds(this.time(place(event))); });
    canvas.addEventListener('pointerleave', () => { this.readout.textContent = ''; });
  }

  nearest(x) {
    const t = this.time(x), after = Math.min(this.lineAt(t), this.data.count - 1), before = Math.max(0, after - 1);
    return t - this.data.t[before] < this.data.t[after] - t ? before : after;
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.paint());
  }

  paint() {
    const { canvas, data } = this, scale = window.devicePixelRatio || 1;
    this.width = canvas.clientWidth;
    const height = canvas.clientHeight;
    canvas.width = this.width * scale;
    canvas.height = height * scale;
    const pen = canvas.getContext('2d'), style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    pen.scale(scale, scale);
    pen.font = '11px system-ui, sans-serif';
    pen.fillStyle = colour('--gate');
    for (const [from, to] of this.gate) pen.fillRect(this.x(from), 0, this.x(to) - this.x(from), height);
    this.axis(pen, height, colour);
    const last = new Float64Array(LANES + 1).fill(-1);
    const begin = this.lineAt(this.from), until = this.lineAt(this.to);
    const bar = (line) => {
      const pair = data.pair[line], lane = this.lanes[line];
      const left = this.x(data.t[line]), right = this.x(pair >= 0 ? data.t[pair] : this.whole);
      const failed = pair < 0 || data.failed[pair];
      if (right <= last[lane] && !failed) return; // nothing new in this pixel
      last[lane] = Math.floor(right) + 1;
      pen.fillStyle = colours[failed ? 1 : 0];
      pen.fillRect(left, TOP + lane * LANE, Math.max(1, right - left), LANE - 3);
    };
    const colours = [colour('--client'), colour('--error'), colour('--dlv')];
    // A bar that began before the left edge reaches into the picture where its answer does.
    for (let line = begin; line < Math.min(until + 1, data.count); line++) {
      const asked = data.pair[line];
      if (data.kind[line] === ANSWER && asked >= 0 && asked < begin) bar(asked);
    }
    for (let line = begin; line < until; line++) {
      if (data.kind[line] === REQUEST) {
        bar(line);
      } else if (data.kind[line] === EVENT || data.kind[line] === STRAY) {
        const x = Math.round(this.x(data.t[line]));
        if (x === last[LANES] && data.kind[line] === EVENT) continue;
        last[LANES] = x;
        pen.fillStyle = colours[data.kind[line] === EVENT ? 2 : 1];
        pen.fillRect(x, TOP + LANES * LANE + 2, 1.5, 14);
      }
    }
    if (this.chosen !== undefined) {
      pen.fillStyle = colour('--own');
      pen.fillRect(this.x(data.t[this.chosen]) - 0.5, 0, 1.5, height);
    }
  }

  axis(pen, height, colour) {
    const rough = (this.to - this.from) / Math.max(2, this.width / 110);
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough);
    for (let t = Math.ceil(this.from / step) * step; t <= this.to; t += step) {
      pen.fillStyle = colour('--line');
      pen.fillRect(this.x(t), 0, 1, height);
      pen.fillStyle = colour('--quiet');
      pen.fillText(milliseconds(t), this.x(t) + 3, 12);
    }
  }
}
