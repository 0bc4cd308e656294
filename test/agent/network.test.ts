import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { get } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AnswerReader } from "../../agent/edge/answer.ts";
import type { Edge } from "../../agent/edge/deadline.ts";
import { type Answer, type Origin, openOrigin } from "../../agent/edge/http.ts";
import { Passing, Refused, retryAfterMs, retrying } from "../../agent/edge/retry.ts";
import { smallSha256 } from "../../agent/edge/sha256.ts";
import { Failure } from "../../agent/outcome.ts";
import { type FakeCloud, startCloud } from "./cloud.ts";
import { builtAgent, Machine, testNode } from "./machine.ts";

/** A server that says exactly these bytes, whatever it is asked. */
interface Raw {
  port: number;
  /** What a request is answered with, in segments of their own. */
  says: Buffer[];
  /** What becomes of the connection afterwards. */
  ending: "keep" | "end" | "reset";
  connections: number;
  requests: string[];
  server: Server;
}

let raw: Raw;
let origin: Origin | undefined;
const sockets = new Set<Socket>();

beforeEach(async () => {
  const server = createServer((socket) => {
    raw.connections++;
    sockets.add(socket);
    socket.setNoDelay();
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    let text = "";
    socket.on("data", async (bytes) => {
      text += bytes.toString("latin1");
      if (!text.includes("\r\n\r\n")) return;
      raw.requests.push(text);
      text = "";
      for (const part of raw.says) {
        socket.write(part);
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (raw.ending === "end") socket.end();
      if (raw.ending === "reset") socket.resetAndDestroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  raw = { port, says: [], ending: "keep", connections: 0, requests: [], server };
});
afterEach(async () => {
  origin?.close();
  origin = undefined;
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => raw.server.close(resolve));
});

function ask(more: { limit?: number; timeoutMs?: number } = {}): Promise<Answer> {
  origin ??= openOrigin(`http://127.0.0.1:${raw.port}`);
  return origin.ask({ path: "/", timeoutMs: 5_000, ...more });
}

const bytes = (text: string) => Buffer.from(text, "latin1");

describe("an answer of HTTP/1.1 is whole when", () => {
  test.each<[sentence: string, answer: string, ending: Raw["ending"], status: number, body: string]>([
    ["it has its length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "keep", 200, "hi"],
    ["its length is nothing", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "keep", 200, ""],
    ["there is no reason in its status line", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi", "keep", 200, "hi"],
    [
      "its chunks end",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1;a=b\r\ni\r\n0\r\n\r\n",
      "keep",
      200,
      "hi",
    ],
    [
      "a trailer follows its chunks",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n2\r\nhi\r\n000\r\nX-A: b\r\n\r\n",
      "keep",
      200,
      "hi",
    ],
    ["the connection ends after it", "HTTP/1.1 200 OK\r\n\r\nhi", "end", 200, "hi"],
    ["HTTP/1.0 says it", "HTTP/1.0 200 OK\r\n\r\nhi", "end", 200, "hi"],
    [
      "an interim answer came first",
      "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
      "keep",
      200,
      "hi",
    ],
    ["it is a 204, which has no body", "HTTP/1.1 204 No Content\r\n\r\n", "keep", 204, ""],
    [
      "it is a 304 that tells a length, and has no body",
      "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
      "keep",
      304,
      "",
    ],
    [
      "it redirects, which is not followed",
      "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
      "keep",
      302,
      "",
    ],
  ])("%s", async (_sentence, answer, ending, status, body) => {
    Object.assign(raw, { says: [bytes(answer)], ending });
    const whole = await ask();
    expect([whole.status, whole.body.toString()]).toEqual([status, body]);
    expect(raw.requests).toHaveLength(1);
  });
});

describe("an answer is not taken when", () => {
  const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  test.each<[sentence: string, answer: string, ending: Raw["ending"], message: RegExp]>([
    ["it is something else", "SSH-2.0-OpenSSH_9.2\r\n\r\n", "keep", /not HTTP/],
    ["it is HTTP/2", "HTTP/2 200\r\n\r\n", "keep", /not HTTP/],
    ["its status is no status", "HTTP/1.1 20 OK\r\n\r\n", "keep", /not HTTP/],
    ["a field is folded", "HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n", "keep", /no field/],
    ["a space stands before a colon", "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n", "keep", /no field/],
    ["a field has no colon", "HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n", "keep", /no field/],
    ["a field holds a control character", "HTTP/1.1 200 OK\r\nX-A: b\u0000c\r\n\r\n", "keep", /no field/],
    ["lines end with a bare line feed", "HTTP/1.1 200 OK\nX: y\r\nContent-Length: 0\r\n\r\n", "keep", /not HTTP/],
    [
      "its length is said twice",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",
      "keep",
      /twice/,
    ],
    ["its length is negative", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "keep", /length/],
    ["its length is two numbers", "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nhi", "keep", /length/],
    [
      "it has a length and chunks",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "keep",
      /coding/,
    ],
    ["it is packed", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "keep", /coding/],
    ["HTTP/1.0 speaks in chunks", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "keep", /coding/],
    ["a chunk has no size", `${chunked}\r\n`, "keep", /chunk/],
    ["a chunk's size is not a number", `${chunked}0x2\r\nhi\r\n0\r\n\r\n`, "keep", /chunk/],
    ["a chunk's size is huge", `${chunked}fffffffff\r\nhi\r\n0\r\n\r\n`, "keep", /chunk/],
    ["a chunk is longer than its size", `${chunked}1\r\nhi\r\n0\r\n\r\n`, "keep", /chunk/],
    ["a trailer is not a field", `${chunked}0\r\nhi\r\n\r\n`, "keep", /no field/],
    ["it changes the protocol", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "keep", /status line/],
    ["its head never ends", `HTTP/1.1 200 OK\r\n${"X-A: b\r\n".repeat(10_000)}`, "keep", /too long/],
    ["interim answers never end", "HTTP/1.1 100 Continue\r\n\r\n".repeat(5_000), "keep", /too long/],
    ["trailers never end", `${chunked}0\r\n${"X-A: b\r\n".repeat(10_000)}`, "keep", /too long/],
    ["the connection ends within its head", "HTTP/1.1 200 OK\r\nContent-Le", "end", /cut off/],
    ["the connection ends before anything", "", "end", /cut off/],
    ["the connection ends within its length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi", "end", /cut off/],
    ["the connection ends within its chunks", `${chunked}5\r\nhi`, "end", /cut off/],
    ["the connection ends before the last chunk", `${chunked}2\r\nhi\r\n`, "end", /cut off/],
    ["the connection is reset within what its end would end", "HTTP/1.1 200 OK\r\n\r\nhi", "reset", /ECONNRESET/],
  ])("%s", async (_sentence, answer, ending, message) => {
    Object.assign(raw, { says: [bytes(answer)], ending });
    const refused = ask();
    await expect(refused).rejects.toBeInstanceOf(Passing);
    await expect(refused).rejects.toThrow(message);
  });

  test.each([
    ["by its length", "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n"],
    ["by its chunks", `${chunked}65\r\n${"x".repeat(101)}`],
    ["by its end", `HTTP/1.1 200 OK\r\n\r\n${"x".repeat(101)}`],
  ])("it is too long %s, and asking again would not help", async (_sentence, answer) => {
    raw.says = [bytes(answer)];
    await expect(ask({ limit: 100 })).rejects.toBeInstanceOf(Refused);
  });
});

describe("connections", () => {
  const whole = bytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");

  test("are used again, one request at a time", async () => {
    raw.says = [whole];
    for (let n = 0; n < 20; n++) expect((await ask()).body.toString()).toBe("hi");
    expect(raw.connections).toBe(1);
  });

  test("are sixteen at most, and all requests come through", async () => {
    raw.says = [whole];
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask()));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(raw.connections).toBe(16);
  });

  test.each([
    ["the answer says close", "HTTP/1.1 200 OK\r\nConnection: foo, Close\r\nContent-Length: 2\r\n\r\nhi"],
    ["the answer is HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi"],
    [
      "more came than was asked for",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    ],
  ])("are not used again when %s", async (_sentence, answer) => {
    raw.says = [bytes(answer)];
    for (let n = 0; n < 3; n++) expect((await ask()).body.toString()).toBe("hi");
    expect(raw.connections).toBe(3);
  });

  test("that the other side closed or spoke on meanwhile are not used again", async () => {
    raw.says = [whole];
    await ask();
    for (const way of ["end", "speak"] as const) {
      const [idle] = sockets;
      if (!idle) throw new Error("no connection");
      const closed = once(idle, "close");
      if (way === "end") idle.end();
      else idle.write(whole);
      await closed;
      expect((await ask()).body.toString()).toBe("hi");
    }
    expect(raw.connections).toBe(3);
  });

  test("that say nothing are given up in time, the queue behind them too", async () => {
    const started = performance.now();
    const answers = await Promise.allSettled(Array.from({ length: 20 }, () => ask({ timeoutMs: 200 })));
    for (const answer of answers)
      expect(String(answer.status === "rejected" && answer.reason)).toMatch(/no (answer|connection) in 200 ms/);
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  test("carry no request that its path or a header would split", async () => {
    const careful = openOrigin(`http://127.0.0.1:${raw.port}`);
    for (const odd of [{ path: "/a b" }, { path: "/\r\nX: y" }, { path: "/", headers: { A: "b\r\nC: d" } }])
      await expect(careful.ask({ timeoutMs: 1_000, ...odd })).rejects.toThrow(TypeError);
    expect(raw.connections).toBe(0);
    careful.close();
  });
});

test("whatever way an answer is cut into segments, it is read as node:http reads it", async () => {
  const text = fc.string({ unit: fc.constantFrom("a", "\r", "\n", "0", ":", " ", "é"), maxLength: 60 });
  const answers = fc.record({
    interim: fc.nat(2),
    status: fc.constantFrom(200, 404, 503, 204, 304),
    form: fc.constantFrom("length", "chunked", "end"),
    body: fc.array(
      text.map((part) => Buffer.from(part)).filter((part) => part.length > 0),
      { maxLength: 4 },
    ),
    cuts: fc.array(fc.nat(200), { maxLength: 6 }),
  });
  await fc.assert(
    fc.asyncProperty(answers, async ({ interim, status, form, body, cuts }) => {
      const bare = status === 204 || status === 304;
      const content = Buffer.concat(bare ? [] : body);
      const coding =
        form === "length"
          ? `Content-Length: ${content.length}\r\n`
          : form === "chunked" && !bare
            ? "Transfer-Encoding: chunked\r\n"
            : "";
      const head = `${"HTTP/1.1 102 Processing\r\n\r\n".repeat(interim)}HTTP/1.1 ${status} X\r\nA-B:  c d \r\n${coding}\r\n`;
      const chunks = body.flatMap((part) => [bytes(`${part.length.toString(16)}\r\n`), part, bytes("\r\n")]);
      const said = Buffer.concat([
        bytes(head),
        ...(bare ? [] : form === "chunked" ? [...chunks, bytes("0\r\n\r\n")] : [content]),
      ]);
      const at = [0, ...cuts.map((cut) => cut % said.length).sort((a, b) => a - b), said.length];
      raw.says = at.slice(1).map((end, i) => said.subarray(at[i], end));
      raw.ending = form === "end" ? "end" : "keep";
      const ours = await ask();
      const theirs = await nodeAnswer(raw.port);
      expect({ status: ours.status, body: ours.body.toString("latin1"), header: ours.headers["a-b"] }).toEqual(theirs);
    }),
    { numRuns: 150 },
  );
});

function nodeAnswer(port: number): Promise<{ status: number | undefined; body: string; header: unknown }> {
  return new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, agent: false }, (answer) => {
      let body = "";
      answer.setEncoding("latin1");
      answer.on("data", (part) => {
        body += part;
      });
      answer.on("end", () => resolve({ status: answer.statusCode, body, header: answer.headers["a-b"] }));
    }).on("error", reject);
  });
}

test("no bytes make the reader do anything but go on, finish or refuse", () => {
  const grammar = fc.constantFrom(
    "HTTP/1.1 200 OK\r\n",
    "Content-Length: 3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "\r\n",
    "3\r\nabc\r\n",
    "0\r\n",
    "\n",
    " ",
    "x",
  );
  const part = fc.oneof(
    grammar.map(bytes),
    fc.uint8Array({ maxLength: 30 }).map((odd) => Buffer.from(odd)),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 20 }), (parts) => {
      const reader = new AnswerReader(1_000);
      try {
        for (const bytes of parts) if (!reader.answer) reader.push(bytes);
        reader.end();
        expect(reader.answer).toBeDefined();
      } catch (error) {
        expect(error instanceof Passing || error instanceof Refused).toBe(true);
      }
    }),
    { numRuns: 10_000 },
  );
});

