import type { ReleaseMetadata } from "../wire/moult.d.ts";
import type { BootOptions } from "./commandline.ts";
import { type Deadline, deadlineIn, type Edge, earlier } from "./edge/deadline.ts";
import { Google } from "./edge/google.ts";
import { accessToken, Metadata, metadataAddresses } from "./edge/metadata.ts";
import { fetchSecret } from "./fetch/secrets.ts";
import { type Finding, printFinding } from "./finding.ts";
import { configure, fetchAll, openSecretHosts } from "./fresh.ts";
import { notifyReady } from "./handover/notify.ts";
import { becomesReady, describeReady } from "./handover/ready.ts";
import { type Instance, readInstance } from "./identify/instance.ts";
import { exits, Failure, type Reason } from "./outcome.ts";
import { requireMemory } from "./place/memory.ts";
import { type Ground, place, recover } from "./place/place.ts";
import type { Self } from "./plan/owner.ts";
import { readRelease } from "./plan/release.ts";
import { composeReport, type Verdict } from "./report/compose.ts";
import { sendReport } from "./report/send.ts";
import { secretPlacement } from "./seal/compose.ts";
import { forget } from "./seal/forget.ts";
import { readSeal, type Seal } from "./seal/seal.ts";
import { type Difference, differences, printDifferences } from "./seal/verify.ts";
import { type Phase, Timeline } from "./timeline.ts";

export interface World {
  edge: Edge;
  ground: Ground;
  self: Self;
  /** 32 hex, of this run. */
  boot: string;
  /** The wall clock, RFC 3339. */
  instant(): string;
}

export interface Ending {
  verdict: Verdict & { reason: Reason };
  exit: number;
  findings: readonly Finding[];
  phases: readonly Phase[];
  instance: string | undefined;
  release: string;
  boot: string;
}

/** With a seal that needs nothing from outside, a missing metadata server is waited for this long only. */
const patienceMs = 20_000;
/** A report of a sealed machine decides a rollout; one of a failed boot must not hold up the next try. */
const reportMs = { sealed: 30_000, failed: 10_000 };

/** One boot, from the first request to the last line. */
export class Boot {
  readonly #options: BootOptions;
  readonly #world: World;
  readonly #deadline: Deadline;
  readonly #metadata: Metadata;
  readonly #google: Google;
  readonly #bootedAt: string;
  readonly #line: Timeline;
  #instance: Instance | undefined;
  #release: ReleaseMetadata | undefined;
  #seal: Seal | undefined;

  constructor(options: BootOptions, world: World) {
    const { edge } = world;
    this.#options = options;
    this.#world = world;
    this.#line = new Timeline(edge);
    this.#deadline = deadlineIn(edge, options.deadlineMs);
    this.#bootedAt = world.instant();
    this.#metadata = new Metadata(options.metadata ? [options.metadata] : metadataAddresses, edge);
    this.#google = new Google(options.endpoints, accessToken(this.#metadata, this.#deadline), edge);
  }

  async run(): Promise<Ending> {
    let verdict: Ending["verdict"];
    let findings: readonly Finding[] = [];
    try {
      const unverified = await this.#make();
      verdict = await this.#handOver(unverified);
    } catch (error) {
      const failure = error instanceof Failure ? error : new Failure("bug", describeBug(error));
      findings = failure.findings;
      verdict = { verdict: "failed", reason: failure.reason, message: sentenceOf(failure) };
    }
    const instance = this.#instance;
    if (instance) await this.#line.in("report", () => this.#tell(verdict, instance));
    this.#metadata.close();
    this.#google.close();
    return {
      verdict,
      exit: exits[verdict.reason],
      findings,
      phases: this.#line.phases,
      instance: instance?.id,
      release: this.#told().release,
      boot: this.#world.boot,
    };
  }

