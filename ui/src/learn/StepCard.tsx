import { useEffect, useState } from "react";
import type { LessonStep, Observation } from "../api/generated.ts";
import { Failure } from "../parts/basics.tsx";
import { Icon } from "../parts/Icon.tsx";
import { State } from "../parts/State.tsx";
import { Line, Prose } from "./Prose.tsx";
import type { Standing } from "./useRuns.ts";
import { engineWord, type Language, WORDS } from "./words.ts";

interface Given {
  step: LessonStep;
  language: Language;
  runnable: boolean;
  standing: Standing | undefined;
  busy: string | null;
  run: () => void;
}

/** Something that is run for real: what, the button, and how it goes. */
export function StepCard({ step, language, runnable, standing, busy, run }: Given) {
  return (
    <section className="card learn-step" data-step-name={step.name} aria-label={step.title}>
      <header>
        <h3>{step.title}</h3>
        <span className={`tag engine-${step.engine}`}>{engineWord(language, step.engine)}</span>
      </header>
      <Prose text={step.about} />
      {step.text && (
        <pre tabIndex={0} aria-label={WORDS[language].definition}>
          {step.text.trimEnd()}
        </pre>
      )}
      {runnable && <RunButton step={step} language={language} standing={standing} busy={busy} run={run} />}
      <Progress step={step} standing={standing} going={busy === step.name} />
    </section>
  );
}

/** @param stopped there is something to be mended first */
export function RunButton({ step, language, standing, busy, run, text, stopped = false }: Omit<Given, "runnable"> & { text?: string; stopped?: boolean }) {
  const words = WORDS[language];
  const going = busy === step.name;
  const before = standing?.run?.over === true;
  return (
    <div className="learn-run">
      <button type="button" className={before ? "button" : "button primary"} disabled={busy !== null || stopped} onClick={run} aria-label={`${going ? words.running : (text ?? (before ? words.runAgain : words.run))} ${step.title}`}>
        <Icon name={before ? "again" : "play"} size={14} /> {going ? words.running : (text ?? (before ? words.runAgain : words.run))}
      </button>
      <span className="muted">{words.seconds(step.seconds)}</span>
    </div>
  );
}

/** How a step goes: its state, what is seen, or why it could not be done. */
export function Progress({ step, standing, going }: { step: LessonStep; standing: Standing | undefined; going: boolean }) {
  const run = standing?.run;
  return (
    <div className="learn-progress" role="status">
      {(run || going) && (
        <p className="learn-state">
          <State state={run ? (run.engine === "celery" && run.state === "success" ? "done" : run.state) : "pending"} />
          {going && <Clock key={run?.run_id ?? ""} of={step.seconds} />}
        </p>
      )}
      {run && run.seen.length > 0 && (
        <ol className="plain learn-seen">
          {run.seen.map((each, place) => (
            <Seen key={place} seen={each} />
          ))}
        </ol>
      )}
      {run?.error && (
        <div className="failure">
          <strong>{run.error}</strong>
        </div>
      )}
      {standing?.error ? <Failure error={standing.error} /> : null}
    </div>
  );
}

function Seen({ seen }: { seen: Observation }) {
  return (
    <li>
      <span className="number muted">{seen.seconds.toFixed(1)} s</span> <span className="muted">{seen.who}</span> <Line text={seen.says} />
    </li>
  );
}

/** Seconds since it was started. */
function Clock({ of }: { of: number }) {
  const [since, setSince] = useState(0);
  useEffect(() => {
    const begun = Date.now();
    const timer = setInterval(() => setSince((Date.now() - begun) / 1000), 250);
    return () => clearInterval(timer);
  }, []);
  return (
    <>
      <progress max={of} value={Math.min(since, of * 0.97)} aria-hidden="true" />
      <span className="number muted" aria-hidden="true">
        {since.toFixed(0)} s
      </span>
    </>
  );
}
