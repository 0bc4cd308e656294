const ESCAPES: Record<string, string> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  s: " ",
  "\\": "\\",
  '"': '"',
  "'": "'",
};

/** Splits as systemd does: white space, quotes around a whole word or parts of it, C escapes. Throws on an open quote. */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let i = 0; i < line.length; i++) {
    const char = line.charAt(i);
    if (char === "\\") {
      const [text, length] = escaped(line.slice(i + 1));
      word = (word ?? "") + text;
      i += length;
    } else if (quote !== "") {
      if (char === quote) quote = "";
      else word = (word ?? "") + char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= "";
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + char;
    }
  }
  if (quote !== "") throw new Error(`a quote is not closed in: ${line}`);
  if (word !== undefined) words.push(word);
  return words;
}

/** What stands after a backslash: the text meant, and how many characters it took. */
function escaped(rest: string): [string, number] {
  const code = /^(?:x([0-9a-fA-F]{2})|([0-7]{3}))/.exec(rest);
  if (code) return [String.fromCharCode(code[1] ? Number.parseInt(code[1], 16) : Number.parseInt(code[2] ?? "", 8)), 3];
  const next = rest.charAt(0);
  return [ESCAPES[next] ?? `\\${next}`, next === "" ? 0 : 1];
}

/** `${NAME}` inside a word, `$NAME` as a whole word (split again at white space), `$$` for a dollar. */
export function expandWords(words: readonly string[], env: Record<string, string>): string[] {
  return words.flatMap((word) => {
    const whole = /^\$(\w+)$/.exec(word);
    if (whole) return (env[whole[1] ?? ""] ?? "").split(/\s+/).filter((part) => part !== "");
    return [
      word.replace(/\$\$|\$\{(\w+)\}/g, (found, name?: string) =>
        found === "$$" ? "$" : name === undefined ? found : (env[name] ?? ""),
      ),
    ];
  });
}

/** The `%` specifiers that mean something without a systemd. Others stay as they are. */
export function expandSpecifiers(text: string, unit: string, hostname: string): string {
  const meanings: Record<string, string> = {
    "%": "%",
    n: unit,
    N: unit.replace(/\.\w+$/, ""),
    p: unit.replace(/\.\w+$/, ""),
    H: hostname,
    t: "/run",
    S: "/var/lib",
    C: "/var/cache",
    L: "/var/log",
    E: "/etc",
    d: `/run/credentials/${unit}`,
  };
  return text.replace(/%([%nNpHtSCLEd])/g, (_, letter: string) => meanings[letter] ?? "");
}

const SPANS: Record<string, number> = { us: 0.001, ms: 1, s: 1000, sec: 1000, m: 60_000, min: 60_000, h: 3_600_000 };

/** A systemd time span (`5`, `500ms`, `1min 30s`, `infinity`) in ms. Undefined when it is none. */
export function milliseconds(text: string): number | undefined {
  if (text === "infinity") return Number.POSITIVE_INFINITY;
  let total = 0;
  const rest = text.replace(/(\d+(?:\.\d+)?)\s*([a-z]*)\s*/g, (found, amount: string, span: string) => {
    const factor = SPANS[span || "s"];
    if (factor === undefined) return found;
    total += Number(amount) * factor;
    return "";
  });
  return text !== "" && rest === "" ? total : undefined;
}
