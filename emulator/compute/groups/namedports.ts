import { errors, NAME } from "../errors.ts";
import type { NamedPort } from "../healthchecks/model.ts";
import { isObject } from "../schema/check.ts";

/** Names for ports of a group's machines; undefined when there are none. One name may stand for several ports. */
export function parseNamedPorts(value: unknown, at: string): NamedPort[] | undefined {
  const ports = (Array.isArray(value) ? value.filter(isObject) : []).map(({ name, port }, i) => {
    if (typeof name !== "string" || !NAME.test(name))
      throw errors.value(`${at}[${i}].name`, name, "Must be a match of regex '(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)'");
    const number = Number(port);
    if (!Number.isInteger(number) || number < 1 || number > 65_535)
      throw errors.value(`${at}[${i}].port`, port, "Must be between 1 and 65535, inclusive.");
    return { name, port: number };
  });
  return ports.length > 0 ? ports : undefined;
}
