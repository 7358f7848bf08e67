// Draws the skeletons of one frame over the video or a plain background.

const ZOOM_MEAN = 0.1;  // seconds before and after

class Stage {
  constructor(sequence, canvas, box) {
    this.sequence = sequence;
    this.canvas = canvas;
    this.box = box;
    const [height, width] = sequence.facts.size;
    box.style.aspectRatio = `${width} / ${height}`;
    box.style.width = `min(100%, ${(58 * width) / height}vh)`;
    this.window = { x: 0, y: 0, width };
  }

  fit() {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(this.box.clientWidth * ratio));
    const height = Math.max(1, Math.round(this.box.clientHeight * ratio));
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    this.scale = width / this.window.width;
  }

  // Returns a joint's canvas pixels.
  at(row, joint) {
    const { x, y } = this.window;
    return [(this.sequence.x(row, joint) + 0.5 - x) * this.scale, (this.sequence.y(row, joint) + 0.5 - y) * this.scale];
  }

  // Shows the part of the image around a part of the chosen person, "" for the whole image; the video moves along.
  // The last window stays while the part is not seen.
  zoom(frame, view, video) {
    const [height, width] = this.sequence.facts.size;
    if (!view.zoom) this.window = { x: 0, y: 0, width };
    else if (view.track >= 0) this.window = this.around(frame, view) || this.window;
    const { x, y, width: shown } = this.window;
    const share = width / shown;
    video.style.transform = `scale(${share}) translate(${(-100 * x) / width}%, ${(-100 * y) / height}%)`;
  }

  // Returns the window around a part of a track: as large for the whole track, and calm, as its place is a mean over some frames.
  around(frame, view) {
    const { sequence } = this;
    const [height, width] = sequence.facts.size;
    const joints = sequence.facts.figure.find(({ name }) => name === view.zoom)?.joints;
    if (!joints) return null;
    const key = `${sequence.ids[view.track]} ${view.zoom}`;
    if (this.windowKey !== key) {
      const sizes = sequence.members[view.track].map((row) => sequence.box(row, joints)).filter(Boolean).map((b) => b.size);
      sizes.sort((a, b) => a - b);
      this.windowKey = key;
      this.windowSize = sizes.length ? sizes[Math.floor(0.8 * (sizes.length - 1))] : 0;
    }
    if (!this.windowSize) return null;
    const now = sequence.time[frame], boxes = [];
    for (let f = sequence.frameAt(now - ZOOM_MEAN); f < sequence.frames && sequence.time[f] <= now + ZOOM_MEAN; f++) {
      const row = sequence.rowIn(view.track, f), box = row >= 0 && sequence.box(row, joints);
      if (box) boxes.push(box);
    }
    if (!boxes.length) return null;
    const mean = (axis) => boxes.reduce((sum, box) => sum + box[axis], 0) / boxes.length;
    const margin = view.zoom === "body" ? 1.3 : 2;
    const shown = Math.min(width, Math.max(16, margin * this.windowSize * Math.max(1, width / height)));
    const inside = (middle, length, whole) => Math.min(Math.max(0, middle - length / 2), Math.max(0, whole - length));
    return {
      x: inside(mean("x"), shown, width),
      y: inside(mean("y"), (shown * height) / width, height),
      width: shown,
    };
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

  // Returns the box around what is seen of a person, in canvas pixels, and the size of its body.
  extent(row) {
    const { sequence } = this;
    const whole = sequence.box(row), body = sequence.box(row, sequence.facts.body) || whole;
    if (!whole) return { size: 0, top: Infinity };
    return {
      size: body.size * this.scale,
      middle: (body.x + 0.5 - this.window.x) * this.scale,
      top: (whole.top + 0.5 - this.window.y) * this.scale,
    };
  }

  figure(context, row, box, view) {
    const { sequence } = this;
    const { facts } = sequence;
    const ratio = window.devicePixelRatio || 1;
    // A larger view does not thicken the lines of the body, which would hide what it shows.
    const whole = this.window.width / facts.size[1];
    const width = Math.min(16 * ratio, Math.max(2 * ratio, box.size * whole * 0.018));
    const [left, middle, right, , pale] = sequence.colors(sequence.trackOf[row]);
    const face = facts.figure.find(({ name }) => name === "face");
    const contours = face && face.joints.filter((j) => sequence.seen(row, j)).length >= 5;
    // The contours of a face stand for the body's nose, eyes and ears.
    const seen = (j) => sequence.seen(row, j) && !(contours && facts.head.includes(j));
    for (const part of facts.figure) {
      const size = () => (sequence.box(row, part.joints)?.size || 0) * this.scale;
      if (part.name === "body") {
        this.part(context, row, part, seen, width, { left, right, "": middle });
      } else if (part.name === "face") {
        this.limbs(context, row, part, seen, Math.min(width, Math.max(ratio, size() * 0.01)), () => pale);
      } else {
        const color = facts.hands[part.name] || middle;
        const lines = Math.min(width, Math.max(1.2 * ratio, size() * 0.022));
        this.part(context, row, part, seen, lines, { left: color, right: color, "": color });
      }
    }
    if (sequence.trackOf[row] === view.track && seen(view.joint)) {
      context.globalAlpha = 1;
      context.lineWidth = 1.5 * ratio;
      context.strokeStyle = "#fff";
      context.beginPath();
      context.arc(...this.at(row, view.joint), Math.max(0.8 * width, 2 * ratio), 0, 2 * Math.PI);
      context.stroke();
    }
  }

  opacity(row, joint) { return 0.35 + 0.65 * Math.min(1, this.sequence.score(row, joint) / 0.7); }

  // Draws the limbs of a part with their outlines, then its joints.
  part(context, row, part, seen, width, shade) {
    const ratio = window.devicePixelRatio || 1;
    this.limbs(context, row, part, seen, width + 2 * ratio, () => "#000", 0.55);
    this.limbs(context, row, part, seen, width, (side) => shade[side]);
    for (const j of part.joints) {
      if (!seen(j)) continue;
      context.globalAlpha = this.opacity(row, j);
      context.fillStyle = shade[this.sequence.facts.sides[j]];
      context.beginPath();
      context.arc(...this.at(row, j), width * 0.8, 0, 2 * Math.PI);
      context.fill();
    }
  }

  limbs(context, row, part, seen, width, color, strength = 1) {
    context.lineWidth = width;
    for (const [a, b, side] of part.limbs) {
      if (!seen(a) || !seen(b)) continue;
      context.globalAlpha = Math.min(this.opacity(row, a), this.opacity(row, b)) * strength;
      context.strokeStyle = color(side);
      context.beginPath();
      context.moveTo(...this.at(row, a));
      context.lineTo(...this.at(row, b));
      context.stroke();
    }
  }

  label(context, row, box, view) {
    if (!Number.isFinite(box.top)) return;
    const track = this.sequence.trackOf[row];
    const ratio = window.devicePixelRatio || 1;
    const height = 16 * ratio, text = this.sequence.called(this.sequence.ids[track]);
    context.font = `600 ${12 * ratio}px system-ui, sans-serif`;
    const width = context.measureText(text).width + 8 * ratio;
    const x = Math.min(Math.max(0, box.middle - width / 2), this.canvas.width - width);
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

  // Returns the track and the part of the figure nearest to a position on the page; track -1 if none is near.
  nearest(frame, clientX, clientY, view) {
    const box = this.canvas.getBoundingClientRect();
    const px = ((clientX - box.left) / box.width) * this.canvas.width;
    const py = ((clientY - box.top) / box.height) * this.canvas.height;
    const found = { track: -1, part: "" };
    let nearest = (30 * (window.devicePixelRatio || 1)) ** 2;
    for (const row of this.sequence.rowsOf(frame)) {
      if (!view.shown[this.sequence.trackOf[row]]) continue;
      for (const part of this.sequence.facts.figure) {
        for (const j of part.joints) {
          if (!this.sequence.seen(row, j)) continue;
          const [x, y] = this.at(row, j);
          const distance = (x - px) ** 2 + (y - py) ** 2;
          if (distance < nearest) {
            nearest = distance;
            Object.assign(found, { track: this.sequence.trackOf[row], part: part.name });
          }
        }
      }
    }
    return found;
  }
}
