// 3D view of the chosen person, rotated by dragging: orthographic, around the middle of the hips.

class Space {
  static START = { yaw: 0.5, pitch: 0.15 };

  constructor(sequence, canvas) {
    this.sequence = sequence;
    this.canvas = canvas;
    Object.assign(this, Space.START);
    canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
    canvas.addEventListener("pointermove", (event) => {
      if (event.buttons & 1) this.turn(event.movementX / 120, event.movementY / 120);
    });
    canvas.addEventListener("dblclick", () => this.reset());
    canvas.addEventListener("keydown", (event) => {
      const turns = { ArrowLeft: [-0.15, 0], ArrowRight: [0.15, 0], ArrowUp: [0, -0.15], ArrowDown: [0, 0.15] };
      if (!turns[event.key]) return;
      event.preventDefault();
      event.stopPropagation();
      this.turn(...turns[event.key]);
    });
  }

  turn(yaw, pitch) {
    this.yaw += yaw;
    this.pitch = Math.min(Math.PI / 2, Math.max(-Math.PI / 2, this.pitch + pitch));
    this.draw();
  }

  reset() { Object.assign(this, Space.START); this.draw(); }

  // Returns a joint's canvas pixels and its depth in metres.
  at(row, joint) {
    const [x, y, z] = this.sequence.place(row, joint);
    const across = x * Math.cos(this.yaw) + z * Math.sin(this.yaw);
    const away = z * Math.cos(this.yaw) - x * Math.sin(this.yaw);
    const down = y * Math.cos(this.pitch) - away * Math.sin(this.pitch);
    const scale = this.canvas.height / 2.2;
    return [this.canvas.width / 2 + scale * across, this.canvas.height / 2 + scale * down,
      away * Math.cos(this.pitch) + y * Math.sin(this.pitch)];
  }

  show(row, track) {
    this.row = row;
    this.track = track;
    this.draw();
  }

  draw() {
    const { sequence, row } = this;
    const [context, width] = prepared(this.canvas, 260);
    this.canvas.style.width = `${width}px`;
    context.setTransform(1, 0, 0, 1, 0, 0);
    const ratio = window.devicePixelRatio || 1;
    if (row < 0 || !sequence.lifted(row)) {
      context.fillStyle = style("--soft");
      context.font = `${12 * ratio}px system-ui, sans-serif`;
      context.textAlign = "center";
      context.fillText(row < 0 ? "not in this frame" : "not lifted: too few joints", this.canvas.width / 2, this.canvas.height / 2);
      return;
    }
    const [left, middle, right] = sequence.colors(this.track);
    const shade = { left, right, "": middle };
    const places = sequence.facts.space.joints.map((_, j) => this.at(row, j));
    const limbs = sequence.facts.space.limbs.slice();
    // Farther limbs are drawn first.
    limbs.sort(([a, b], [c, d]) => places[c][2] + places[d][2] - places[a][2] - places[b][2]);
    context.lineCap = "round";
    for (const [a, b, side] of limbs) {
      context.globalAlpha = sequence.inferred(row, a) || sequence.inferred(row, b) ? 0.35 : 1;
      for (const outline of [true, false]) {
        context.strokeStyle = outline ? "#000" : shade[side];
        context.lineWidth = (outline ? 7 : 5) * ratio;
        context.beginPath();
        context.moveTo(places[a][0], places[a][1]);
        context.lineTo(places[b][0], places[b][1]);
        context.stroke();
      }
    }
    context.globalAlpha = 1;
  }
}
