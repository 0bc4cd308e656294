import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { create } from "tar";

/** A `tar.gz` of a root file system. A value `-> target` makes a symbolic link; text that starts with `#!` is executable. */
export async function image(files: Record<string, string>): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), "moult-image-"));
  try {
    for (const [path, content] of Object.entries(files)) {
      const file = join(folder, "root", path);
      mkdirSync(dirname(file), { recursive: true });
      if (content.startsWith("-> ")) symlinkSync(content.slice(3), file);
      else writeFileSync(file, content);
      if (content.startsWith("#!")) chmodSync(file, 0o755);
    }
    mkdirSync(join(folder, "root"), { recursive: true });
    await create({ gzip: true, portable: true, cwd: join(folder, "root"), file: join(folder, "image.tar.gz") }, ["."]);
    return readFileSync(join(folder, "image.tar.gz"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A unit file that boots. */
export function unit(lines: string, more = ""): string {
  return `[Unit]\nDescription=test\n${more}\n[Service]\n${lines}\n[Install]\nWantedBy=multi-user.target\n`;
}

/** Answers HTTP on port 8080 of the instance's address: 200 at /, the path's number elsewhere, never at /silent. */
export const SERVER = `
const { createServer } = require("node:http");
const host = process.env.GCE_METADATA_HOST.split(":")[0];
createServer((request, response) => {
  if (request.url === "/silent") return;
  response.statusCode = Number(request.url.slice(1)) || 200;
  response.end(JSON.stringify({ env: process.env, cwd: process.cwd(), argv: process.argv, uid: process.getuid() }));
}).listen(8080, host, () => console.log("listening"));
`;
