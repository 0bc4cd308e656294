import fc from "fast-check";

const pick = (letters: string, least: number, most: number) =>
  fc.string({ unit: fc.constantFrom(...letters), minLength: least, maxLength: most });

/** A version as Debian Policy 5.6.12 allows it: short, and full of what is ordered in an unusual way. */
const deb = fc
  .tuple(
    fc.option(fc.constantFrom("0", "00", "1", "01", "2", "10"), { nil: undefined, freq: 4 }),
    fc.constantFrom("0", "1", "00", "01", "10", "9"),
    pick("01a~.+-z", 0, 5),
    fc.option(pick("01b~.+Z", 0, 4), { nil: undefined, freq: 2 }),
  )
  .map(([epoch, first, more, revision]) => {
    const upstream = `${first}${revision === undefined ? more.replaceAll("-", "") : more}`;
    // dpkg takes no empty revision after a dash: there is none, or there is one.
    const tail = revision === undefined || revision === "" ? "" : `-${revision}`;
    return `${epoch === undefined ? "" : `${epoch}:`}${tail === "" ? upstream.replaceAll("-", "") : upstream}${tail}`;
  });

/** What makes a version of another one: one character changed, added or taken away, zeros, a tilde, an epoch. */
const near = (version: string) =>
  fc
    .tuple(fc.nat({ max: version.length }), fc.constantFrom("0", "1", "~", "a", "+", ".", "Z"), fc.nat({ max: 5 }))
    .map(([at, letter, kind]) => {
      if (kind === 0) return version.slice(0, at) + letter + version.slice(at);
      if (kind === 1) return version.slice(0, at) + letter + version.slice(at + 1);
      if (kind === 2) return version.slice(0, at) + version.slice(at + 1);
      if (kind === 3) return `${version}${version.includes("-") ? "" : "-0"}`;
      if (kind === 4) return version.includes(":") ? version : `0:${version}`;
      return `${version}~`;
    });

/** What dpkg reads without a warning. */
const VALID = /^(?:\d{1,9}:)?\d[A-Za-z0-9.+~-]*$/;
export const isDebVersion = (version: string) => VALID.test(version) && !version.endsWith("-");

/** Two versions, most of them nearly equal. */
export const debPair = fc
  .oneof(
    { weight: 1, arbitrary: fc.tuple(deb, deb) },
    { weight: 4, arbitrary: deb.chain((a) => fc.tuple(fc.constant(a), near(a))) },
  )
  .filter((pair) => pair.every(isDebVersion));