test("our SHA-256 is the SHA-256", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (odd) => {
      expect(smallSha256(Buffer.from(odd))).toBe(createHash("sha256").update(odd).digest("hex"));
    }),
    { numRuns: 1_000 },
  );
  for (const size of [55, 56, 63, 64, 119, 120, 4_096]) {
    const same = Buffer.alloc(size, 0xa5);
    expect(smallSha256(same)).toBe(createHash("sha256").update(same).digest("hex"));
  }
});

describe("trying again", () => {
  const policy = { firstMs: 100, capMs: 2_000, tryMs: 3_000 };

  /** Time that only passes in sleeps and attempts. */
  function driven(random: number): { edge: Edge; slept: number[]; said: string[]; spend(ms: number): void } {
    let now = 0;
    const slept: number[] = [];
    const said: string[] = [];
    const edge: Edge = {
      now: () => now,
      random: () => random,
      sleep: async (ms) => {
        slept.push(Math.round(ms));
        now += ms;
      },
      say: (line) => said.push(line),
    };
    return { edge, slept, said, spend: (ms) => (now += ms) };
  }

  async function attempts(failures: Error[], { random = 0.999_999, leftMs = 60_000, each = 0 } = {}) {
    const { edge, slept, said, spend } = driven(random);
    const deadline = { left: () => Math.max(0, leftMs - edge.now()) };
    const result = await retrying("it", "secret-unreachable", policy, edge, deadline, async () => {
      spend(each);
      const next = failures.shift();
      if (next) throw next;
      return "done";
    }).catch((error: unknown) => error);
    return { result, slept, said };
  }
  const failing = (count: number) => Array.from({ length: count }, () => new Passing("ECONNRESET"));

  test("waits at most twice as long each time, up to the cap", async () => {
    const { slept, said } = await attempts(failing(7));
    expect(slept).toEqual([100, 200, 400, 800, 1_600, 2_000, 2_000]);
    expect(said).toHaveLength(7);
    expect(said[0]).toMatch(/^it: attempt 1 after 0 ms: ECONNRESET$/);
  });

  test("waits any part of that, so that a fleet does not come back together", async () => {
    expect((await attempts(failing(4), { random: 0.25 })).slept).toEqual([25, 50, 100, 200]);
  });

  test("waits as long as it is told, but leaves time for one more", async () => {
    expect((await attempts([new Passing("status 429", 5_000)])).slept).toEqual([5_000]);
    expect((await attempts([new Passing("status 429", 500_000)])).slept).toEqual([59_000]);
  });

  test("ends with the deadline, and says how often and why", async () => {
    const { result } = await attempts(failing(1_000), { leftMs: 5_000, each: 100 });
    expect(result).toMatchObject({
      reason: "secret-unreachable",
      message: expect.stringMatching(/^it: \d+ attempts, the last one: ECONNRESET$/),
    });
  });

  test("ends at once with what does not pass", async () => {
    const refused = await attempts([new Refused("no"), ...failing(1)]);
    expect(refused.result).toMatchObject({ reason: "secret-refused", message: "it: no" });
    const failure = new Failure("secret-missing", "gone");
    expect((await attempts([failure])).result).toBe(failure);
    expect([...refused.slept, ...refused.said]).toEqual([]);
  });

  test.each([
    ["seconds", { "retry-after": "3" }, 3_000],
    [
      "a date, by the server's own clock",
      { "retry-after": "Fri, 20 Nov 2026 12:00:09 GMT", date: "Fri, 20 Nov 2026 12:00:05 GMT" },
      4_000,
    ],
    [
      "a date that has passed",
      { "retry-after": "Fri, 20 Nov 2026 12:00:00 GMT", date: "Fri, 20 Nov 2026 12:00:05 GMT" },
      0,
    ],
    ["a date without another", { "retry-after": "Fri, 20 Nov 2026 12:00:00 GMT" }, 0],
    ["something else", { "retry-after": "soon" }, 0],
    ["nothing", {}, 0],
  ])("understands Retry-After as %s", (_form, headers, ms) => {
    expect(retryAfterMs(headers)).toBe(ms);
  });
});

