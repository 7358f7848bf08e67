// Draws the skeletons of one frame over the video or a plain background.

class Stage {
  constructor(sequence, canvas, box) {
    this.sequence = sequence;
    this.canvas = canvas;
    this.box = box;
    const [height, width] = sequence.facts.size;
    box.style.aspectRatio = `${width} / ${height}`;
    box.style.width = `min(100%, ${(58 * width) / height}vh)`;
  }

  fit() {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(this.box.clientWidth * ratio));
    const height = Math.max(1, Math.round(this.box.clientHeight * ratio));
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    this.scale = width / this.sequence.facts.size[1];
  }

  // Returns a joint's canvas pixels.
  at(row, joint) {
    return [(this.sequence.x(row, joint) + 0.5) * this.scale, (this.sequence.y(row, joint) + 0.5) * this.scale];
  }

  draw(frame, view) {
    const context = this.canvas.getContext("2d");
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.lineCap = context.lineJoin = "round";
    if (view.paths && view.track >= 0 && view.shown[view.track]) this.path(context, frame, view);
    const rows = Array.from(this.sequence.rowsOf(frame)).filter((row) => view.shown[this.sequence.trackOf[row]]);
    const sizes = new Map(rows.map((row) => [row, this.extent(row)]));
    rows.sort((a, b) => sizes.get(a).size - sizes.get(b).size);
    for (const row of rows) this.figure(context, row, sizes.get(row), view);
    if (view.labels) for (const row of rows) this.label(context, row, sizes.get(row), view);
    context.globalAlpha = 1;
  }

  extent(row) {
    const box = { left: Infinity, right: -Infinity, top: Infinity, bottom: -Infinity };
    for (let j = 0; j < this.sequence.joints; j++) {
      if (!this.sequence.seen(row, j)) continue;
      const [x, y] = this.at(row, j);
      box.left = Math.min(box.left, x); box.right = Math.max(box.right, x);
      box.top = Math.min(box.top, y); box.bottom = Math.max(box.bottom, y);
    }
    box.size = Math.max(0, box.right - box.left, box.bottom - box.top);
    return box;
  }

  figure(context, row, box, view) {
    const { sequence } = this;
    const ratio = window.devicePixelRatio || 1;
    const width = Math.min(16 * ratio, Math.max(2 * ratio, box.size * 0.018));
    const [left, middle, right] = sequence.colors(sequence.trackOf[row]);
    const shade = { left, right, "": middle };
    const opacity = (joint) => 0.35 + 0.65 * Math.min(1, sequence.score(row, joint) / 0.7);
    const chosen = sequence.trackOf[row] === view.track;
    const stroke = (outline) => {
      for (const [a, b, side] of sequence.facts.limbs) {
        if (!sequence.seen(row, a) || !sequence.seen(row, b)) continue;
        context.globalAlpha = Math.min(opacity(a), opacity(b)) * (outline ? 0.55 : 1);
        context.strokeStyle = outline ? "#000" : shade[side];
        context.lineWidth = width + (outline ? 2 * ratio : 0);
        context.beginPath();
        context.moveTo(...this.at(row, a));
        context.lineTo(...this.at(row, b));
        context.stroke();
      }
    };
    stroke(true);
    stroke(false);
    for (let j = 0; j < sequence.joints; j++) {
      if (!sequence.seen(row, j)) continue;
      context.globalAlpha = opacity(j);
      context.fillStyle = shade[sequence.facts.sides[j]];
      context.beginPath();
      context.arc(...this.at(row, j), width * 0.8, 0, 2 * Math.PI);
      context.fill();
      if (chosen && j === view.joint) {
        context.globalAlpha = 1;
        context.lineWidth = 1.5 * ratio;
        context.strokeStyle = "#fff";
        context.stroke();
      }
    }
  }

  label(context, row, box, view) {
    if (!Number.isFinite(box.top)) return;
    const track = this.sequence.trackOf[row];
    const ratio = window.devicePixelRatio || 1;
    const height = 16 * ratio, text = this.sequence.called(this.sequence.ids[track]);
    context.font = `600 ${12 * ratio}px system-ui, sans-serif`;
    const width = context.measureText(text).width + 8 * ratio;
    const x = Math.min(Math.max(0, (box.left + box.right - width) / 2), this.canvas.width - width);
    const y = Math.max(0, box.top - height * 1.9);
    context.globalAlpha = 1;
    context.fillStyle = this.sequence.colors(track)[1];
    context.fillRect(x, y, width, height);
    context.lineWidth = (track === view.track ? 2.5 : 1) * ratio;
    context.strokeStyle = track === view.track ? "#fff" : "#000";
    context.strokeRect(x, y, width, height);
    context.fillStyle = this.sequence.colors(track)[3];
    context.textBaseline = "middle";
    context.fillText(text, x + 4 * ratio, y + height / 2 + ratio / 2);
  }

  // Draws the path of the chosen joint over the last two seconds.
  path(context, frame, view) {
    const { sequence } = this;
    const now = sequence.time[frame], longest = 2;
    let previous = null;
    context.strokeStyle = sequence.colors(view.track)[1];
    context.lineWidth = 2 * (window.devicePixelRatio || 1);
    const first = sequence.frameAt(now - longest);
    for (let f = first; f <= frame; f++) {
      const row = sequence.rowIn(view.track, f);
      if (row < 0 || !sequence.seen(row, view.joint)) { previous = null; continue; }
      const point = this.at(row, view.joint);
      if (previous) {
        context.globalAlpha = Math.max(0.05, 1 - (now - sequence.time[f]) / longest);
        context.beginPath();
        context.moveTo(...previous);
        context.lineTo(...point);
        context.stroke();
      }
      previous = point;
    }
  }

  // Returns the track of the figure nearest to a position on the page, or -1.
  trackNear(frame, clientX, clientY, view) {
    const box = this.canvas.getBoundingClientRect();
    const px = ((clientX - box.left) / box.width) * this.canvas.width;
    const py = ((clientY - box.top) / box.height) * this.canvas.height;
    let best = -1, nearest = (30 * (window.devicePixelRatio || 1)) ** 2;
    for (const row of this.sequence.rowsOf(frame)) {
      if (!view.shown[this.sequence.trackOf[row]]) continue;
      for (let j = 0; j < this.sequence.joints; j++) {
        if (!this.sequence.seen(row, j)) continue;
        const [x, y] = this.at(row, j);
        const distance = (x - px) ** 2 + (y - py) ** 2;
        if (distance < nearest) { nearest = distance; best = this.sequence.trackOf[row]; }
      }
    }
    return best;
  }
}
