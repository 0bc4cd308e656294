import type { Weight } from "../../functions/controller/needs.ts";
import type { SecretVersionView } from "../../functions/google/secrets.ts";

/** A version of a secret and something that needs it. */
export interface Use {
  /** `projects/P[/locations/L]/secrets/S`, with the project's id. */
  secret: string;
  version: number;
  weight: Weight;
  by: string;
  live: boolean;
}

/** One secret as Secret Manager has it; undefined versions could not be read. */
export interface KnownSecret {
  secret: string;
  versions: SecretVersionView[] | undefined;
}

export type Verdict =
  /** Machines, or templates machines are made from, need it. */
  | "needed"
  /** Needed, and machines cannot have it. */
  | "alarm"
  /** Only a rollout that may begin, going back, or an idle template would need it. */
  | "spare"
  /** Nothing needs it. */
  | "free"
  /** It is destroyed, and nothing needs it. */
  | "gone"
  /** Something could not be read. */
  | "unknown";

export interface Pin {
  secret: string;
  version: number;
  /** As Secret Manager says; `MISSING` when it has no such version, `UNREAD` when it was not asked successfully. */
  state: string;
  /** When it will be destroyed, RFC 3339. */
  destroyAt?: string;
  verdict: Verdict;
  /** Instances that live now with it. */
  instances: string[];
  /** Everything else that needs it, most important first. */
  needs: { weight: Weight; by: string }[];
}

const ORDER: readonly Weight[] = ["runs", "next", "rollback", "idle"];

/** Each version of each secret, newest first: its state, what needs it, and whether it can be destroyed. */
export function pinsOf(uses: readonly Use[], secrets: readonly KnownSecret[], unread: readonly string[]): Pin[] {
  const pins: Pin[] = [];
  for (const { secret, versions } of secrets) {
    const mine = uses.filter((use) => use.secret === secret);
    const numbers = new Set([...mine.map(({ version }) => version), ...(versions ?? []).map(({ number }) => number)]);
    for (const version of [...numbers].sort((a, b) => b - a)) {
      const found = versions?.find(({ number }) => number === version);
      const state = found?.state ?? (versions ? "MISSING" : "UNREAD");
      const all = mine.filter((use) => use.version === version);
      pins.push({
        secret,
        version,
        state,
        ...(found?.destroyAt !== undefined && { destroyAt: found.destroyAt }),
        verdict: verdictOf(state, found?.destroyAt, all, unread),
        instances: [...new Set(all.filter(({ live }) => live).map(({ by }) => by.replace(/^instance /, "")))].sort(),
        needs: distinct(all.filter(({ live }) => !live)),
      });
    }
  }
  return pins;
}

function distinct(uses: readonly Use[]): Pin["needs"] {
  const sorted = [...uses].sort((a, b) => ORDER.indexOf(a.weight) - ORDER.indexOf(b.weight));
  const seen = new Set<string>();
  return sorted.flatMap(({ weight, by }) => {
    if (seen.has(by)) return [];
    seen.add(by);
    return [{ weight, by }];
  });
}

function verdictOf(
  state: string,
  destroyAt: string | undefined,
  uses: readonly Use[],
  unread: readonly string[],
): Verdict {
  const runs = uses.some(({ weight }) => weight === "runs");
  if (runs && state === "UNREAD") return "needed";
  if (runs) return state === "ENABLED" && destroyAt === undefined ? "needed" : "alarm";
  if (state === "DESTROYED" && uses.length === 0) return "gone";
  if (unread.length > 0 || state === "UNREAD") return "unknown";
  return uses.length > 0 ? "spare" : "free";
}

/** Splits `projects/P[/locations/L]/secrets/S/versions/N`; undefined for anything else, an alias included. */
export function splitVersion(name: string): { secret: string; version: number } | undefined {
  const [, secret, number] =
    /^(projects\/[^/]+(?:\/locations\/[^/]+)?\/secrets\/[^/]+)\/versions\/([1-9]\d*)$/.exec(name) ?? [];
  return secret === undefined ? undefined : { secret, version: Number(number) };
}
