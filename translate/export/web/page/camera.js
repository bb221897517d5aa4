"use strict";
// The camera: shown in a <video>, from which the page takes frames.

class Camera {
  constructor(video) {
    Object.assign(this, { video, facing: "environment" });
  }

  static get possible() {
    return Boolean(navigator.mediaDevices?.getUserMedia);
  }

  get on() {
    return Boolean(this.video.srcObject);
  }

  /** Starts it; how many cameras there are. Error when there is none or it is not allowed. */
  async start() {
    try {
      this.video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: this.facing }, audio: false });
      await this.video.play();
    } catch (error) {
      this.stop();
      const why = { NotAllowedError: "it was not allowed", NotFoundError: "there is none", NotReadableError: "something else uses it" };
      throw new Error(`The camera can’t be used: ${why[error.name] ?? error.message}.`);
    }
    return (await navigator.mediaDevices.enumerateDevices()).filter((device) => device.kind === "videoinput").length;
  }

  stop() {
    for (const track of this.video.srcObject?.getTracks() ?? []) track.stop();
    this.video.srcObject = null;
  }

  turn() {
    this.facing = this.facing === "user" ? "environment" : "user";
    this.stop();
    return this.start();
  }
}
