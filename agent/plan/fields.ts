import { type Rule, text } from "./checker.ts";
import type { Scalar } from "./manifest.ts";

/** Folders whose contents are not the image's to describe: the kernel's, or the agent's own. */
const forbidden = /^\/(proc|sys|dev|run\/moult|var\/lib\/moult|usr\/lib\/moult)(\/|$)/;
const badName = /^(\.{0,2})$|\p{Cc}/u;

/** A path in its one normal form, so that two spellings cannot name one file. */
export const path: Rule<string> = (check, at, value) => {
  const given = text(/^\//, "path-not-absolute", "A path starts with /.")(check, at, value);
  if (given === undefined) return undefined;
  const names = given.slice(1).split("/");
  if (given.includes("{{")) return check.fail(at, "path-with-placeholder", "A path holds no placeholder.");
  if (names.some((name) => badName.test(name) || Buffer.byteLength(name) > 255))
    return check.fail(
      at,
      "path-not-normal",
      "A path has no empty, . or .. names, no control characters, no name over 255 bytes.",
    );
  return forbidden.test(given) ? check.fail(at, "path-forbidden", "Nothing is placed there.") : given;
};

/** `0640` or `640`, as text: a number would be decimal. */
export const mode: Rule<number> = (check, at, value) => {
  const digits = text(/^0?[0-7]{3}$/, "mode-not-octal", 'A mode is octal, like "0640".')(check, at, value);
  return digits === undefined ? undefined : Number.parseInt(digits, 8);
};

export const owner = text(
  /^([a-z_][\w.-]*\$?|\d{1,10})(:([a-z_][\w.-]*\$?|\d{1,10}))?$/i,
  "owner-malformed",
  "An owner is user, user:group or numbers.",
);

const units: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `500ms`, `60s`, `5m`, `1h`; in ms. */
export const duration: Rule<number> = (check, at, value) => {
  const [, digits, unit] = /^(\d{1,9})(ms|s|m|h)$/.exec(text()(check, at, value) ?? "1s") ?? [];
  const ms = Number(digits) * (units[unit ?? ""] ?? Number.NaN);
  return ms > 0 && ms <= 86_400_000
    ? ms
    : check.fail(at, "not-a-duration", "A duration is like 500ms, 60s, 5m or 1h; at most 24h.");
};

/** Name of a template or source: a path inside the configuration tree. */
export const source: Rule<string> = (check, at, value) => {
  const given = text()(check, at, value);
  const bad = given?.split("/").some((name) => badName.test(name) || name.includes("\\"));
  return bad ? check.fail(at, "not-a-source", "A source is a relative path without `..`.") : given;
};

export const scalar: Rule<Scalar> = (check, at, value) =>
  value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? value
    : check.fail(at, "not-a-scalar", "A text, number, true, false or null is needed.");
