import {
  bare,
  commentSentence,
  escapes,
  type Format,
  inside,
  insideQuotes,
  keySentence,
  linesSentence,
  mark,
  type Place,
  Places,
  partSentence,
  quotes,
  singleSentence,
  wholeScalar,
} from "./format.ts";

/**
 * In double quotes: text. Alone as a value: the whole value, texts in double quotes. Not in keys, single quotes, block
 * texts, comments, or inside unquoted text. The reader below follows YAML 1.2 far enough to know these apart, and
 * where two readings are possible it takes the one that refuses.
 */
export const yaml: Format = {
  places: readPlaces,
  write: (place, value) => (place === inside ? insideQuotes(value) : wholeScalar(value)),
};

function readPlaces(s: string): Place[] {
  const places = new Places(s);
  /** Open brackets, each with how many places there were before it. */
  const flow: [bracket: string, first: number][] = [];
  /** A colon stands between here and the last bracket or comma. */
  let keyed = false;
  /** A value or key may begin here. */
  let fresh = true;
  /** Indentation of the line being read. */
  let indent = 0;
  /** Indentation of the line where unquoted text began that may go on in the next line. */
  let open: number | undefined;

  const lineStart = () => {
    indent = places.match(/[ \t]*/y).length;
    places.i += indent;
    if (/[\n\r#]/.test(s[places.i] ?? "")) return;
    const goesOn = open !== undefined && (flow.length > 0 || indent > open);
    fresh = !goesOn;
    if (goesOn) plain();
    else open = undefined;
  };

  const keyOfMap = () => flow.at(-1)?.[0] === "{" && !keyed;

  const flowMark = (c: string) => {
    fresh = /[[{,]/.test(c);
    open = undefined;
    // A map or list as a key.
    if (/[[{]/.test(c) && keyOfMap()) return places.refuse(s.slice(places.i), keySentence);
    if (/[[{]/.test(c)) flow.push([c, places.found.length]);
    places.i++;
    keyed = !fresh;
    if (fresh) return;
    const [, first = 0] = flow.pop() ?? [];
    if (places.match(/\s*:/y)) places.refuseFrom(first, keySentence);
  };

  /** Unquoted text up to the end of the line, a comment, or the colon that makes it a key. */
  const plain = () => {
    const text =
      places.match(
        flow.length > 0 ? /(?:[^\n:#,[\]{}]|:(?![\s,[\]{}]|$)|(?<!\s)#)+/y : /(?:[^\n:#]|:(?!\s|$)|(?<!\s)#)+/y,
      ) ||
      (s[places.i] ?? "");
    fresh = s[places.i + text.length] === ":";
    places.refuse(text, fresh ? keySentence : partSentence);
    if (fresh) places.i++;
    keyed ||= fresh;
    open = fresh ? undefined : (open ?? indent);
  };

  /** What follows a quoted or bare value: a colon makes it a key; anything but an end makes it unquoted text. */
  const afterValue = (first: number) => {
    const key = places.match(/[ \t]*:(?=\s|$)/y) || (flow.length > 0 ? places.match(/\s*:/y) : "");
    places.i += key.length;
    fresh = key !== "";
    if (fresh || keyOfMap()) {
      keyed ||= fresh;
      return places.refuseFrom(first, keySentence);
    }
    const ends = flow.length > 0 ? /\s*(?:[,\]}]|\s#|$)/y : /[ \t\r]*(?:\n|$|(?<=\s)#)/y;
    ends.lastIndex = places.i;
    if (!ends.test(s)) places.refuseFrom(first, partSentence);
    // A line more that is indented would be an error or belong to this value; it is read as unquoted text.
    open = indent;
  };

  /** `|` or `>` and the lines that belong to it. */
  const block = () => {
    const head = places.match(/[|>][-+0-9]*[ \t]*(?:#[^\n]*)?\r?(?:\n|$)/y);
    if (head === "") return plain();
    // Alone on its line it says nothing of how deep its text may stand.
    if (s.slice(s.lastIndexOf("\n", places.i) + 1, places.i).trim() === "")
      return places.refuse(s.slice(places.i), "what follows | or > on a line of its own");
    places.refuse(head, commentSentence);
    // Its first line with text sets how deep it goes, unless its head does.
    const first = /\d/.test(head) ? undefined : /^(?:[ \t\r]*\n)*( +)\S/.exec(s.slice(places.i))?.[1]?.length;
    const deep = Math.max(indent + 1, first ?? 0);
    const line = new RegExp(`(?:[ \\t\\r]*|[ \\t]{${deep},}[^\\n]*)(?:\\n|$)`, "y");
    for (let text = places.match(line); text !== ""; text = places.match(line)) places.refuse(text, "a block text");
    open = undefined;
    lineStart();
  };

  lineStart();
  while (places.i < s.length) {
    const c = s[places.i] ?? "";
    const first = places.found.length;
    if (c === "\n") {
      places.i++;
      lineStart();
    } else if (/[ \t\r]/.test(c)) places.i++;
    else if (c === "#" && /\s/.test(s[places.i - 1] ?? "\n")) {
      places.refuseLine();
      open = undefined;
    } else if (flow.length > 0 && /[[\]{},]/.test(c)) flowMark(c);
    else if (!fresh) plain();
    else if (c === "[" || c === "{") flowMark(c);
    else if (places.match(/\?(?=\s|$)|---[ \t]+[^\s#]/y)) places.refuse(s.slice(places.i), keySentence);
    else if (places.match(/[-:](?=\s|$)/y) || (c === ":" && flow.length > 0)) {
      places.i++;
      keyed ||= c === ":";
    } else if (c === '"') {
      const text = places.match(quotes);
      places.stand(text, inside, escapes);
      if (text.includes("\n")) places.refuseFrom(first, linesSentence);
      afterValue(first);
    } else if (c === "'") {
      places.refuse(places.match(/'(?:[^']|'')*'?/y), singleSentence);
      afterValue(first);
    } else if ((c === "|" || c === ">") && flow.length === 0) block();
    else if (c === "!" || c === "&") places.refuse(places.match(/\S+/y), partSentence);
    else if (c === mark) {
      places.stand(c, bare);
      afterValue(first);
    } else plain();
  }
  return places.done();
}
