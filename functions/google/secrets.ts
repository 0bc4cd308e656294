import type { SecretManagerServiceClient } from "@google-cloud/secret-manager";
import { failureOf, overRest } from "./generated.ts";

/** A version as Secret Manager shows it; its value is never part of that. */
export interface SecretVersionView {
  number: number;
  /** ENABLED, DISABLED or DESTROYED. */
  state: string;
  /** When it will be destroyed, RFC 3339; absent unless that is scheduled, and until then it is DISABLED. */
  destroyAt?: string;
}

/**
 * Secrets by their full names, `projects/P/secrets/S` or `projects/P/locations/L/secrets/S`, and versions by theirs. A name
 * says by itself which host it lies at.
 */
export interface Secrets {
  /** All versions, destroyed ones too. */
  versions(secret: string): Promise<SecretVersionView[]>;
  /** Numbers of the enabled versions, in no order. `latest` is never asked for: it may be disabled. */
  enabled(secret: string): Promise<number[]>;
  /** The version number an alias points to, whatever its state; undefined when the secret has no such alias. */
  aliased(secret: string, alias: string): Promise<number | undefined>;
  version(version: string): Promise<SecretVersionView>;
  /** The value itself. Only what signs asks for it; it is not kept. */
  value(version: string): Promise<Uint8Array>;
  /** The id of a project by its number, once an answer has told both; undefined before. */
  projectOf(number: string): string | undefined;
}

/**
 * The client is loaded at first use: most looks do not need it. `endpoint` as for every generated client; left out, Google's
 * own, a host for each location.
 */
export function makeSecrets(endpoint?: string): Secrets {
  const clients = new Map<string, Promise<SecretManagerServiceClient>>();
  /** Project number → id. Grows with the projects that fleet files name, which are few. */
  const projects = new Map<string, string>();

  function connect(name: string): Promise<SecretManagerServiceClient> {
    const location = endpoint ? "" : (/^projects\/[^/]+\/locations\/([^/]+)\//.exec(name)?.[1] ?? "");
    const client =
      clients.get(location) ??
      import("@google-cloud/secret-manager").then(
        ({ SecretManagerServiceClient }) => new SecretManagerServiceClient(clientOptions(endpoint, location)),
      );
    clients.set(location, client);
    return client;
  }

  async function tell<T>(
    what: string,
    name: string,
    work: (client: SecretManagerServiceClient) => Promise<T>,
  ): Promise<T> {
    try {
      return await work(await connect(name));
    } catch (problem) {
      throw failureOf(`${what} ${name}`, problem);
    }
  }

  /** Answers name the project by its number, whoever was asked by its id. */
  function learn(asked: string, answered: string | null | undefined): void {
    const [, id] = /^projects\/([^/]+)\//.exec(asked) ?? [];
    const [, number] = /^projects\/(\d+)\//.exec(answered ?? "") ?? [];
    if (id !== undefined && number !== undefined && id !== number) projects.set(number, id);
  }

  return {
    versions: (secret) =>
      tell("list the versions of", secret, async (client) => {
        const [versions] = await client.listSecretVersions({ parent: secret });
        learn(secret, versions[0]?.name);
        return versions.map(viewOf);
      }),
    enabled: (secret) =>
      tell("list enabled versions of", secret, async (client) => {
        const [versions] = await client.listSecretVersions({ parent: secret, filter: "state:ENABLED" });
        learn(secret, versions[0]?.name);
        return versions.map(({ name }) => Number(String(name).split("/").at(-1)));
      }),
    aliased: (secret, alias) =>
      tell("read", secret, async (client) => {
        const [found] = await client.getSecret({ name: secret });
        learn(secret, found.name);
        const number = Object.entries(found.versionAliases ?? {}).find(([name]) => name === alias)?.[1];
        return number === undefined ? undefined : Number(number);
      }),
    version: (version) =>
      tell("read", version, async (client) => {
        const [found] = await client.getSecretVersion({ name: version });
        learn(version, found.name);
        return viewOf(found);
      }),
    value: (version) =>
      tell("read the value of", version, async (client) => {
        const [found] = await client.accessSecretVersion({ name: version });
        learn(version, found.name);
        const data = found.payload?.data ?? new Uint8Array();
        return typeof data === "string" ? Buffer.from(data, "base64") : data;
      }),
    projectOf: (number) => projects.get(number),
  };
}

interface Shown {
  name?: string | null;
  state?: unknown;
  scheduledDestroyTime?: { seconds?: unknown } | null;
}

function viewOf({ name, state, scheduledDestroyTime }: Shown): SecretVersionView {
  return {
    number: Number(String(name).split("/").at(-1)),
    state: String(state),
    ...(scheduledDestroyTime && { destroyAt: new Date(Number(scheduledDestroyTime.seconds) * 1000).toISOString() }),
  };
}

/** Regional secrets lie at a host of their own. https://cloud.google.com/secret-manager/docs/create-regional-secret */
function clientOptions(endpoint: string | undefined, location: string) {
  const options = overRest(endpoint);
  return endpoint || location === ""
    ? options
    : { ...options, apiEndpoint: `secretmanager.${location}.rep.googleapis.com` };
}
