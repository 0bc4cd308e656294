// A proto tree in protobufjs' JSON, cut down to what one service can say or hear.

const SCALARS = new Set(
  "double float int32 int64 uint32 uint64 sint32 sint64 fixed32 fixed64 sfixed32 sfixed64 bool string bytes".split(" "),
);

/** Neither a message, an enum, a service nor an extension. */
const isPackage = (node) => !("fields" in node || "values" in node || "methods" in node || "extend" in node);

/**
 * The packages on the way to `service`, the service and every message and enum its methods reach, whole. Throws when a type
 * is named that is not there: then nothing may be left out on our word.
 */
export function reachableFrom(tree, service) {
  const units = new Map(unitsOf(tree, ""));
  if (!units.get(service)?.methods) throw new Error(`there is no service ${service} in the tree`);
  const kept = new Set([service]);
  // A set grows while it is gone through.
  for (const name of kept)
    for (const type of typesIn(units.get(name)))
      if (!SCALARS.has(type.name)) kept.add(unitOf(units, type.name, [...name.split("."), ...type.scope]));
  return cut(tree, "", kept);
}

/** Everything that lies directly in a package, by full name. */
function* unitsOf(node, path) {
  for (const [name, inner] of Object.entries(node.nested ?? {})) {
    const full = path ? `${path}.${name}` : name;
    if (isPackage(inner)) yield* unitsOf(inner, full);
    else yield [full, inner];
  }
}

/** Names of types as they are written, with the messages inside the unit in which they are. */
function* typesIn(unit, scope = []) {
  for (const { type } of Object.values(unit.fields ?? {})) yield { name: type, scope };
  for (const { requestType, responseType } of Object.values(unit.methods ?? {})) {
    yield { name: requestType, scope };
    yield { name: responseType, scope };
  }
  for (const [name, inner] of Object.entries(unit.nested ?? {})) yield* typesIn(inner, [...scope, name]);
}

/** Looked for as protobuf does: in the scope and outwards. */
function unitOf(units, name, scope) {
  const places = name.startsWith(".") ? [[]] : scope.map((_, i) => scope.slice(0, scope.length - i)).concat([[]]);
  for (const place of places) {
    const path = [...place, ...name.replace(/^\./, "").split(".")];
    const unit = path.map((_, i) => path.slice(0, i + 1).join(".")).find((part) => units.has(part));
    if (unit && has(units.get(unit), path.slice(unit.split(".").length))) return unit;
  }
  throw new Error(`there is no type ${name}, which ${scope.join(".")} names`);
}

const has = (node, [first, ...rest]) =>
  first === undefined || (node.nested?.[first] !== undefined && has(node.nested[first], rest));

function cut(node, path, kept) {
  const nested = Object.entries(node.nested ?? {}).flatMap(([name, inner]) => {
    const full = path ? `${path}.${name}` : name;
    if (kept.has(full)) return [[name, inner]];
    if (!isPackage(inner)) return [];
    const left = cut(inner, full, kept);
    return Object.keys(left.nested).length > 0 ? [[name, left]] : [];
  });
  return { ...node, nested: Object.fromEntries(nested) };
}
