import type { Image } from "../../../wire/compute.d.ts";

/** One thing that needs an image: known by the image's numeric id, or by its name where only that is said. */
export interface Use {
  image: { id: string } | { project: string; name: string };
  /** As people read it: `disk web-1 of instance web-1`. */
  by: string;
}

/** What needs an image: how much of it, and the first few as people read them. */
export interface Users {
  count: number;
  named: string[];
}

/** How many of its users a sentence about an image names. */
const NAMED = 3;

/** Everything found that needs images, for looking up by image. Uses that were added first are named first. */
export class UseIndex {
  readonly #byId = new Map<string, Users>();
  readonly #byName = new Map<string, Users>();

  add(uses: Iterable<Use>): void {
    for (const { image, by } of uses) {
      const [map, key] = "id" in image ? [this.#byId, image.id] : [this.#byName, `${image.project}/${image.name}`];
      const users = map.get(key) ?? { count: 0, named: [] };
      if (users.named.includes(by)) continue;
      users.count += 1;
      if (users.named.length < NAMED) users.named.push(by);
      map.set(key, users);
    }
  }

  /** A name with a project's number counts for each project: which one that is, is not known here. */
  of({ id, name }: Pick<Image, "id" | "name">, project: string): Users {
    const found = [this.#byId.get(id), this.#byName.get(`${project}/${name}`), this.#byName.get(`?/${name}`)];
    const users = found.filter((each) => each !== undefined);
    return {
      count: users.reduce((sum, { count }) => sum + count, 0),
      named: users.flatMap(({ named }) => named).slice(0, NAMED),
    };
  }
}

export function usersText({ count, named }: Users): string {
  const more = count - named.length;
  return more > 0 ? `${named.join(", ")} and ${more} more` : named.join(", ");
}

/** `projects/P/global/images/N`, or `global/images/N` of the project it stands in; undefined for a family or none of these. */
export function imageNamed(url: string, home: string): { project: string; name: string } | undefined {
  const [, project, name] = /(?:^|\/)(?:projects\/([^/]+)\/)?global\/images\/([^/]+)$/.exec(url) ?? [];
  if (name === undefined) return undefined;
  return { project: project === undefined ? home : /^\d+$/.test(project) ? "?" : project, name };
}
