import type { ServiceDefinition } from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";

/**
 * Protobuf services whose client package is not installed with the emulator, written out as field tables. A message's
 * full name is not on the wire (only a service's is), so that all of a service's messages stand in its own package.
 */
export interface Package {
  /** e.g. `google.logging.v2`. */
  name: string;
  /** Fields by message, each `type number`: `LogEntry[] 4` repeats, `map 3` is text to text. */
  messages: Readonly<Record<string, Readonly<Record<string, string>>>>;
  enums?: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Request and response by method, by service. */
  services: Readonly<Record<string, Readonly<Record<string, readonly [request: string, response: string]>>>>;
}

export interface Field {
  type: string;
  id: number;
  repeats: boolean;
  isMap: boolean;
}

/** google.protobuf's own messages, which JSON writes in ways of their own (see protojson.ts). */
export const WELL_KNOWN: Package["messages"] = {
  Timestamp: { seconds: "int64 1", nanos: "int32 2" },
  Duration: { seconds: "int64 1", nanos: "int32 2" },
  FieldMask: { paths: "string[] 1" },
  Any: { type_url: "string 1", value: "bytes 2" },
  Empty: {},
  Value: {
    nullValue: "int32 1",
    numberValue: "double 2",
    stringValue: "string 3",
    boolValue: "bool 4",
    structValue: "Struct 5",
    listValue: "ListValue 6",
  },
  ListValue: { values: "Value[] 1" },
};

export function fieldOf(text: string): Field {
  const [type = "", id] = text.split(" ");
  return { type: type.replace("[]", ""), id: Number(id), repeats: type.endsWith("[]"), isMap: type === "map" };
}

function messageOf(fields: Readonly<Record<string, string>>): object {
  const described = Object.entries(fields).map(([name, text]) => {
    const { type, id, repeats, isMap } = fieldOf(text);
    if (isMap) return [name, { keyType: "string", type: "string", id }];
    return [name, { type, id, ...(repeats && { rule: "repeated" }) }];
  });
  return { fields: Object.fromEntries(described) };
}

function mapped<T, U>(table: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(table).map(([name, value]) => [name, change(value)]));
}

/** A method of one message alone, for its two serializers. */
const CODECS = "Codecs";

/** Services by their short name, and what turns each message that an Any may hold into bytes and back. */
export interface Loaded {
  services: Record<string, ServiceDefinition>;
  codecs: ServiceDefinition;
}

/** @param inAny messages that stand inside an Any. */
export function loadPackage({ name, messages, enums = {}, services }: Package, inAny: readonly string[] = []): Loaded {
  const method = ([requestType, responseType]: readonly [string, string]) => ({ requestType, responseType });
  let nested: Record<string, object> = {
    ...mapped({ ...WELL_KNOWN, ...messages }, messageOf),
    Struct: { fields: { fields: { keyType: "string", type: "Value", id: 1 } } },
    ...mapped(enums, (values) => ({ values })),
    ...mapped(services, (methods) => ({ methods: mapped(methods, method) })),
    [CODECS]: { methods: Object.fromEntries(inAny.map((type) => [type, method([type, type])])) },
  };
  for (const part of name.split(".").reverse()) nested = { [part]: { nested } };
  const root = { nested } as Parameters<typeof fromJSON>[0];
  const loaded = fromJSON(root, { longs: String, enums: String });
  return {
    services: Object.fromEntries(
      Object.keys(services).map((service) => [service, loaded[`${name}.${service}`] as ServiceDefinition]),
    ),
    codecs: loaded[`${name}.${CODECS}`] as ServiceDefinition,
  };
}
