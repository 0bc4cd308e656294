import { type Checker, exactlyOne, optional, text } from "../checker.ts";
import { absolute, source } from "../fields.ts";
import type { Origin } from "../manifest.ts";
import { secretName } from "../release.ts";

/** Without a secret: systemd reads a unit before there are any. */
export const publicOrigin = {
  content: optional(text()),
  template: optional(source),
  source: optional(source),
  image: optional(absolute),
};
export const anyOrigin = {
  ...publicOrigin,
  secret: optional(text(secretName, "not-a-name", "A secret's name has letters, digits, - and _.")),
};

type Given = { [K in keyof typeof anyOrigin]?: string | undefined };

/** The one origin that is given; undefined with a finding, or when none is and none is needed. */
export function originOf(
  check: Checker,
  at: string,
  value: unknown,
  { content, template, source, image, secret }: Given,
  among: object = anyOrigin,
  none = false,
): Origin | undefined {
  if (!exactlyOne(check, at, value, Object.keys(among), none)) return undefined;
  if (content !== undefined) return { content };
  if (template !== undefined) return { template };
  if (source !== undefined) return { source };
  if (image !== undefined) return { image };
  return secret === undefined ? undefined : { secret };
}
