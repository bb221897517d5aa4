"use strict";
// The worker that runs the model: started, asked, and ended when somebody doesn't want to wait.

/** What was asked will not be answered, because `Engine.stop` ended the worker. */
class Stopped extends Error {}

class Engine {
  /** files: of `load`. facts: about the model. */
  constructor(files, facts) {
    this.address = URL.createObjectURL(new Blob([files.worker], { type: "text/javascript" }));
    this.beginning = { glue: files.glue, wasm: files.wasm, model: files.model, facts };
    this.start();
  }

  /** A new worker. `ready`: a promise, kept when the model is loaded; its Error says why it can't be. */
  start() {
    this.worker?.terminate();
    this.worker = new Worker(this.address);
    this.ready = this.ask({ start: this.beginning });
  }

  /** The worker's answer. Error when it fails, Stopped when it is ended. One question at a time. */
  ask(message, transferred = []) {
    return new Promise((resolve, reject) => {
      this.reject = reject;
      this.worker.onmessage = ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data));
      this.worker.onerror = (event) => reject(new Error(event.message));
      this.worker.postMessage(message, transferred);
    });
  }

  /** End what is under way, and start again. */
  stop() {
    this.reject(new Stopped());
    this.start();
  }
}
