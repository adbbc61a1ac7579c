import { useQuery } from "@tanstack/react-query";
import { Link, useSearchParams } from "wouter";
import { Failure, Loading, useTitle } from "../parts/basics.tsx";
import { Icon } from "../parts/Icon.tsx";
import { StateIcon } from "../parts/State.tsx";
import "../styles/learn.css";
import { LanguageSwitch, NotHere, lessonsQuery, pathOf, readLanguage } from "./common.tsx";
import { forget, useProgress } from "./progress.ts";
import { Line } from "./Prose.tsx";
import { engineWord, WORDS } from "./words.ts";

/** All lessons: what each asks, how long it takes, and how far one is. */
export default function LearnPage() {
  const [params] = useSearchParams();
  const language = readLanguage(params);
  const words = WORDS[language];
  useTitle(words.learn);
  const lessons = useQuery(lessonsQuery(language));
  const progress = useProgress();
  const items = lessons.data?.items ?? [];
  const next = items.find((each) => !progress[each.slug]?.passed);
  const any = Object.keys(progress).length > 0;
  return (
    <div className="page learn" lang={language === "zh" ? "zh-Hans" : "en"}>
      <div className="page-head">
        <h1>{words.learn}</h1>
        <LanguageSwitch language={language} languages={[...new Set(items.flatMap((each) => each.languages))]} />
      </div>
      <p className="lead">{words.lead}</p>
      {lessons.data && !lessons.data.runnable && <NotHere language={language} />}
      {lessons.error && <Failure error={lessons.error} again={() => void lessons.refetch()} />}
      {!lessons.data && !lessons.error && <Loading lines={14} />}
      {lessons.data && (
        <>
          <div className="card learn-start">
            {next ? (
              <>
                <Link className="button primary" href={pathOf(next.slug, language)}>
                  <Icon name="play" size={14} /> {any ? words.goOn : words.start}: {next.number}. {next.title}
                </Link>
                {!any && <span className="muted">{words.first(items.slice(0, 4).reduce((sum, each) => sum + each.minutes, 0))}</span>}
              </>
            ) : (
              <strong>{words.allDone}</strong>
            )}
          </div>
          <ol className="plain learn-list">
            {items.map((each) => {
              const done = progress[each.slug];
              return (
                <li key={each.slug} className="card" data-lesson={each.slug}>
                  <span className="learn-number" aria-hidden="true">
                    {each.number}
                  </span>
                  <div>
                    <h2>
                      <Link href={pathOf(each.slug, language)}>{each.title}</Link>
                    </h2>
                    <p className="muted">
                      <Line text={each.asks} />
                    </p>
                  </div>
                  <div className="learn-facts">
                    <span className="number nowrap">{words.minutes(each.minutes)}</span>
                    {each.engines.map((engine) => (
                      <span key={engine} className={`tag engine-${engine}`}>
                        {engineWord(language, engine)}
                      </span>
                    ))}
                    {done && (
                      <span className={done.passed ? "learn-done tone-ok" : "learn-done muted"}>
                        <StateIcon state={done.passed ? "success" : "waiting"} size={14} /> {done.passed ? words.passed : words.begun}
                      </span>
                    )}
                  </div>
                </li>
              );
            })}
          </ol>
          <p className="muted learn-foot">
            <span>
              {words.terminal} <code>umbel learn</code>
            </span>
            {any && (
              <button type="button" className="button quiet" onClick={() => forget()}>
                {words.reset}
              </button>
            )}
          </p>
        </>
      )}
    </div>
  );
}