  /** @returns whether the metadata server was away, so that only the seal itself speaks for this machine. */
  async #make(): Promise<boolean> {
    const { ground, edge } = this.#world;
    const line = this.#line;
    await line.in("recover", () => {
      const recovered = recover(ground);
      if (recovered !== "nothing") edge.say(`recover: what an interrupted boot began is ${recovered}`);
    });
    const seal = readSeal(ground.disk, ground.root);
    let differ: Difference[] = [];
    this.#instance = await line.in("identify", async () => {
      const identified = this.#identify(seal);
      identified.catch(() => {});
      if (seal) openSecretHosts(this.#google, Object.values(seal.secrets));
      // Compared while the metadata server is being asked; judged only when the seal turns out to be this instance's.
      if (seal) differ = differences(ground.disk, ground.root, seal);
      try {
        return await identified;
      } catch (error) {
        const away = error instanceof Failure && error.reason === "metadata-unreachable";
        if (!away || !seal || needsSecrets(seal)) throw error;
        return undefined;
      }
    });
    const instance = this.#instance;
    if (seal && (!instance || seal.instance === instance.id)) {
      this.#seal = seal;
      await line.in("verify", () => requireHolding(differ));
      if (instance && needsSecrets(seal)) await line.in("restore", () => this.#restore(seal, instance));
    } else if (instance) await this.#configure(seal, instance);
    return !instance;
  }

  async #configure(foreign: Seal | undefined, instance: Instance): Promise<void> {
    const { ground, self, edge, instant } = this.#world;
    if (foreign)
      await this.#line.in("forget", () => {
        edge.say(`This disk was sealed for instance ${foreign.instance}: what that one was given is removed`);
        forget(ground, foreign);
      });
    const attribute = instance.attributes["moult-release"];
    this.#seal = await configure({
      ground,
      self,
      instance,
      release: () => {
        this.#release = attribute === undefined ? undefined : readRelease(attribute);
        return this.#release;
      },
      google: this.#google,
      deadline: this.#deadline,
      bootedAt: this.#bootedAt,
      instant,
      line: this.#line,
    });
  }

  async #identify(seal: Seal | undefined): Promise<Instance> {
    const patience = Math.min(patienceMs, this.#options.deadlineMs / 3);
    const alone = seal && !needsSecrets(seal);
    const deadline = alone ? earlier(this.#deadline, deadlineIn(this.#world.edge, patience)) : this.#deadline;
    const answer = await this.#metadata.get("/computeMetadata/v1/?recursive=true&alt=json", deadline);
    if (answer.status !== 200)
      throw new Failure("metadata-refused", `The metadata server answers with status ${answer.status}`);
    return readInstance(answer.body.toString());
  }

  /** What lives in memory is made again, from the same versions. */
  async #restore(seal: Seal, instance: Instance): Promise<void> {
    const versions = new Map(Object.entries(seal.secrets));
    const secrets = await fetchAll(versions, (version) => fetchSecret(this.#google, instance, version, this.#deadline));
    requireMemory(this.#world.ground.root);
    place(this.#world.ground, secretPlacement(seal, secrets));
  }

  async #handOver(unverified: boolean): Promise<Ending["verdict"]> {
    const { edge, ground } = this.#world;
    await this.#line.in("settle", () => {});
    await this.#line.in("hand-over", () => {
      const trouble = notifyReady(ground.root);
      if (trouble) edge.say(`hand over: ${trouble}`);
    });
    const ready = this.#seal?.ready;
    const units = this.#seal?.units.join(", ") || "the machine";
    if (ready) {
      const question = describeReady(ready);
      if (!(await this.#line.in("ready", () => becomesReady(ready, ground.root, edge))))
        return {
          verdict: "failed",
          reason: "not-ready",
          message: `${units} does not answer on ${question} within ${ready.withinMs / 1_000} s`,
        };
    }
    const message = ready
      ? `${units} answers on ${describeReady(ready)}`
      : `${this.#seal?.files.length ?? 0} files sealed`;
    return unverified
      ? { verdict: "unverified", reason: "unverified", message: `metadata server away, the seal holds; ${message}` }
      : { verdict: "ready", reason: "ready", message };
  }

  async #tell(verdict: Verdict, instance: Instance): Promise<void> {
    const { edge, boot } = this.#world;
    const told = this.#told();
    const { fleet, release } = told;
    const report = composeReport(verdict, {
      instance,
      fleet,
      release,
      boot,
      bootedAt: this.#bootedAt,
      phases: this.#line.phases,
      seal: this.#seal,
    });
    const deadline = deadlineIn(edge, verdict.verdict === "failed" ? reportMs.failed : reportMs.sealed);
    await sendReport(report, {
      metadata: this.#metadata,
      google: this.#google,
      edge,
      deadline,
      reports: told.reports ?? undefined,
    });
  }

  /** Under which names a report goes: a sealed machine runs what it was sealed with, whatever its metadata says today. */
  #told(): { fleet: string; release: string; reports?: { bucket: string; topic: string } | null } {
    return this.#seal ?? this.#release ?? { fleet: "", release: "" };
  }
}

function needsSecrets(seal: Seal): boolean {
  return Object.keys(seal.secrets).length > 0;
}

function requireHolding(differ: ReturnType<typeof differences>): void {
  if (differ.length > 0) throw new Failure("seal-broken", `Not as it was sealed: ${printDifferences(differ)}`);
}

function sentenceOf({ message, findings }: Failure): string {
  const [first, ...more] = findings;
  if (!first) return message;
  return `${message}: ${printFinding(first)}${more.length > 0 ? ` (and ${more.length} more)` : ""}`;
}

/** Where it happened and no message: an error of JSON.parse, for one, quotes what it read. */
function describeBug(error: unknown): string {
  if (!(error instanceof Error)) return "something that is no error was thrown";
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return `${error.name} ${frames
    .slice(0, 3)
    .map((line) => line.trim())
    .join(" ")}`;
}
