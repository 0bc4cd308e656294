/**
 * Variables of a file as systemd's EnvironmentFile= reads them (systemd.exec(5)): quotes may hold line breaks, a backslash in double
 * quotes means itself before anything but `"`, `\`, `` ` `` and `$`, and comments begin with # or ;.
 */
export function readEnvironmentFile(text: string): [name: string, value: string][] {
  const found: [string, string][] = [];
  const rest = new Reader(text.replaceAll("\r\n", "\n"));
  while (!rest.done()) {
    const line = rest.take(/\s*(?:[#;](?:\\[\s\S]|[^\\\n])*)?/y);
    const key = rest.take(/[^=\n]*/y).trim();
    if (rest.take(/=/y) === "") {
      if (line === "" && key === "" && rest.take(/\n/y) === "") break;
      continue;
    }
    const value = valueAt(rest);
    if (/^[A-Za-z_]\w*$/.test(key)) found.push([key, value]);
  }
  return found;
}

function valueAt(rest: Reader): string {
  let value = "";
  for (;;) {
    rest.take(/[ \t]*/y);
    const quoted = rest.take(/"(?:\\[\s\S]|[^"\\])*"?|'[^']*'?/y);
    if (quoted === "") {
      const plain = rest.take(/(?:\\[\s\S]|[^\\\n])*/y);
      return (
        value + plain.replace(/[ \t]+$/, "").replace(/\\([\s\S])/g, (_, char: string) => (char === "\n" ? "" : char))
      );
    }
    const inner = quoted.slice(1).replace(/["']$/, "");
    value += quoted.startsWith("'")
      ? inner
      : inner.replace(/\\([\s\S])/g, (whole, char: string) =>
          char === "\n" ? "" : /["\\`$]/.test(char) ? char : whole,
        );
    if (/^(\n|$)/.test(rest.ahead())) return value;
  }
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  done(): boolean {
    return this.#at >= this.#text.length;
  }

  ahead(): string {
    return this.#text.slice(this.#at, this.#at + 1);
  }

  /** What a sticky pattern finds here; empty when it does not. */
  take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }
}
