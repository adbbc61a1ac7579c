import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link, useSearchParams } from "wouter";
import { ApiError, call } from "../api/client.ts";
import type { LessonCheck, LessonStep, LessonView } from "../api/generated.ts";
import { Empty, Failure, Loading, useTitle } from "../parts/basics.tsx";
import { Icon } from "../parts/Icon.tsx";
import { StateIcon } from "../parts/State.tsx";
import "../styles/learn.css";
import { LanguageSwitch, NotHere, lessonQuery, lessonsQuery, pathOf, readLanguage } from "./common.tsx";
import { Film, type Look, type Recorded } from "./Film.tsx";
import { forget, note, useDone } from "./progress.ts";
import { Line, type Proof, Prose } from "./Prose.tsx";
import { Choice, QuestionCard } from "./QuestionCard.tsx";
import { StepCard } from "./StepCard.tsx";
import { useRuns } from "./useRuns.ts";
import { type Language, WORDS } from "./words.ts";

/** Times that a check is asked for again while its last records are on their way. */
const LOOKS = 6;

/** One lesson: predict, run, see, check. */
export default function LessonPage({ slug }: { slug: string }) {
  const [params] = useSearchParams();
  const language = readLanguage(params);
  const { data, error, refetch } = useQuery(lessonQuery(slug, language));
  const [round, setRound] = useState(0);
  useTitle(data ? `${data.number}. ${data.title}` : WORDS[language].learn);
  useEffect(() => void window.scrollTo(0, 0), []);
  if (error instanceof ApiError && error.status === 404) {
    return (
      <Empty page title="There is no such lesson">
        <Link href={pathOf(null, language)}>{WORDS[language].all}</Link>
      </Empty>
    );
  }
  if (!data) return <div className="page">{error ? <Failure error={error} again={() => void refetch()} /> : <Loading lines={12} />}</div>;
  const anew = () => {
    forget(data.slug);
    setRound((now) => now + 1);
    window.scrollTo(0, 0);
  };
  return <Lesson key={round} lesson={data} language={language} anew={anew} />;
}

function Lesson({ lesson, language, anew }: { lesson: LessonView; language: Language; anew: () => void }) {
  const { slug, runnable, predict } = lesson;
  const words = WORDS[language];
  const done = useDone(slug);
  const runs = useRuns(slug, done.runs);
  const [reading, setReading] = useState(false);
  const [look, setLook] = useState<Look | null>(null);
  const [asked, setAsked] = useState<ReadonlySet<string>>(() => new Set(Object.keys(done.answers)));

  const over = (step: LessonStep) => runs.of[step.name]?.run?.over === true;
  const main = lesson.steps.filter((step) => step.question === null);
  const recorded: Recorded[] = lesson.steps.flatMap((step) => {
    const run = runs.of[step.name]?.run;
    return run ? [{ step, run }] : [];
  });
  const ended = Object.fromEntries(recorded.filter(({ step }) => over(step)).map(({ step, run }) => [step.name, run.run_id]));
  const standing = recorded.map(({ run }) => run.state).join(" ");
  const check = useQuery({
    queryKey: ["lesson-check", slug, language, ended, done.answers, standing],
    queryFn: ({ signal }) => call("check_lesson", { path: { slug }, body: { answers: done.answers, runs: ended, lang: language } }, signal),
    enabled: Object.keys(ended).length > 0,
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    refetchInterval: ({ state }) => (state.data?.claims.some((each) => each.holds === false) && state.dataUpdateCount < LOOKS ? 1500 : false),
  });
  const passed = done.passed === true;
  const passes = check.data?.passed === true;
  useEffect(() => {
    if (passes && !passed) note(slug, () => ({ passed: true }));
  }, [passes, passed, slug]);

  const run = (steps: readonly string[], text?: string) => {
    if (text !== undefined) for (const step of steps) note(slug, ({ texts }) => ({ texts: { ...texts, [step]: text } }));
    void runs.run(steps, text);
  };
  const show = (step: string, n: number | null) => {
    setLook({ step, n });
    document.getElementById("xray")?.scrollIntoView({ block: "nearest", behavior: "smooth" });
  };
  const claims = new Map(check.data?.claims.map((each) => [each.name, each]));
  const proof: Proof = {
    language,
    holds: (name) => claims.get(name)?.holds ?? null,
    show: (name) => {
      const claim = claims.get(name);
      return claim && runs.of[claim.step]?.run ? () => show(claim.step, claim.at) : null;
    },
  };
  const told = !runnable || reading || main.every(over) || recorded.some(({ step }) => step.question === null && over(step) && runs.busy === null);
  const open = lesson.questions.filter((each) => !check.data?.verdicts.find((verdict) => verdict.name === each.name)?.ok).length;
  return (
    <article className="page learn lesson" lang={lesson.language === "zh" ? "zh-Hans" : "en"}>
      <Head lesson={lesson} language={language} />
      {!runnable && <NotHere language={language} />}

      <section className="learn-part" aria-labelledby="predict">
        <h2 id="predict">{words.predict}</h2>
        <Prose text={predict.question} />
        <Choice label={words.predict} options={predict.options} chosen={done.predict} choose={(name) => note(slug, () => ({ predict: name }))} right={done.predict ? predict.right : null} />
        <div role="status">
          {done.predict && (
            <p className="learn-predicted">
              <strong>{done.predict === predict.right ? words.predictRight : words.predictWrong}</strong>{" "}
              {done.predict !== predict.right && <Line text={predict.options.find((each) => each.name === predict.right)?.text ?? ""} />}{" "}
              {runnable ? words.predictNext : words.predictRead}
            </p>
          )}
        </div>
      </section>

      <section className="learn-part" aria-labelledby="run">
        <div className="learn-part-head">
          <h2 id="run">{words.run}</h2>
          {runnable && main.length > 1 && (
            <button type="button" className="button" disabled={runs.busy !== null} onClick={() => run(main.map((step) => step.name))}>
              <Icon name="play" size={14} /> {main.length === 2 ? words.runBoth : words.runAll(main.length)}
            </button>
          )}
        </div>
        {lesson.intro && <Prose text={lesson.intro} />}
        <div className="learn-steps">
          {main.map((step) => (
            <StepCard key={step.name} step={step} language={language} runnable={runnable} standing={runs.of[step.name]} busy={runs.busy} run={() => run([step.name])} />
          ))}
        </div>
      </section>

      <section className="learn-part wide" aria-labelledby="happened">
        <h2 id="happened">{words.happened}</h2>
        {told ? (
          <Film recorded={recorded} language={language} look={look} choose={(step) => setLook({ step, n: null })}>
            <div className="learn-told">
              <Prose text={check.data?.happened ?? lesson.happened} proof={proof} />
              {check.data && <Proven check={check.data} language={language} />}
              {check.error && <Failure error={check.error} again={() => void check.refetch()} />}
            </div>
          </Film>
        ) : (
          <p className="learn-locked">
            <span className="muted">{words.locked}</span>{" "}
            <button type="button" className="button quiet" onClick={() => setReading(true)}>
              {words.readAnyway}
            </button>
          </p>
        )}
      </section>

      <section className="learn-part" aria-labelledby="check">
        <h2 id="check">{words.check}</h2>
        {lesson.questions.map((question) => {
          const step = lesson.steps.find((each) => each.name === question.step);
          if (!step) return null;
          const verdict = check.data?.verdicts.find((each) => each.name === question.name) ?? null;
          const typed = question.kind !== "edit" && question.kind !== "act";
          const answered = typed ? asked.has(question.name) : over(step) && (question.kind === "edit" || asked.has(question.name));
          const nothingYet = typed && answered && check.isPending ? { name: question.name, ok: false, why: "", advice: "" } : null;
          return (
            <QuestionCard
              key={question.name}
              question={question}
              step={step}
              language={language}
              runnable={runnable}
              standing={runs.of[step.name]}
              busy={runs.busy}
              answer={question.kind === "edit" ? done.texts[step.name] : done.answers[question.name]}
              verdict={answered ? (verdict ?? nothingYet) : null}
              checking={answered && (check.isPlaceholderData || (check.isFetching && !verdict?.ok))}
              film={runs.of[step.name]?.run ? () => show(step.name, null) : null}
              give={(answer) => {
                setAsked((now) => new Set([...now, question.name]));
                note(slug, ({ answers }) => ({ answers: { ...answers, [question.name]: answer } }));
              }}
              run={(text) => run([step.name], text)}
              look={() => {
                setAsked((now) => new Set([...now, question.name]));
                void runs.look(step.name).then(() => check.refetch());
              }}
            />
          );
        })}
      </section>

      <section className="learn-part" aria-labelledby="own">
        <h2 id="own">{words.own}</h2>
        <Prose text={lesson.own} />
      </section>

      <Foot lesson={lesson} language={language} passed={passed} open={open} begun={recorded.length > 0} anew={anew} />
    </article>
  );
}

