import type { fromJSON } from "@grpc/proto-loader";

export type Descriptors = Parameters<typeof fromJSON>[0];

const one = (type: string, id: number) => ({ type, id });
const many = (type: string, id: number) => ({ rule: "repeated", type, id });
const method = (requestType: string, responseType: string) => ({ requestType, responseType, comment: "" });

const v1: Descriptors = {
  nested: {
    IAMPolicy: {
      methods: {
        SetIamPolicy: method("SetIamPolicyRequest", "Policy"),
        GetIamPolicy: method("GetIamPolicyRequest", "Policy"),
        TestIamPermissions: method("TestIamPermissionsRequest", "TestIamPermissionsResponse"),
      },
    },
    SetIamPolicyRequest: { fields: { resource: one("string", 1), policy: one("Policy", 2) } },
    GetIamPolicyRequest: { fields: { resource: one("string", 1) } },
    TestIamPermissionsRequest: { fields: { resource: one("string", 1), permissions: many("string", 2) } },
    TestIamPermissionsResponse: { fields: { permissions: many("string", 1) } },
    Policy: { fields: { version: one("int32", 1), etag: one("bytes", 3), bindings: many("Binding", 4) } },
    Binding: { fields: { role: one("string", 1), members: many("string", 2), condition: one("Expr", 3) } },
    Expr: {
      fields: {
        expression: one("string", 1),
        title: one("string", 2),
        description: one("string", 3),
        location: one("string", 4),
      },
    },
  },
};

/**
 * google.iam.v1, as much as a policy's conversation needs. Written out because no installed package exports its own copy.
 * https://github.com/googleapis/googleapis/tree/master/google/iam/v1
 */
export const IAM: Descriptors = { nested: { google: { nested: { iam: { nested: { v1 } } } } } };