describe("of several metadata addresses", () => {
  let cloud: FakeCloud;
  let machine: Machine;
  beforeEach(async () => {
    cloud = await startCloud();
  });
  afterEach(async () => {
    machine.remove();
    await cloud.close();
  });

  async function boot(addresses: string, ...flags: string[]) {
    machine = new Machine({ address: addresses, url: cloud.url });
    return machine.boot(...flags);
  }
  const port = () => cloud.address.split(":")[1];

  test("the one that answers is taken when others refuse", async () => {
    expect(await boot(`127.0.0.1:1,${cloud.address}`)).toMatchObject({ exit: 0 });
    expect(machine.read("/var/lib/moult/seal.json")).toContain(cloud.instance.id);
  });

  test("IPv6 is as good as any", async () => {
    const six = createServer((socket) => {
      const onward = connect(Number(port()), "127.0.0.1");
      socket.pipe(onward).pipe(socket);
      socket.on("error", () => {});
      onward.on("error", () => {});
    });
    const listening = await new Promise<boolean>((resolve) => {
      six.on("error", () => resolve(false)).listen(0, "::1", () => resolve(true));
    });
    if (!listening) return console.log("skipped: this machine has no IPv6 loopback");
    expect(await boot(`127.0.0.1:1,[::1]:${(six.address() as AddressInfo).port}`)).toMatchObject({ exit: 0 });
    await new Promise((resolve) => six.close(resolve));
  });

  test("a second one is tried while the first does not connect", async ({ skip }) => {
    const deaf = await deafServer();
    if (!deaf) return skip("the kernel takes connections beyond the backlog here");
    try {
      const started = performance.now();
      const run = await boot(`127.0.0.1:${deaf.port},${cloud.address}`);
      expect(run).toMatchObject({ exit: 0 });
      expect(run.stdout).not.toContain("attempt");
      expect(performance.now() - started).toBeLessThan(2_500);
    } finally {
      deaf.close();
    }
  });

  test("the next ones are left alone when the first answers", async () => {
    let touched = 0;
    const other = createServer(() => touched++);
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    expect(await boot(`${cloud.address},127.0.0.1:${(other.address() as AddressInfo).port}`)).toMatchObject({
      exit: 0,
    });
    expect(touched).toBe(0);
    await new Promise((resolve) => other.close(resolve));
  });

  test("all are named when none answers", async () => {
    const run = await boot("127.0.0.1:1,127.0.0.1:2", "--deadline", "0.5");
    expect(run.exit).toBe(12);
    expect(run.last).toMatch(/metadata-unreachable: .*127\.0\.0\.1:1 ECONNREFUSED, 127\.0\.0\.1:2 ECONNREFUSED/);
  });

  test("a name that somebody else answers for does not end the boot while the address itself is not there", async () => {
    const portal = createServer((socket) =>
      socket
        .on("error", () => {})
        .resume()
        .end("HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n"),
    );
    await new Promise<void>((resolve) => portal.listen(0, "127.0.0.1", resolve));
    const run = await boot(`127.0.0.1:1,localhost:${(portal.address() as AddressInfo).port}`, "--deadline", "0.5");
    expect(run.last).toContain("failed metadata-unreachable");
    await new Promise((resolve) => portal.close(resolve));
  });
});

