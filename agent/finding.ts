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

/** Of the text that was asked about last: a text with one finding often has many. */
let known: { text: string; starts: number[] } = { text: "", starts: [0] };

/** Line and column of an offset, both from 1. */
export function positionAt(text: string, offset: number): { line: number; column: number } {
  if (known.text !== text) {
    const starts = [0];
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
    known = { text, starts };
  }
  const { starts } = known;
  let line = 0;
  for (let step = 1 << 24; step >= 1; step /= 2)
    if ((starts[line + step] ?? Number.POSITIVE_INFINITY) <= offset) line += step;
  return { line: line + 1, column: offset - (starts[line] ?? 0) + 1 };
}
