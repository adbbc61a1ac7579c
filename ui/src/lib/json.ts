// JSON values as the tree shows them.

/** A value in one short line. */
export function brief(value: unknown, limit = 80): string {
  let text: string;
  try {
    text = JSON.stringify(value) ?? "null";
  } catch {
    text = String(value);
  }
  return text.length > limit ? `${text.slice(0, limit - 1)}…` : text;
}

/** Whether a value, or a key in it, contains `wanted` (in lower case). */
export function contains(value: unknown, wanted: string): boolean {
  if (value !== null && typeof value === "object") {
    return Object.entries(value).some(
      ([key, inner]) => (!Array.isArray(value) && key.toLowerCase().includes(wanted)) || contains(inner, wanted),
    );
  }
  return String(value).toLowerCase().includes(wanted);
}
