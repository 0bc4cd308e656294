import type { Command } from "../args.ts";
import { CLOUD_FLAGS, JSON_FLAG, openCloud, projectOf } from "../cloud.ts";
import { EXIT } from "../failure.ts";
import { relative } from "../terminal/bar.ts";
import { table } from "../terminal/table.ts";
import type { Paint, Style } from "../terminal/terminal.ts";

const COLOURS: Record<string, Style> = { ACTIVE: "green", DEPRECATED: "yellow", OBSOLETE: "red", DELETED: "red" };

export const command: Command = {
  name: "image list",
  summary: "list images with their families and states",
  words: [],
  flags: { family: { value: "F", help: "only this family's" }, project: CLOUD_FLAGS.project, ...JSON_FLAG },
  examples: ["moult image list --family web", "moult image list --json"],
  run: async (given, { out, env }) => {
    const project = projectOf(given, env);
    const compute = openCloud(given, env).compute(project);
    const images = (await compute.images(given.text("family"))).sort(
      (a, b) => Date.parse(b.creationTimestamp) - Date.parse(a.creationTimestamp),
    );
    const families = [...new Set(images.flatMap(({ family }) => family ?? []))];
    const heads = new Set((await Promise.all(families.map((family) => compute.head(family)))).map((head) => head?.id));
    const rows = images.map((image) => ({
      name: image.name,
      id: image.id,
      family: image.family ?? null,
      head: heads.has(image.id),
      status: image.status,
      state: image.deprecated?.state ?? "ACTIVE",
      created: image.creationTimestamp,
    }));
    if (given.has("json")) {
      out.write(`${JSON.stringify(rows)}\n`);
      return EXIT.ok;
    }
    if (rows.length === 0) {
      const family = given.text("family");
      out.write(`no images in ${project}${family ? ` of family ${family}` : ""}\n`);
      return EXIT.ok;
    }
    const now = Date.now();
    const cells = rows.map((row) => [
      row.name,
      row.family ?? "",
      row.head ? out.paint("green", "head") : "",
      row.status,
      stateText(row.state, out.paint),
      row.id,
      relative(row.created, now),
    ]);
    out.write(table(["NAME", "FAMILY", "", "STATUS", "STATE", "ID", "CREATED"], cells, out.paint));
    return EXIT.ok;
  },
};

function stateText(state: string, paint: Paint): string {
  return paint(COLOURS[state] ?? "white", state);
}
