import { APK } from "./apkversion.ts";
import { DEB } from "./debversion.ts";
import { RPM } from "./rpmversion.ts";

/** How one kind of distribution orders versions of a package. */
export interface Ordering {
  /** Negative when `a` is older. 0 also for versions that are written otherwise and mean the same, such as 1.0 and 1.0-0. */
  compare(a: string, b: string): number;
}

/** By the type that package URLs use. */
export const ORDERINGS = { deb: DEB, rpm: RPM, apk: APK } as const satisfies Record<string, Ordering>;
export type PackageType = keyof typeof ORDERINGS;

export function isPackageType(text: string): text is PackageType {
  return Object.hasOwn(ORDERINGS, text);
}
