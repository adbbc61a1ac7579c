// The Markdown of the lessons as a tree: paragraphs, lists, quotations, code, emphasis, links. No HTML: it stays text.

export type Inline = string | { kind: "code"; text: string } | { kind: "em"; inside: Inline[] } | { kind: "strong"; inside: Inline[] } | { kind: "link"; to: string; inside: Inline[] };

export type Block =
  | { kind: "paragraph"; inside: Inline[] }
  | { kind: "code"; text: string }
  | { kind: "quote"; inside: Block[] }
  | { kind: "list"; items: Block[][] };

const FENCE = /^```/;
const ITEM = /^- /;
const QUOTE = /^> ?/;

/** The blocks of a text. */
export function blocks(text: string): Block[] {
  const found: Block[] = [];
  const lines = text.split("\n");
  let at = 0;
  /** The lines from here on that satisfy `more`. */
  const take = (more: (line: string) => boolean): string[] => {
    const from = at;
    while (at < lines.length && more(lines[at] ?? "")) at += 1;
    return lines.slice(from, at);
  };
  while (at < lines.length) {
    const line = lines[at] ?? "";
    if (!line.trim()) {
      at += 1;
    } else if (FENCE.test(line)) {
      at += 1;
      found.push({ kind: "code", text: take((each) => !FENCE.test(each)).join("\n") });
      at += 1;
    } else if (QUOTE.test(line)) {
      const inside = take((each) => QUOTE.test(each)).map((each) => each.replace(QUOTE, ""));
      found.push({ kind: "quote", inside: blocks(inside.join("\n")) });
    } else if (ITEM.test(line)) {
      const items: Block[][] = [];
      while (at < lines.length && ITEM.test(lines[at] ?? "")) {
        const first = (lines[at] ?? "").slice(2);
        at += 1;
        const rest = take((each) => each.startsWith("  ")).map((each) => each.slice(2));
        items.push(blocks([first, ...rest].join("\n")));
        // Items may stand apart.
        if (!(lines[at] ?? "").trim() && ITEM.test(lines[at + 1] ?? "")) at += 1;
      }
      found.push({ kind: "list", items });
    } else {
      const inside = take((each) => each.trim() !== "" && !FENCE.test(each) && !ITEM.test(each) && !QUOTE.test(each));
      found.push({ kind: "paragraph", inside: inlines(inside.join("\n")) });
    }
  }
  return found;
}

const CODE = /(`+)([^]*?[^`])\1(?!`)/y;
const STRONG = /\*\*(?=\S)([^]*?\S)\*\*/y;
const EM = /\*(?=[^\s*])([^*]*[^\s*])\*/y;
const ESCAPED = /\\([\\`*_[\](){}#+.!>-])/y;
const PLAIN = /[^\\`*[]+/y;

/** What stands within one block. */
export function inlines(text: string): Inline[] {
  const found: Inline[] = [];
  const say = (more: string) => {
    const last = found.at(-1);
    typeof last === "string" ? (found[found.length - 1] = last + more) : found.push(more);
  };
  let at = 0;
  const match = (form: RegExp): RegExpExecArray | null => {
    form.lastIndex = at;
    const hit = form.exec(text);
    if (hit) at = form.lastIndex;
    return hit;
  };
  while (at < text.length) {
    let hit: RegExpExecArray | null;
    if ((hit = match(PLAIN))) say(hit[0]);
    else if ((hit = match(ESCAPED))) say(hit[1] ?? "");
    else if ((hit = match(CODE))) found.push({ kind: "code", text: (hit[2] ?? "").replaceAll("\n", " ") });
    else if ((hit = match(STRONG))) found.push({ kind: "strong", inside: inlines(hit[1] ?? "") });
    else if ((hit = match(EM))) found.push({ kind: "em", inside: inlines(hit[1] ?? "") });
    else {
      const link = text[at] === "[" ? linkAt(text, at) : null;
      if (link) {
        found.push({ kind: "link", to: link.to, inside: inlines(link.inside) });
        at = link.end;
      } else {
        say(text[at] ?? "");
        at += 1;
      }
    }
  }
  return found;
}

/** A link that begins at this bracket; brackets in code do not count. */
function linkAt(text: string, from: number): { inside: string; to: string; end: number } | null {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === "`") {
      CODE.lastIndex = at;
      if (CODE.test(text)) at = CODE.lastIndex - 1;
    } else if (text[at] === "[") depth += 1;
    else if (text[at] === "]") {
      depth -= 1;
      if (depth > 0) continue;
      const end = text[at + 1] === "(" ? text.indexOf(")", at) : -1;
      return end < 0 ? null : { inside: text.slice(from + 1, at), to: text.slice(at + 2, end), end: end + 1 };
    }
  }
  return null;
}

/** Where a link may lead: the web, or these pages. */
export function harmless(to: string): boolean {
  return /^https?:\/\//.test(to) || /^\/(?![/\\])/.test(to);
}
