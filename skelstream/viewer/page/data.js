// The sequence packed by report.py: rows ordered by track, with access by frame.

class Sequence {
  static async unpack(facts, packed) {
    const text = atob(packed);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Sequence(facts, await new Response(inflated).arrayBuffer());
  }

  constructor(facts, buffer) {
    const { rows, frames, tracks, joints } = facts;
    let offset = 0;
    const take = (Type, length) => {
      const array = new Type(buffer, offset, length);
      offset += array.byteLength;
      return array;
    };
    this.facts = facts;
    this.rows = rows;
    this.frames = frames;
    this.joints = joints.length;
    this.allJoints = joints.map((_, j) => j);
    this.time = take(Float64Array, frames);
    this.index = take(Int32Array, frames);
    this.frame = take(Int32Array, rows);
    const ids = take(Int32Array, tracks), start = take(Int32Array, tracks + 1);
    this.end = frames ? this.time[frames - 1] : 0;

    // Coordinates: one column per joint and axis, differences from row to row, low bytes before high bytes.
    const cells = rows * this.joints * 2;
    const low = take(Uint8Array, cells), high = take(Uint8Array, cells);
    this.steps = new Uint16Array(cells);
    for (let column = 0; column < this.joints * 2; column++) {
      let value = 0;
      for (let i = column * rows, end = i + rows; i < end; i++) {
        value = (value + low[i] + high[i] * 256) & 65535;
        this.steps[i] = value;
      }
    }
    this.confidence = take(Uint8Array, rows * this.joints);
    this.ok = take(Uint8Array, frames);
    if (facts.space) {
      const places = rows * facts.space.joints.length * 3;
      // A copy, since the offset may not be aligned.
      this.places = new Int16Array(buffer.slice(offset, offset + 2 * places));
      offset += 2 * places;
      this.placesSeen = take(Uint8Array, places / 3);
    }

    const idOf = new Int32Array(rows);
    for (let m = 0; m < tracks; m++) idOf.fill(ids[m], start[m], start[m + 1]);
    this.ids = ids;
    this.regroup(idOf, new Map(Object.entries(facts.names).map(([id, name]) => [+id, name])));
  }

  // Groups the rows into tracks by the id of each row, -1 for deleted ones; known ids keep their place, new ones come last.
  regroup(idOf, names) {
    const { rows, frames } = this;
    const members = new Map(Array.from(this.ids, (id) => [id, []]));
    for (let r = 0; r < rows; r++) {
      if (idOf[r] < 0) continue;
      if (!members.has(idOf[r])) members.set(idOf[r], []);
      members.get(idOf[r]).push(r);
    }
    for (const [id, own] of members) {
      if (own.length) own.sort((a, b) => this.frame[a] - this.frame[b]); else members.delete(id);
    }
    this.names = names;
    this.tracks = members.size;
    this.ids = Int32Array.from(members.keys());
    this.members = [...members.values()];  // rows of each track, by frame
    this.trackOf = new Int32Array(rows).fill(-1);
    this.members.forEach((own, m) => { for (const r of own) this.trackOf[r] = m; });

    this.frameStart = new Int32Array(frames + 1);
    for (const own of this.members) for (const r of own) this.frameStart[this.frame[r] + 1]++;
    for (let f = 0; f < frames; f++) this.frameStart[f + 1] += this.frameStart[f];
    this.byFrame = new Int32Array(this.frameStart[frames]);
    const next = this.frameStart.slice();
    for (const own of this.members) for (const r of own) this.byFrame[next[this.frame[r]]++] = r;
  }

  // Returns a track's id with its name.
  called(id) { return this.names.has(id) ? `${id} ${this.names.get(id)}` : `${id}`; }

  x(row, joint) { return this.facts.origin[0] + this.facts.step * this.steps[joint * 2 * this.rows + row]; }
  y(row, joint) { return this.facts.origin[1] + this.facts.step * this.steps[(joint * 2 + 1) * this.rows + row]; }
  seen(row, joint) { return this.confidence[joint * this.rows + row] > 0; }
  score(row, joint) { return this.confidence[joint * this.rows + row] / 255; }

  // Returns the middle, the top and the longer side of the box around joints, all of them by default; null if none is seen.
  box(row, joints = this.allJoints) {
    let left = Infinity, right = -Infinity, top = Infinity, bottom = -Infinity;
    for (const j of joints) {
      if (!this.seen(row, j)) continue;
      const x = this.x(row, j), y = this.y(row, j);
      left = Math.min(left, x); right = Math.max(right, x);
      top = Math.min(top, y); bottom = Math.max(bottom, y);
    }
    if (left > right) return null;
    return { x: (left + right) / 2, y: (top + bottom) / 2, top, size: Math.max(right - left, bottom - top) };
  }

  // 3D joint in metres: x right, y down, z away.
  place(row, joint) {
    const first = (row * this.facts.space.joints.length + joint) * 3;
    return [0, 1, 2].map((axis) => this.places[first + axis] / 1000);
  }
  lifted(row) { return this.places[row * this.facts.space.joints.length * 3] !== -32767; }
  inferred(row, joint) { return !this.placesSeen[row * this.facts.space.joints.length + joint]; }

  rowsOf(frame) { return this.byFrame.subarray(this.frameStart[frame], this.frameStart[frame + 1]); }

  // Returns the frame shown at a time: the last one that has begun.
  frameAt(time) {
    let low = 0, high = this.frames;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.time[middle] <= time + 5e-4) low = middle + 1; else high = middle;
    }
    return Math.max(0, low - 1);
  }

  // Returns the row of a track in a frame, or -1.
  rowIn(track, frame) {
    for (const row of this.rowsOf(frame)) if (this.trackOf[row] === track) return row;
    return -1;
  }

  // Returns the runs of frames without a gap, as [first, last] pairs.
  runs(track) {
    const runs = [];
    for (const r of this.members[track]) {
      const run = runs[runs.length - 1];
      if (run && this.frame[r] === run[1] + 1) run[1]++; else runs.push([this.frame[r], this.frame[r]]);
    }
    return runs;
  }

  colors(track) {
    const palette = this.facts.palette;
    return palette[(((this.ids[track] - 1) % palette.length) + palette.length) % palette.length];
  }
}
