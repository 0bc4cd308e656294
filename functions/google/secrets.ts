import type { SecretManagerServiceClient } from "@google-cloud/secret-manager";
import { failureOf, overRest } from "./generated.ts";

/** A version as Secret Manager has it. */
export interface SecretVersionView {
  number: number;
  state: string;
  /** When it will be destroyed, RFC 3339; absent unless that is scheduled. */
  destroyAt?: string;
}

export interface Secrets {
  /** All versions, destroyed ones too. `secret` is `projects/P[/locations/L]/secrets/S`. */
  versions(secret: string): Promise<SecretVersionView[]>;
  /** Number of the newest enabled version; undefined when none is enabled. `latest` is never asked for: it may be disabled. */
  newestEnabled(project: string, secret: string): Promise<number | undefined>;
  state(project: string, secret: string, version: number): Promise<string | undefined>;
  /** The value itself. Only what signs asks for it; it is not kept. */
  value(project: string, secret: string, version: number): Promise<Uint8Array>;
}

/** The client is loaded at first use: most looks do not need it. `endpoint` as for every generated client. */
export function makeSecrets(endpoint?: string): Secrets {
  let client: Promise<SecretManagerServiceClient> | undefined;
  const connect = () => {
    client ??= import("@google-cloud/secret-manager").then(
      ({ SecretManagerServiceClient }) => new SecretManagerServiceClient(overRest(endpoint)),
    );
    return client;
  };

  async function tell<T>(what: string, work: (client: SecretManagerServiceClient) => Promise<T>): Promise<T> {
    try {
      return await work(await connect());
    } catch (problem) {
      throw failureOf(what, problem);
    }
  }

  return {
    versions: (parent) =>
      tell(`list the versions of ${parent}`, async (secrets) => {
        const [versions] = await secrets.listSecretVersions({ parent });
        return versions.map(({ name, state, scheduledDestroyTime }) => ({
          number: Number(String(name).split("/").at(-1)),
          state: String(state),
          ...(scheduledDestroyTime && { destroyAt: instantOf(scheduledDestroyTime) }),
        }));
      }),
    newestEnabled: (project, secret) =>
      tell(`list versions of secret ${secret} in ${project}`, async (secrets) => {
        const parent = `projects/${project}/secrets/${secret}`;
        const [versions] = await secrets.listSecretVersions({ parent, filter: "state:ENABLED" });
        const numbers = versions.map(({ name }) => Number(String(name).split("/").at(-1)));
        return numbers.length > 0 ? Math.max(...numbers) : undefined;
      }),
    state: (project, secret, version) =>
      tell(`read version ${version} of secret ${secret} in ${project}`, async (secrets) => {
        const [found] = await secrets.getSecretVersion({
          name: `projects/${project}/secrets/${secret}/versions/${version}`,
        });
        return typeof found.state === "string" ? found.state : undefined;
      }),
    value: (project, secret, version) =>
      tell(`read the value of version ${version} of secret ${secret} in ${project}`, async (secrets) => {
        const [found] = await secrets.accessSecretVersion({
          name: `projects/${project}/secrets/${secret}/versions/${version}`,
        });
        const data = found.payload?.data ?? new Uint8Array();
        return typeof data === "string" ? Buffer.from(data, "base64") : data;
      }),
  };
}

function instantOf({ seconds }: { seconds?: unknown }): string {
  return new Date(Number(seconds) * 1000).toISOString();
}
