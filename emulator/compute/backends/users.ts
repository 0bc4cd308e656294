import type { Cloud } from "../cloud.ts";
import type { Engine } from "../groups/engine.ts";
import type { HealthCheckHooks } from "../healthchecks/routes.ts";
import type { BackendProber } from "./prober.ts";

/** Who uses a health check, and has to hear when it changes: groups that heal by it, backend services. */
export function healthCheckHooks(cloud: Cloud, engine: Engine, prober: BackendProber): HealthCheckHooks {
  const groups = (path: string) => [...cloud.groups].filter(([, group]) => group.healing?.healthCheck === path);
  const services = (path: string) => [...cloud.backendServices].filter(([, service]) => service.healthCheck === path);
  return {
    userOf: (path) => [...groups(path), ...services(path)][0]?.[0],
    changed: (path) => {
      for (const [, group] of groups(path)) engine.changed(group);
      for (const [service] of services(path)) prober.watch(service);
    },
  };
}
