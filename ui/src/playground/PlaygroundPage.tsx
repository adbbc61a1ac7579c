import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useCallback, useMemo, useRef, useState } from "react";
import { useSearchParams } from "wouter";
import { call } from "../api/client.ts";
import type { DefinitionProblem, Playground } from "../api/generated.ts";
import { definitionQuery, playgroundQuery } from "../api/queries.ts";
import { Failure, Loading, Tabs, useTitle } from "../parts/basics.tsx";
import { StateIcon } from "../parts/State.tsx";
import type { EditorHandle } from "./Editor.tsx";
import { canvasExample, canvasOffers } from "./canvas.ts";
import { type Kind, Outcome } from "./Outcome.tsx";
import { type JsonSchema, offers, placeOf, taskKeys } from "./places.ts";
import { useCheck } from "./useCheck.ts";

const Editor = lazy(() => import("./Editor.tsx").then(({ Editor }) => ({ default: Editor })));

const KEPT: Record<Kind, string> = { yaml: "umbel.playground", canvas: "umbel.playground.canvas" };
const KINDS: readonly { id: Kind; text: string }[] = [
  { id: "yaml", text: "YAML" },
  { id: "canvas", text: "Celery canvas" },
];
const LABELS: Record<Kind, string> = {
  yaml: "Definitions, YAML. Control and Space completes.",
  canvas: "Celery canvas, Python. Control and Space completes.",
};
const NOTHING: readonly DefinitionProblem[] = [];

/** Definitions and canvases are written, checked, drawn and tried here; the server keeps none of them. */
export default function PlaygroundPage() {
  useTitle("Playground");
  const [params, setParams] = useSearchParams();
  const wanted = params.get("definition");
  const kind: Kind = params.get("kind") === "canvas" ? "canvas" : "yaml";
  const server = useQuery(playgroundQuery());
  const project = useQuery({ ...definitionQuery(wanted ?? ""), enabled: wanted !== null });
  if (server.error) return <div className="page"><Failure error={server.error} again={() => void server.refetch()} /></div>;
  if (project.error) return <div className="page"><Failure error={project.error} /></div>;
  if (!server.data || (wanted && !project.data)) return <div className="page"><Loading lines={8} /></div>;
  const begin = kind === "canvas" ? kept(kind) ?? canvasExample(server.data.tasks) : project.data?.source?.text ?? kept(kind) ?? example(server.data);
  return (
    <div className="page">
      <div className="page-head">
        <div>
          <h1>Playground</h1>
          <p className="muted">
            {kind === "yaml" ? "Write definitions, see what they are, try them." : "Paste a Celery canvas: see its graph, what Celery makes of it, what to know about it, and try it. It is read, and never evaluated."} The server keeps none of{" "}
            {kind === "yaml" ? "them" : "it"}; this browser keeps the text.
          </p>
        </div>
        <Tabs label="Written as" tabs={KINDS} chosen={kind} choose={(chosen) => setParams(chosen === "canvas" ? { kind: chosen } : {})} />
      </div>
      <Desk key={`${kind} ${wanted}`} kind={kind} server={server.data} begin={begin} />
    </div>
  );
}

function Desk({ kind, server, begin }: { kind: Kind; server: Playground; begin: string }) {
  const [text, setText] = useState(begin);
  const editor = useRef<EditorHandle>(null);
  const schema = useQuery({ queryKey: ["definition-schema"], queryFn: ({ signal }) => call("get_definition_schema", {}, signal), staleTime: Number.POSITIVE_INFINITY });
  const { found, waiting, error, again } = useCheck(text, kind);
  // Problems are placed in the text that they were found in; the editor moves them along while more is written.
  const last = useRef<readonly DefinitionProblem[]>(NOTHING);
  if (found && !waiting) last.current = found.problems;
  const change = useCallback((now: string) => {
    setText(now);
    keep(kind, now);
  }, [kind]);
  const complete = useMemo(() => {
    const root = schema.data as JsonSchema | undefined;
    return (now: string, cursor: number) => {
      if (kind === "canvas") return canvasOffers(now.slice(0, cursor), server.tasks);
      const before = now.slice(0, cursor);
      const place = root && placeOf(before);
      if (!root || !place) return null;
      const keys = taskKeys(now, before.split("\n").length - 1);
      return { word: place.word, offers: offers(root, place, { tasks: server.tasks, queues: server.queues, keys }) };
    };
  }, [kind, schema.data, server]);
  const go = (line: number, column: number) => editor.current?.go(line, column);
  return (
    <div className="playground">
      <section className="card desk" aria-label={kind === "yaml" ? "Definitions" : "Canvas"}>
        <Suspense fallback={<Loading lines={8} />}>
          <Editor ref={editor} label={LABELS[kind]} language={kind === "yaml" ? "yaml" : "python"} text={begin} problems={last.current} onChange={change} complete={complete} />
        </Suspense>
        <Problems problems={last.current} waiting={waiting} go={go} />
        {error && <Failure error={error} again={again} />}
      </section>
      {found ? <Outcome text={text} kind={kind} found={found} waiting={waiting} enabled={server.enabled} go={go} /> : <Loading lines={8} />}
    </div>
  );
}

function Problems({ problems, waiting, go }: { problems: readonly DefinitionProblem[]; waiting: boolean; go: (line: number, column: number) => void }) {
  const errors = problems.filter((each) => each.severity === "error").length;
  const said = problems.length === 0 ? "No problems" : [count(errors, "error"), count(problems.length - errors, "warning")].filter(Boolean).join(", ");
  return (
    <div className="desk-problems">
      <p role="status" className={errors && !waiting ? "bad" : "muted"}>
        <StateIcon state={waiting ? "queued" : errors ? "error" : "success"} size={14} /> {waiting ? "Checking…" : said}
      </p>
      <ul className="plain">
        {problems.map((each) => (
          <li key={`${each.line}:${each.column} ${each.code} ${each.message}`}>
            <button type="button" onClick={() => go(each.line, each.column)}>
              <span className="mono muted nowrap">
                {each.line}:{each.column}
              </span>
              <span>
                <span className={each.severity === "error" ? "bad" : "warned"}>{each.severity}</span>: {each.message}
                {each.hint && <span className="muted"> {each.hint}</span>}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

function count(number: number, word: string): string {
  return number === 0 ? "" : `${number} ${word}${number === 1 ? "" : "s"}`;
}

function kept(kind: Kind): string | null {
  try {
    return localStorage.getItem(KEPT[kind]);
  } catch {
    return null; // storage is switched off
  }
}

function keep(kind: Kind, text: string): void {
  try {
    localStorage.setItem(KEPT[kind], text);
  } catch {
    // It holds until the page is left.
  }
}

function example({ tasks }: Playground): string {
  const task = (place: number) => tasks[place % Math.max(1, tasks.length)] ?? "MY_TASK";
  return `# Each task says what it needs; what needs the same runs side by side.
try.DIAMOND:
  tasks:
    first: {task: ${task(0)}}
    left: {task: ${task(1)}, needs: [first]}
    right: {task: ${task(2)}, needs: [first]}
    last: {task: ${task(3)}, needs: [left, right]}
`;
}
