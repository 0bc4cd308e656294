import type { Image } from "../../wire/compute.d.ts";
import { followedImage } from "../core/follow.ts";
import { instant } from "../core/instants.ts";
import type { Inputs, Problem } from "../core/observation.ts";
import type { Follows } from "../core/policy.ts";
import type { PublishedImage } from "../core/record.ts";
import type { Compute } from "../google/compute.ts";
import type { Cloud } from "./cloud.ts";
import { isObject, orProblem } from "./problems.ts";
import { paths } from "./records.ts";

type FollowsFleet = Extract<Follows, { fleet: string }>;

/** What another fleet has published, perhaps from another installation, and the image of it that may be taken now. */
export async function readFollowed(
  cloud: Cloud,
  compute: Compute,
  follows: FollowsFleet,
): Promise<Required<Pick<Inputs, "image" | "followed">>> {
  const place = `gs://${follows.bucket ?? cloud.settings.stateBucket}/${paths.published(follows.fleet)}`;
  const bucket = follows.bucket === null ? cloud.state : cloud.bucket(follows.bucket);
  const what = `what fleet ${follows.fleet} has published (${place})`;
  const found = await orProblem(what, bucket.read(paths.published(follows.fleet)));
  if ("problem" in found) {
    const why =
      found.problem === "missing"
        ? `${what} does not exist: no rollout of it has succeeded yet, or the fleet's name or bucket is wrong`
        : found.text;
    const problem: Problem = { ...found, text: why };
    return { image: problem, followed: problem };
  }
  const images = readPublished(found.text);
  if (!images) {
    const problem: Problem = {
      problem: "missing",
      text: `${what} is not a list of images: another version of moult wrote it`,
    };
    return { image: problem, followed: problem };
  }
  const { taken, soaking } = followedImage(images, follows.soakMs, instant(cloud.time.now()));
  if (!taken) {
    const text = soaking
      ? `no image of fleet ${follows.fleet} has been stable there for long enough; its newest may be taken at ${soaking.until} if it stays stable until then`
      : `fleet ${follows.fleet} has no stable image that may be taken`;
    return { image: { problem: "missing", text }, followed: { images } };
  }
  return { image: await readNamed(compute, taken), followed: { images } };
}

/** Read by its name, as Compute will be told; the numeric id must be the one that was stable there: a name can be used again. */
async function readNamed(compute: Compute, { image }: PublishedImage): Promise<Image | Problem> {
  const what = `image ${image.name} in ${image.project}`;
  const found = await orProblem(what, compute.image(image.name, image.project));
  if ("problem" in found || found.id === image.id) return found;
  const text = `the name ${image.name} in ${image.project} was used again: it is image ${found.id} now, and the one that was stable had the id ${image.id}. Make the image under a name of its own`;
  return { problem: "missing", text };
}

/** Another installation wrote it: only what has the shape counts. */
function readPublished(text: string): PublishedImage[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(value) || value.schema !== 1 || !Array.isArray(value.images)) return undefined;
  return value.images.filter(isPublished);
}

function isPublished(value: unknown): value is PublishedImage {
  if (!isObject(value) || !isObject(value.image)) return false;
  const { id, name, project } = value.image;
  const instants = [value.since, ...(value.until === undefined ? [] : [value.until])];
  return (
    [id, name, project].every((part) => typeof part === "string" && /^[-a-z0-9.:]+$/.test(part)) &&
    instants.every((at) => typeof at === "string" && !Number.isNaN(Date.parse(at)))
  );
}
