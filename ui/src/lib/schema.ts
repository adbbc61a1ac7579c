// JSON Schema, as much of it as a form needs. The server checks everything again, with a real validator.

export interface Schema {
  type?: string | string[];
  title?: string;
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  examples?: unknown[];
  items?: Schema;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
  writeOnly?: boolean;
  $ref?: string;
  $defs?: Record<string, Schema>;
  definitions?: Record<string, Schema>;
}

/** What kind of field a value gets; `json` for what only text can express. */
export type Kind = "text" | "long" | "number" | "boolean" | "choice" | "json";

export function kindOf(schema: Schema): Kind {
  if (schema.enum && schema.enum.every((each) => each === null || typeof each !== "object")) return "choice";
  const type = Array.isArray(schema.type) ? schema.type.filter((each) => each !== "null") : [schema.type];
  if (type.length !== 1) return "json";
  switch (type[0]) {
    case "string":
      return (schema.maxLength ?? 0) > 200 && !isSecret(schema) ? "long" : "text";
    case "number":
    case "integer":
      return "number";
    case "boolean":
      return "boolean";
    default:
      return "json";
  }
}

/** Whether the server keeps the value sealed, and shows *** for it. */
export function isSecret(schema: Schema): boolean {
  return schema.writeOnly === true || schema.format === "password";
}

/** The schema that a local reference points to. */
export function resolve(schema: Schema, root: Schema): Schema {
  let found = schema;
  for (let step = 0; step < 10 && found.$ref?.startsWith("#/"); step++) {
    let place: unknown = root;
    for (const part of found.$ref.slice(2).split("/")) place = (place as Record<string, unknown> | undefined)?.[part.replaceAll("~1", "/").replaceAll("~0", "~")];
    if (!place || typeof place !== "object") break;
    const { $ref: _, ...rest } = found;
    found = { ...(place as Schema), ...rest };
  }
  return found;
}

/** Fields for which a form is better than JSON text; null if there are none. */
export function fieldsOf(root: Schema | null): { name: string; schema: Schema; required: boolean }[] | null {
  if (!root) return null;
  const top = resolve(root, root);
  if (!top.properties || !Object.keys(top.properties).length) return null;
  const required = new Set(top.required ?? []);
  return Object.entries(top.properties).map(([name, schema]) => ({ name, schema: resolve(schema, root), required: required.has(name) }));
}

/** What a form begins with: the schema's own defaults, which the server does not fill in. */
export function begun(root: Schema | null, defaults: Record<string, unknown>): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const { name, schema } of fieldsOf(root) ?? []) if (schema.default !== undefined && defaults[name] === undefined) found[name] = schema.default;
  return found;
}

/** Whole payloads that the schema gives as examples. */
export function examplesOf(root: Schema | null): Record<string, unknown>[] {
  const given = root ? (resolve(root, root).examples ?? []) : [];
  return given.filter((each): each is Record<string, unknown> => each !== null && typeof each === "object" && !Array.isArray(each));
}

/** What is wrong with one value, in a few words; null if nothing is. */
export function mistake(value: unknown, schema: Schema, required: boolean): string | null {
  if (value === undefined) return required ? "is required" : null;
  if (value === "***" && isSecret(schema)) return null; // the value of before, which nobody sees
  if (schema.enum && !schema.enum.some((each) => JSON.stringify(each) === JSON.stringify(value))) return `must be one of ${schema.enum.map((each) => JSON.stringify(each)).join(", ")}`;
  const types = schema.type === undefined ? [] : Array.isArray(schema.type) ? schema.type : [schema.type];
  if (types.length && !types.some((type) => fits(value, type))) return `must be ${types.join(" or ")}`;
  if (typeof value === "number") {
    if (schema.minimum !== undefined && value < schema.minimum) return `must be ${schema.minimum} or more`;
    if (schema.maximum !== undefined && value > schema.maximum) return `must be ${schema.maximum} or less`;
    if (schema.exclusiveMinimum !== undefined && value <= schema.exclusiveMinimum) return `must be more than ${schema.exclusiveMinimum}`;
    if (schema.exclusiveMaximum !== undefined && value >= schema.exclusiveMaximum) return `must be less than ${schema.exclusiveMaximum}`;
  }
  if (typeof value === "string") {
    if (schema.minLength !== undefined && value.length < schema.minLength) return schema.minLength === 1 ? "must not be empty" : `must have ${schema.minLength} characters or more`;
    if (schema.maxLength !== undefined && value.length > schema.maxLength) return `must have ${schema.maxLength} characters or fewer`;
  }
  return null;
}

function fits(value: unknown, type: string): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return value !== null && typeof value === "object" && !Array.isArray(value);
    case "integer":
      return typeof value === "number" && Number.isInteger(value);
    default:
      return typeof value === type;
  }
}
