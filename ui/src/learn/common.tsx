// What the list and the lessons share.
import { queryOptions } from "@tanstack/react-query";
import { useSearchParams } from "wouter";
import { call } from "../api/client.ts";
import { LANGUAGES, type Language, WORDS } from "./words.ts";

export const lessonsQuery = (lang: Language) => queryOptions({ queryKey: ["lessons", lang], queryFn: ({ signal }) => call("list_lessons", { query: { lang } }, signal), staleTime: 60_000 });

export const lessonQuery = (slug: string, lang: Language) =>
  queryOptions({ queryKey: ["lesson", slug, lang], queryFn: ({ signal }) => call("get_lesson", { path: { slug }, query: { lang } }, signal), staleTime: 60_000 });

/** `?lang=zh`, else English. */
export function readLanguage(params: URLSearchParams): Language {
  return params.get("lang") === "zh" ? "zh" : "en";
}

/** The address of a lesson, or of all, in a language. */
export function pathOf(slug: string | null, language: Language): string {
  return `/learn${slug ? `/${encodeURIComponent(slug)}` : ""}${language === "en" ? "" : `?lang=${language}`}`;
}

/** Nothing where there is one language only. */
export function LanguageSwitch({ language, languages }: { language: Language; languages: readonly Language[] }) {
  const [, setParams] = useSearchParams();
  if (languages.length < 2) return null;
  return (
    <div className="learn-languages" role="group" aria-label="Language · 语言">
      {LANGUAGES.filter((each) => languages.includes(each.id)).map((each) => (
        <button type="button" key={each.id} lang={each.tag} className="button quiet" aria-pressed={each.id === language} onClick={() => setParams(each.id === "en" ? {} : { lang: each.id })}>
          {each.name}
        </button>
      ))}
    </div>
  );
}

/** Says that this server runs no lessons, and which does. */
export function NotHere({ language }: { language: Language }) {
  const words = WORDS[language];
  return (
    <div className="card learn-not-here" role="note">
      <strong>{words.readOnly}</strong> {words.toRun} <code>umbel demo</code>
    </div>
  );
}
