import type { Call } from "../../frame/http.ts";
import type { Route } from "../../frame/router.ts";
import type { Cloud } from "../cloud.ts";
import { errors } from "../errors.ts";
import { read } from "../method.ts";
import { link, pathOf } from "../names.ts";
import type { Json } from "../schema/check.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { StoredInstance } from "./model.ts";
import { instanceAt, instanceRef, ONE_INSTANCE } from "./routes.ts";

/** What is read of a machine from the inside: guest attributes and serial port. */
export function guestRoutes(cloud: Cloud, lifecycle: Lifecycle): Route[] {
  const resource = (call: Call) => pathOf(instanceRef(cloud, call));
  return [
    read(cloud, {
      id: "compute.instances.getGuestAttributes",
      path: `${ONE_INSTANCE}/getGuestAttributes`,
      permission: "compute.instances.getGuestAttributes",
      query: ["queryPath", "variableKey"],
      resource,
      run: (call) => {
        const instance = instanceAt(cloud, instanceRef(cloud, call));
        return guestAttributes(cloud, instance, lifecycle.live(instance).guest, call);
      },
    }),
    read(cloud, {
      id: "compute.instances.getSerialPortOutput",
      path: `${ONE_INSTANCE}/serialPort`,
      permission: "compute.instances.getSerialPortOutput",
      query: ["port", "start"],
      resource,
      run: (call) => {
        const instance = instanceAt(cloud, instanceRef(cloud, call));
        const port = Number(call.query.get("port") ?? 1);
        if (!(port >= 1 && port <= 4)) throw errors.value("port", port, "Must be between 1 and 4, inclusive.");
        const log = lifecycle.live(instance).serial;
        // Only the first port is written to.
        const { contents, start, next } =
          port === 1 ? log.read(Number(call.query.get("start") ?? 0)) : { contents: "", start: 0, next: 0 };
        return {
          kind: "compute#serialPortOutput",
          contents,
          start: String(start),
          next: String(next),
          selfLink: link(call.origin, `${resource(call)}/serialPort`),
        };
      },
    }),
  ];
}

/** `queryPath=NS/` or `NS/KEY`; `variableKey=NS/KEY`. 404 when nothing is there, or the instance does not allow them. */
function guestAttributes(cloud: Cloud, instance: StoredInstance, all: Map<string, string>, call: Call): Json {
  const queryPath = call.query.get("queryPath");
  const variableKey = call.query.get("variableKey");
  const path = pathOf(instanceRef(cloud, call));
  const notFound = () => errors.notFound(`${path}/getGuestAttributes/${variableKey ?? queryPath ?? ""}`);
  const flag = "enable-guest-attributes";
  const enabled = instance.metadata[flag] ?? cloud.project(instance.project).metadata[flag];
  if (!/^(true|1|yes|y)$/i.test(enabled ?? "")) throw notFound();
  const base = { kind: "compute#guestAttributes", selfLink: link(call.origin, `${path}/`) };
  if (variableKey) {
    const value = all.get(variableKey);
    if (value === undefined) throw notFound();
    return { ...base, variableKey, variableValue: value };
  }
  const wanted = queryPath ?? "";
  const matches = (key: string) =>
    wanted === "" || key === wanted || key.startsWith(wanted.endsWith("/") ? wanted : `${wanted}/`);
  const items = [...all]
    .filter(([key]) => matches(key))
    .map(([key, value]) => ({
      namespace: key.slice(0, key.indexOf("/")),
      key: key.slice(key.indexOf("/") + 1),
      value,
    }));
  if (items.length === 0) throw notFound();
  return { ...base, queryPath: wanted, queryValue: { items } };
}
