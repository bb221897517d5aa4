"use strict";
// Before and after in one frame: a divider, moved by mouse, finger or keys, left of which the picture itself is shown.

class Slider {
  /** frame: with the canvas `output` and the divider. home: where the canvas `input` is when nothing is compared. */
  constructor(parts) {
    Object.assign(this, parts, { pair: parts.frame.closest(".pair") });
    const { frame, divider } = this;
    divider.addEventListener("keydown", (event) => this.key(event));
    frame.addEventListener("pointerdown", (event) => {
      if (!this.on || event.button) return;
      event.preventDefault(); // which would take the focus away again
      frame.setPointerCapture(event.pointerId);
      divider.focus({ preventScroll: true });
      this.follow(event);
    });
    frame.addEventListener("pointermove", (event) => frame.hasPointerCapture(event.pointerId) && this.follow(event));
    this.to(50);
  }

  get on() {
    return this.pair.classList.contains("comparing");
  }

  /** Give the frames the shape of a picture; without one they are square. */
  shape(picture) {
    const ratio = picture?.height ? Math.min(Math.max(picture.width / picture.height, 0.5), 4) : 1;
    this.pair.style.setProperty("--ratio", ratio);
  }

  /** Both in one frame, or each in its own. */
  turn(on) {
    const { home, input, output, divider } = this;
    if (on === this.on) return;
    this.pair.classList.toggle("comparing", on);
    divider.hidden = !on;
    if (on) output.after(input);
    else home.prepend(input);
  }

  follow({ clientX }) {
    const { left, width } = this.frame.getBoundingClientRect();
    this.to((100 * (clientX - left)) / width);
  }

  key(event) {
    const steps = { ArrowLeft: -2, ArrowDown: -2, ArrowRight: 2, ArrowUp: 2, PageDown: -10, PageUp: 10, Home: -100, End: 100 };
    if (!(event.key in steps)) return;
    event.preventDefault(); // scrolling
    this.to(this.at + steps[event.key]);
  }

  /** percent: of the frame, from the left, that show the picture itself. */
  to(percent) {
    this.at = Math.min(Math.max(percent, 0), 100);
    this.frame.style.setProperty("--at", `${this.at}%`);
    this.divider.ariaValueNow = String(Math.round(this.at));
    this.divider.ariaValueText = `${Math.round(this.at)} % your picture`;
  }
}
