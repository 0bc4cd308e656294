import {
  bare,
  type Format,
  inside,
  insideQuotes,
  keySentence,
  linesSentence,
  mark,
  type Place,
  Places,
  partSentence,
  readQuoted,
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
  const places = new Places();
  let i = 0;
  /** Depth of [ ] and { }. */
  let flow = 0;
  /** A value or key may begin here. */
  let fresh = true;
  /** Indentation of the line being read. */
  let indent = 0;
  /** Indentation of the line where unquoted text began that may go on in the next line. */
  let open: number | undefined;

  /** The match at i, where `pattern` is sticky; empty when there is none. */
  const match = (pattern: RegExp): string => {
    pattern.lastIndex = i;
    return pattern.exec(s)?.[0] ?? "";
  };

  const lineStart = () => {
    indent = match(/[ \t]*/y).length;
    i += indent;
    if (/[\n\r#]/.test(s[i] ?? "")) return;
    const goesOn = open !== undefined && (flow > 0 || indent > open);
    fresh = !goesOn;
    if (goesOn) plain();
    else open = undefined;
  };

  const flowMark = (c: string) => {
    flow = Math.max(0, flow + (c === "[" || c === "{" ? 1 : c === "," ? 0 : -1));
    fresh = c !== "]" && c !== "}";
    open = undefined;
    i++;
  };

  const refused = (text: string, sentence: string) => {
    places.refuseAll(text, sentence);
    i += text.length;
  };

  /** Unquoted text up to the end of the line, a comment, or the colon that makes it a key. */
  const plain = () => {
    const text =
      match(flow > 0 ? /(?:[^\n:#,[\]{}]|:(?![\s,[\]{}]|$)|(?<!\s)#)+/y : /(?:[^\n:#]|:(?!\s|$)|(?<!\s)#)+/y) ||
      (s[i] ?? "");
    fresh = s[i + text.length] === ":";
    refused(text, fresh ? keySentence : partSentence);
    if (fresh) i++;
    open = fresh ? undefined : (open ?? indent);
  };

  /** What follows a quoted or bare value: a colon makes it a key; anything but an end makes it unquoted text. */
  const afterValue = (first: number) => {
    const key = match(/[ \t]*:(?=\s|$)/y) || (flow > 0 ? match(/\s*:/y) : "");
    i += key.length;
    fresh = key !== "";
    if (fresh) return places.refuseFrom(first, keySentence);
    const ends = flow > 0 ? /\s*(?:[,\]}]|\s#|$)/y : /[ \t\r]*(?:\n|$|(?<=\s)#)/y;
    ends.lastIndex = i;
    if (!ends.test(s)) places.refuseFrom(first, partSentence);
    // A line more that is indented would be an error or belong to this value; it is read as unquoted text.
    open = indent;
  };

  /** `|` or `>` and the lines that belong to it. */
  const block = () => {
    const head = match(/[|>][-+0-9]*[ \t]*(?:#[^\n]*)?\r?(?:\n|$)/y);
    if (head === "") return plain();
    refused(head, "a comment");
    // Its first line with text sets how deep it goes, unless its head does.
    const first = /\d/.test(head) ? undefined : /^(?:[ \t\r]*\n)*( +)\S/.exec(s.slice(i))?.[1]?.length;
    const deep = Math.max(indent + 1, first ?? 0);
    const line = new RegExp(`(?:[ \\t\\r]*|[ \\t]{${deep},}[^\\n]*)(?:\\n|$)`, "y");
    for (let text = match(line); text !== ""; text = match(line)) refused(text, "a block text");
    open = undefined;
    lineStart();
  };

  lineStart();
  while (i < s.length) {
    const c = s[i] ?? "";
    const first = places.found.length;
    if (c === "\n") {
      i++;
      lineStart();
    } else if (/[ \t\r]/.test(c)) i++;
    else if (c === "#" && /\s/.test(s[i - 1] ?? "\n")) {
      refused(match(/[^\n]*/y), "a comment");
      open = undefined;
    } else if (flow > 0 && /[[\]{},]/.test(c)) flowMark(c);
    else if (!fresh) plain();
    else if (c === "[" || c === "{") flowMark(c);
    else if (match(/[-?:](?=\s|$)/y) || (c === ":" && flow > 0)) i++;
    else if (c === '"') {
      const start = i;
      i = readQuoted(s, i, c, places);
      if (s.slice(start, i).includes("\n")) places.refuseFrom(first, linesSentence);
      afterValue(first);
    } else if (c === "'") {
      refused(match(/'(?:[^']|'')*'?/y), "single quotes");
      afterValue(first);
    } else if ((c === "|" || c === ">") && flow === 0) block();
    else if (c === "!" || c === "&") refused(match(/\S+/y), partSentence);
    else if (c === mark) {
      places.stands(bare);
      i++;
      afterValue(first);
    } else plain();
  }
  return places.found;
}
