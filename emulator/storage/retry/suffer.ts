import type { Clock } from "../../frame/clock.ts";
import { ApiError } from "../../frame/errors.ts";
import type { Answer, Call } from "../../frame/http.ts";
import type { Route } from "../../frame/router.ts";
import type { World } from "../../frame/world.ts";
import { invalid } from "../problems.ts";
import type { Instruction } from "./instructions.ts";
import { readInstruction } from "./instructions.ts";
import { withinRetryTest } from "./scope.ts";
import type { RetryTests } from "./tests.ts";

type Run = (call: Call) => Promise<Answer> | Answer;

const MOST_BROKEN = 1024 * 1024;
const QUANTUM = 256 * 1024;

/** A route that suffers what a retry test, or the call's own instruction header, asks for. */
export function suffering(world: World, tests: RetryTests, route: Route): Route {
  return {
    ...route,
    run: async (call) => {
      const own = ownInstruction(call);
      if (own) return suffer(world.clock, own, call, route, () => {});
      if (!call.headers["x-retry-test-id"]) return route.run(call);
      const next = tests.next(route.id, call.headers);
      return withinRetryTest(() =>
        next ? suffer(world.clock, next.instruction, call, route, next.done) : route.run(call),
      );
    },
  };
}

/**
 * The older form: the failure stands in a header of the call itself.
 * https://github.com/googleapis/storage-testbench#force-failures
 */
function ownInstruction({ headers }: Call): Instruction | "corrupt" | undefined {
  const text = headers["x-goog-emulator-instructions"] ?? headers["x-goog-testbench-instructions"];
  if (!text) return undefined;
  const counted = /^return-503-after-256K\/retry-(\d+)$/.exec(text);
  if (counted) return Number(counted[1]) < 3 ? { kind: "return-after-upload", status: 503, bytes: QUANTUM } : undefined;
  if (text === "return-broken-stream") return { kind: "broken-stream", bytes: MOST_BROKEN };
  if (text === "return-corrupted-data") return "corrupt";
  if (text === "stall-always") return { kind: "stall", seconds: 10, bytes: 0 };
  if (text === "stall-at-256KiB") return { kind: "stall", seconds: 10, bytes: QUANTUM };
  const instruction = readInstruction(text);
  if (!instruction) throw invalid(`The instruction ${text} is not known.`);
  return instruction;
}

async function suffer(
  clock: Clock,
  instruction: Instruction | "corrupt",
  call: Call,
  { id, run }: Route,
  done: () => void,
): Promise<Answer> {
  if (instruction === "corrupt") return corrupted(await run(call));
  const isUpload = id === "storage.objects.insert";
  switch (instruction.kind) {
    case "return":
      done();
      throw caused(instruction.status);
    case "reset":
      done();
      return { cut: "reset" };
    case "broken-stream": {
      const answer = await run(call);
      const isDownload = id === "storage.objects.get" && answer.bytes !== undefined;
      if ((instruction.only && !isDownload) || sizeOf(answer) < instruction.bytes) return answer;
      done();
      return { ...answer, cut: { afterBytes: instruction.bytes } };
    }
    case "return-after-upload":
      return isUpload ? partlyUploaded(instruction, call, run, done) : partlyDownloaded(instruction, call, run, done);
    case "broken-final-chunk": {
      const answer = await run(call);
      if (!isUpload || !call.query.has("upload_id") || (answer.status ?? 200) !== 200) return answer;
      done();
      return { ...answer, cut: { afterBytes: instruction.bytes } };
    }
    case "stall": {
      const wait = () => new Promise<void>((resolve) => clock.after(instruction.seconds * 1000, resolve));
      if (isUpload && call.bytes.length >= instruction.bytes) {
        done();
        await wait();
        return run(call);
      }
      const answer = await run(call);
      if (sizeOf(answer) < instruction.bytes) return answer;
      done();
      return { ...answer, pause: { afterBytes: instruction.bytes, wait } };
    }
    default:
      return run(call);
  }
}

function caused(status: number): ApiError {
  return new ApiError(status, `Retry Test: Caused a ${status}`, {
    reason: status >= 500 ? "backendError" : status === 429 ? "rateLimitExceeded" : "invalid",
  });
}

function sizeOf({ bytes, json }: Answer): number {
  return bytes?.length ?? (json === undefined ? 0 : Buffer.byteLength(JSON.stringify(json)));
}

function corrupted(answer: Answer): Answer {
  if (!answer.bytes || answer.bytes.length === 0) return answer;
  const bytes = Buffer.from(answer.bytes);
  bytes[0] = bytes[0] === 0x41 ? 0x42 : 0x41;
  return { ...answer, bytes };
}

/** For a call that uploads nothing, "after so many bytes" is said of its answer. */
async function partlyDownloaded({ bytes }: { bytes: number }, call: Call, run: Run, done: () => void): Promise<Answer> {
  const answer = await run(call);
  if (sizeOf(answer) < bytes) return answer;
  done();
  return { ...answer, cut: { afterBytes: bytes } };
}

/**
 * Keeps what comes before the limit, as the real service does when it fails in the middle of a piece, and fails. What a
 * resumable upload has so far, it keeps; an upload in one request is lost.
 */
async function partlyUploaded(
  { status, bytes }: { status: number; bytes: number },
  call: Call,
  run: Run,
  done: () => void,
): Promise<Answer> {
  if (!call.query.has("upload_id")) {
    if (call.bytes.length < bytes) return run(call);
    done();
    throw caused(status);
  }
  const range = /^bytes\s+(\d+)-(?:\d+|\*)\/(\d+|\*)$/.exec(call.headers["content-range"] ?? "");
  const from = Number(range?.[1] ?? 0);
  if (call.bytes.length === 0 || from + call.bytes.length < bytes) return run(call);
  const kept = bytes - from;
  if (kept >= QUANTUM) {
    const total = range?.[2] ?? (call.headers["content-range"] ? "*" : String(call.bytes.length));
    const head = { "content-range": `bytes ${from}-${bytes - 1}/${total}` };
    const all = total !== "*" && Number(total) === bytes;
    if (!all) await run({ ...call, bytes: call.bytes.subarray(0, kept), headers: { ...call.headers, ...head } });
  }
  done();
  throw caused(status);
}
