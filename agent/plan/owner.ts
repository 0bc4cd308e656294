/** Users and groups of the root file system; undefined where the file is missing. */
export interface Accounts {
  passwd: string | undefined;
  group: string | undefined;
}

/** Who the agent runs as. */
export interface Self {
  uid: number;
  gid: number;
  groups: readonly number[];
}

export interface Owner {
  uid: number;
  gid: number;
  /** As reported: as written in the manifest, or numbers. */
  text: string;
}

/**
 * Finds the numbers of `user`, `user:group` or numbers. A user without a group means the user's own group; a number
 * without one that passwd knows means the group of the same number; `:group` is for the agent's own user. Returns a sentence when it cannot be found, or
 * when only root could give the file away.
 */
export function resolveOwner(owner: string | undefined, accounts: Accounts, self: Self): Owner | string {
  if (owner === undefined) return { uid: self.uid, gid: self.gid, text: `${self.uid}:${self.gid}` };
  const [named = "", group] = owner.split(":");
  const user = named || String(self.uid);
  const numeric = /^\d+$/.test(user);
  const line = rows(accounts.passwd).find((row) => row[numeric ? 2 : 0] === user);
  if (!line && !numeric) return "This user is not in the image's /etc/passwd.";
  const uid = Number(line?.[2] ?? user);
  let gid = Number(line?.[3] ?? user);
  if (group !== undefined) {
    const known = rows(accounts.group).find((row) => row[0] === group);
    if (!known && !/^\d+$/.test(group)) return "This group is not in the image's /etc/group.";
    gid = Number(known?.[2] ?? group);
  }
  if (!(uid < 0xffffffff && gid < 0xffffffff)) return "User and group numbers are below 4294967295.";
  if (self.uid !== 0 && (uid !== self.uid || !(gid === self.gid || self.groups.includes(gid))))
    return `The agent runs as user ${self.uid}, and only root can give files to others.`;
  return { uid, gid, text: named ? owner : user + owner };
}

function rows(text: string | undefined): string[][] {
  return (text ?? "").split("\n").map((line) => line.split(":"));
}
