import { table } from "../terminal/table.ts";
import type { Paint, Style } from "../terminal/terminal.ts";
import type { FamilyView, ImageView, RotationView } from "./rotationview.ts";

/** What would become of each image and why, the newest first, and what keeping them costs. */
export function rotationText(view: RotationView, paint: Paint, width?: number): string {
  const parts = view.families.map((family) => familyPart(family, view.applied, paint, width));
  return `${[...parts, summary(view)].join("\n")}`;
}

function familyPart(
  { project, family, head, images }: FamilyView,
  applied: boolean,
  paint: Paint,
  width?: number,
): string {
  const title = `family ${paint("bold", family)} of ${project}, ${head === null ? "which points to no image" : `which points to ${head}`}\n`;
  if (images.length === 0) return `${title}no images\n`;
  const rows = images.map((image) => [
    image.name,
    image.state ?? "?",
    image.created.slice(0, 10),
    usd(image.usdPerMonth),
    what(image, applied, paint),
    why(image),
  ]);
  return `${title}${table(["IMAGE", "STATE", "MADE", "A MONTH", applied ? "IS" : "WOULD", "WHY"], rows, paint, width)}`;
}

const COLOURS: Record<string, Style> = { DEPRECATED: "yellow", OBSOLETE: "red", DELETED: "red", delete: "red" };

function what(image: ImageView, applied: boolean, paint: Paint): string {
  if (image.do === "keep") return image.rule === "stranded" ? paint("red", "stay") : "stay";
  if (applied && image.outcome !== "done") return paint("yellow", image.outcome ?? "left");
  if (image.do === image.state) return "be dated";
  const text = image.do === "delete" ? (applied ? "deleted" : "be deleted") : applied ? image.do : `become ${image.do}`;
  return paint(COLOURS[image.do] ?? "white", text);
}

function why({ why: reason, until, do: step, rule, problem }: ImageView): string {
  if (problem !== undefined) return problem;
  if (until === undefined || rule === "young") return reason;
  if (step === "keep") return `${reason}; not before ${until.slice(0, 10)}`;
  return `${reason}; the next step from ${until.slice(0, 10)}`;
}

function summary({ applied, families, broken, usdPerMonth: { kept, freed, perGiB } }: RotationView): string {
  const images = families.flatMap((each) => each.images);
  const steps = images.filter((image) => image.do !== "keep");
  const done = steps.filter(({ outcome }) => outcome === "done").length;
  const cost = `${count(images.length, "image")} of ${count(families.length, "family", "families")}; those that stay cost ${usd(kept)} a month, and ${usd(freed)} ${applied ? "is" : "would be"} saved (taken as ${usd(perGiB)} a GiB of archive and month)\n`;
  const next = applied
    ? `${done} of ${steps.length} ${steps.length === 1 ? "step" : "steps"} taken\n`
    : steps.length > 0
      ? `Nothing was changed. moult image rotate --apply takes the ${count(steps.length, "step")}.\n`
      : broken.length > 0
        ? "There is nothing to do for those that could be read.\n"
        : "There is nothing to do.\n";
  return `${cost}${next}`;
}

function count(many: number, one: string, more = `${one}s`): string {
  return many === 1 ? `one ${one}` : `${many} ${more}`;
}

/** `$0.42`; less than a cent is said so. */
function usd(amount: number): string {
  return amount > 0 && amount < 0.01 ? "<$0.01" : `$${amount.toFixed(2)}`;
}
