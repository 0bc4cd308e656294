import { ApiError } from "../../frame/errors.ts";
import { type Avro, parseAvro } from "./avro.ts";
import { checkBinary, checkJson } from "./avro-data.ts";
import { checkProtobuf, checkProtobufJson, parseProtobuf } from "./protobuf.ts";

export type SchemaType = "AVRO" | "PROTOCOL_BUFFER";
export type Encoding = "JSON" | "BINARY";

/** Holds one message against a definition; throws an Error for one that does not fit. */
export type Fits = (bytes: Buffer, encoding: Encoding) => void;

function json(bytes: Buffer): unknown {
  return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown;
}

function compiled(type: SchemaType, definition: string): Fits {
  if (type === "AVRO") {
    const schema: Avro = parseAvro(definition);
    return (bytes, encoding) => (encoding === "JSON" ? checkJson(schema, json(bytes)) : checkBinary(schema, bytes));
  }
  const message = parseProtobuf(definition);
  return (bytes, encoding) =>
    encoding === "JSON" ? checkProtobufJson(message, json(bytes)) : checkProtobuf(message, bytes);
}

function why(problem: unknown): string {
  return problem instanceof Error ? problem.message : String(problem);
}

/** Throws a 400 ApiError (INVALID_ARGUMENT) for a definition that is none. */
export function compileSchema(type: SchemaType, definition: string): Fits {
  try {
    return compiled(type, definition);
  } catch (problem) {
    const kind = type === "AVRO" ? "Avro" : "protocol buffer";
    throw new ApiError(400, `Invalid schema definition: it is not a valid ${kind} schema (${why(problem)}).`, {
      details: [
        {
          "@type": "type.googleapis.com/google.rpc.ErrorInfo",
          reason: "INVALID_SCHEMA_DEFINITION",
          domain: "pubsub.googleapis.com",
          metadata: { message: why(problem) },
        },
      ],
    });
  }
}

/** Throws a 400 ApiError (INVALID_ARGUMENT) for a message that does not fit. */
export function requireFit(fits: Fits, bytes: Buffer, encoding: Encoding): void {
  try {
    fits(bytes, encoding);
  } catch (problem) {
    throw new ApiError(400, `Invalid data in message: Message failed schema validation (${why(problem)}).`, {
      details: [
        {
          "@type": "type.googleapis.com/google.rpc.ErrorInfo",
          reason: "INVALID_MESSAGE_FORMAT",
          domain: "pubsub.googleapis.com",
          metadata: { message: why(problem) },
        },
      ],
    });
  }
}
