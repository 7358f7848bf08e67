// Assembles the page and keeps its parts synchronous.

const byId = (id) => document.getElementById(id);

function clock(seconds) {
  const whole = Math.floor(seconds / 60), rest = (seconds - whole * 60).toFixed(2).padStart(5, "0");
  return `${whole}:${rest}`;
}

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function words(name) { return name.replaceAll("_", " "); }

// Parts that can be shown large, in the order of the key.
const ZOOMS = ["body", "left_hand", "right_hand", "hand", "face"];

class Page {
  constructor(sequence) {
    this.sequence = sequence;
    const { facts } = sequence;
    this.view = {
      track: sequence.tracks ? 0 : -1,
      joint: Math.max(0, facts.joints.indexOf("neck")),
      shown: new Array(sequence.tracks).fill(true),
      labels: true,
      paths: true,
      zoom: "",  // name of the part that is shown large
    };
    this.stage = new Stage(sequence, byId("figures"), byId("stage"));
    this.timeline = new Timeline(sequence, byId("bars"), byId("timeline").querySelector(".playhead"));
    this.trajectory = new Trajectory(sequence, byId("lines"), byId("trajectory").querySelector(".playhead"));
    if (facts.space) this.space = new Space(sequence, byId("turntable"));
    byId("space").hidden = !facts.space;
    this.player = new Player(sequence, byId("video"), () => this.refresh());
    byId("facts").textContent = facts.summary;
    byId("scrub").max = Math.max(0, sequence.frames - 1);
    this.editor = new Editor(sequence, (id) => this.regrouped(id));
    this.listTracks();
    this.listJoints();
    this.listParts();
    this.listen();
    this.drawCharts();
  }

  async start() {
    const { video } = this.sequence.facts;
    const plays = await this.player.open(video);
    byId("show-video").disabled = !plays;
    byId("show-video").checked = plays;
    byId("video").hidden = !plays;
    if (video && !plays) {
      byId("notice").textContent =
        "The video cannot be played: it is not beside this page, or this browser does not support its codec. " +
        "The skeletons are shown on a plain background.";
    } else if (!this.sequence.tracks) {
      byId("notice").textContent = "Nobody was found in this video.";
    }
    this.refresh();
  }

  listTracks() {
    const { sequence } = this;
    byId("bars").setAttribute("aria-label", `Frames of each of the ${sequence.tracks} tracks over time`);
    byId("tracks").replaceChildren();
    this.trackItems = [];
    for (let m = 0; m < sequence.tracks; m++) {
      const id = sequence.ids[m], rows = sequence.members[m], seen = rows.length;
      const from = sequence.time[sequence.frame[rows[0]]];
      const to = sequence.time[sequence.frame[rows[seen - 1]]];
      const box = element("input", { type: "checkbox", "aria-label": `Show track ${id}` });
      box.checked = this.view.shown[m];
      box.addEventListener("change", () => this.setShown(m, box.checked));
      const swatch = element("span", { class: "swatch", "aria-hidden": "true" });
      swatch.style.background = sequence.colors(m)[1];
      const button = element(
        "button", { type: "button", "aria-pressed": "false" },
        element("span", { class: "number" }, sequence.called(id)),
        element("span", { class: "about" }, `${clock(from)}–${clock(to)} · ${seen}`),
      );
      button.setAttribute("aria-label", `Track ${sequence.called(id)}, ${seen} frames from ${clock(from)} to ${clock(to)}`);
      button.addEventListener("click", () => this.choose(m));
      const item = element("li", {}, box, swatch, button);
      byId("tracks").append(item);
      this.trackItems.push({ id, item, box, button });
    }
  }

  listJoints() {
    const { joints, figure } = this.sequence.facts;
    const lists = new Map();
    const bodyFirst = figure.toSorted((a, b) => (b.name === "body") - (a.name === "body"));
    for (const { name, joints: own } of bodyFirst) {
      const list = element("ul");
      const body = name === "body" || figure.length === 1;
      byId("joints").append(body ? list : element("details", {}, element("summary", {}, words(name)), list));
      for (const j of own) lists.set(j, list);
    }
    this.jointItems = joints.map((name, j) => {
      const fill = element("span", { class: "fill" });
      const value = element("span", { class: "value" });
      const button = element(
        "button", { type: "button", "aria-pressed": "false" },
        element("span", { class: "name" }, words(name)),
        element("span", { class: "meter", "aria-hidden": "true" }, fill), value,
      );
      button.addEventListener("click", () => this.chooseJoint(j));
      lists.get(j).append(element("li", {}, button));
      return { button, fill, value };
    });
  }

  listParts() {
    const parts = this.sequence.facts.figure.map(({ name }) => name);
    const named = { "": "whole picture", body: "person" };
    this.zooms = ["", ...ZOOMS.filter((name) => parts.includes(name))];
    for (const name of this.zooms) byId("zoom").append(element("option", { value: name }, named[name] || words(name)));
  }

