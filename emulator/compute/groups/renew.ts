import type { Cloud } from "../cloud.ts";
import { interfacesOf } from "../instances/accessconfigs.ts";
import { changeable } from "../instances/make.ts";
import { itemsOf, type StoredInstance } from "../instances/model.ts";
import type { Member, StoredGroup } from "./model.ts";
import { applied, configured, reattach, wantedState } from "./preserved.ts";

/**
 * Gives a machine that stays what its template and its group's configuration say now.
 * @param own metadata that the group itself sets.
 */
export function renew(
  cloud: Cloud,
  group: StoredGroup,
  member: Member,
  instance: StoredInstance,
  own: Record<string, string>,
): void {
  const { ids } = cloud.world;
  reattach(cloud, group, member, instance);
  const template = cloud.templates.get(member.template)?.properties ?? {};
  const { properties, metadata } = configured(group, member, template);
  instance.metadata = { ...itemsOf(properties.metadata), ...metadata, ...own };
  instance.metadataFingerprint = ids.fingerprint();
  instance.labels = (properties.labels ?? {}) as Record<string, string>;
  instance.labelFingerprint = ids.fingerprint();
  // Templates that differ in more than a refresh or restart can bring are not brought here.
  Object.assign(instance, changeable(cloud, properties));
  instance.tagsFingerprint = ids.fingerprint();
  instance.machineType = String(properties.machineType ?? instance.machineType);
  const natIp = member.kept?.natIp ?? member.state?.externalIPs.nic0?.literal;
  const wanted = wantedState(group, member.name)?.externalIPs.nic0?.literal ?? natIp;
  if (wanted !== undefined) instance.networkInterfaces = interfacesOf(instance.networkInterfaces, wanted);
  applied(group, member);
}
