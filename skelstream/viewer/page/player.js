// Playback: the time comes from the video if one plays, else from an own clock.

class Player {
  constructor(sequence, video, onChange) {
    this.sequence = sequence;
    this.video = video;
    this.onChange = onChange;
    this.frame = 0;
    this.time = sequence.frames ? sequence.time[0] : 0;
    this.speed = 1;
    this.playing = false;
    this.hasVideo = false;
    this.started = null;
  }

  // Resolves to whether the video plays.
  open(source) {
    if (!source) return Promise.resolve(false);
    const { video } = this;
    return new Promise((resolve) => {
      video.addEventListener("loadeddata", () => {
        this.hasVideo = true;
        this.seek(this.time);
        resolve(true);
      }, { once: true });
      video.addEventListener("error", () => {
        this.hasVideo = false;
        this.pause();
        resolve(false);
      });
      video.addEventListener("ended", () => {
        if (this.playing) this.at(video.currentTime);
        this.pause();
      });
      video.muted = false;
      video.src = source;
    });
  }

  seek(time) {
    const { sequence } = this;
    if (!sequence.frames) return;
    this.time = Math.min(Math.max(time, sequence.time[0]), sequence.end);
    this.started = null;
    // Browsers round times: a time in the middle of the frame selects it safely.
    if (this.hasVideo) this.video.currentTime = this.inside(sequence.frameAt(this.time));
    this.show(sequence.frameAt(this.time));
  }

  inside(frame) {
    const { time, frames } = this.sequence;
    const next = frame + 1 < frames ? time[frame + 1] : time[frame] + 0.02;
    return time[frame] + Math.min(0.02, (next - time[frame]) / 2);
  }

  step(count) {
    this.pause();
    const frame = Math.min(Math.max(this.frame + count, 0), this.sequence.frames - 1);
    this.seek(this.sequence.time[Math.max(0, frame)]);
  }

  play() {
    if (this.playing || this.sequence.frames < 2) return;
    if (this.frame >= this.sequence.frames - 1) this.seek(this.sequence.time[0]);
    this.playing = true;
    this.started = null;
    if (this.hasVideo) {
      this.video.playbackRate = this.speed;
      this.video.play().catch(() => {
        // Browsers may refuse sound without a user gesture, but not images.
        this.video.muted = true;
        this.video.play().catch(() => this.pause());
      });
      if (this.video.requestVideoFrameCallback) this.follow();
    }
    requestAnimationFrame((now) => this.tick(now));
    this.onChange();
  }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    if (this.hasVideo) {
      this.video.pause();
      // The shown image may be one frame ahead of the last one that the browser reported.
      this.video.currentTime = this.inside(this.frame);
    }
    this.onChange();
  }

  setSpeed(speed) {
    this.speed = speed;
    this.started = null;
    if (this.hasVideo) this.video.playbackRate = speed;
  }

  // The browser reports which frame of the video it shows.
  follow() {
    this.video.requestVideoFrameCallback((now, facts) => {
      if (!this.playing) return;
      this.at(facts.mediaTime);
      this.follow();
    });
  }

  tick(now) {
    if (!this.playing) return;
    if (!this.hasVideo) {
      if (this.started === null) this.started = now - (this.time * 1000) / this.speed;
      this.at(((now - this.started) / 1000) * this.speed);
    } else if (!this.video.requestVideoFrameCallback) {
      this.at(this.video.currentTime);
    }
    requestAnimationFrame((later) => this.tick(later));
  }

  at(time) {
    const { sequence } = this;
    this.time = Math.min(Math.max(time, sequence.time[0]), sequence.end);
    this.show(sequence.frameAt(this.time));
    if (time >= sequence.end + (this.hasVideo ? 0.1 : 0)) this.pause();
  }

  show(frame) {
    this.frame = frame;
    this.onChange();
  }
}
