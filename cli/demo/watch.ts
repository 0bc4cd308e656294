import type { Cloud } from "../../functions/controller/cloud.ts";
import { loadRecord } from "../../functions/controller/records.ts";
import { emptyRecord, type FleetRecord, type HistoryEntry } from "../../functions/core/record.ts";
import { bootDisk } from "../../functions/core/template.ts";
import { lastSegment } from "../../functions/core/wanted.ts";
import { entriesSince } from "../fleet/order.ts";
import { sleep } from "../waiting.ts";
import { CAST, versionOf } from "./cast.ts";

/** One machine of the group as the last look saw it. */
export interface Member {
  name: string;
  /** Empty until the machine exists. */
  id: string;
  ip: string;
  version: string;
  action: string;
  healthy: boolean;
  health: string;
}

const GROUP_EVERY_MS = 200;
const RECORD_EVERY_MS = 400;
const LEAVING = new Set(["DELETING", "ABANDONING", "RECREATING", "STOPPING", "SUSPENDING"]);

export const isLeaving = ({ action }: Member) => LEAVING.has(action);

/** Looks at the group and the fleet's record over and over through public APIs, and counts what it sees. */
export class Watch {
  readonly #cloud: Cloud;
  readonly #ips = new Map<string, string>();
  readonly #versions = new Map<string, string>();
  readonly #seen = new Map<string, { version: string; wasHealthy: boolean; gone: boolean }>();
  readonly #heard: (entry: HistoryEntry) => void;
  readonly #work: Promise<unknown>;
  #running = true;
  #entries = 0;
  members: Member[] = [];
  record: FleetRecord = emptyRecord(CAST.fleet);

  constructor(cloud: Cloud, heard: (entry: HistoryEntry) => void) {
    this.#cloud = cloud;
    this.#heard = heard;
    this.#work = Promise.all([
      this.#repeat(GROUP_EVERY_MS, () => this.#lookAtGroup()),
      this.#repeat(RECORD_EVERY_MS, () => this.#lookAtRecord()),
    ]);
  }

  /** Machines that have ever been there. */
  get made(): number {
    return this.#seen.size;
  }

  /** Machines that served and are gone. */
  get replaced(): number {
    return [...this.#seen.values()].filter(({ wasHealthy, gone }) => wasHealthy && gone).length;
  }

  madeOf(version: string): number {
    return [...this.#seen.values()].filter((machine) => machine.version === version).length;
  }

  /** What a load balancer would send requests to. */
  serving(): Member[] {
    return this.members.filter((member) => member.healthy && !isLeaving(member) && member.ip !== "");
  }

  /** The whole group runs one version, and nothing is under way. */
  allRun(version: string): boolean {
    return (
      this.members.length === CAST.size &&
      this.members.every((member) => member.version === version && member.healthy && member.action === "NONE")
    );
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#work;
  }

  async #repeat(everyMs: number, look: () => Promise<void>): Promise<void> {
    while (this.#running) {
      const begun = Date.now();
      // A look that fails is made again; whoever waits for what it would have seen has a deadline.
      await look().catch(() => {});
      await sleep(Math.max(20, everyMs - (Date.now() - begun)));
    }
  }

  async #lookAtGroup(): Promise<void> {
    const { zone, group } = CAST;
    const compute = this.#cloud.compute(CAST.project);
    const found = await compute.managedInstances({ location: zone, regional: false, name: group });
    this.members = await Promise.all(
      found.map(async (machine): Promise<Member> => {
        const id = machine.id ?? "";
        const template = lastSegment(machine.version?.instanceTemplate ?? "");
        const health = machine.instanceHealth?.[0]?.detailedHealthState ?? "";
        return {
          name: machine.name,
          id,
          ip: id === "" ? "" : await this.#ipOf(machine.name, id),
          // A machine that leaves has no intended version any more.
          version: (template && (await this.#versionOf(template))) || (this.#seen.get(id)?.version ?? ""),
          action: machine.currentAction,
          healthy: health === "HEALTHY",
          health,
        };
      }),
    );
    for (const { id, version, healthy } of this.members) {
      if (id === "") continue;
      const before = this.#seen.get(id);
      this.#seen.set(id, { version, wasHealthy: healthy || before?.wasHealthy === true, gone: false });
    }
    const there = new Set(this.members.map(({ id }) => id));
    for (const [id, machine] of this.#seen) machine.gone = !there.has(id);
  }

  async #ipOf(name: string, id: string): Promise<string> {
    const known = this.#ips.get(id);
    if (known !== undefined) return known;
    const instance = await this.#cloud.compute(CAST.project).instance(CAST.zone, name);
    const ip = instance?.id === id ? instance.networkInterfaces[0]?.networkIP : undefined;
    if (ip) this.#ips.set(id, ip);
    return ip ?? "";
  }

  async #versionOf(template: string): Promise<string> {
    const known = this.#versions.get(template);
    if (known !== undefined) return known;
    const found = await this.#cloud.compute(CAST.project).template(template);
    const image = found && bootDisk(found.properties)?.initializeParams?.sourceImage;
    const version = versionOf(lastSegment(image ?? ""));
    if (version) this.#versions.set(template, version);
    return version;
  }

  async #lookAtRecord(): Promise<void> {
    const { record } = await loadRecord(this.#cloud.state, CAST.fleet);
    this.record = record;
    if (record.entries <= this.#entries) return;
    const entries = await entriesSince(this.#cloud, CAST.fleet, this.#entries);
    for (const entry of entries) this.#heard(entry);
    this.#entries = Math.max(this.#entries, ...entries.map(({ number }) => number));
  }
}