/** Listens, takes nothing, and its queue is full: further connections hang as if their packets were swallowed. */
async function deafServer(): Promise<{ port: number; close(): void } | undefined> {
  const child = spawn(
    process.execPath,
    [
      "-e",
      'const s=require("net").createServer().listen({port:0,host:"127.0.0.1",backlog:1},()=>{console.log(s.address().port)})',
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const [text] = await once(child.stdout, "data");
  const port = Number(text);
  child.kill("SIGSTOP");
  const filling: Socket[] = [];
  const close = () => {
    for (const socket of filling) socket.destroy();
    child.kill("SIGKILL");
  };
  for (let n = 0; n < 8; n++) {
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    filling.push(socket);
    const taken = await Promise.race([
      once(socket, "connect").then(() => true),
      new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 300)),
    ]);
    if (!taken) return { port, close };
  }
  close();
  return undefined;
}

const namespaces = spawnSync("unshare", ["-rn", "ip", "link", "show", "lo"], { stdio: "ignore" }).status === 0;

/** Runs a shell script in a network of its own, in which nothing is up yet. */
function inNetwork(script: string, root: string): string {
  return execFileSync("unshare", ["-rn", "sh", "-c", script], {
    encoding: "utf8",
    env: { PATH: process.env.PATH ?? "", NODE: testNode, OWN_NODE: process.execPath, AGENT: builtAgent(), ROOT: root },
    timeout: 25_000,
  });
}

