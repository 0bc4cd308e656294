import type { ReleaseMetadata } from "../wire/moult.d.ts";
import type { BootOptions } from "./commandline.ts";
import { type Deadline, deadlineIn, type Edge, earlier } from "./edge/deadline.ts";
import { Google } from "./edge/google.ts";
import { accessToken, Metadata, metadataAddresses } from "./edge/metadata.ts";
import type { Sources } from "./fetch/sources.ts";
import { type Finding, printFinding } from "./finding.ts";
import { judge } from "./handover/judge.ts";
import { notifyReady } from "./handover/notify.ts";
import { type Instance, instanceIn, instancePath } from "./identify/instance.ts";
import { loadMore } from "./load-more.ts";
import { exits, Failure, type Reason } from "./outcome.ts";
import type { Ground } from "./place/place.ts";
import { recover } from "./place/recover.ts";
import type { Self } from "./plan/owner.ts";
import { composeReport, type Verdict } from "./report/compose.ts";
import { bootAddress, sendReport } from "./report/send.ts";
import { isElsewhere } from "./seal/hardware.ts";
import { readSeal, type Seal } from "./seal/seal.ts";
import { type Difference, differences, printDifferences } from "./seal/verify.ts";
import { endSettling, isUnsettled, settle, silentShippers, startUnits } from "./settle/settle.ts";
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
  /** The command to become; its reporter then sends this boot's report. */
  become?: { file: string; environment: Record<string, string>; unverified: boolean };
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
  /** How long the metadata server is waited for, before anything else is known. */
  #patience: Deadline;
  readonly #metadata: Metadata;
  readonly #google: Google;
  #sources: Sources | undefined;
  readonly #bootedAt: string;
  readonly #line: Timeline;
  #instance: Instance | undefined;
  #release: ReleaseMetadata | undefined;
  #seal: Seal | undefined;
  #fresh = false;
  /** File of the command to become. */
  #program: string | undefined;

  constructor(options: BootOptions, world: World) {
    const { edge } = world;
    this.#options = options;
    this.#world = world;
    this.#line = new Timeline(edge);
    this.#deadline = this.#patience = deadlineIn(edge, options.deadlineMs);
    this.#bootedAt = world.instant();
    this.#metadata = new Metadata(options.metadata.length > 0 ? options.metadata : metadataAddresses, edge);
    this.#google = new Google(options.endpoints, accessToken(this.#metadata, this.#deadline), edge);
  }

  async run(): Promise<Ending> {
    let verdict: Ending["verdict"];
    let findings: readonly Finding[] = [];
    let become: Ending["become"];
    try {
      const unverified = await this.#make();
      become = await this.#settle(unverified);
      const message = `sealed; becomes ${this.#options.exec[0]}`;
      verdict = become ? { verdict: "ready", reason: "ready", message } : await this.#handOver(unverified);
    } catch (error) {
      const failure = error instanceof Failure ? error : new Failure("bug", describeBug(error));
      findings = failure.findings;
      verdict = { verdict: "failed", reason: failure.reason, message: sentenceOf(failure) };
    }
    const instance = this.#instance;
    await Promise.all([
      instance && !become && this.#line.in("report", () => this.#tell(verdict, instance)),
      this.#sources?.leave(),
    ]);
    if (become) this.#close();
    return {
      verdict,
      exit: exits[verdict.reason],
      findings,
      phases: this.#line.phases,
      instance: instance?.id,
      release: this.#told().release,
      boot: this.#world.boot,
      ...(become && { become }),
    };
  }

  /** @returns whether the metadata server was away, so that only the seal itself speaks for this machine. */
  async #make(): Promise<boolean> {
    const { ground, edge } = this.#world;
    const line = this.#line;
    // Asked first, so that all the disk has to say is read while the answer is under way.
    const identified = this.#metadata.get(instancePath, { left: () => this.#patience.left() }, instanceIn);
    identified.catch(() => {});
    await line.in("recover", () => {
      const recovered = recover(ground);
      if (recovered !== "nothing") edge.say(`recover: what an interrupted boot began is ${recovered}`);
    });
    const seal = readSeal(ground.disk, ground.root);
    let differ: Difference[] = [];
    this.#instance = await line.in("identify", async () => {
      this.#patience = this.#patienceWith(seal);
      if (!seal || needsSecrets(seal) || seal.reports) this.#google.begin();
      if (seal && needsSecrets(seal)) {
        const sources = await this.#openSources();
        sources.trust(seal.vaults);
        sources.open(Object.values(seal.secrets));
      }
      // Compared while the metadata server is being asked; judged only when the seal turns out to be this instance's.
      if (seal) {
        // One turn of the event loop, in which what was asked goes out.
        await new Promise(setImmediate);
        differ = differences(ground.disk, ground.root, seal);
      }
      try {
        return await identified;
      } catch (error) {
        const away = error instanceof Failure && error.reason === "metadata-unreachable";
        if (!away || !seal || !standsAlone(seal, ground.root)) throw error;
        return undefined;
      }
    });
    const instance = this.#instance;
    if (seal && (!instance || seal.instance === instance.id)) {
      this.#seal = seal;
      await this.#findProgram();
      await line.in("verify", () => requireHolding(differ));
      if (seal.secretFiles.length > 0) await line.in("restore", () => this.#restore(seal));
    } else if (instance) await this.#configure(seal, instance);
    return !instance;
  }

  async #configure(foreign: Seal | undefined, instance: Instance): Promise<void> {
    const { ground, self, edge, instant } = this.#world;
    const { configure, forget, readRelease } = await loadMore();
    if (foreign)
      await this.#line.in("forget", () => {
        edge.say(`This disk was sealed for instance ${foreign.instance}: what that one was given is removed`);
        forget(ground, foreign);
      });
    this.#fresh = true;
    const attribute = instance.attributes["moult-release"];
    this.#seal = await configure({
      ground,
      self,
      instance,
      release: async () => {
        this.#release = attribute === undefined ? undefined : readRelease(attribute);
        await this.#findProgram();
        return this.#release;
      },
      google: this.#google,
      sources: await this.#openSources(),
      deadline: this.#deadline,
      bootedAt: this.#bootedAt,
      instant,
      line: this.#line,
      edge,
    });
  }

  #patienceWith(seal: Seal | undefined): Deadline {
    const patience = Math.min(patienceMs, this.#options.deadlineMs / 3);
    const { edge, ground } = this.#world;
    if (seal && isElsewhere(seal, ground.root))
      edge.say("identify: this disk was sealed on other hardware, so only the metadata server can say whose it is");
    const alone = seal && standsAlone(seal, ground.root);
    return alone ? earlier(this.#deadline, deadlineIn(edge, patience)) : this.#deadline;
  }

  /** What lives in memory is made again, from the same versions. */
  async #restore(seal: Seal): Promise<void> {
    const { restore } = await loadMore();
    restore(this.#world.ground, seal, await this.#secrets(seal));
  }

  /** Those of the seal, fetched once in a boot. Where nobody knows the instance, it has none. */
  async #secrets(seal: Seal): Promise<Map<string, Buffer>> {
    const instance = this.#instance;
    if (!instance || !needsSecrets(seal)) return new Map();
    const { fetchAll } = await loadMore();
    const sources = await this.#openSources();
    return fetchAll(new Map(Object.entries(seal.secrets)), (version) => sources.fetch(version, instance));
  }

  async #openSources(): Promise<Sources> {
    const { Sources } = await loadMore();
    const { edge, ground } = this.#world;
    const around = { metadata: this.#metadata, edge, deadline: this.#deadline, root: ground.root };
    this.#sources ??= new Sources(this.#google, around);
    return this.#sources;
  }

  /** A command that cannot be started ends a boot before anything is done, and as soon as it is known where to report it. */
  async #findProgram(): Promise<void> {
    const [command] = this.#options.exec;
    if (command !== undefined) this.#program = (await loadMore()).findCommand(command);
  }

  /** What was placed comes into force. @returns what to become, when that is how this boot ends. */
  async #settle(unverified: boolean): Promise<Ending["become"]> {
    const { edge, ground } = this.#world;
    const seal = this.#sealed();
    const fresh = this.#fresh || isUnsettled(ground.root);
    await this.#line.in("settle", () => settle(seal, { ...ground, fresh, edge, deadline: this.#deadline }));
    const file = this.#program;
    if (file === undefined) return undefined;
    if (fresh) endSettling(ground.root);
    return this.#line.in("become", async () => {
      const { environmentOf, requireFits } = await loadMore();
      const environment = environmentOf(seal, await this.#secrets(seal));
      requireFits(this.#options.exec, { ...process.env, ...environment });
      return { file, environment, unverified };
    });
  }

  async #handOver(unverified: boolean): Promise<Ending["verdict"]> {
    const { edge, ground } = this.#world;
    const { root } = ground;
    const seal = this.#sealed();
    await this.#line.in("hand-over", async () => {
      const trouble = notifyReady(root);
      if (trouble) edge.say(`hand over: ${trouble}`);
      const fresh = this.#fresh || isUnsettled(root);
      startUnits(seal, { root, fresh });
      if (fresh) (await loadMore()).setImmutable(ground, seal, edge.say);
      if (fresh) endSettling(root);
      silentShippers(seal, { root, edge });
    });
    const ask = () => judge(seal, root, edge, unverified);
    return seal.ready ? this.#line.in("ready", ask) : ask();
  }

  /** Only for what goes on in this process: elsewhere the end of it closes them all at once, and a millisecond sooner. */
  #close(): void {
    this.#metadata.close();
    this.#google.close();
    this.#sources?.close();
  }

  #sealed(): Seal {
    if (!this.#seal) throw new Error("nothing is sealed");
    return this.#seal;
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
    await sendReport(report, bootAddress(report), {
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

/** Whether a machine may start with its seal alone, when nobody can say which instance it is. */
function standsAlone(seal: Seal, root: string): boolean {
  return !needsSecrets(seal) && !isElsewhere(seal, root);
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
