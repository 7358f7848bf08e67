// Two charts over time, each drawn once: the tracks with their gaps, and the trajectory of one joint.

const LANE = 13;

function style(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }

function prepared(canvas, height) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.parentElement.clientWidth;
  canvas.style.height = `${height}px`;
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "middle";
  return [context, width];
}

class Chart {
  static LEFT = 46;
  static RIGHT = 8;

  constructor(sequence, canvas, playhead) {
    this.sequence = sequence;
    this.canvas = canvas;
    this.playhead = playhead;
    this.begin = sequence.frames ? sequence.time[0] : 0;
    this.span = sequence.end - this.begin;
    this.step = sequence.frames > 1 ? this.span / (sequence.frames - 1) : 0;
  }

  // Converts seconds to horizontal pixels of the chart.
  place(time) {
    const width = this.width - Chart.LEFT - Chart.RIGHT;
    return Chart.LEFT + (this.span > 0 ? ((time - this.begin) / this.span) * width : 0);
  }

  timeAt(clientX) {
    const box = this.canvas.getBoundingClientRect();
    const share = (clientX - box.left - Chart.LEFT) / (this.width - Chart.LEFT - Chart.RIGHT);
    return this.begin + Math.min(1, Math.max(0, share)) * this.span;
  }

  mark(time) { this.playhead.style.transform = `translateX(${this.place(time)}px)`; }
}

class Timeline extends Chart {
  draw(view) {
    const { sequence } = this;
    const [context, width] = prepared(this.canvas, Math.max(1, sequence.tracks) * LANE + 6);
    this.width = width;
    for (let m = 0; m < sequence.tracks; m++) {
      const y = 3 + m * LANE;
      if (m === view.track) {
        context.fillStyle = style("--track");
        context.fillRect(0, y, width, LANE);
      }
      context.globalAlpha = view.shown[m] ? 1 : 0.25;
      context.fillStyle = style("--soft");
      context.textAlign = "right";
      context.fillText(String(sequence.ids[m]), Chart.LEFT - 8, y + LANE / 2 + 0.5);
      context.fillStyle = style("--line");
      const runs = sequence.runs(m);
      const begin = this.place(sequence.time[runs[0][0]]), end = this.place(sequence.time[runs[runs.length - 1][1]]);
      context.fillRect(begin, y + LANE / 2 - 0.5, end - begin, 1);
      context.fillStyle = sequence.colors(m)[1];
      for (const [first, last] of runs) {
        const from = this.place(sequence.time[first]);
        const to = this.place(last + 1 < sequence.frames ? sequence.time[last + 1] : sequence.time[last] + this.step);
        context.fillRect(from, y + 2, Math.max(1, Math.min(to, width - Chart.RIGHT) - from), LANE - 4);
      }
      context.globalAlpha = 1;
    }
    this.failures(context);
  }

  failures(context) {
    context.fillStyle = style("--text");
    for (let f = 0; f < this.sequence.frames; f++) {
      if (!this.sequence.ok[f]) context.fillRect(this.place(this.sequence.time[f]), 0, 1, 4);
    }
  }

  trackAt(clientY) {
    const m = Math.floor((clientY - this.canvas.getBoundingClientRect().top - 3) / LANE);
    return m >= 0 && m < this.sequence.tracks ? m : -1;
  }
}

class Trajectory extends Chart {
  draw(view) {
    const { sequence } = this;
    const height = 150;
    const [context, width] = prepared(this.canvas, height);
    this.width = width;
    if (view.track < 0) return;
    const rows = sequence.members[view.track];
    let low = Infinity, high = -Infinity;
    for (const r of rows) {
      if (!sequence.seen(r, view.joint)) continue;
      const x = sequence.x(r, view.joint), y = sequence.y(r, view.joint);
      low = Math.min(low, x, y);
      high = Math.max(high, x, y);
    }
    context.textAlign = "right";
    context.fillStyle = style("--soft");
    if (low > high) { context.textAlign = "left"; context.fillText("missing in all frames", Chart.LEFT, height / 2); return; }
    if (high - low < 1) { low -= 1; high += 1; }
    const top = 24, bottom = height - 34;
    const level = (value) => bottom - ((value - low) / (high - low)) * (bottom - top);
    for (const value of [low, (low + high) / 2, high]) {
      context.fillText(`${Math.round(value)}`, Chart.LEFT - 8, level(value));
      context.fillRect(Chart.LEFT, Math.round(level(value)), width - Chart.LEFT - Chart.RIGHT, 0.4);
    }
    const [lighter, , darker] = sequence.colors(view.track);
    this.line(context, view, rows, (r) => level(sequence.x(r, view.joint)), lighter, []);
    this.line(context, view, rows, (r) => level(sequence.y(r, view.joint)), darker, [4, 3]);
    context.fillStyle = style("--soft");
    context.fillText("score", Chart.LEFT - 8, height - 13);
    context.fillStyle = style("--accent");
    const wide = Math.max(0.5, this.place(this.begin + this.step) - Chart.LEFT);
    for (const r of rows) {
      const score = sequence.score(r, view.joint);
      const x = this.place(sequence.time[sequence.frame[r]]);
      context.fillRect(x, height - 4 - 20 * score, Math.min(wide, width - Chart.RIGHT + 1 - x), 20 * score);
    }
    context.textAlign = "left";
    context.fillStyle = style("--text");
    context.fillText("x ———   y – – –   pixels", Chart.LEFT + 6, 9);
  }

  line(context, view, rows, level, color, dashes) {
    const { sequence } = this;
    context.strokeStyle = color;
    context.lineWidth = 1.6;
    context.setLineDash(dashes);
    context.beginPath();
    let previous = -2;
    for (const r of rows) {
      if (!sequence.seen(r, view.joint)) { previous = -2; continue; }
      const at = [this.place(sequence.time[sequence.frame[r]]), level(r)];
      if (sequence.frame[r] === previous + 1) context.lineTo(...at); else { context.moveTo(...at); context.lineTo(at[0] + 0.5, at[1]); }
      previous = sequence.frame[r];
    }
    context.stroke();
    context.setLineDash([]);
  }
}