function Head({ lesson, language }: { lesson: LessonView; language: Language }) {
  const words = WORDS[language];
  const lessons = useQuery(lessonsQuery(language));
  return (
    <div className="page-head">
      <div>
        <p className="muted">
          <Link href={pathOf(null, language)}>{words.learn}</Link> · {words.of(lesson.number, lessons.data?.items.length ?? 14)} · {words.minutes(lesson.minutes)}
        </p>
        <h1>{lesson.title}</h1>
      </div>
      <LanguageSwitch language={language} languages={lesson.languages} />
    </div>
  );
}

function Proven({ check, language }: { check: LessonCheck; language: Language }) {
  const words = WORDS[language];
  const count = (holds: boolean | null) => check.claims.filter((each) => each.holds === holds).length;
  return (
    <p className="muted learn-proven">
      {words.proven(count(true), check.claims.length)} {count(null) > 0 && words.notYet(count(null))} {count(false) > 0 && <span className="bad">{words.failing(count(false))}</span>}
    </p>
  );
}

function Foot({ lesson, language, passed, open, begun, anew }: { lesson: LessonView; language: Language; passed: boolean; open: number; begun: boolean; anew: () => void }) {
  const words = WORDS[language];
  const lessons = useQuery(lessonsQuery(language)).data?.items ?? [];
  const before = lessons.find((each) => each.number === lesson.number - 1);
  const after = lessons.find((each) => each.slug === lesson.next);
  return (
    <footer className="learn-end">
      <p role="status">
        {passed ? (
          <strong className="tone-ok">
            <StateIcon state="success" /> {words.lessonPassed(lesson.number)}
          </strong>
        ) : (
          begun && <span className="muted">{words.left(open)}</span>
        )}
        {(begun || passed) && (
          <button type="button" className="button quiet" onClick={anew}>
            {words.again}
          </button>
        )}
      </p>
      <nav aria-label={words.all}>
        {before && (
          <Link className="button" href={pathOf(before.slug, language)}>
            {words.previous}: {before.number}. {before.title}
          </Link>
        )}
        {after ? (
          <Link className={passed ? "button primary" : "button"} href={pathOf(after.slug, language)}>
            {words.next}: {after.number}. {after.title}
          </Link>
        ) : (
          <Link className="button" href={pathOf(null, language)}>
            {words.all}
          </Link>
        )}
      </nav>
    </footer>
  );
}
