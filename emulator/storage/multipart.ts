import { invalid } from "./problems.ts";

/**
 * The two parts of a `multipart/related` upload: the resource and the bytes. gcloud puts the boundary in single quotes
 * (which RFC 2046 does not know) and ends lines with a bare LF, so both are taken.
 */
export function twoParts(contentType: string, body: Buffer): { resource: Buffer; type: string; media: Buffer } {
  const boundary = /boundary=("([^"]+)"|'([^']+)'|([^;\s]+))/i.exec(contentType);
  const name = boundary?.[2] ?? boundary?.[3] ?? boundary?.[4];
  if (!name) throw invalid("Multipart body has no boundary: the Content-Type header must name one.");
  const mark = Buffer.from(`--${name}`);
  const first = body.indexOf(mark);
  const second = body.indexOf(mark, first + mark.length);
  // From behind: the bytes may hold anything, even something like the mark.
  const last = body.lastIndexOf(Buffer.from(`--${name}--`));
  if (first < 0 || second < 0 || last <= second) throw invalid("Malformed multipart body.");
  const resource = part(body.subarray(first + mark.length, second));
  const media = part(body.subarray(second + mark.length, last));
  return { resource: resource.content, type: media.type, media: media.content };
}

/** A part between two marks: the rest of the mark's line, headers, an empty line, content, a line end. */
function part(text: Buffer): { type: string; content: Buffer } {
  const begin = text.indexOf("\n") + 1;
  let at = begin;
  let type = "";
  for (;;) {
    const end = text.indexOf("\n", at);
    if (end < 0) throw invalid("Malformed multipart body.");
    const line = text.subarray(at, end).toString("latin1").replace(/\r$/, "");
    at = end + 1;
    if (line === "") break;
    const found = /^content-type:\s*(.*)$/i.exec(line)?.[1];
    if (found !== undefined) type = found.trim();
  }
  let stop = text.length;
  if (stop > at && text[stop - 1] === 0x0a) stop--;
  if (stop > at && text[stop - 1] === 0x0d) stop--;
  return { type, content: text.subarray(at, stop) };
}
