/** How far two texts are compared line by line; beyond it the differing middle is shown as replaced. */
const most = 4_000_000;
const context = 3;

type Edit = { mark: " " | "-" | "+"; line: string };

/** A unified diff without its two head lines; no lines when the texts are the same. */
export function unifiedDiff(before: string, after: string): string[] {
  if (before === after) return [];
  const edits = compare(linesOf(before), linesOf(after));
  const found: string[] = [];
  let [oldLine, newLine] = [1, 1];
  for (let i = 0; i < edits.length; ) {
    const next = edits.findIndex(({ mark }, at) => at >= i && mark !== " ");
    if (next < 0) break;
    const start = Math.max(i, next - context);
    let end = next;
    // A hunk goes on while the next change is near.
    for (let at = next; at < edits.length && at <= end + 2 * context; at++) if (edits[at]?.mark !== " ") end = at;
    const stop = Math.min(edits.length, end + 1 + context);
    oldLine += start - i;
    newLine += start - i;
    const hunk = edits.slice(start, stop);
    const [removed, added] = [
      hunk.filter(({ mark }) => mark !== "+").length,
      hunk.filter(({ mark }) => mark !== "-").length,
    ];
    found.push(
      `@@ -${range(oldLine, removed)} +${range(newLine, added)} @@`,
      ...hunk.map(({ mark, line }) => mark + line),
    );
    oldLine += removed;
    newLine += added;
    i = stop;
  }
  return found;
}

function range(line: number, count: number): string {
  // An empty range stands after the line before it.
  return `${count === 0 ? line - 1 : line},${count}`;
}

/** A last line without its end is told apart from one with it. */
function linesOf(text: string): string[] {
  const lines = text.split("\n");
  const last = lines.pop();
  return last === "" || last === undefined ? lines : [...lines, `${last}\n\\ No newline at end of file`];
}

function compare(a: string[], b: string[]): Edit[] {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const same = (lines: string[]): Edit[] => lines.map((line) => ({ mark: " ", line }));
  return [
    ...same(a.slice(0, head)),
    ...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    ...same(a.slice(a.length - tail)),
  ];
}

/** By the longest common subsequence. */
function middle(a: string[], b: string[]): Edit[] {
  const width = b.length + 1;
  const common = a.length * b.length <= most ? new Uint32Array((a.length + 1) * width) : undefined;
  if (common)
    for (let i = a.length - 1; i >= 0; i--)
      for (let j = b.length - 1; j >= 0; j--)
        common[i * width + j] =
          a[i] === b[j]
            ? (common[(i + 1) * width + j + 1] ?? 0) + 1
            : Math.max(common[(i + 1) * width + j] ?? 0, common[i * width + j + 1] ?? 0);
  const edits: Edit[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const [old, fresh] = [a[i], b[j]];
    const below = common?.[(i + 1) * width + j] ?? 0;
    if (common && old !== undefined && old === fresh) {
      edits.push({ mark: " ", line: old });
      i++;
      j++;
    } else if (old !== undefined && (fresh === undefined || !common || below >= (common[i * width + j + 1] ?? 0))) {
      edits.push({ mark: "-", line: old });
      i++;
    } else if (fresh !== undefined) {
      edits.push({ mark: "+", line: fresh });
      j++;
    }
  }
  return edits;
}
