export interface PinnedNode {
  major: number;
  version: string;
  binary: string;
  installed: boolean;
}

export function pinnedNodes(): PinnedNode[];
export function installedNodes(): PinnedNode[];
export function installPinned(prefix: string): string | undefined;
