import { invalid } from "./problems.ts";

/** A form as browsers post it: texts by name, and the file, which comes last. */
export interface Form {
  fields: Record<string, string>;
  file: { bytes: Buffer; type: string | undefined; name: string } | undefined;
}

/** Reads `multipart/form-data`. Names are lower-cased: they are not told apart by case. Throws 400. */
export function formOf(contentType: string, body: Buffer): Form {
  const found = /boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType);
  const mark = found?.[1] ?? found?.[2];
  if (!mark) throw invalid("The form has no boundary.");
  const fields: Record<string, string> = {};
  const line = Buffer.from(`--${mark}`);
  let at = body.indexOf(line);
  while (at >= 0) {
    const begin = at + line.length;
    const end = body.indexOf(`\r\n--${mark}`, begin);
    if (end < 0) break;
    const head = body.indexOf("\r\n\r\n", begin);
    if (head < 0 || head > end) throw invalid("The form is malformed.");
    const headers = body.subarray(begin, head).toString("utf8");
    const content = body.subarray(head + 4, end);
    const name = /\bname="([^"]*)"/i.exec(headers)?.[1]?.toLowerCase();
    if (name === undefined) throw invalid("A part of the form has no name.");
    // Whatever follows the file is not looked at.
    if (name === "file") {
      const type = /^content-type:\s*(.+)$/im.exec(headers)?.[1]?.trim();
      const named = /\bfilename="([^"]*)"/i.exec(headers)?.[1] ?? "";
      return { fields, file: { bytes: Buffer.from(content), type, name: named } };
    }
    fields[name] = content.toString("utf8");
    at = end + 2;
  }
  return { fields, file: undefined };
}
