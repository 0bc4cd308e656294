import type { Rest } from "../../functions/google/rest.ts";
import { SECRETS_TOPIC } from "./setup.ts";

interface Topics {
  topics?: { name?: string }[];
}

/**
 * Makes the secret ring the fleets that use it. Which secrets these are is known only to fleet files, so this is done where a
 * secret is made. Topics that it has stay.
 * @param secret `projects/P/secrets/S`, or a regional one's name, which `rest` must then reach.
 * @param project the one whose functions are rung.
 */
export async function ringFor(rest: Rest, project: string, secret: string): Promise<void> {
  const topic = `projects/${project}/topics/${SECRETS_TOPIC}`;
  const { topics = [] } = await rest.get<Topics>(`v1/${secret}`);
  if (topics.some(({ name }) => name === topic)) return;
  await rest.send("PATCH", `v1/${secret}`, { topics: [...topics, { name: topic }] }, { updateMask: "topics" });
}
