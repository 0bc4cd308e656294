import { createHmac, timingSafeEqual } from "node:crypto";
import type { GateAnswer } from "../core/observation.ts";
import type { Gate } from "../core/policy.ts";
import { isFailure } from "../google/failure.ts";
import type { Cloud } from "./cloud.ts";
import { isObject } from "./problems.ts";
import { SeenSecrets } from "./secrets.ts";

type WebhookGate = Extract<Gate, { kind: "webhook" }>;

/** What a webhook is asked about. docs/contracts.md */
export interface Question {
  fleet: string;
  rollout: string;
  /** From 1. */
  wave: number;
  step: string;
  release: string;
  image: string;
  machines: string[];
  /** Comes back in the answer, so that an old answer cannot be sent again. */
  nonce: string;
  at: string;
}

export const SIGNATURE_HEADER = "x-moult-signature";
const WITHIN_MS = 10_000;
const LONGEST_ANSWER = 65_536;
const LONGEST_TEXT = 300;
const ANSWERS: ReadonlySet<unknown> = new Set<GateAnswer["answer"]>(["pass", "fail", "wait", "inconclusive"]);

/** Over the exact bytes of the body, as the header carries it. */
export function signatureOf(key: Uint8Array, body: string | Uint8Array): string {
  return `sha256=${createHmac("sha256", key).update(body).digest("hex")}`;
}

/** Asks, signed, and believes only what is signed with the same key and answers this very question. */
export async function askWebhook(cloud: Cloud, gate: WebhookGate, question: Question): Promise<GateAnswer> {
  const key = await keyOf(cloud, gate);
  if ("answer" in key) return key;
  const where = `the webhook at ${placeOf(gate.url)}`;
  const body = JSON.stringify(question);
  let status: number;
  let signature: string;
  let bytes: Buffer | undefined;
  try {
    const response = await fetch(gate.url, {
      method: "POST",
      headers: { "content-type": "application/json", [SIGNATURE_HEADER]: signatureOf(key.value, body) },
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(WITHIN_MS),
    });
    status = response.status;
    signature = response.headers.get(SIGNATURE_HEADER) ?? "";
    bytes = await limited(response);
  } catch (problem) {
    return {
      answer: "wait",
      text: `${where} did not answer within ${WITHIN_MS / 1000}s: ${causeOf(problem)}. It is asked again`,
    };
  }
  if (status >= 500 || status === 429 || status === 408)
    return { answer: "wait", text: `${where} answered ${status}; it is asked again` };
  if (status < 200 || status > 299) {
    const redirected = status >= 300 && status < 400 ? "; redirects are not followed, name the place itself" : "";
    return inconclusive(`${where} answered ${status}${redirected}`);
  }
  if (!bytes) return inconclusive(`${where} answered with more than ${LONGEST_ANSWER} bytes`);
  const expected = Buffer.from(signatureOf(key.value, bytes));
  const given = Buffer.from(signature);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    const what = signature === "" ? "without" : "with a wrong";
    return inconclusive(`${where} answered ${what} ${SIGNATURE_HEADER} header: whoever answered does not have the key`);
  }
  return readAnswer(where, bytes.toString("utf8"), question.nonce);
}

function readAnswer(where: string, text: string, nonce: string): GateAnswer {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return inconclusive(`${where} answered something that is not JSON`);
  }
  if (!isObject(value) || !ANSWERS.has(value.answer))
    return inconclusive(`${where} did not answer pass, fail, wait or inconclusive`);
  if (value.nonce !== nonce)
    return inconclusive(
      `${where} answered with another nonce than it was sent: that is the answer to another question`,
    );
  const said = typeof value.text === "string" ? plain(value.text) : "";
  const answer = value.answer as GateAnswer["answer"];
  return { answer, text: `${where} says ${answer}${said ? `: ${said}` : ""}` };
}

/** The key lives in memory for the length of one question. */
async function keyOf(cloud: Cloud, { secret: ref }: WebhookGate): Promise<{ value: Uint8Array } | GateAnswer> {
  const name = await new SeenSecrets(cloud.secrets).resolve(ref);
  if (typeof name !== "string") return inconclusive(`the webhook cannot be asked without its key: ${name.text}`);
  try {
    const value = await cloud.secrets.value(name);
    if (value.length === 0) return inconclusive(`the webhook's key, secret ${ref.secret} in ${ref.project}, is empty`);
    return { value };
  } catch (problem) {
    if (!isFailure(problem) || problem.kind === "unavailable") throw problem;
    return inconclusive(`the webhook cannot be asked without its key: ${problem.message}`);
  }
}

/** Undefined when it is longer than any honest answer; the rest is not read. */
async function limited(response: Response): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > LONGEST_ANSWER) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function inconclusive(text: string): GateAnswer {
  return { answer: "inconclusive", text };
}

/** A path or a query may hold what is not for everybody. */
function placeOf(url: string): string {
  const { host } = new URL(url);
  return host;
}

/** Somebody else's words, shown on people's terminals: without what moves a cursor, and not for ever. */
function plain(text: string): string {
  const clean = text.replace(/[\p{C}\s]+/gu, " ").trim();
  return clean.length > LONGEST_TEXT ? `${clean.slice(0, LONGEST_TEXT)}…` : clean;
}

/** `fetch` says only that it failed; why is in the cause. */
function causeOf(problem: unknown): string {
  const { message, cause } = problem as Error;
  return cause instanceof Error && cause.message ? cause.message : message;
}
