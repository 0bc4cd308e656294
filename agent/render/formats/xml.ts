import { type Format, inside, mark, Places, textOf, Unfit } from "./format.ts";

const attribute = "attribute";
const sentence = "markup";
const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;" };

/** XML 1.0: in text and in quoted attributes. Not in tags, comments, CDATA, declarations. */
export const xml: Format = {
  places(s) {
    const places = new Places();
    for (let i = 0; i < s.length; ) {
      const [apart] =
        /^(?:<!--[\s\S]*?(?:-->|$)|<!\[CDATA\[[\s\S]*?(?:\]\]>|$)|<\?[\s\S]*?(?:\?>|$)|<![^>]*>?)/.exec(s.slice(i)) ??
        [];
      if (apart !== undefined) {
        places.refuseAll(apart, sentence);
        i += apart.length;
      } else if (s[i] === "<") i = readTag(s, i, places);
      else {
        if (s[i] === mark) {
          if (/&[#\w]*$/.test(s.slice(0, i))) places.refuse("an entity");
          else places.stands(inside);
        }
        i++;
      }
    }
    return places.found;
  },
  write(place, value) {
    const text = textOf(value);
    if (/(?![\t\n\r\u007f-\u009f])[\p{Cc}\ufffe\uffff]/u.test(text)) throw new Unfit("it holds a control character");
    const escaped = text.replace(/[&<>"']/g, (unit) => entities[unit] ?? unit).replace(/\r/g, "&#13;");
    return place === attribute ? escaped.replace(/\n/g, "&#10;").replace(/\t/g, "&#9;") : escaped;
  },
};

function readTag(s: string, start: number, places: Places): number {
  let quote = "";
  let i = start + 1;
  for (; i < s.length; i++) {
    const c = s[i] ?? "";
    if (c === mark) {
      if (quote === "") places.refuse(sentence);
      else if (/&[#\w]*$/.test(s.slice(start, i))) places.refuse("an entity");
      else places.stands(attribute);
    } else if (quote !== "") {
      if (c === quote) quote = "";
    } else if (c === '"' || c === "'") quote = c;
    else if (c === ">") return i + 1;
  }
  return i;
}
