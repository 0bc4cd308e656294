/** What stands between `{{` and `}}`. Filters and blocks will be further kinds. */
export type Expression = { kind: "name"; name: string } | { kind: "text"; text: string };

export interface Placeholder {
  expression: Expression;
  /** Offset of `{{` in the template. */
  offset: number;
}

export interface Fault {
  offset: number;
  code: string;
  sentence: string;
}

export interface Parsed {
  /** One more than placeholders; the text before, between and after them. */
  literals: string[];
  placeholders: Placeholder[];
  faults: Fault[];
}

const name = /^[A-Za-z_][\w-]*(?:\.[A-Za-z0-9_][\w-]*)*$/;

/** Splits a template. `{{ "{{" }}` writes the braces themselves. */
export function parseTemplate(text: string): Parsed {
  const literals: string[] = [];
  const placeholders: Placeholder[] = [];
  const faults: Fault[] = [];
  const nul = text.indexOf("\0");
  if (nul >= 0)
    faults.push({
      offset: nul,
      code: "template-not-text",
      sentence: "A template holds no NUL.",
    });
  let from = 0;
  for (;;) {
    const open = text.indexOf("{{", from);
    if (open < 0) break;
    // A text in quotes may hold the closing braces.
    const [whole, inside] = /^\{\{((?:"(?:[^"\\\n]|\\.)*"|[^"}\n]|\}(?!\}))*)\}\}/.exec(text.slice(open)) ?? [];
    if (whole === undefined || inside === undefined) {
      faults.push({ offset: open, code: "placeholder-open", sentence: "{{ without }} on the same line." });
      break;
    }
    const expression = readExpression(inside.trim());
    if (typeof expression === "string")
      faults.push({ offset: open, code: "placeholder-malformed", sentence: expression });
    else {
      literals.push(text.slice(from, open));
      placeholders.push({ expression, offset: open });
      from = open + whole.length;
      continue;
    }
    // Go on after the bad one, so that all of them are found.
    literals.push(text.slice(from, open));
    placeholders.push({ expression: { kind: "text", text: "" }, offset: open });
    from = open + whole.length;
  }
  literals.push(text.slice(from));
  return { literals, placeholders, faults };
}

function readExpression(inside: string): Expression | string {
  if (name.test(inside)) return { kind: "name", name: inside };
  if (/^"(?:[^"\\]|\\["\\/bfnrt])*"$/.test(inside)) return { kind: "text", text: JSON.parse(inside) };
  return "A placeholder holds a name or a text in double quotes, no logic.";
}
