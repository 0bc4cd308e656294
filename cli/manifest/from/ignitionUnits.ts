import { list, oneOf, optional, text } from "../../../agent/plan/checker.ts";
import type { About } from "./ignitionFiles.ts";
import { entry, type Reading } from "./reading.ts";
import { wantersOf } from "./unitfile.ts";

const flag = oneOf([true, false] as const);
const dropin = entry(
  {
    name: text(/^[^/]+\.conf$/, "not-a-dropin", "A drop-in's name ends in .conf and has no slash."),
    contents: optional(text()),
  },
  "name",
);

export const unit = entry(
  {
    name: text(),
    enabled: optional(flag),
    mask: optional(flag),
    contents: optional(text()),
    dropins: list(dropin),
  },
  "name",
);
type Unit = NonNullable<ReturnType<typeof unit>>;
type Dropin = NonNullable<ReturnType<typeof dropin>>;

const inImage = (does: string) => `Let the image's build do it: systemctl ${does}.`;

/** `mounts`: mount units that the manifest's own disks make. */
export function translateUnit(about: About, given: Unit, mounts: ReadonlySet<string>): undefined {
  const { reading } = about;
  const { at, name, enabled, mask, contents } = given;
  // Ignition writes a drop-in without contents as nothing at all.
  const dropins = (given.dropins ?? []).filter((each) => each.contents !== undefined && each.contents !== "");
  if (mounts.has(name)) {
    reading.assume(
      at,
      "mounted-by-disk",
      "moult makes this mount itself, of the disk under `disks`.",
      "Compare its options.",
    );
    return;
  }
  if (mask)
    return reading.leave(
      `${at}.mask`,
      "masked-too-late",
      "When the agent runs, systemd has planned the boot and may have started it.",
      inImage("mask NAME"),
    );
  if (mask === false)
    reading.leave(`${at}.mask`, "unmasked", "moult takes nothing of the image away.", inImage("unmask NAME"));
  if (contents === undefined || contents === "") translateOfImage(about, given, dropins);
  else translateWhole(about, { at, name, enabled, contents, dropins });
}

/** The image has the unit. */
function translateOfImage({ reading, draft }: About, { at, name, enabled }: Unit, dropins: readonly Dropin[]): void {
  if (enabled !== undefined)
    reading.leave(
      `${at}.enabled`,
      "enabled-in-image",
      "What enabling does stands in the image's own unit file.",
      inImage(enabled ? "enable NAME" : "disable NAME"),
    );
  for (const { at: from, name: part, contents = "" } of dropins) {
    const origin = draft.origin(from, `units/${name}.d/${part}`, Buffer.from(contents));
    draft.add("files", from, {
      path: `/etc/systemd/system/${name}.d/${part}`,
      ...origin,
      owner: "root:root",
      mode: "0644",
    });
  }
  if (enabled) draft.add("units", at, { name });
}

interface Whole {
  at: string;
  name: string;
  enabled: boolean | undefined;
  contents: string;
  dropins: readonly Dropin[];
}

/** systemd reads drop-ins in the order of their names after the unit's own file, as if they stood at its end. */
function translateWhole({ reading, draft }: About, { at, name, enabled, contents, dropins }: Whole): void {
  const sorted = [...dropins].sort((a, b) => (a.name < b.name ? -1 : 1));
  const text = [contents, ...sorted.map((each) => each.contents ?? "")]
    .map((part, i, all) => (i < all.length - 1 && !part.endsWith("\n") ? `${part}\n` : part))
    .join("");
  const origin = draft.origin(`${at}.contents`, `units/${name}`, Buffer.from(text));
  const filled = "content" in origin ? { content: origin.content } : origin;
  draft.add("units", at, { name, ...filled, ...(enabled ? enabling(reading, `${at}.contents`, contents) : {}) });
}

/** A manifest has one target; what else [Install] asks for is said. */
function enabling(reading: Reading, at: string, contents: string): { wantedBy?: string } {
  const { wantedBy, others } = wantersOf(contents);
  const [first, ...more] = wantedBy.filter((name) => name.endsWith(".target") && !name.includes("%"));
  const rest = [...wantedBy.filter((name) => name !== first && !more.includes(name)).map(() => "WantedBy"), ...others];
  if (first === undefined && rest.length === 0)
    reading.leave(
      at,
      "no-install",
      "It is enabled and has no [Install] section, so that Ignition's enabling does nothing either.",
      "Give the unit `wantedBy: multi-user.target`.",
    );
  if (more.length > 0 || rest.length > 0)
    reading.leave(
      at,
      "install-part",
      `\`wantedBy\` takes one target; of [Install] this is not in it: ${[...new Set([...(more.length > 0 ? ["more of WantedBy"] : []), ...rest])].join(", ")}.`,
      "Give the others as `links` into /etc/systemd/system/NAME.wants or .requires, or enable the unit in the image.",
    );
  return first === undefined ? {} : { wantedBy: first };
}
