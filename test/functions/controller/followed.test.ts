import { describe, expect, it } from "vitest";
import { readFollowed } from "../../../functions/controller/followed.ts";
import { paths } from "../../../functions/controller/records.ts";
import { isProblem } from "../../../functions/core/observation.ts";
import type { Compute } from "../../../functions/google/compute.ts";
import { imageOf } from "../core/small-cloud.ts";
import { fakeCloud, MemoryBucket } from "./fakes.ts";

const web1 = imageOf("web-1", "1001");
const ref = { id: "1001", name: "web-1", project: "acme-images" };
const hourAgo = "2026-11-20T11:00:00.000Z";

async function followed(text: string | undefined, more: { soakMs?: number; image?: unknown; bucket?: string } = {}) {
  const asked: unknown[] = [];
  const cloud = fakeCloud();
  const other = new MemoryBucket("dev-state", cloud.time);
  cloud.bucket = (name) => {
    asked.push(name);
    return other;
  };
  if (text !== undefined) await (more.bucket ? other : cloud.state).write(paths.published("web-dev"), text, "0");
  const compute = {
    image: async (...all: unknown[]) => {
      asked.push(all);
      return "image" in more ? more.image : web1;
    },
  } as unknown as Compute;
  const follows = { fleet: "web-dev", bucket: more.bucket ?? null, soakMs: more.soakMs ?? 0 };
  return { ...(await readFollowed(cloud, compute, follows)), asked };
}

const published = (...images: object[]) => JSON.stringify({ schema: 1, fleet: "web-dev", images });

describe("a fleet that follows another", () => {
  it("takes the same image, by its name and from its own project", async () => {
    const {
      image,
      followed: found,
      asked,
    } = await followed(published({ image: ref, since: hourAgo }), { soakMs: 3_600_000 });
    expect(image).toBe(web1);
    expect(found).toEqual({ images: [{ image: ref, since: hourAgo }] });
    expect(asked).toEqual([["web-1", "acme-images"]]);
  });

  it("reads another installation's bucket where it is named", async () => {
    const { image, asked } = await followed(published({ image: ref, since: hourAgo }), { bucket: "dev-state" });
    expect(image).toBe(web1);
    expect(asked[0]).toBe("dev-state");
  });

  it.each([
    [
      "has published nothing",
      undefined,
      {},
      /published\/web-dev\.json\) does not exist: no rollout of it has succeeded yet/,
    ],
    ["has published something else", "[]", {}, /not a list of images/],
    ["has published in a newer form", `{"schema":2,"images":[]}`, {}, /another version of moult/],
    [
      "has nothing that has been stable for long enough",
      published({ image: ref, since: hourAgo }),
      { soakMs: 7_200_000 },
      /may be taken at 2026-11-20T13:00:00.000Z/,
    ],
    [
      "has only what was withdrawn",
      published({ image: ref, since: hourAgo, withdrawn: true }),
      {},
      /no stable image that may be taken/,
    ],
    [
      "had an image whose name was used again since",
      published({ image: { ...ref, id: "999" }, since: hourAgo }),
      {},
      /the name web-1 in acme-images was used again: it is image 1001 now/,
    ],
    [
      "had an image that is gone",
      published({ image: ref, since: hourAgo }),
      { image: undefined },
      /image web-1 in acme-images does not exist/,
    ],
    [
      "names an image as nobody would",
      published({ image: { ...ref, name: "../../x" }, since: hourAgo }),
      {},
      /no stable image/,
    ],
  ])("takes nothing of one that %s", async (_, text, more, said) => {
    const { image } = await followed(text, more);
    expect(isProblem(image) && image.text).toMatch(said);
  });
});
