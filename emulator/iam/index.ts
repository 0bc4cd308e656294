import type { Service } from "../frame/router.ts";
import type { Doors, World } from "../frame/world.ts";
import { accountRoutes } from "./account-routes.ts";
import { Accounts, type SavedAccounts } from "./accounts.ts";
import { credentialsRoutes } from "./credentials-routes.ts";
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
  /** The claims of an identity token that this emulator signed and that has not expired. */
  verifyIdentity(token: string): Record<string, unknown> | undefined;
  publicKeys: NonNullable<Doors["publicKeys"]>;
}

interface Saved {
  rules: DenyRule[];
  seal: string;
  key?: string;
  policy: ProjectPolicy;
  accounts?: SavedAccounts;
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
  const accounts = new Accounts(world);
  return {
    name: "iam",
    errors: "modern",
    routes: [
      ...denyRoutes(rules, () => world.changed()),
      ...oauthRoutes(world, key, tokens),
      ...projectRoutes(world, project),
      ...accountRoutes(world, accounts),
      ...credentialsRoutes(world, accounts, key, tokens),
    ],
    prefixes:
      /^\/(oauth2|token|tokeninfo|emulator\/iam)(\/|$)|^\/v[13]\/projects\/[^/]+(\/services(\/.*)?)?$|^\/v1\/projects\/[^/]+\/serviceAccounts/,
    nameUnknown: (method, path) => {
      if (path.includes("/serviceAccounts")) {
        const verb = /:(\w+)$/.exec(path)?.[1] ?? `(${method})`;
        return `iam.projects.serviceAccounts.${path.includes("/keys") ? "keys." : ""}${verb}`;
      }
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
    verifyIdentity: (token) => tokens.verifyIdentity(token),
    publicKeys: (email) => accounts.publicKeys(email, () => key.publicKey),
    save: (): Saved => {
      const pem = key.save();
      return {
        rules,
        seal: tokens.seal.toString("base64"),
        policy: project.policy,
        accounts: accounts.save(),
        ...(pem && { key: pem }),
      };
    },
    load: (state) => {
      const saved = state as Saved;
      rules.splice(0, rules.length, ...saved.rules);
      tokens.seal = Buffer.from(saved.seal, "base64");
      project.policy = saved.policy;
      if (saved.key) key.load(saved.key);
      if (saved.accounts) accounts.load(saved.accounts);
    },
  };
}