const answering = `
  const all = JSON.stringify({ instance: { id: "1", name: "web", zone: "projects/1/zones/a-b-c" }, project: {} });
  require("http").createServer((q, s) => {
    s.setHeader("Metadata-Flavor", "Google");
    q.url.includes("recursive") ? s.end(all) : s.writeHead(404).end();
  }).listen(8080, "127.0.0.1");`;

describe.skipIf(!namespaces)("in a network of its own (skipped without unshare -rn and ip)", () => {
  let machine: Machine;
  beforeEach(() => {
    machine = new Machine({ address: "", url: "" });
  });
  afterEach(() => machine.remove());

  test("that comes up while the agent is asking, the boot goes on", () => {
    const out = inNetwork(
      `: > $ROOT/out
       $NODE $AGENT boot --root $ROOT --metadata 127.0.0.1:8080 --deadline 20 > $ROOT/out 2>&1 & agent=$!
       until grep -q ENETUNREACH $ROOT/out; do sleep 0.05; done
       ip link set lo up
       until grep -q ECONNREFUSED $ROOT/out; do sleep 0.05; done
       $OWN_NODE -e '${answering}' & server=$!
       wait $agent; echo "exit $?" >> $ROOT/out; kill $server; cat $ROOT/out`,
      machine.root,
    );
    expect(out).toContain("exit 0");
    expect(out).toMatch(/attempt 1 after \d+ ms: ENETUNREACH/);
  });

  test("whose routes forbid the metadata server, the sentence says what may have locked it", () => {
    const out = inNetwork(
      `ip link set lo up; ip route add prohibit 169.254.169.254/32
       $NODE $AGENT boot --root $ROOT --deadline 1; echo "exit $?"`,
      machine.root,
    );
    expect(out).toContain("exit 12");
    expect(out).toMatch(/169\.254\.169\.254:80 EACCES \(.*systemd\.imds\.network=unlocked/);
  });
});
