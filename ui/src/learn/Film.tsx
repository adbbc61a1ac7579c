import { type ReactNode, useMemo } from "react";
import { Link } from "wouter";
import type { LessonStep, StepRun } from "../api/generated.ts";
import { Tabs } from "../parts/basics.tsx";
import { XRay } from "../xray/XRay.tsx";
import { type Language, WORDS } from "./words.ts";

export interface Recorded {
  step: LessonStep;
  run: StepRun;
}

/** Not the name of a step. */
const BESIDE = "both at once";

/** Which two of the recordings show the same plan by both engines. */
function pairOf(recorded: readonly Recorded[]): [Recorded, Recorded] | null {
  const [canvas, relay] = (["canvas", "relay"] as const).map((engine) => recorded.find((each) => each.step.engine === engine && each.step.question === null));
  return canvas && relay ? [canvas, relay] : null;
}

/** What is to be seen: a step of the lesson, and a step of its X-ray. */
export interface Look {
  step: string;
  n: number | null;
}

/** The X-rays of a lesson's runs, one at a time, or both engines side by side. */
export function Film({ recorded, language, look, choose, children }: { recorded: readonly Recorded[]; language: Language; look: Look | null; choose: (step: string) => void; children: ReactNode }) {
  const words = WORDS[language];
  const pair = pairOf(recorded);
  const chosen = look?.step;
  const record = useMemo(() => (look?.n ? { n: look.n } : null), [look]);
  const beside = chosen === BESIDE && pair !== null;
  const shown = recorded.find((each) => each.step.name === chosen) ?? recorded[0];
  if (!shown) return children;
  const tabs = [...recorded.map(({ step }) => ({ id: step.name, text: step.title })), ...(pair ? [{ id: BESIDE, text: words.beside }] : [])];
  const page = beside ? `/runs/${encodeURIComponent(pair[0].run.run_id)}/xray?beside=${encodeURIComponent(pair[1].run.run_id)}` : `/runs/${encodeURIComponent(shown.run.run_id)}/xray`;
  return (
    <div className={beside ? "learn-happened beside" : "learn-happened"}>
      {children}
      <section className="learn-film" id="xray" tabIndex={-1} aria-label={words.xray}>
        <div className="learn-film-head">
          <Tabs label={words.xray} tabs={tabs} chosen={beside ? BESIDE : shown.step.name} choose={choose} />
          <Link href={page}>{words.whole}</Link>
        </div>
        {beside ? (
          <div className="xray-two">
            {pair.map(({ step, run }) => (
              <div key={run.run_id}>
                <h3>{step.title}</h3>
                <XRay runId={run.run_id} />
              </div>
            ))}
          </div>
        ) : (
          <XRay key={shown.run.run_id} runId={shown.run.run_id} look={record} />
        )}
      </section>
    </div>
  );
}
