import { reservationOf } from "../addresses/model.ts";
import { isIpv4 } from "../addresses/read.ts";
import type { Cloud } from "../cloud.ts";
import { errors } from "../errors.ts";
import { natOf } from "../instances/accessconfigs.ts";
import { parseRef, pathOf, regionOf } from "../names.ts";
import { isObject, type Json } from "../schema/check.ts";
import { type Member, memberPath, type StoredGroup } from "./model.ts";
import { oneOf } from "./policy.ts";
import { AUTO_DELETE, checkInterface, type PreservedIp } from "./stateful.ts";

/**
 * An address to be kept: a reservation by URL, or a literal, which the group reserves unless it is. An external literal
 * cannot be chosen: it is reserved already, or the machine has it now.
 */
export function addressOf(
  cloud: Cloud,
  group: StoredGroup,
  member: Pick<Member, "name" | "zone">,
  { nic, field: kind, at }: { nic: string; field: "internalIPs" | "externalIPs"; at: string },
  ip: Json,
): PreservedIp {
  checkInterface(nic);
  const field = `${at}.${kind}[${nic}]`;
  const given: Json = isObject(ip.ipAddress) ? ip.ipAddress : {};
  const autoDelete = oneOf(ip.autoDelete, AUTO_DELETE, "NEVER", `${field}.autoDelete`);
  const type = kind === "internalIPs" ? "INTERNAL" : "EXTERNAL";
  const region = regionOf(member.zone);
  if (given.address) {
    const text = String(given.address);
    const ref = parseRef(cloud.world, text, group.project);
    if (ref?.collection !== "addresses")
      throw errors.value(`${field}.ipAddress.address`, text, "The URL is malformed.");
    const reserved = cloud.addresses.get(pathOf(ref));
    if (!reserved) throw errors.notFound(pathOf(ref));
    if (reserved.addressType !== type || ref.scope.kind !== "region" || ref.scope.name !== region)
      throw errors.value(`${field}.ipAddress.address`, text, `It must be an ${type} address in region '${region}'.`);
    return { literal: reserved.address, address: pathOf(ref), autoDelete };
  }
  const literal = String(given.literal ?? "");
  if (literal === "") throw errors.required(`${field}.ipAddress.literal`);
  if (!isIpv4(literal)) throw errors.value(`${field}.ipAddress.literal`, literal, "Must be an IPv4 address.");
  if (type === "INTERNAL" && cloud.machines.kind === "process" && !literal.startsWith("127."))
    throw errors.notEmulated("addresses outside 127.0.0.0/8 of instances that are processes");
  const now = cloud.instances.get(memberPath(group, member));
  const has = now !== undefined && natOf(now) === literal;
  if (type === "EXTERNAL" && !has && !reservationOf(cloud, group.project, region, literal))
    throw errors.value(`${field}.ipAddress.literal`, literal, `The address is not reserved in region '${region}'.`);
  return { literal, autoDelete };
}
