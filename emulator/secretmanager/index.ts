import type { Cancel } from "../frame/clock.ts";
import type { GrpcService } from "../frame/grpc.ts";
import type { Service } from "../frame/router.ts";
import type { World } from "../frame/world.ts";
import { locationRoutes } from "../locations.ts";
import { grpcService } from "./grpc.ts";
import { createMethods } from "./methods.ts";
import type { Secret, Version } from "./model.ts";
import { versionName } from "./resources.ts";
import { restRoutes } from "./rest.ts";
import { Secrets } from "./store.ts";
import { type Sealed, Strongbox } from "./strongbox.ts";

export interface SecretManagerService extends Service {
  grpc(): GrpcService;
}

interface Saved {
  micros: number;
  secrets: (Omit<Secret, "versions"> & { versions: (Omit<Version, "payload"> & { sealed?: Sealed })[] })[];
}

/** The longest that a Node timer can be set for. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Secret Manager v1 over REST and gRPC. https://cloud.google.com/secret-manager/docs/reference/rest */
export function createSecretManager(world: World): SecretManagerService {
  const secrets = new Secrets(world);
  const methods = createMethods(world, secrets);
  const box = new Strongbox(world.folder);

  // One alarm for whatever is due next.
  let cancel: Cancel | undefined;
  let armedFor: number | undefined;
  const arm = () => {
    const due = secrets.nextDue();
    if (due === armedFor) return;
    cancel?.();
    armedFor = due;
    cancel = undefined;
    if (due === undefined) return;
    const ms = Math.ceil(due / 1000) - world.clock.now();
    cancel = world.clock.after(Math.min(Math.max(ms, 0), LONGEST_TIMER_MS), () => {
      armedFor = undefined;
      secrets.runDue();
      arm();
    });
  };
  secrets.onChange = arm;

  return {
    name: "secretmanager",
    errors: "modern",
    routes: [...restRoutes(methods), ...locationRoutes(world, "secretmanager")],
    prefixes: /^\/v1\/projects\/[^/]+\/(locations\/[^/]+\/)?secrets/,
    nameUnknown: (method, path) => {
      const place = path.includes("/locations/") ? "locations." : "";
      const verb = /:(\w+)$/.exec(path)?.[1] ?? `(${method})`;
      return `secretmanager.projects.${place}secrets.${path.includes("/versions") ? "versions." : ""}${verb}`;
    },
    grpc: () => grpcService(methods),
    save: (): Saved => ({
      micros: secrets.micros.last,
      secrets: secrets.all().map((secret) => ({
        ...secret,
        versions: secret.versions.map((version) => {
          const { payload, ...rest } = version;
          return payload ? { ...rest, sealed: box.seal(payload, versionName(world, secret, version)) } : rest;
        }),
      })),
    }),
    load: (state) => {
      const saved = state as Saved;
      secrets.micros.last = saved.micros;
      for (const { versions, ...rest } of saved.secrets) {
        const secret: Secret = { ...rest, versions: [] };
        secret.versions = versions.map(({ sealed, ...version }) =>
          sealed ? { ...version, payload: box.unseal(sealed, versionName(world, secret, version)) } : version,
        );
        secrets.adopt(secret);
      }
      arm();
    },
    close: () => cancel?.(),
  };
}
