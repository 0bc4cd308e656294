/** One thing wrong with a description. A finding never holds a value, only where it stands and which rule it breaks. */
export interface Finding {
  /** The text it is in: `manifest`, `moult-release`, or the name of a template. */
  where: string;
  /** Place inside a document, like `files[2].mode`. */
  path?: string;
  /** From 1. */
  line: number;
  /** From 1, in UTF-16 code units. */
  column: number;
  /** Stable machine word. */
  code: string;
  sentence: string;
}

/** A finding at an offset of the text it is in. */
export function findingAt(where: string, text: string, offset: number, code: string, sentence: string): Finding {
  return { where, ...positionAt(text, offset), code, sentence };
}

export function printFinding(finding: Finding): string {
  const path = finding.path ? ` ${finding.path}` : "";
  return `${finding.where}:${finding.line}:${finding.column}${path} ${finding.code}: ${finding.sentence}`;
}

/** Line and column of an offset, both from 1. */
export function positionAt(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  return { line: before.split("\n").length, column: offset - lineStart + 1 };
}
