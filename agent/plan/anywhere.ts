import { faultsOfShapes } from "../render/shapes.ts";
import type { Manifest } from "./manifest.ts";
import { nameIn } from "./names.ts";
import type { Surroundings } from "./plan.ts";

const everywhere =
  /^(instance(\.(id|name|zone|region|hostname|machineType))?|network(\.(ip|externalIp))?|project(\.(id|number))?|release(\.(id|fleet|image(\.(name|id))?))?|attributes)$/;

/** Of an instance nobody knows yet: whatever some instance on some image may have, it has. */
export const anyInstance: Surroundings = {
  knows: (name: string, { values }: Manifest) =>
    everywhere.test(name) || nameIn({ values: Object.fromEntries(values) }, name) !== undefined,
  examine: faultsOfShapes,
  pinned: undefined,
  metadata: undefined,
  owner: (text) => ({ uid: 0, gid: 0, text: text ?? "" }),
  image: { has: () => true, read: () => Buffer.alloc(0) },
};
