import type { Finding } from "../../finding.ts";
import type { Names } from "../../plan/names.ts";
import type { Plan } from "../../plan/plan.ts";
import { type Rendered, renderPlan } from "../../render/files.ts";

const root = { uid: 0, gid: 0 };

/** Stands where a secret would; the second is for places that take plain words only. */
const masks = [(name: string) => `<secret ${name}>`, (name: string) => `secret-${name.replace(/_/g, "-")}`] as const;

/**
 * Renders a plan with a mark instead of each secret's value, escaped as a value would be. Whether the real values fit
 * their places only a boot can tell.
 */
export function renderMasked(plan: Plan, names: Names): { rendered: Rendered; findings: Finding[] } {
  const pieces: Plan[] = plan.files.map((file) => ({ ...plan, files: [file], ...nothingElse }));
  pieces.push({ ...plan, files: [] });
  const done = pieces.map((piece) => {
    const [first, second] = masks.map((mask) => {
      const secrets = new Map([...plan.secrets].map((name): [string, Buffer] => [name, Buffer.from(mask(name))]));
      return renderPlan(piece, names, secrets, root);
    });
    return second && first && first.findings.length > 0 && second.findings.length === 0 ? second : first;
  });
  const rest = done.at(-1)?.rendered;
  const files = done.flatMap((one) => one?.rendered.files ?? []);
  const findings = done.flatMap((one) => one?.findings ?? []);
  if (!rest) throw new Error("the last piece is always there");
  return { rendered: { ...rest, files }, findings };
}

const nothingElse = { hostName: undefined, ready: undefined, links: [], environment: new Map() };
