import { type Format, inside, Places, textOf, Unfit } from "./format.ts";

const attribute = "attribute";
const sentence = "markup";
const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;" };
const entity = /&[^;\s<&\0]*\0/;
/** Comments, CDATA, instructions, declarations; and all that follows when a DTD has declarations of its own. */
const apart = /<!--[\s\S]*?(?:-->|$)|<!\[CDATA\[[\s\S]*?(?:]]>|$)|<\?[\s\S]*?(?:\?>|$)|<![^>[]*(?:\[[\s\S]*|>|$)/y;

/** XML 1.0: in text and in quoted attributes. Not in tags, comments, CDATA, declarations. */
export const xml: Format = {
  places(s) {
    const places = new Places(s);
    while (places.i < s.length) {
      places.stand(places.match(/[^<]*/y), inside, entity);
      const markup = places.match(apart);
      places.refuse(markup, sentence);
      if (markup) continue;
      while (places.i < s.length && s[places.i] !== ">") {
        places.refuse(places.match(/[^>"']*/y), sentence);
        places.stand(places.match(/"[^"]*"?|'[^']*'?/y), attribute, entity);
      }
      places.i++;
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
