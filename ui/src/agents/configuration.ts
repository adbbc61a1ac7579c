// What an agent's program has to be told, to be copied.

/** Where a token has to be put. */
export const PLACEHOLDER = "umbel_YOUR_TOKEN";

export function asText(value: unknown): string {
  return JSON.stringify(value, null, 2);
}

export function asFile(format: string): string {
  return `umbel-tools-${format}.json`;
}

/** MCP at the server's own address. */
export function overHttp(server: string, token: string | null): object {
  const headers = token === null ? {} : { headers: { Authorization: `Bearer ${token}` } };
  return { mcpServers: { umbel: { type: "http", url: `${server}/mcp`, ...headers } } };
}

/** MCP by a process that the agent's program starts. */
export function overStdio(server: string, token: string | null): object {
  const env = { UMBEL_URL: server, ...(token === null ? {} : { UMBEL_TOKEN: token }) };
  return { mcpServers: { umbel: { command: "umbel", args: ["mcp"], env } } };
}

/** The same tools by plain HTTP. */
export function withoutMcp(server: string, token: string | null): string {
  const header = token === null ? "" : ` \\\n  -H 'Authorization: Bearer ${token}'`;
  return [
    `curl '${server}/api/v1/tools?format=openai'${header}`,
    "",
    `curl -X POST '${server}/api/v1/tools/list_runs'${header} \\`,
    "  -H 'Content-Type: application/json' -d '{\"limit\": 3}'",
  ].join("\n");
}
