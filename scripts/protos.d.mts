/** A node of a proto tree in protobufjs' JSON. */
export interface ProtoNode {
  nested?: Record<string, ProtoNode>;
  fields?: Record<string, { type: string; id?: number }>;
  values?: Record<string, number>;
  methods?: Record<string, { requestType: string; responseType: string }>;
}

export function reachableFrom(tree: ProtoNode, service: string): ProtoNode;
