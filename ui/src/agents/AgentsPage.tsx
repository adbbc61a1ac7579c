import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link } from "wouter";
import { CreateToken } from "../access/Dialogs.tsx";
import { request } from "../api/client.ts";
import { definitionsQuery } from "../api/queries.ts";
import { useSession } from "../api/session.ts";
import { Copy, Download, Failure, Loading, Tabs, useTitle } from "../parts/basics.tsx";
import { Icon } from "../parts/Icon.tsx";
import { asFile, asText, overHttp, overStdio, PLACEHOLDER, withoutMcp } from "./configuration.ts";
import "../styles/agents.css";

interface Tool {
  name: string;
  description: string;
  inputSchema: { properties?: Record<string, unknown>; required?: string[] };
  annotations: { readOnlyHint: boolean; destructiveHint: boolean };
}

type Format = "mcp" | "openai" | "anthropic";
const FORMATS: readonly { id: Format; text: string }[] = [
  { id: "openai", text: "OpenAI" },
  { id: "anthropic", text: "Anthropic" },
  { id: "mcp", text: "MCP" },
];

type Way = "http" | "stdio" | "none";
const WAYS: readonly { id: Way; text: string }[] = [
  { id: "http", text: "MCP over HTTP" },
  { id: "stdio", text: "umbel mcp" },
  { id: "none", text: "Without MCP" },
];

const toolsQuery = (format: Format) => ({
  queryKey: ["tools", format],
  queryFn: ({ signal }: { signal: AbortSignal }) => request<Tool[]>("GET", `/api/v1/tools?format=${format}`, undefined, undefined, signal),
  staleTime: 60_000,
});

/** What an agent can do here, and how it is let in. */
export default function AgentsPage() {
  useTitle("Agents");
  const { session } = useSession();
  const [token, setToken] = useState<string | null>(null);
  const asks = session?.auth === "basic";
  return (
    <div className="page agents">
      <div className="page-head">
        <h1>Agents</h1>
      </div>
      <p className="lead">
        An agent can start runs here, follow them, find out why one failed, and go on from there. It may do what its token may. What cannot be taken back it has to
        preview first, and what tasks wrote reaches it as data, marked as theirs.
      </p>
      <Connect token={asks ? (token ?? PLACEHOLDER) : null}>{asks && <Token admin={session.scope === "admin"} made={token !== null} onMade={setToken} />}</Connect>
      <Try />
      <Tools />
    </div>
  );
}

function Connect({ token, children }: { token: string | null; children: ReactNode }) {
  const [way, setWay] = useState<Way>("http");
  const server = location.origin;
  return (
    <section aria-labelledby="connect">
      <h2 id="connect">Connect one</h2>
      {children}
      <Tabs label="How to connect" tabs={WAYS} chosen={way} choose={setWay} />
      {way === "http" && (
        <div role="tabpanel" aria-label="MCP over HTTP">
          <p>In the configuration of the agent’s program, such as <code>.mcp.json</code>:</p>
          <Code label="Configuration for HTTP" text={asText(overHttp(server, token))} />
        </div>
      )}
      {way === "stdio" && (
        <div role="tabpanel" aria-label="umbel mcp">
          <p>
            For a program that starts its servers itself, where Umbel is installed. If it does not find <code>umbel</code>, write the path that <code>which umbel</code> says.
          </p>
          <Code label="Configuration for stdio" text={asText(overStdio(server, token))} />
        </div>
      )}
      {way === "none" && (
        <div role="tabpanel" aria-label="Without MCP">
          <p>Give the model the tools below, and send each call that it makes to the server:</p>
          <Code label="Calling a tool" text={withoutMcp(server, token)} />
        </div>
      )}
    </section>
  );
}

function Token({ admin, made, onMade }: { admin: boolean; made: boolean; onMade: (token: string) => void }) {
  const [open, setOpen] = useState(false);
  return (
    <div className="card entry agents-token">
      <p>
        {made ? "Your new token stands in the configuration below; it is gone from here when you leave this page." : "An agent needs a token of its own."} With the scope <code>read</code> it
        sees only the tools that change nothing, with <code>run</code> it may also start, stop and decide.
      </p>
      {admin ? (
        <div className="actions">
          <button type="button" className="button" onClick={() => setOpen(true)}>
            <Icon name="plus" size={14} /> Create a token…
          </button>
          <Link href="/settings">All tokens</Link>
        </div>
      ) : (
        <p className="muted">An administrator makes one: Users and tokens.</p>
      )}
      {open && <CreateToken onMade={onMade} onClose={() => setOpen(false)} />}
    </div>
  );
}

function Try() {
  const { data } = useQuery(definitionsQuery());
  const name = data?.items[0]?.name ?? "the first definition";
  const words = [
    `Start ${name} on Umbel, wait for it, and tell me the result.`,
    "Why did the last failed run on Umbel fail? What never ran because of it, and what do you propose?",
    "Is everything well with Umbel: workers, queues, broker?",
  ];
  return (
    <section aria-labelledby="try">
      <h2 id="try">Try it</h2>
      <p>Say to the agent, once it is connected:</p>
      <ul className="plain">
        {words.map((each) => (
          <li key={each} className="agents-say">
            <q>{each}</q> <Copy text={each} label={`Copy: ${each}`} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Tools() {
  const [format, setFormat] = useState<Format>("openai");
  const tools = useQuery(toolsQuery("mcp"));
  const shaped = useQuery(toolsQuery(format));
  const text = () => asText(shaped.data ?? []);
  return (
    <section aria-labelledby="tools">
      <h2 id="tools">What it can do{tools.data && `: ${tools.data.length} tools`}</h2>
      {tools.error && <Failure error={tools.error} again={() => void tools.refetch()} />}
      {!tools.data && !tools.error && <Loading lines={8} />}
      {tools.data && (
        <>
          <p>As JSON, for the tools argument of a model’s API, or to read:</p>
          <div className="agents-formats">
            <Tabs label="Format" tabs={FORMATS} chosen={format} choose={setFormat} />
            {shaped.data && (
              <span role="group" aria-label={`Tools as ${format}`}>
                <Copy text={text} label={`Copy the tools (${format})`} />
                <Download name={asFile(format)} text={text} label={`Download the tools (${format})`} />
              </span>
            )}
          </div>
          <ul className="plain agents-tools">
            {tools.data.map((tool) => (
              <li key={tool.name} className="card">
                <h3>
                  <code>{tool.name}</code> <Kind tool={tool} />
                </h3>
                <p>{tool.description}</p>
                <Arguments tool={tool} />
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function Kind({ tool }: { tool: Tool }) {
  const { readOnlyHint, destructiveHint } = tool.annotations;
  return <span className="tag">{readOnlyHint ? "reads" : destructiveHint ? "previews, then changes" : "changes"}</span>;
}

function Arguments({ tool }: { tool: Tool }) {
  const names = Object.keys(tool.inputSchema.properties ?? {});
  if (!names.length) return null;
  const needed = new Set(tool.inputSchema.required);
  return (
    <details>
      <summary>{names.map((name) => (needed.has(name) ? name : `${name}?`)).join(", ")}</summary>
      <Code label={`Input of ${tool.name}`} text={asText(tool.inputSchema)} />
    </details>
  );
}

function Code({ label, text }: { label: string; text: string }) {
  return (
    <div className="agents-code">
      <pre tabIndex={0} role="group" aria-label={label}>
        {text}
      </pre>
      <Copy text={text} label={`Copy: ${label}`} />
    </div>
  );
}
