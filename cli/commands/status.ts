import { fleetNames, loadRecord } from "../../functions/controller/records.ts";
import { instant } from "../../functions/core/instants.ts";
import type { Command } from "../args.ts";
import { CLOUD_FLAGS, JSON_FLAG, openCloud } from "../cloud.ts";
import { EXIT } from "../failure.ts";
import { knownFleet } from "../fleet/order.ts";
import { fleetText, wordStyle } from "../fleet/render.ts";
import { readBusy, readGroups, viewOf } from "../fleet/view.ts";
import { table } from "../terminal/table.ts";

export const command: Command = {
  name: "status",
  summary: "show all fleets, or one with its rollout and machines",
  words: [{ name: "FLEET", optional: true }],
  flags: { ...CLOUD_FLAGS, ...JSON_FLAG },
  examples: ["moult status", "moult status web", "moult status web --json"],
  run: async (given, { out, env }) => {
    const cloud = openCloud(given, env);
    const [fleet] = given.words;
    if (fleet !== undefined) {
      const record = await knownFleet(cloud, fleet);
      const [groups, busy] = await Promise.all([readGroups(cloud, record), readBusy(cloud, fleet)]);
      const view = viewOf(record, groups, busy, instant(Date.now()));
      out.write(given.has("json") ? `${JSON.stringify(view)}\n` : fleetText(view, out, Date.now()));
      return EXIT.ok;
    }
    const now = instant(Date.now());
    const names = await fleetNames(cloud.state);
    const views = await Promise.all(
      names.map(async (name) => viewOf((await loadRecord(cloud.state, name)).record, [], undefined, now)),
    );
    if (given.has("json")) {
      out.write(`${JSON.stringify(views.map(({ groups: _, ...view }) => view))}\n`);
      return EXIT.ok;
    }
    if (views.length === 0) {
      out.write(`no fleets in gs://${cloud.state.name}; "moult fleet apply FILE" makes one\n`);
      return EXIT.ok;
    }
    const rows = views.map(({ fleet, stable, rollout, hold, reasons }) => {
      const [first] = reasons;
      const word = first ? out.paint(wordStyle(first.word), first.word) : "";
      const rolling = rollout ? `${rollout.to}: ${rollout.phase}` : "";
      return [
        out.paint("bold", fleet),
        stable?.image ?? "",
        rolling,
        hold ? out.paint("yellow", "held") : "",
        word,
        first?.text ?? "",
      ];
    });
    out.write(
      table(["FLEET", "STABLE", "ROLLOUT", "HOLD", "WHY", ""], rows, out.paint, out.live ? out.width() : undefined),
    );
    return EXIT.ok;
  },
};
