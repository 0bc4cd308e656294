import type { Service } from "../frame/router.ts";
import type { Doors, World } from "../frame/world.ts";
import { type DenyRule, denies } from "./deny.ts";
import { denyRoutes } from "./deny-routes.ts";
import { SigningKey } from "./keys.ts";
import { oauthRoutes } from "./oauth-routes.ts";
import { Project, type ProjectPolicy, projectRoutes } from "./projects.ts";
import { OWNER, Tokens } from "./tokens.ts";

export interface IamService extends Service {
  allowed: Doors["allowed"];
  /** Throws a 401 ApiError for a token that claims to be this emulator's and is forged or expired. */
  principal: Doors["principal"];
  accessToken: Doors["accessToken"];
  identityToken: Doors["identityToken"];
}

interface Saved {
  rules: DenyRule[];
  seal: string;
  key?: string;
  policy: ProjectPolicy;
}

/**
 * Who calls and what they may do. Everything is allowed unless a deny rule matches: roles are stored where services have
 * them, and not evaluated.
 */
export function createIam(world: World): IamService {
  const rules: DenyRule[] = [];
  const key = new SigningKey(() => world.changed());
  const tokens = new Tokens(world, key);
  const project = new Project(world);
  return {
    name: "iam",
    errors: "modern",
    routes: [
      ...denyRoutes(rules, () => world.changed()),
      ...oauthRoutes(world, key, tokens),
      ...projectRoutes(world, project),
    ],
    prefixes: /^\/(oauth2|token|tokeninfo|emulator\/iam)(\/|$)|^\/v[13]\/projects\/[^/]+(\/services(\/.*)?)?$/,
    nameUnknown: (method, path) => {
      if (/\/services(\/|$)/.test(path)) return `serviceusage ${method} ${path}`;
      return path.includes("/projects/") ? `cloudresourcemanager ${method} ${path}` : `iam ${method} ${path}`;
    },
    allowed: (principal, permission, resource) => !rules.some((rule) => denies(rule, principal, permission, resource)),
    principal: (headers) => {
      const bearer = /^bearer\s+(\S+)$/i.exec(headers.authorization ?? "")?.[1];
      return bearer === undefined ? OWNER : tokens.holder(bearer);
    },
    accessToken: (email) => tokens.accessToken(email),
    identityToken: (claims) => tokens.identityToken(claims),
    save: (): Saved => {
      const pem = key.save();
      return { rules, seal: tokens.seal.toString("base64"), policy: project.policy, ...(pem && { key: pem }) };
    },
    load: (state) => {
      const saved = state as Saved;
      rules.splice(0, rules.length, ...saved.rules);
      tokens.seal = Buffer.from(saved.seal, "base64");
      project.policy = saved.policy;
      if (saved.key) key.load(saved.key);
    },
  };
}
