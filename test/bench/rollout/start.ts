import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { median } from "../agent/measure.ts";
import type { Bundles } from "./bundles.ts";

const framework = join(
  import.meta.dirname,
  "../../../node_modules/@google-cloud/functions-framework/build/src/main.js",
);
const HELLO = `import { cloudEvent } from "@google-cloud/functions-framework";\ncloudEvent("hello", () => {});\n`;

const message = (data: unknown, fleet = "nobody") => ({
  message: {
    data: Buffer.from(JSON.stringify(data)).toString("base64"),
    attributes: { fleet },
    messageId: "1",
  },
  subscription: "s",
});

/** Start to first 2xx, ms: of the clock, and of processors. */
interface Start {
  ms: number;
  cpuMs: number;
}

export interface Starts {
  hello: Start;
  /** An event of moult's own doing, which is no news. */
  idle: Start;
  /** A ring for a fleet nobody knows: the bell is read and written, the record read. */
  rung: Start;
  /** Of the clock, and of processors: the second hardly changes when others use the machine. */
  ratio: number;
  cpuRatio: number;
}

/** Interleaved, medians. The ratio is of the runs of the same round. */
export async function startTimes({ deployed }: Bundles, env: Record<string, string>, rounds: number): Promise<Starts> {
  const hello = join(dirname(deployed), "..", "hello");
  mkdirSync(hello, { recursive: true });
  writeFileSync(join(hello, "index.js"), HELLO);
  writeFileSync(join(hello, "package.json"), JSON.stringify({ type: "module", main: "index.js" }));
  const principalEmail = `moult-functions@${env.GOOGLE_CLOUD_PROJECT}.iam.gserviceaccount.com`;
  const own = { protoPayload: { methodName: "v1.compute.instances.insert", authenticationInfo: { principalEmail } } };
  const found: Omit<Starts, "ratio" | "cpuRatio">[] = [];
  for (let round = -1; round < rounds; round++) {
    const times = {
      hello: await first2xx(hello, "hello", env, message({})),
      idle: await first2xx(dirname(deployed), "onGroup", env, message(own)),
      // Each time another: a fleet that was looked at within three seconds would be waited for.
      rung: await first2xx(dirname(deployed), "onTick", env, message({}, `nobody-${round + 1}`)),
    };
    if (round >= 0) found.push(times);
  }
  const of = (pick: (times: (typeof found)[number]) => number) => median(found.map(pick));
  const start = (what: "hello" | "idle" | "rung"): Start => ({
    ms: of((times) => times[what].ms),
    cpuMs: of((times) => times[what].cpuMs),
  });
  return {
    hello: start("hello"),
    idle: start("idle"),
    rung: start("rung"),
    ratio: of(({ idle, hello }) => idle.ms / hello.ms),
    cpuRatio: of(({ idle, hello }) => idle.cpuMs / hello.cpuMs),
  };
}

async function first2xx(source: string, target: string, env: Record<string, string>, event: unknown): Promise<Start> {
  const port = await freePort();
  const began = performance.now();
  const child = spawn(process.execPath, [framework, "--source", source, "--target", target, "--port", String(port)], {
    env: { ...env, PATH: process.env.PATH ?? "", HOME: "/nonexistent", FUNCTION_SIGNATURE_TYPE: "cloudevent" },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = once(child, "exit");
  try {
    const headers = {
      "content-type": "application/json",
      "ce-id": "1",
      "ce-source": "//pubsub.googleapis.com/projects/p/topics/t",
      "ce-specversion": "1.0",
      "ce-type": "google.cloud.pubsub.topic.v1.messagePublished",
    };
    for (;;) {
      try {
        const response = await fetch(`http://127.0.0.1:${port}/`, {
          method: "POST",
          headers,
          body: JSON.stringify(event),
        });
        if (response.ok) return { ms: performance.now() - began, cpuMs: cpuOf(child.pid ?? 0) };
        throw new Error(`${target} answers ${response.status}: ${await response.text()}`);
      } catch (problem) {
        if (!(problem instanceof TypeError)) throw problem;
        if (child.exitCode !== null) throw new Error(`${target} ended with ${child.exitCode}`);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    }
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}

/** Of all its threads, from the kernel's own account in nanoseconds; NaN where there is none. */
function cpuOf(pid: number): number {
  try {
    const threads = `/proc/${pid}/task`;
    const times = readdirSync(threads).map((id) =>
      Number(readFileSync(`${threads}/${id}/schedstat`, "utf8").split(" ")[0]),
    );
    return times.reduce((sum, time) => sum + time, 0) / 1e6;
  } catch {
    return Number.NaN;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address ? address.port : 0;
}
