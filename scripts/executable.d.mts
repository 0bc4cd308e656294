/** @param kind `node`, `node-cached` or `bun` */
export function buildExecutable(kind: string, file: string): Promise<void>;
