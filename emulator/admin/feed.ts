import type { LogEntry } from "../../wire/logging.d.ts";
import type { Fault, Subject } from "../frame/faults/faults.ts";
import { kindOf } from "../frame/faults/rule.ts";
import { auditedMethod } from "../logging/audit/methods.ts";

/** One line of what happens in the emulator, for people who watch. */
export interface Happening {
  /** Counts up from 1. */
  id: number;
  /** Milliseconds since the epoch, of the emulator's clock. */
  at: number;
  kind: "audit" | "system" | "call" | "fault" | "emptied";
  /** The method, or what happened. */
  what: string;
  /** Whom or what it was about. */
  about: string;
  note?: string;
  isError?: true;
}

const KEPT = 300;

/** Reading, and what a subscriber does all the time. */
const QUIET = /\.(get|list|access|pull|streamingPull|acknowledge|modifyAckDeadline|getIamPolicy|testIamPermissions)$/;

/** What happened lately, and who wants to hear of it. Older than the emulated cloud: emptying it is news too. */
export class Feed {
  readonly #lately: Happening[] = [];
  readonly #hearers = new Set<(happening: Happening) => void>();
  #count = 0;

  /** Hears of everything after the happening with this id, the kept past first. */
  follow(after: number, hear: (happening: Happening) => void): () => void {
    // Who knows more than has happened knew an emulator before this one.
    const from = after > this.#count ? 0 : after;
    for (const happening of this.#lately) if (happening.id > from) hear(happening);
    this.#hearers.add(hear);
    return () => this.#hearers.delete(hear);
  }

  entry({ logName, timestamp, protoPayload, operation, severity }: LogEntry): void {
    if (!protoPayload) return;
    const { methodName, resourceName, status, authenticationInfo } = protoPayload;
    const phase = operation?.first && !operation.last ? "begins" : operation?.last && !operation.first ? "done" : "";
    const who = authenticationInfo?.principalEmail ?? "";
    // What Google does by itself: host events, repairs, autoscaling.
    const isSystem = logName.endsWith("%2Fsystem_event");
    const caller = who.endsWith("@cloudservices.gserviceaccount.com") ? "by its group" : who && `by ${who}`;
    const by = isSystem ? "" : caller;
    const note = [phase, status?.message ?? "", by].filter(Boolean).join(" · ");
    this.#add({
      at: Date.parse(timestamp),
      kind: isSystem ? "system" : "audit",
      what: methodName.replace(/^v1\./, ""),
      about: resourceName.replace(/^projects\/[^/]+\//, ""),
      note,
      ...(severity === "ERROR" && { isError: true }),
    });
  }

  /** What is audited is told by its entries; of the rest, what may change something is told here. */
  call(line: { id: string; method: string; path: string; status: number }, at: number): void {
    if (line.method === "GET" || QUIET.test(line.id) || /^(compute|emulator|metadata|oauth2|logging)\b/.test(line.id))
      return;
    if (auditedMethod(line.id)) return;
    this.#add({
      at,
      kind: "call",
      what: line.id,
      about: line.path,
      note: String(line.status),
      ...(line.status >= 400 && { isError: true }),
    });
  }

  fault(fault: Fault, subject: Subject, at: number): void {
    this.#add({
      at,
      kind: "fault",
      what: `${fault.id}: ${kindOf(fault.do)} ${fault.when === "after" ? "after " : ""}${subject.method}`,
      about: subject.resource,
      isError: true,
    });
  }

  emptied(at: number): void {
    this.#add({ at, kind: "emptied", what: "the emulator was emptied", about: "" });
  }

  #add(happening: Omit<Happening, "id">): void {
    const told = { id: ++this.#count, ...happening };
    this.#lately.push(told);
    if (this.#lately.length > KEPT) this.#lately.shift();
    for (const hear of this.#hearers) hear(told);
  }
}
