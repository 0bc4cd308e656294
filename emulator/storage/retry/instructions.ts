/**
 * The failures of Google's storage testbench that a retry test can ask for.
 * https://github.com/googleapis/storage-testbench#forced-failures-supported
 */
export type Instruction =
  | { kind: "return"; status: number }
  | { kind: "return-after-upload"; status: number; bytes: number }
  | { kind: "reset" }
  /** Breaks the answer off after so many bytes. */
  | { kind: "broken-stream"; bytes: number; only?: "download" }
  /** The last piece of a resumable upload is stored, and its answer broken off. */
  | { kind: "broken-final-chunk"; bytes: number }
  | { kind: "stall"; seconds: number; bytes: number }
  /** Of the testbench's gRPC server only. */
  | { kind: "redirect" };

const KIB = 1024;
/** How much of an answer comes before a stream breaks that is not told where. */
const FEW_BYTES = 4;

type Parts = [number, number];

const FORMS: [RegExp, (parts: Parts) => Instruction][] = [
  [/^return-(\d{3})$/, ([status]) => ({ kind: "return", status })],
  [/^return-(\d{3})-after-(\d+)K$/, ([status, k]) => ({ kind: "return-after-upload", status, bytes: k * KIB })],
  [/^return-reset-connection$/, () => ({ kind: "reset" })],
  [/^return-broken-stream$/, () => ({ kind: "broken-stream", bytes: FEW_BYTES })],
  [/^return-broken-stream-after-(\d+)K$/, ([k]) => ({ kind: "broken-stream", bytes: k * KIB, only: "download" })],
  [/^return-broken-stream-final-chunk-after-(\d+)B$/, ([bytes]) => ({ kind: "broken-final-chunk", bytes })],
  [/^stall-for-(\d+)s-after-(\d+)K$/, ([seconds, k]) => ({ kind: "stall", seconds, bytes: k * KIB })],
  [/^redirect-(send|expect)-.*token-.*$/, () => ({ kind: "redirect" })],
];

/** Undefined for what is no instruction. */
export function readInstruction(text: string): Instruction | undefined {
  for (const [form, make] of FORMS) {
    const found = form.exec(text);
    if (found) return make([Number(found[1] ?? 0), Number(found[2] ?? 0)]);
  }
  return undefined;
}

/** Methods as the testbench names them, where it does not name them as the API does. */
const TESTBENCH_NAMES: Record<string, string> = {
  bucket_acl: "bucketAccessControls",
  default_object_acl: "defaultObjectAccessControls",
  object_acl: "objectAccessControls",
  hmacKey: "projects.hmacKeys",
  serviceaccount: "projects.serviceAccount",
};

/** `storage.bucket_acl.get` → `storage.bucketAccessControls.get`. */
export function apiName(method: string): string {
  const [service = "", collection = "", ...rest] = method.split(".");
  return [service, TESTBENCH_NAMES[collection] ?? collection, ...rest].join(".");
}
