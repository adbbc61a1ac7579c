import { lazy, type ReactNode, Suspense, useId, useState } from "react";
import type { DefinitionProblem, LessonQuestion, LessonStep, Verdict } from "../api/generated.ts";
import { Loading } from "../parts/basics.tsx";
import { StateIcon } from "../parts/State.tsx";
import { useCheck } from "../playground/useCheck.ts";
import { Line, Prose } from "./Prose.tsx";
import { Progress, RunButton } from "./StepCard.tsx";
import type { Standing } from "./useRuns.ts";
import { type Language, WORDS } from "./words.ts";

const Editor = lazy(() => import("../playground/Editor.tsx").then(({ Editor }) => ({ default: Editor })));
const NOTHING: readonly DefinitionProblem[] = [];

interface Given {
  question: LessonQuestion;
  /** The step that it is about. */
  step: LessonStep;
  language: Language;
  runnable: boolean;
  standing: Standing | undefined;
  busy: string | null;
  /** The answer, or text of a definition, that was given last. */
  answer: string | undefined;
  /** What came of it; null before it was asked. */
  verdict: Verdict | null;
  /** Whether `verdict` is about an older answer, and a newer is on its way. */
  checking: boolean;
  /** Shows the X-ray of the step's run; null if there is none. */
  film: (() => void) | null;
  /** The answer is to be checked. */
  give: (answer: string) => void;
  /** The step is to be run, with this text if it is the learner's own. */
  run: (text?: string) => void;
  /** What was done to the run is to be checked. */
  look: () => void;
}

/** One question: what to do, the means to do it, and whether it was right. */
export function QuestionCard(given: Given) {
  const { question, language, checking, runnable, standing, busy } = given;
  const verdict = checking ? null : given.verdict;
  const words = WORDS[language];
  return (
    <section className="card learn-question" data-question={question.name} aria-label={question.title}>
      <h3>
        {verdict?.ok && <StateIcon state="success" />} {question.title}
      </h3>
      <Prose text={question.text} />
      {runnable && means(given)}
      <div role="status">
        {checking && busy === null && <p className="learn-verdict muted">{words.checking}</p>}
        {verdict && busy !== question.step && (
          <div className={verdict.ok ? "learn-verdict ok" : "learn-verdict"} data-ok={verdict.ok}>
            <strong>{verdict.ok ? words.right : words.notYetRight}</strong>
            {!verdict.ok && (standing?.run?.over || !["choice", "text", "number"].includes(question.kind) ? <Prose text={`${verdict.why} ${verdict.advice}`} /> : <p>{words.firstRun}</p>)}
          </div>
        )}
      </div>
    </section>
  );
}

function means(given: Given): ReactNode {
  switch (given.question.kind) {
    case "choice":
      return <Choice options={given.question.options} chosen={given.answer} choose={given.give} label={given.question.title} />;
    case "text":
    case "number":
      return <Typed {...given} />;
    case "edit":
      return <Edited {...given} />;
    case "act":
      return <Acted {...given} />;
  }
}

/** Options of which one is chosen by a click. `right` is marked, if it may be known. */
export function Choice({ options, chosen, choose, label, right }: { options: LessonQuestion["options"]; chosen: string | undefined; choose: (name: string) => void; label: string; right?: string | null }) {
  return (
    <ul className="plain learn-options" aria-label={label}>
      {options.map((each) => (
        <li key={each.name}>
          <button type="button" data-option={each.name} aria-pressed={each.name === chosen} className={each.name === right ? "right" : undefined} onClick={() => choose(each.name)}>
            <span className="learn-dot" aria-hidden="true" />
            <span>
              <Line text={each.text} />
            </span>
            {each.name === right && <StateIcon state="success" />}
          </button>
        </li>
      ))}
    </ul>
  );
}

function Typed({ question, language, answer, give }: Given) {
  const [text, setText] = useState(answer ?? "");
  const id = useId();
  const words = WORDS[language];
  return (
    <form
      className="learn-answer"
      onSubmit={(event) => {
        event.preventDefault();
        give(text.trim());
      }}
    >
      <label htmlFor={id}>{words.yourAnswer}</label>
      <input id={id} value={text} inputMode={question.kind === "number" ? "decimal" : "text"} autoComplete="off" autoCapitalize="off" spellCheck={false} onChange={(event) => setText(event.target.value)} />
      <button type="submit" className="button primary" disabled={!text.trim()} aria-label={`${words.checkIt}: ${question.title}`}>
        {words.checkIt}
      </button>
    </form>
  );
}

function Edited({ step, language, standing, busy, answer, run, film }: Given) {
  const [begin, setBegin] = useState(answer ?? step.text ?? "");
  const [text, setText] = useState(begin);
  const [round, setRound] = useState(0);
  const words = WORDS[language];
  const { found, of } = useCheck(text, "yaml");
  const problems = found && of === text ? found.problems : NOTHING;
  const worst = problems.find((each) => each.severity === "error");
  return (
    <>
      <Suspense fallback={<Loading lines={5} />}>
        <Editor key={round} label={words.yourText} text={begin} problems={problems} onChange={setText} />
      </Suspense>
      {worst && (
        <p className="bad">
          {worst.line}:{worst.column} {worst.message} {worst.hint && <span className="muted">{worst.hint}</span>}
        </p>
      )}
      <div className="learn-row">
        <RunButton step={step} language={language} standing={undefined} busy={busy} stopped={worst !== undefined} run={() => run(text)} text={words.runYours} />
        {text !== step.text && (
          <button
            type="button"
            className="button quiet"
            onClick={() => {
              setBegin(step.text ?? "");
              setText(step.text ?? "");
              setRound((now) => now + 1);
            }}
          >
            {words.original}
          </button>
        )}
      </div>
      <Progress step={step} standing={standing} going={busy === step.name} />
      {standing?.run?.over && film && (
        <div>
          <button type="button" className="button quiet" onClick={film}>
            {words.seeXray}
          </button>
        </div>
      )}
    </>
  );
}

function Acted({ step, question, language, standing, busy, run, look }: Given) {
  const words = WORDS[language];
  const done = standing?.run;
  return (
    <>
      <RunButton step={step} language={language} standing={standing} busy={busy} run={() => run()} />
      <Progress step={step} standing={standing} going={busy === step.name} />
      {done?.over && (
        <div className="learn-row">
          <a className="button" href={`/runs/${encodeURIComponent(done.run_id)}`} target="_blank" rel="noreferrer">
            {words.openRun}
          </a>
          <button type="button" className="button primary" onClick={look} aria-label={`${words.checkIt}: ${question.title}`}>
            {words.checkIt}
          </button>
        </div>
      )}
    </>
  );
}
