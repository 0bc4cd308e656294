import type { Shape } from "../frame/fields.ts";

/** https://docs.cloud.google.com/eventarc/docs/reference/rest/v1/projects.locations.triggers */
export const TRIGGER: Shape = {
  name: "string",
  uid: "output",
  createTime: "output",
  updateTime: "output",
  eventFilters: { many: { attribute: "string", value: "string", operator: "string" } },
  serviceAccount: "string",
  destination: {
    one: {
      httpEndpoint: { one: { uri: "string" } },
      cloudRun: "absent",
      cloudFunction: "absent",
      gke: "absent",
      workflow: "absent",
      // Kept and shown: here there is one network, and every address on it is reached.
      networkConfig: { one: { networkAttachment: "string" } },
    },
  },
  transport: { one: { pubsub: { one: { topic: "string", subscription: "output" } } } },
  labels: "map",
  channel: "absent",
  conditions: "output",
  eventDataContentType: "string",
  satisfiesPzs: "output",
  retryPolicy: "absent",
  etag: "output",
};
