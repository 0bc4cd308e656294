import type { Service } from "../frame/router.ts";
import type { Doors, World } from "../frame/world.ts";

export interface IamService extends Service {
  allowed: Doors["allowed"];
  principal: Doors["principal"];
  accessToken: Doors["accessToken"];
  identityToken: Doors["identityToken"];
}

export function createIam(_world: World): IamService {
  return {
    name: "iam",
    errors: "modern",
    routes: [],
    prefixes: /^\/(oauth2|token)/,
    nameUnknown: (method, path) => `iam ${method} ${path}`,
    allowed: () => true,
    principal: () => "owner@example.com",
    accessToken: () => ({ token: "", expiresInSeconds: 3599 }),
    identityToken: () => "",
  };
}
