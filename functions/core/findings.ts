/** One thing wrong with a document a person wrote. All of them are returned at once. */
export interface Finding {
  /** Where in the document, e.g. `steps[1].share`; empty for the document itself. */
  path: string;
  /** Stable machine word. */
  code: "unknown-field" | "missing-field" | "wrong-type" | "bad-value" | "duplicate" | "not-supported";
  /** What is wrong and what to do. Never echoes a value that could be a secret. */
  message: string;
}

/** Collects findings while a document is read; every `take…` returns undefined after noting what is wrong. */
export class Reader {
  readonly findings: Finding[] = [];

  note(path: string, code: Finding["code"], message: string): undefined {
    this.findings.push({ path, code, message });
    return undefined;
  }

  object(
    value: unknown,
    path: string,
    fields: readonly string[],
    unsupported: Record<string, string> = {},
  ): Record<string, unknown> | undefined {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      return this.note(path, "wrong-type", `${name(path)} must be a mapping with the fields ${fields.join(", ")}`);
    }
    for (const key of Object.keys(value)) {
      const at = path ? `${path}.${key}` : key;
      const why = Object.hasOwn(unsupported, key) ? unsupported[key] : undefined;
      if (why !== undefined) this.note(at, "not-supported", `"${key}" is not supported yet: ${why}`);
      else if (!fields.includes(key)) {
        this.note(
          at,
          "unknown-field",
          `unknown field "${key}" in ${name(path)}; known are ${fields.join(", ")}${guess(key, fields)}`,
        );
      }
    }
    return value as Record<string, unknown>;
  }

  text(value: unknown, path: string, pattern: RegExp, form: string): string | undefined {
    if (value === undefined) return this.note(path, "missing-field", `${name(path)} is missing; write ${form}`);
    if (typeof value !== "string") return this.note(path, "wrong-type", `${name(path)} must be a text: ${form}`);
    if (!pattern.test(value)) return this.note(path, "bad-value", `${name(path)} must be ${form}`);
    return value;
  }

  /** More than a million machines is a slip of the hand, and more than Compute's integers hold is refused late. */
  whole(value: unknown, path: string, min: number, max = 1_000_000): number | undefined {
    if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
      return this.note(path, "bad-value", `${name(path)} must be a whole number of at least ${min}, at most ${max}`);
    }
    return value;
  }

  oneOf<T extends string>(value: unknown, path: string, words: readonly T[]): T | undefined {
    const found = words.find((word) => word === value);
    if (found !== undefined) return found;
    const near = typeof value === "string" ? guess(value, words) : "";
    return this.note(path, "bad-value", `${name(path)} must be ${alternatives(words)}${near}`);
  }

  /** Left out means false. */
  yes(value: unknown, path: string): boolean {
    if (value === undefined || typeof value === "boolean") return value === true;
    this.note(path, "wrong-type", `${name(path)} must be true or false`);
    return false;
  }
}

function name(path: string): string {
  return path ? `"${path}"` : "the document";
}

/** `a, b or c` */
function alternatives(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

export function guess(key: string, fields: readonly string[]): string {
  const near = fields.find((field) => distance(key.toLowerCase(), field.toLowerCase()) <= 2);
  return near ? `. Did you mean "${near}"?` : "";
}

/** Levenshtein distance; the words are short. */
export function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
