import type { SecretManagerServiceClient } from "@google-cloud/secret-manager";
import { Failure, kindOf } from "./failure.ts";

export interface Secrets {
  /** Number of the newest enabled version; undefined when none is enabled. `latest` is never asked for: it may be disabled. */
  newestEnabled(project: string, secret: string): Promise<number | undefined>;
  state(project: string, secret: string, version: number): Promise<string | undefined>;
  /** The value itself. Only what signs asks for it; it is not kept. */
  value(project: string, secret: string, version: number): Promise<Uint8Array>;
}

/** HTTP twins of the gRPC codes that matter. https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto */
const HTTP_OF_GRPC: Record<number, number> = { 3: 400, 4: 504, 5: 404, 7: 403, 8: 429, 9: 400, 14: 503, 16: 401 };

/**
 * `endpoint` as `http://host:port/` reaches an emulator over REST; left out, Google's own over gRPC. The client is loaded at
 * first use: it costs a tenth of a second that most looks do not need.
 */
export function makeSecrets(endpoint?: string): Secrets {
  let client: Promise<SecretManagerServiceClient> | undefined;
  const connect = () => {
    client ??= import("@google-cloud/secret-manager").then(
      ({ SecretManagerServiceClient }) => new SecretManagerServiceClient(clientOptions(endpoint)),
    );
    return client;
  };

  async function tell<T>(what: string, work: (client: SecretManagerServiceClient) => Promise<T>): Promise<T> {
    try {
      return await work(await connect());
    } catch (problem) {
      const code = Number((problem as { code?: unknown }).code ?? 0);
      const status = HTTP_OF_GRPC[code] ?? (code >= 400 ? code : 0);
      throw new Failure(kindOf(status), status, what, problem);
    }
  }

  return {
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

type Options = NonNullable<ConstructorParameters<typeof SecretManagerServiceClient>[0]>;

function clientOptions(endpoint: string | undefined): Options {
  if (!endpoint) return {};
  const { hostname, port, protocol } = new URL(endpoint);
  return { apiEndpoint: hostname, port: Number(port), protocol: protocol.replace(":", ""), fallback: true };
}
