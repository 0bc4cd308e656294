import type { BuildOptions } from "esbuild";

export function buildAgent(folder: string): Promise<void>;
export function agentInOne(file: string): BuildOptions;
