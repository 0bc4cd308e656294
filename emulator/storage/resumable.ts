import { ApiError } from "../frame/errors.ts";
import { invalid } from "./problems.ts";

/** An upload in pieces, between its POST and its last PUT. */
export interface Session<Wanted, Done> {
  wanted: Wanted;
  /** What has come, in order. */
  parts: Buffer[];
  received: number;
  begunAt: number;
  /** Set once stored: a repeated last request gets the same answer. */
  done?: Done;
}

/** What a PUT of a resumable upload says with its `Content-Range`. */
export type Piece =
  | { kind: "question"; total: number | undefined }
  | { kind: "bytes"; from: number; total: number | undefined; isFinal: boolean };

const LEAST_CHUNK = 262_144;

/**
 * `bytes *\/N` and `bytes *\/*` ask how far it is; `bytes 0-99/200` sends a piece, with `*` for a total not yet known.
 * `bytes 0-*\/*` (Google's Node client) sends everything there is. No header at all sends everything from the start.
 */
export function pieceOf(range: string | undefined, length: number): Piece {
  if (range === undefined || range === "") return { kind: "bytes", from: 0, total: length, isFinal: true };
  const found = /^bytes\s+(?:(\*)|(\d+)-(\d+|\*))\/(\d+|\*)$/i.exec(range.trim());
  if (!found) throw invalid(`Failed to parse Content-Range header: ${range}`);
  const [, star, from, to, totalText] = found;
  const total = totalText === "*" ? undefined : Number(totalText);
  if (star) return { kind: "question", total };
  const start = Number(from);
  if (to === "*") return { kind: "bytes", from: start, total: total ?? start + length, isFinal: true };
  if (Number(to) - start + 1 !== length) {
    throw invalid(
      `Invalid request. There were ${length} byte(s) in the request body. There should have been ${Number(to) - start + 1} byte(s) (starting at offset ${start} and ending at offset ${to}) according to the Content-Range header.`,
    );
  }
  return { kind: "bytes", from: start, total, isFinal: total !== undefined && Number(to) + 1 === total };
}

/** Takes in a piece. True when all bytes are there. A piece that was sent before is skipped as far as it is known. */
export function take(session: Session<unknown, unknown>, piece: Piece, bytes: Buffer): boolean {
  if (piece.kind === "question") return piece.total !== undefined && piece.total === session.received;
  if (piece.from > session.received) {
    // What the real service answers when bytes are missing in between: the client asks how far it is, and goes on there.
    throw new ApiError(
      503,
      `Invalid request. The upload is at offset ${session.received}, the request begins at ${piece.from}.`,
      { reason: "backendError" },
    );
  }
  if (!piece.isFinal && bytes.length < LEAST_CHUNK) {
    throw invalid(
      `Invalid request.  The number of bytes uploaded is required to be equal or greater than ${LEAST_CHUNK}, except for the final request (it's recommended to be the exact multiple of ${LEAST_CHUNK}).  The received request contained ${bytes.length} bytes, which does not meet this requirement.`,
    );
  }
  const fresh = bytes.subarray(session.received - piece.from);
  session.parts.push(fresh);
  session.received += fresh.length;
  return piece.total !== undefined && session.received >= piece.total;
}
