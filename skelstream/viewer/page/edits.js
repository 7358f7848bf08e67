// Edits of the identities, by the same rules as skelstream.editing, and the panel that makes them.

// Returns the id of each row (-1: deleted) and the names after edits; throws an Error that says what is impossible.
// first: { ids, frames: number of each row's frame, names: object by id }.
function applyEdits(edits, first) {
  const ids = Int32Array.from(first.ids), names = new Map(Object.entries(first.names).map(([id, name]) => [+id, name]));
  const { frames } = first;
  let next = ids.reduce((most, id) => Math.max(most, id), 0) + 1;
  const some = (id, test = () => true) => ids.some((one, row) => one === id && test(frames[row]));
  const check = (...wanted) => {
    for (const id of wanted) if (!some(id)) throw new Error(`There is no track ${id}.`);
  };
  const change = (id, other, test = () => true) => {
    for (let row = 0; row < ids.length; row++) if (ids[row] === id && test(frames[row])) ids[row] = other;
  };
  const forget = () => { for (const id of [...names.keys()]) if (!some(id)) names.delete(id); };
  for (const edit of edits) {
    const later = (frame) => frame >= edit.frame;
    if (edit.merge) {
      check(...edit.merge);
      const there = new Map();
      for (let row = 0; row < ids.length; row++) {
        if (!edit.merge.includes(ids[row])) continue;
        if (there.has(frames[row])) {
          throw new Error(`${there.get(frames[row])} and ${ids[row]} are both in frame ${frames[row]}: they are two people. ` +
            "Cut or exchange them first.");
        }
        there.set(frames[row], ids[row]);
      }
      const name = edit.merge.map((id) => names.get(id)).find((one) => one !== undefined);
      for (const id of edit.merge) { change(id, edit.merge[0]); names.delete(id); }
      if (name !== undefined) names.set(edit.merge[0], name);
    } else if (edit.split !== undefined) {
      check(edit.split);
      if (!some(edit.split, later) || !some(edit.split, (frame) => !later(frame))) {
        throw new Error(`A cut of track ${edit.split} at frame ${edit.frame} leaves one side empty.`);
      }
      change(edit.split, next++, later);
    } else if (edit.swap) {
      const [one, other] = edit.swap;
      check(one, other);
      if (!some(one, later) && !some(other, later)) {
        throw new Error(`Neither ${one} nor ${other} is in frame ${edit.frame} or a later one.`);
      }
      change(one, -2, later); change(other, one, later); change(-2, other, later);
      forget();
    } else if (edit.name !== undefined) {
      check(edit.name);
      if (edit.as) names.set(edit.name, edit.as); else names.delete(edit.name);
    } else {
      check(...edit.drop);
      for (const id of edit.drop) change(id, -1);
      forget();
    }
  }
  return { ids, names };
}

class Editor {
  // changed: called with the id to choose, after every edit.
  constructor(sequence, changed) {
    this.sequence = sequence;
    this.changed = changed;
    this.edits = [];
    this.first = {
      ids: Int32Array.from(sequence.trackOf, (track) => sequence.ids[track]),
      frames: Int32Array.from(sequence.frame, (frame) => sequence.index[frame]),
      names: sequence.facts.names,
    };
    this.counts = Object.fromEntries(Array.from(sequence.ids, (id, m) => [id, sequence.members[m].length]));
    this.saved = this.content;
    byId("identities").hidden = !sequence.tracks;
    byId("cut").addEventListener("click", () => this.cut());
    byId("delete").addEventListener("click", () => this.drop());
    byId("join").addEventListener("click", () => this.add({ merge: [this.id, +byId("other").value] }, this.id));
    byId("exchange").addEventListener("click", () =>
      this.add({ swap: [this.id, +byId("other").value], frame: this.number }, this.id));
    byId("name").addEventListener("change", (event) =>
      this.add({ name: this.id, as: event.target.value.trim() }, this.id));
    byId("name").addEventListener("keydown", (event) => { if (event.key === "Enter") event.target.blur(); });
    byId("undo").addEventListener("click", () => this.undo());
    byId("save").addEventListener("click", () => this.save());
    window.addEventListener("beforeunload", (event) => { if (this.content !== this.saved) event.preventDefault(); });
  }

  cut() {
    const cuts = this.edits.filter((edit) => edit.split !== undefined).length;
    const next = this.first.ids.reduce((most, id) => Math.max(most, id), 0) + cuts + 1;
    this.add({ split: this.id, frame: this.number }, next);
  }

  drop() { this.add({ drop: [this.id] }, null); }

  add(edit, chosen) {
    if (this.id !== undefined) this.apply([...this.edits, edit], chosen);
  }

  undo() {
    if (this.edits.length) this.apply(this.edits.slice(0, -1), this.id);
  }

  apply(edits, chosen) {
    try {
      const { ids, names } = applyEdits(edits, this.first);
      this.edits = edits;
      this.sequence.regroup(ids, names);
      byId("edit-note").textContent = "";
    } catch (error) {
      byId("edit-note").textContent = error.message;
      return;
    }
    byId("edits").replaceChildren(...this.edits.map((edit) => element("li", {}, this.text(edit))));
    this.changed(chosen);
  }

  text(edit) {
    if (edit.merge) return `Join ${edit.merge.join(" and ")}`;
    if (edit.split !== undefined) return `Cut ${edit.split} at frame ${edit.frame}`;
    if (edit.swap) return `Exchange ${edit.swap.join(" and ")} from frame ${edit.frame}`;
    if (edit.name !== undefined) return edit.as ? `Name ${edit.name}: ${edit.as}` : `No name for ${edit.name}`;
    return `Delete ${edit.drop.join(", ")}`;
  }

  // Shows the chosen track and the frame that edits are about.
  show(track, frame) {
    const { sequence } = this;
    this.id = track >= 0 ? sequence.ids[track] : undefined;
    this.number = sequence.index[frame];
    const none = this.id === undefined, key = `${this.id} ${this.edits.length}`;
    for (const id of ["name", "cut", "delete"]) byId(id).disabled = none;
    for (const id of ["other", "join", "exchange"]) byId(id).disabled = none || sequence.tracks < 2;
    byId("undo").disabled = byId("save").disabled = !this.edits.length;
    if (key === this.shown) return;
    this.shown = key;
    byId("edited-id").textContent = none ? "–" : `Track ${this.id}`;
    byId("name").value = sequence.names.get(this.id) || "";
    const others = Array.from(sequence.ids).filter((id) => id !== this.id);
    const before = byId("other").value;
    byId("other").replaceChildren(...others.map((id) => element("option", { value: id }, sequence.called(id))));
    if (others.includes(+before)) byId("other").value = before;
  }

  get content() {
    return `${JSON.stringify({ skelstream_edits: 1, tracks: this.counts, edits: this.edits }, null, 1)}\n`;
  }

  save() {
    const name = document.title.replace(/\.[a-z0-9]+$/i, "").replace(/[^\p{L}\p{N} ._-]/gu, "_");
    const link = element("a", { download: `${name}.edits.json` });
    link.href = URL.createObjectURL(new Blob([this.content], { type: "application/json" }));
    link.click();
    URL.revokeObjectURL(link.href);
    this.saved = this.content;
    byId("edit-note").textContent = `Apply them: skelstream edit FILE "${link.download}" -o OUT`;
  }
}
