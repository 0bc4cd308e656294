import { counted } from "./reasons.ts";
import { type ReleaseInputs, short } from "./release.ts";
import { parseSecretName } from "./secretname.ts";

/** One input in which two releases differ. */
export interface Change {
  what: "image" | "configuration" | "secret" | "base";
  /** The secret's name in the manifest, or the group's key. */
  name?: string;
  from: string | null;
  to: string | null;
  /** As people read it: `secret db-password 3 → 4`. */
  text: string;
}

/** How many changes a sentence names besides the image's. */
const NAMED = 3;

/** The image first, then the configuration, the secrets and the bases by their names. */
export function changesBetween(from: ReleaseInputs, to: ReleaseInputs): Change[] {
  const found: Omit<Change, "text">[] = [
    { what: "image", from: from.image.name, to: to.image.name },
    { what: "configuration", from: from.configCommit, to: to.configCommit },
  ];
  // Another image may have the same name.
  const changes = found.filter((one) =>
    one.what === "image" ? from.image.id !== to.image.id : from.configCommit !== to.configCommit,
  );
  for (const [what, old, fresh] of [
    ["secret", from.secrets, to.secrets],
    ["base", from.base, to.base],
  ] as const)
    for (const name of [...new Set([...Object.keys(old), ...Object.keys(fresh)])].sort()) {
      const [before = null, after = null] = [old[name], fresh[name]];
      const value = (text: string | null) => (text !== null && what === "base" ? short(text) : text);
      if (before !== after) changes.push({ what, name, from: value(before), to: value(after) });
    }
  return changes.map((change) => ({ ...change, text: textOf(change) }));
}

function textOf({ what, name, from, to }: Omit<Change, "text">): string {
  const whose = name === undefined ? what : what === "base" ? `base of ${name}` : `${what} ${name}`;
  const [before, after] = what === "secret" ? secretsText(from, to) : [from, to].map((one) => brief(what, one));
  return `${whose} ${before} → ${after}`;
}

function brief(what: Change["what"], value: string | null): string {
  if (value === null) return "none";
  return what === "configuration" ? short(value) : value;
}

/** Numbers are enough while it is the same secret. */
function secretsText(from: string | null, to: string | null): [string, string] {
  const [old, fresh] = [from, to].map((name) => (name === null ? undefined : parseSecretName(name)));
  const same =
    old && fresh && old.secret === fresh.secret && old.project === fresh.project && old.location === fresh.location;
  const text = (full: string | null, read: typeof old) => {
    if (full === null) return "none";
    if (!read) return full;
    return same ? String(read.version) : `${read.secret}@${read.version}`;
  };
  return [text(from, old), text(to, fresh)];
}

/** `web-1 → web-2, secret db-password 3 → 4`; `web-2, configuration 3f2a… → 9c1b…` where the image stays. */
export function changedText(from: ReleaseInputs, to: ReleaseInputs): string {
  const changes = changesBetween(from, to);
  const others = changes.flatMap(({ what, text }) => (what === "image" ? [] : [text]));
  const left = others.length - NAMED;
  return [
    others.length < changes.length ? `${from.image.name} → ${to.image.name}` : to.image.name,
    ...others.slice(0, NAMED),
    ...(left > 0 ? [`and ${counted(left, "other change")}`] : []),
  ].join(", ");
}
