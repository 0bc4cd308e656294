/** What may not be done. Each field is a glob: `*` stands for any text, slashes included, `?` for one character. */
export interface DenyRule {
  principal: string;
  permission: string;
  resource: string;
}

function matches(glob: string, text: string): boolean {
  const source = glob
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "s").test(text);
}

export function denies(rule: DenyRule, principal: string, permission: string, resource: string): boolean {
  return matches(rule.principal, principal) && matches(rule.permission, permission) && matches(rule.resource, resource);
}

export function sameRule(a: DenyRule, b: DenyRule): boolean {
  return a.principal === b.principal && a.permission === b.permission && a.resource === b.resource;
}
