import type { Cloud } from "../../functions/controller/cloud.ts";
import { loadRecord } from "../../functions/controller/records.ts";
import type { Command, Given } from "../args.ts";
import { CLOUD_FLAGS, JSON_FLAG, openCloud } from "../cloud.ts";
import { EXIT } from "../failure.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { knownFleet, type Order, operator, send, taken } from "./order.ts";
import { reasonText } from "./render.ts";

export const ORDER_FLAGS = {
  "no-wait": { help: "leave the command and return, without hearing what becomes of it" },
  ...CLOUD_FLAGS,
  ...JSON_FLAG,
} satisfies Command["flags"];

/** Sends an order to a fleet that is there, waits until it is taken, and says what came of it. */
export async function tellFleet(given: Given, terminal: Terminal, order: Order): Promise<number> {
  const cloud = openCloud(given, terminal.env);
  const fleet = given.word(0);
  await knownFleet(cloud, fleet);
  return sendAndTell(cloud, fleet, order, given, terminal);
}

export async function sendAndTell(
  cloud: Cloud,
  fleet: string,
  order: Order,
  given: Given,
  terminal: Terminal,
): Promise<number> {
  const { out, err, env } = terminal;
  const sent = await send(cloud, fleet, order, operator(env), err);
  if (given.has("no-wait")) {
    out.write(given.has("json") ? `${JSON.stringify({ fleet, command: sent.object })}\n` : `sent as ${sent.object}\n`);
    return EXIT.ok;
  }
  const entries = await taken(cloud, sent);
  const { record } = await loadRecord(cloud.state, fleet);
  if (given.has("json")) {
    out.write(`${JSON.stringify({ fleet, command: sent.object, entries, reasons: record.reasons })}\n`);
    return EXIT.ok;
  }
  for (const { text } of entries) out.write(`${text}\n`);
  out.write(`\n${reasonText(record.reasons, out, Date.now())}`);
  return EXIT.ok;
}
