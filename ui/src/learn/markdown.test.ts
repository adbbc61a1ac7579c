import assert from "node:assert/strict";
import { test } from "node:test";
import { blocks, harmless, inlines } from "./markdown.ts";

test("paragraphs, lists with longer items, code and quotations", () => {
  const found = blocks("One\nline.\n\n- first\n  goes on\n- second\n\n```sh\ncurl -s\n\n- no item\n```\n> try\n> this");
  assert.deepEqual(
    found.map((each) => each.kind),
    ["paragraph", "list", "code", "quote"],
  );
  const [, list, code, quote] = found;
  assert.deepEqual(list?.kind === "list" && list.items, [[{ kind: "paragraph", inside: ["first\ngoes on"] }], [{ kind: "paragraph", inside: ["second"] }]]);
  assert.equal(code?.kind === "code" && code.text, "curl -s\n\n- no item");
  assert.deepEqual(quote?.kind === "quote" && quote.inside, [{ kind: "paragraph", inside: ["try\nthis"] }]);
});

test("a claim's text may have code with brackets in it", () => {
  assert.deepEqual(inlines("It [publishes `[1, 1]` now](#claim:sent)."), [
    "It ",
    { kind: "link", to: "#claim:sent", inside: ["publishes ", { kind: "code", text: "[1, 1]" }, " now"] },
    ".",
  ]);
});

test("emphasis, also where no space stands around it", () => {
  assert.deepEqual(inlines("这是*预取*。**all**"), ["这是", { kind: "em", inside: ["预取"] }, "。", { kind: "strong", inside: ["all"] }]);
  assert.deepEqual(inlines("2 * 3 * 4, snake_case_name, `a*b*c`, 1\\."), ["2 * 3 * 4, snake_case_name, ", { kind: "code", text: "a*b*c" }, ", 1."]);
});

test("what is left open is text", () => {
  for (const text of ["[no end", "[no](place", "`no end", "**", "*", "[", "[a] (b)"]) assert.deepEqual(inlines(text), [text]);
});

test("HTML is text, and a link leads to no script", () => {
  assert.deepEqual(inlines("<img src=x onerror=alert(1)>"), ["<img src=x onerror=alert(1)>"]);
  for (const to of ["javascript:alert(1)", "//elsewhere.example", "/\\elsewhere.example", "data:text/html,x", " /x"]) assert.equal(harmless(to), false);
  for (const to of ["/runs", "https://docs.celeryq.dev/"]) assert.ok(harmless(to));
});
