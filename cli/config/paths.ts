/** Longer names fit no file system that is to hold a checkout. */
const LONGEST_PART_BYTES = 255;
const LONGEST_PATH = 1024;

/** A path of a tree: below its folder, in its one normal form, so that a checkout cannot write anywhere else. */
export function goodPath(path: string): boolean {
  return path.length <= LONGEST_PATH && path.split("/").every(goodPart);
}

function goodPart(part: string): boolean {
  if (part === "" || part === "." || part === "..") return false;
  return (
    Buffer.byteLength(part) <= LONGEST_PART_BYTES &&
    // What the agent refuses in a tree, too.
    !/[\p{Cc}\\]/u.test(part)
  );
}
