import { afterAll, beforeAll, expect, vi } from "vitest";
import { openBucket } from "../../../cli/config/bucket.ts";
import type { Objects } from "../../../cli/config/objects.ts";
import { type Emulated, openEmulated, PROJECT } from "../../functions/google/emulated.ts";
import { type Shown, type } from "../screen.ts";
import { debianRoot } from "./roots.ts";

const BUCKET = `${PROJECT}-moult-images`;

/** An emulator of the test file's own, and `moult image` against it. */
export interface Baker {
  world(): Emulated;
  bucket(): Objects;
  moult(...args: string[]): Promise<Shown>;
  /** With --json; it has to end with 0 and to say nothing on standard error. */
  json(...args: string[]): Promise<unknown>;
  /** Makes an image of a Debian root, with its package list; `where` is `--family F` or `--no-family`. */
  bake(name: string, packages: Record<string, string>, ...where: string[]): Promise<Shown>;
  /** … and it has to succeed. */
  made(name: string, packages: Record<string, string>, ...where: string[]): Promise<void>;
}

export function useBaker(): Baker {
  vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });
  let world: Emulated | undefined;
  let env: Record<string, string> = {};
  beforeAll(async () => {
    world = await openEmulated();
    env = { ...world.emulator.env, GOOGLE_CLOUD_PROJECT: PROJECT };
    // Google's own client reads the environment of this process.
    process.env.STORAGE_EMULATOR_HOST = env.STORAGE_EMULATOR_HOST;
  });
  afterAll(async () => {
    delete process.env.STORAGE_EMULATOR_HOST;
    await world?.close();
  });

  const moult = (...args: string[]): Promise<Shown> => type(["image", ...args], env);
  const bake = (name: string, packages: Record<string, string>, ...where: string[]) =>
    moult("create", name, ...where, "--from", debianRoot(`root-${name}`, packages), "--packages", "auto");
  return {
    world: () => {
      if (!world) throw new Error("the emulator has not started");
      return world;
    },
    bucket: () => openBucket(BUCKET, env),
    moult,
    json: async (...args) => {
      const { code, out, err } = await moult(...args, "--json");
      expect({ code, err }).toEqual({ code: 0, err: "" });
      return JSON.parse(out);
    },
    bake,
    made: async (...args) => {
      expect(await bake(...args)).toMatchObject({ code: 0 });
    },
  };
}
