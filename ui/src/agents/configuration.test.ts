import assert from "node:assert/strict";
import { test } from "node:test";
import { overHttp, overStdio, withoutMcp } from "./configuration.ts";

test("a server that asks nobody needs no token", () => {
  assert.deepEqual(overHttp("http://h:1", null), { mcpServers: { umbel: { type: "http", url: "http://h:1/mcp" } } });
  assert.deepEqual(overStdio("http://h:1", null), { mcpServers: { umbel: { command: "umbel", args: ["mcp"], env: { UMBEL_URL: "http://h:1" } } } });
  assert.ok(!withoutMcp("http://h:1", null).includes("Authorization"));
});

test("a token stands where each way takes it", () => {
  assert.match(JSON.stringify(overHttp("http://h:1", "t")), /"Authorization":"Bearer t"/);
  assert.match(JSON.stringify(overStdio("http://h:1", "t")), /"UMBEL_TOKEN":"t"/);
  assert.equal(withoutMcp("http://h:1", "t").match(/Bearer t'/g)?.length, 2);
});
