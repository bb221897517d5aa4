"use strict";
// Typed text as pictures: each character in a square of its own, as large and where the training's were drawn.

const PRINTED = "'Noto Serif CJK SC', 'Source Han Serif SC', 'Songti SC', SimSun, 'AR PL UMing CN', serif";
const FINER = 4; // drawn so many times as large, then averaged, as the training's
const EM = 200; // pixels at which characters are measured
const OUTSIDE = 0.03; // share of the characters that may be larger than the room: the scale is not theirs
const COLUMNS = 8; // at most so many in a line
const NOT_DRAWN = /(?!\n)[\p{M}\p{Cc}\p{Cf}]/gu; // marks on other letters, control characters: no squares of their own
const NONE = "\u0378"; // a code point without a character

class Letters {
  /** canvas: shows the text. typed: of the page's data. */
  constructor(canvas, [height, width], typed) {
    canvas.lang = typed.language;
    Object.assign(this, { canvas, height, width, room: typed.room, drawn: new Map() });
    this.context = canvas.getContext("2d", { willReadFrequently: true });
    this.none = String(this.measures(NONE));
    const known = [...typed.measured].filter((character) => this.has(character));
    this.fitting = known.length > 0; // whether a font here has any of the training's characters
    this.scale(this.fitting ? known : [..."HAMBURGefonstiv"]);
  }

  /** Write a text on the canvas, one picture of all squares. Returns the characters that no font here has. */
  write(text) {
    const drawn = text.replace(NOT_DRAWN, ""), missing = new Set([...drawn].filter((character) => character.trim() && !this.has(character)));
    const lines = drawn.split("\n").flatMap((line) => {
      const squares = [...line].filter((character) => !missing.has(character));
      return Array.from({ length: Math.ceil(squares.length / COLUMNS) }, (_, i) => squares.slice(COLUMNS * i, COLUMNS * (i + 1)));
    });
    const squares = lines.map((line) => line.map((character) => this.square(character)));
    this.canvas.width = this.width * Math.max(1, ...lines.map((line) => line.length));
    this.canvas.height = this.height * Math.max(1, lines.length);
    this.context.fillStyle = "#fff";
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    squares.forEach((line, y) => line.forEach((square, x) => this.context.putImageData(square, x * this.width, y * this.height)));
    return [...missing];
  }

  /** A character that no font has is as wide and as high as one that is none. Drawings are not compared: Firefox writes
   * the code point into the box. */
  has(character) {
    return String(this.measures(character)) !== this.none;
  }

  /** Of its ink, in em: left, right, from the start of the line; top, bottom, up from the line. */
  measures(character) {
    this.context.font = `${EM}px ${PRINTED}`; // forgotten when the canvas gets another size
    const found = this.context.measureText(character);
    const { actualBoundingBoxLeft: left, actualBoundingBoxRight: right, actualBoundingBoxAscent: top, actualBoundingBoxDescent: bottom } = found;
    return [-left, right, top, -bottom, found.width].map((length) => length / EM);
  }

  /** One scale and one line for all: nearly all fit into the room, as translate/catalog/glyphs.py has it. */
  scale(characters) {
    const all = characters.map((character) => this.measures(character));
    const top = quantile(all.map((one) => one[2]), 1 - OUTSIDE), bottom = quantile(all.map((one) => one[3]), OUTSIDE);
    const wide = quantile(all.map(([left, right]) => right - left), 1 - OUTSIDE);
    this.em = (Math.min(this.height, this.width) * this.room) / Math.max(top - bottom, wide);
    this.middle = (top + bottom) / 2;
  }

  /** ImageData of a character: black on white, centred between left and right. */
  square(character) {
    if (this.drawn.has(character)) return this.drawn.get(character);
    const { canvas, context, width, height } = this;
    canvas.width = FINER * width;
    canvas.height = FINER * height;
    const [left, right, top, bottom] = this.measures(character);
    const side = this.room * Math.min(width, height), edge = (height - side) / 2;
    const em = Math.min(this.em, side / Math.max(right - left, top - bottom)); // the few that don't fit are reduced
    const line = Math.min(Math.max(height / 2 + em * this.middle, edge + em * top), height - edge + em * bottom);
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.fillStyle = "#000";
    context.font = `${FINER * em}px ${PRINTED}`;
    context.fillText(character, FINER * (width / 2 - (em * (left + right)) / 2), FINER * line);
    const made = averaged(context.getImageData(0, 0, canvas.width, canvas.height).data, width, height);
    this.drawn.set(character, made);
    return made;
  }
}

/** Each pixel is the mean of FINER × FINER. */
function averaged(data, width, height) {
  const sums = new Float64Array(4 * width * height), count = FINER * FINER;
  for (let i = 0, y = 0; y < FINER * height; y++) {
    for (let x = 0; x < FINER * width; x++) {
      const cell = 4 * (Math.floor(y / FINER) * width + Math.floor(x / FINER));
      for (let c = 0; c < 4; c++, i++) sums[cell + c] += data[i];
    }
  }
  return new ImageData(Uint8ClampedArray.from(sums, (sum) => sum / count), width, height);
}

/** The value below which the share `part` of all lies, between two of them if need be. */
function quantile(values, part) {
  const sorted = values.toSorted((a, b) => a - b), at = part * (sorted.length - 1), below = Math.floor(at);
  const above = sorted[Math.min(below + 1, sorted.length - 1)];
  return sorted[below] + (at - below) * (above - sorted[below]);
}

/** What to say of characters that no font here has. */
function lacking(characters, fitting) {
  if (!characters.length) return "";
  const names = characters.slice(0, 8).map((character) => {
    const code = `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
    return /\p{C}/u.test(character) ? code : `“${character}” (${code})`;
  });
  if (characters.length > names.length) names.push(`${characters.length - names.length} more`);
  const last = names.pop();
  const left = `No font of this system has ${names.length ? `${names.join(", ")} or ` : ""}${last}; ${characters.length > 1 ? "they are" : "it is"} left out.`;
  return fitting ? left : `${left} None has any character that the model was trained with: install a font that has them, or draw.`;
}
