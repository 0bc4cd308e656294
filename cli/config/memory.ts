import { Failure } from "../../functions/google/failure.ts";
import type { ListedObject, Objects } from "./objects.ts";

interface Held extends ListedObject {
  bytes: Buffer;
}

/** A store that ends with the command: what a command without a configuration folder keeps of the bucket while it runs. */
export function memoryObjects(place = "this command's memory", now: () => number = Date.now): Objects {
  const held = new Map<string, Held>();
  let writes = 0;
  return {
    place,
    async read(name) {
      const found = held.get(name);
      return found && { bytes: Buffer.from(found.bytes), generation: found.generation };
    },
    async write(name, bytes, ifGeneration) {
      requireGeneration(held.get(name), name, ifGeneration);
      const generation = String(++writes);
      const created = new Date(now()).toISOString();
      held.set(name, { name, bytes: Buffer.from(bytes), generation, size: bytes.length, created });
      return generation;
    },
    async list(prefix) {
      return [...held.values()]
        .filter(({ name }) => name.startsWith(prefix))
        .map(({ bytes: _, ...listed }) => listed)
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    async delete(name, ifGeneration) {
      if (!held.has(name)) return;
      requireGeneration(held.get(name), name, ifGeneration);
      held.delete(name);
    },
  };
}

function requireGeneration(found: Held | undefined, name: string, wanted: string): void {
  if ((found?.generation ?? "0") !== wanted)
    throw new Failure("conflict", 412, `write ${name}`, "somebody else wrote it meanwhile");
}
