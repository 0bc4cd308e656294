import { join } from "node:path";
import type { Cloud } from "../../functions/controller/cloud.ts";
import type { FleetRecord } from "../../functions/core/record.ts";
import type { Rest } from "../../functions/google/rest.ts";
import { readFleetFile } from "../fleet/file.ts";
import { operator, send, taken } from "../fleet/order.ts";
import { createImage } from "../images/create.ts";
import { deprecateImage } from "../images/deprecate.ts";
import { span } from "../terminal/bar.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { until } from "../waiting.ts";
import { CAST, imageName, type Version, versionOf } from "./cast.ts";
import type { Display, Scene } from "./display.ts";
import type { Facts } from "./facts.ts";
import { makeGroup, makeSecret } from "./infrastructure.ts";
import { findLeaks } from "./leaks.ts";
import { Traffic } from "./traffic.ts";
import { Watch } from "./watch.ts";

export interface Stage {
  cloud: Cloud;
  /** Every API but Compute, and Compute. */
  root: Rest;
  compute: Rest;
  /** demo/ */
  files: string;
  /** Where the run writes everything. */
  folder: string;
  secret: Buffer;
  scene: Scene;
  display: Display;
  terminal: Terminal;
}

/** Nothing here takes a third of this on two cores; a run that waits longer is stuck. */
const DEADLINE_MS = 90_000;

/** Tells the whole story through public paths only. `facts` is filled in as it goes, so that a run cut short has some. */
export async function tellStory(stage: Stage, facts: Facts): Promise<void> {
  const { cloud, display, scene } = stage;
  display.act("A cloud for one: a secret, an image, a group of six machines");
  await makeSecret(stage.root, stage.secret);
  await publish(stage, "v1");
  await makeGroup(stage.compute, cloud.compute(CAST.project));
  const watch = new Watch(cloud, ({ what, text }) => display.say(`${what}: ${text}`));
  scene.watch = watch;
  await reach(watch, `${CAST.size} healthy machines of v1`, () => watch.allRun("v1"));
  const traffic = new Traffic(() => watch.serving(), stage.secret.length);
  scene.traffic = traffic;
  try {
    await act(stage, watch, facts);
  } finally {
    await traffic.stop();
    await watch.stop();
    facts.requests = traffic.requests;
    facts.failed = traffic.failed;
    facts.machines = watch.made;
    facts.replaced = watch.replaced;
    facts.badMachines = watch.madeOf("v3");
    const versions = new Set(watch.members.map(({ version }) => version));
    facts.finalVersion = versions.size === 1 ? ([...versions][0] ?? "") : "";
    for (const failure of traffic.failures) display.say(`a request failed: ${failure}`);
  }
}

async function act(stage: Stage, watch: Watch, facts: Facts): Promise<void> {
  const { display, cloud, terminal } = stage;
  display.act("The fleet file is applied: from now on the group follows its image family");
  const { document } = await readFleetFile(join(stage.files, "fleet.yaml"));
  await taken(
    cloud,
    await send(cloud, CAST.fleet, { kind: "apply", policy: document }, operator(terminal.env), terminal.err),
  );
  await reach(watch, "the fleet to be taken on", ({ stable }) => runs(stable?.release.image.name, "v1"));

  display.act("v2 is published: one canary, then all");
  let since = Date.now();
  await publish(stage, "v2");
  await reach(watch, "the fleet to run v2", (record) => settledOn(record, watch, "v2"));
  facts.rolloutMs = Date.now() - since;
  display.say(`all six run v2 after ${span(facts.rolloutMs)}`);
  await scan(stage, facts);

  display.act("v3 is published: its application never becomes ready");
  since = Date.now();
  await publish(stage, "v3");
  await reach(
    watch,
    "v3 to be stopped and put back",
    ({ active, last }) => !active && last?.imageName === imageName("v3") && watch.allRun("v2"),
  );
  const { last, quarantine } = watch.record;
  facts.rolledBack = last?.imageName === imageName("v3") && last.ending === "rolled-back";
  facts.quarantined = quarantine.some((entry) => entry.imageName === imageName("v3"));
  facts.rollbackMs = Date.now() - since;
  display.say(`back on v2 after ${span(facts.rollbackMs)}; v3 is ${facts.quarantined ? "" : "not "}quarantined`);
  await scan(stage, facts);

  display.act("v3 and v2 are deprecated: the family points to v1 again, and the fleet follows it back");
  since = Date.now();
  for (const version of ["v3", "v2"] as const) await deprecate(stage, version);
  await reach(watch, "the fleet to run v1 again", (record) => settledOn(record, watch, "v1"));
  facts.returnMs = Date.now() - since;
  display.say(`all six run v1 after ${span(facts.returnMs)}`);
  await scan(stage, facts);
}

const runs = (image: string | undefined, version: Version) => versionOf(image ?? "") === version;

function settledOn({ active, stable }: FleetRecord, watch: Watch, version: Version): boolean {
  return !active && runs(stable?.release.image.name, version) && watch.allRun(version);
}

async function reach(watch: Watch, what: string, there: (record: FleetRecord) => boolean): Promise<void> {
  await until(what, async () => (there(watch.record) ? true : undefined), {
    withinMs: DEADLINE_MS,
    everyMs: 50,
    explain: async () => {
      const machines = watch.members.map(
        ({ name, version, action, health }) => `${name} ${version} ${action} ${health}`,
      );
      const reasons = watch.record.reasons.map(({ word, text }) => `why: ${word}: ${text}`);
      return [...machines, ...reasons].join("\n");
    },
  });
}

async function publish({ cloud, files, display }: Stage, version: Version): Promise<void> {
  const order = {
    project: CAST.project,
    name: imageName(version),
    family: CAST.family,
    from: [join(files, "image"), join(files, version)],
    bucket: `${CAST.project}-moult-images`,
    description: `the demo's web application, ${version}`,
  };
  const image = await createImage(cloud.compute(CAST.project), order, () => {});
  display.say(`image ${image.name} (id ${image.id}) is READY and the head of family ${CAST.family}`);
}

async function deprecate({ cloud, display }: Stage, version: Version): Promise<void> {
  const compute = cloud.compute(CAST.project);
  await deprecateImage(compute, { project: CAST.project, name: imageName(version), state: "DEPRECATED" });
  const head = await compute.head(CAST.family);
  display.say(`${imageName(version)} is DEPRECATED; the head of family ${CAST.family} is ${head?.name ?? "nobody"}`);
}

/** After each act, because machines take their disks with them. */
async function scan({ folder, secret, display }: Stage, facts: Facts): Promise<void> {
  const found = await findLeaks(folder, secret);
  facts.leaks += found.length;
  for (const file of found) display.say(`the secret's value is in ${file}`);
}