  listen() {
    const { player, view } = this;
    byId("play").addEventListener("click", () => this.toggle());
    byId("back").addEventListener("click", () => player.step(-1));
    byId("forth").addEventListener("click", () => player.step(1));
    byId("scrub").addEventListener("input", (event) => player.seek(this.sequence.time[+event.target.value]));
    byId("speed").addEventListener("change", (event) => player.setSpeed(+event.target.value));
    byId("show-video").addEventListener("change", (event) => { byId("video").hidden = !event.target.checked; });
    byId("show-labels").addEventListener("change", (event) => { view.labels = event.target.checked; this.refresh(); });
    byId("show-paths").addEventListener("change", (event) => { view.paths = event.target.checked; this.refresh(); });
    byId("show-all").addEventListener("click", () => this.showEvery(true));
    byId("show-none").addEventListener("click", () => this.showEvery(false));
    byId("figures").addEventListener("click", (event) => {
      const { track } = this.stage.nearest(player.frame, event.clientX, event.clientY, view);
      if (track >= 0) this.choose(track); else this.toggle();
    });
    byId("figures").addEventListener("dblclick", (event) => {
      const { part } = this.stage.nearest(player.frame, event.clientX, event.clientY, view);
      this.zoom(view.zoom ? "" : part);
    });
    byId("zoom").addEventListener("change", (event) => this.zoom(event.target.value));
    for (const chart of [this.timeline, this.trajectory]) {
      const drag = (event) => { if (event.buttons & 1) player.seek(chart.timeAt(event.clientX)); };
      chart.canvas.addEventListener("pointerdown", (event) => {
        chart.canvas.setPointerCapture(event.pointerId);
        const track = chart === this.timeline ? chart.trackAt(event.clientY) : -1;
        if (track >= 0) this.choose(track);
        drag(event);
      });
      chart.canvas.addEventListener("pointermove", drag);
    }
    document.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => { this.drawCharts(); this.refresh(); }).observe(byId("viewer"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.drawCharts());
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const control = event.target.tagName;
    const { player, view } = this;
    const second = (sign) => { player.pause(); player.seek(player.time + sign); };
    const keys = {
      " ": () => this.toggle(),
      ArrowLeft: () => (event.shiftKey ? second(-1) : player.step(-1)),
      ArrowRight: () => (event.shiftKey ? second(1) : player.step(1)),
      Home: () => player.seek(-Infinity),
      End: () => player.seek(Infinity),
      ",": () => this.faster(-1),
      ".": () => this.faster(1),
      "[": () => this.choose(this.view.track - 1),
      "]": () => this.choose(this.view.track + 1),
      n: () => this.nextAppearance(),
      h: () => this.view.track >= 0 && this.setShown(this.view.track, !this.view.shown[this.view.track]),
      j: () => this.chooseJoint(this.view.joint + 1),
      k: () => this.chooseJoint(this.view.joint - 1),
      z: () => this.zoom(this.zooms[(this.zooms.indexOf(view.zoom) + 1) % this.zooms.length]),
      v: () => byId("show-video").click(),
      i: () => byId("show-labels").click(),
      p: () => byId("show-paths").click(),
      c: () => this.editor.cut(),
      u: () => this.editor.undo(),
      Delete: () => this.editor.drop(),
    };
    if (event.target.id === "name") return;
    // Controls keep the keys that operate them.
    if (control === "SELECT" || (event.key === " " && ["BUTTON", "INPUT", "SUMMARY"].includes(control))) {
      if (event.target.id !== "scrub") return;
    }
    const action = keys[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  zoom(part) {
    this.view.zoom = byId("zoom").value = part;
    this.refresh();
  }

  toggle() { if (this.player.playing) this.player.pause(); else this.player.play(); }

  faster(direction) {
    const speed = byId("speed");
    speed.selectedIndex = Math.min(Math.max(speed.selectedIndex + direction, 0), speed.options.length - 1);
    this.player.setSpeed(+speed.value);
  }

  nextAppearance() {
    const { sequence, view, player } = this;
    if (view.track < 0) return;
    const runs = sequence.runs(view.track);
    const next = runs.find(([first]) => first > player.frame) || runs[0];
    player.seek(sequence.time[next[0]]);
  }

  choose(track) {
    if (!this.sequence.tracks) return;
    this.view.track = Math.min(Math.max(track, 0), this.sequence.tracks - 1);
    const { item } = this.trackItems[this.view.track];
    item.scrollIntoView({ block: "nearest" });
    this.drawCharts();
    this.refresh();
  }

  // Shows the tracks after an edit, with the one of an id chosen, if it is there.
  regrouped(id) {
    const { sequence, view } = this;
    const wanted = sequence.ids.indexOf(id);
    view.shown = Array.from(sequence.ids, (one) => !this.hidden.has(one));
    view.track = wanted >= 0 ? wanted : Math.min(Math.max(view.track, 0), sequence.tracks - 1);
    this.listTracks();
    this.drawCharts();
    this.refresh();
  }

  // The ids of the tracks that are not shown.
  get hidden() { return new Set(this.trackItems.filter(({ box }) => !box.checked).map(({ id }) => id)); }

  chooseJoint(joint) {
    this.view.joint = Math.min(Math.max(joint, 0), this.sequence.joints - 1);
    this.drawCharts();
    this.refresh();
  }

  setShown(track, shown) {
    this.view.shown[track] = this.trackItems[track].box.checked = shown;
    this.drawCharts();
    this.refresh();
  }

  showEvery(shown) {
    this.view.shown.fill(shown);
    for (const { box } of this.trackItems) box.checked = shown;
    this.drawCharts();
    this.refresh();
  }

  drawCharts() {
    const { sequence, view } = this;
    this.timeline.draw(view);
    this.trajectory.draw(view);
    const joint = words(sequence.facts.joints[view.joint] || "");
    const title = view.track >= 0 ? `Trajectory of track ${sequence.ids[view.track]}, ${joint}` : "Trajectory";
    byId("trajectory-title").textContent = title;
    byId("lines").setAttribute("aria-label", `${title}: x, y and score over time`);
    this.trackItems.forEach(({ button }, m) => button.setAttribute("aria-pressed", `${m === view.track}`));
    this.jointItems.forEach(({ button }, j) => button.setAttribute("aria-pressed", `${j === view.joint}`));
    this.timeline.mark(this.player.time);
    this.trajectory.mark(this.player.time);
  }

  refresh() {
    const { sequence, player, view } = this;
    if (!sequence.frames) return;
    const { frame } = player;
    this.stage.zoom(frame, view, byId("video"));
    this.stage.fit();
    this.stage.draw(frame, view);
    this.timeline.mark(player.time);
    this.trajectory.mark(player.time);
    const present = new Set(Array.from(sequence.rowsOf(frame), (row) => sequence.trackOf[row]));
    this.trackItems.forEach(({ item }, m) => item.classList.toggle("absent", !present.has(m)));
    const reading = `${clock(player.time)} / ${clock(sequence.end)}  frame ${sequence.index[frame]}`;
    byId("clock").textContent = sequence.ok[frame] ? reading : `${reading} (not decoded)`;
    byId("scrub").value = frame;
    byId("scrub").setAttribute("aria-valuetext", `${clock(player.time)}, ${present.size} people`);
    byId("play").textContent = player.playing ? "\u275A\u275A" : "\u25B6";
    byId("play").setAttribute("aria-label", player.playing ? "Pause" : "Play");
    this.editor.show(view.track, frame);
    const row = view.track >= 0 ? sequence.rowIn(view.track, frame) : -1;
    this.space?.show(row, view.track);
    this.jointItems.forEach(({ fill, value }, j) => {
      const seen = row >= 0 && sequence.seen(row, j);
      fill.style.width = seen ? `${100 * sequence.score(row, j)}%` : "0";
      value.textContent = seen ? sequence.score(row, j).toFixed(2) : "–";
    });
  }
}

// Interface for scripts that control the page.
window.skelstream = {
  ready: Sequence.unpack(JSON.parse(byId("facts-json").textContent), byId("packed").textContent).then(async (sequence) => {
    byId("packed").remove();
    const page = new Page(sequence);
    Object.assign(window.skelstream, {
      frameAt: (time) => sequence.frameAt(time),
      peopleIn: (frame) => Array.from(sequence.rowsOf(frame), (row) => ({
        id: sequence.ids[sequence.trackOf[row]],
        joints: sequence.facts.joints.map((_, j) =>
          sequence.seen(row, j) ? [sequence.x(row, j), sequence.y(row, j), sequence.score(row, j)] : null),
        canvas: sequence.facts.joints.map((_, j) => (sequence.seen(row, j) ? page.stage.at(row, j) : null)),
      })),
      space: () => (page.space && page.space.row >= 0 && sequence.lifted(page.space.row)
        ? sequence.facts.space.joints.map((_, j) => page.space.at(page.space.row, j)) : null),
      edits: () => page.editor.content,
      seek: (time) => page.player.seek(time),
      state: () => ({
        frame: page.player.frame, time: page.player.time, playing: page.player.playing,
        speed: page.player.speed, track: page.view.track, joint: page.view.joint, zoom: page.view.zoom,
        shown: page.view.shown.slice(), hasVideo: page.player.hasVideo, videoTime: page.player.video.currentTime,
      }),
    });
    await page.start();
    return true;
  }),
};
